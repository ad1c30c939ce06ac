"""Pictures that people send."""

import io

import pytest
from django.core.exceptions import ValidationError
from PIL import Image as PILImage

from accounts.uploads import decode_upload


def upload(width: int, height: int) -> io.BytesIO:
    file = io.BytesIO()
    PILImage.new("RGB", (width, height), "grey").save(file, "PNG")
    file.name = "strip.png"
    return file


@pytest.mark.parametrize("size", [(60_000, 16), (16, 60_000)])
def test_a_strip_of_which_little_is_left_is_refused(size) -> None:
    with pytest.raises(ValidationError, match=r"strip.png: too long and narrow\."):
        decode_upload(upload(*size))


def test_a_strip_that_stays_wide_enough_is_taken(settings) -> None:
    assert decode_upload(upload(60_000, 240)).shape == (16, settings.PHOTO_MAX_SIDE, 3)
