"""``manage.py rotate_face_key``: everything opens before, during and after; only the present secret opens it then."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from accounts import templates
from accounts.models import FaceCapture
from faceaccess import decoys
from faceaccess.models import FaceRegion
from tests.faceaccess.conftest import face_of, person, posted, shown_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(engine):
    owner = person(0, "authorization")
    photo = posted(person())
    return owner, photo


def rotate(settings) -> None:
    settings.FACE_SECRETS_OLD = [settings.FACE_SECRET]
    settings.FACE_SECRET = "another secret altogether"


def test_an_old_secret_opens_until_everything_is_sealed_anew(scene, settings, capsys) -> None:
    owner, photo = scene
    before = templates.gallery().embeddings
    rotate(settings)
    np.testing.assert_array_equal(templates.gallery().embeddings, before)
    with pytest.raises(CommandError, match="4 are still sealed"):
        call_command("rotate_face_key", check=True)
    call_command("rotate_face_key")
    assert "4 sealed anew" in capsys.readouterr().out, "one capture and three faces"
    call_command("rotate_face_key", check=True)
    settings.FACE_SECRETS_OLD = []
    np.testing.assert_array_equal(templates.gallery().embeddings, before)
    for region in photo.regions.all():
        assert len(decoys.face_of(region).embedding)
    assert shown_to(owner, photo) == {0}, "the owner is still who they were"


def test_the_old_secret_alone_opens_nothing_any_more(scene, settings) -> None:
    old = settings.FACE_SECRET
    rotate(settings)
    call_command("rotate_face_key")
    settings.FACE_SECRET, settings.FACE_SECRETS_OLD = old, []
    capture = FaceCapture.objects.get()
    with pytest.raises(templates.TemplateError):
        templates.open_(capture.template, purpose=templates.capture_purpose(capture.user_id))
    assert len(templates.gallery()) == 0


def test_an_interrupted_rotation_goes_on_where_it_was(scene, settings, monkeypatch, capsys) -> None:
    rotate(settings)
    seal, sealed = templates.seal, []

    def fail_at_the_third(array, *, purpose):
        if len(sealed) == 2:
            raise KeyboardInterrupt
        sealed.append(purpose)
        return seal(array, purpose=purpose)

    monkeypatch.setattr(templates, "seal", fail_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        call_command("rotate_face_key")
    monkeypatch.setattr(templates, "seal", seal)
    call_command("rotate_face_key")
    assert "2 sealed anew" in capsys.readouterr().out
    call_command("rotate_face_key", check=True)


def test_what_no_secret_opens_is_reported_and_left_alone(scene, settings) -> None:
    owner, photo = scene
    region = face_of(photo, owner)
    whole = bytes(region.embedding)
    damaged = whole[:-1] + bytes([whole[-1] ^ 1])
    FaceRegion.objects.filter(pk=region.pk).update(embedding=damaged)
    with pytest.raises(CommandError, match="Keep the old secrets"):
        call_command("rotate_face_key")
    assert bytes(FaceRegion.objects.get(pk=region.pk).embedding) == damaged
