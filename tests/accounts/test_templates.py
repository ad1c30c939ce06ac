"""Templates at rest: what is stored tells nothing, and opens only for what it was sealed for."""

import numpy as np
import pytest

from accounts.models import FaceCapture
from accounts.templates import TemplateError, gallery, open_, seal
from tests.factories import FaceCaptureFactory, UserFactory, unit_vector


def test_a_template_comes_back_as_it_was() -> None:
    for array in (unit_vector(1), unit_vector(2, 512).reshape(2, 256), np.empty(0, np.float32)):
        opened = open_(seal(array, purpose="test"), purpose="test")
        assert opened.dtype == np.float32
        np.testing.assert_array_equal(opened, array)


def test_sealed_bytes_hide_the_values_and_differ_each_time() -> None:
    array = np.full(128, 0.25, np.float32)
    one, other = seal(array, purpose="test"), seal(array, purpose="test")
    assert one != other
    for sealed in (one, other):
        assert np.float32(0.25).tobytes() * 2 not in sealed
        assert len(set(sealed)) > 100, "the bytes of one constant must look random"


def test_a_template_does_not_open_for_another_purpose_key_or_after_a_change(settings) -> None:
    sealed = seal(unit_vector(1), purpose="capture of 1")
    with pytest.raises(TemplateError):
        open_(sealed, purpose="capture of 2")
    for place in (0, 1, 20, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(TemplateError):
            open_(bytes(changed), purpose="capture of 1")
    for cut in (b"", sealed[:1], sealed[:10], sealed[:-1]):
        with pytest.raises(TemplateError):
            open_(cut, purpose="capture of 1")
    settings.FACE_SECRET = "another"
    with pytest.raises(TemplateError):
        open_(sealed, purpose="capture of 1")


@pytest.mark.django_db
class TestGallery:
    def test_an_empty_one_has_nobody(self) -> None:
        assert len(gallery()) == 0

    def test_it_holds_every_capture_of_the_pack_in_use(self, settings) -> None:
        mara, theo = UserFactory(), UserFactory()
        for user, seed in ((mara, 1), (mara, 2), (theo, 3)):
            FaceCaptureFactory(user=user, embedding=unit_vector(seed))
        FaceCaptureFactory(user=theo, pack="another", embedding=unit_vector(4, 512))
        found = gallery()
        assert found.people == (str(mara.pk), str(mara.pk), str(theo.pk))
        np.testing.assert_array_equal(found.embeddings, [unit_vector(seed) for seed in (1, 2, 3)])
        assert gallery(without=mara.pk).people == (str(theo.pk),)

    def test_a_row_copied_to_another_person_enrolls_nobody(self, caplog) -> None:
        mine, victim = FaceCaptureFactory(), UserFactory()
        FaceCapture.objects.filter(pk=mine.pk).update(user=victim)
        FaceCaptureFactory(user=victim, embedding=unit_vector(5))
        assert gallery().people == (str(victim.pk),)
        assert f"capture {mine.pk}" in caplog.text
