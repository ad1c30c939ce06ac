"""Hints for the camera, with real faces; and the endpoint that gives them: after consent, throttled, forgetful."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.framing import FRAME_BYTES, frame_judge
from accounts.models import FaceCapture
from mfmc_engine import imaging
from tests.accounts.test_enrolment import POOR, PORTRAIT
from tests.faceaccess.conftest import client_of
from tests.factories import UserFactory, picture, upload

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def looks_aside(six_people) -> np.ndarray:
    """The second person from the left looks to the left of the picture (yaw -42)."""
    return np.ascontiguousarray(imaging.decode(six_people)[100:330, 215:425])


def judged(image, pose="front"):
    return frame_judge(frame=upload(np.ascontiguousarray(image), name="frame.png"), pose=pose)


def test_each_pose_is_good_when_it_is_taken_and_asked_for_when_not(looks_aside) -> None:
    assert judged(PORTRAIT).good
    assert judged(PORTRAIT, "left").hint == "Turn your head a little to your left."
    assert judged(PORTRAIT, "right").hint == "Turn your head a little to your right."
    # Unmirrored: who looks to the left of the picture has turned to their own right.
    assert judged(looks_aside, "right").good
    assert not judged(looks_aside, "left").good
    assert judged(cv2.flip(looks_aside, 1), "left").good
    assert judged(looks_aside).hint == "Look straight into the camera."


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("no face", "into the oval"),
        ("a small face", "Come closer"),
        ("a blurred face", "Hold still"),
        ("a dark picture", "More light"),
        ("a glaring picture", "Less light"),
        ("a turned picture", "upright"),
        ("dark glasses", "eyes cannot be seen"),
        ("two faces", "Only you"),
    ],
)
def test_every_fault_has_a_hint_of_few_words(kind, hint) -> None:
    framed = judged(POOR[kind][0]())
    assert not framed.good
    assert hint in framed.hint
    assert len(framed.hint) < 60


def test_a_frame_is_looked_at_after_consent_only_and_kept_nowhere(private_files, settings) -> None:
    client, address = client_of(UserFactory()), reverse("frame-check")
    frame = {"frame": upload(PORTRAIT, name="frame.jpg", kind="JPEG"), "pose": "front"}
    assert client.post(address, frame).status_code == 403
    frame["frame"].seek(0)
    answer = client.post(address, frame | {"consent": "on"})
    assert answer.json() == {"good": True, "hint": "Good."}
    assert "no-store" in answer["Cache-Control"]
    assert (FaceCapture.objects.count(), private_files()) == (0, [])
    assert list(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == []
    assert client.get(address).status_code == 405
    assert client_of(None).post(address).status_code == 302


def test_frames_are_throttled_and_one_is_looked_at_at_a_time(settings) -> None:
    from django.core.cache import cache

    user = UserFactory()
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"frame_check": (2, 60)}
    client, address = client_of(user), reverse("frame-check")

    def check():
        return client.post(address, {"consent": "on", "frame": upload(picture()), "pose": "front"})

    cache.set(f"frame-check-{user.pk}", True, 10)
    assert check().json() == {"good": False, "hint": ""}, "another one is being looked at"
    cache.delete(f"frame-check-{user.pk}")
    assert check().json()["hint"]
    refused = check()
    assert refused.status_code == 429
    assert refused.json()["hint"].endswith("Try it again in a minute.")


def test_what_is_no_frame_is_refused() -> None:
    client, address = client_of(UserFactory()), reverse("frame-check")
    for fields in (
        {},
        {"frame": upload(picture()), "pose": "backwards"},
        {"frame": upload(name="x.png"), "pose": ""},
    ):
        assert client.post(address, {"consent": "on"} | fields).status_code == 400
    large = upload(picture())
    large.size = FRAME_BYTES + 1
    with pytest.raises(ValidationError, match="too large"):
        frame_judge(frame=large, pose="front")
