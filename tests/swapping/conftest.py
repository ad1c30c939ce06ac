"""Six real people in one photo, for what is swapped to be looked at."""

import pytest

from mfmc_engine import imaging


@pytest.fixture(scope="module")
def photo(six_people):
    return imaging.decode(six_people)


@pytest.fixture(scope="module")
def faces(six_found):
    """Those of the photo, from left to right."""
    return list(six_found.faces)
