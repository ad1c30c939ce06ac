"""What is tried too often is answered 429 with one sentence, on pages and over the API, for that person alone."""

from __future__ import annotations

import time

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.models import FaceCapture, Report
from community.models import Comment
from faceaccess.models import Claim
from photos.models import Post
from socialnet import limits
from tests.faceaccess.conftest import client_of
from tests.factories import UserFactory, picture, upload

pytestmark = pytest.mark.django_db

SENTENCE = "This was tried many times in a short while. Try it again in"
API = {
    "upload": lambda n: ("/api/v1/posts/", {"photos": [upload(picture())]}, Post),
    "comment": lambda n: (f"/api/v1/posts/{n.photo.post_id}/comments/", {"body": "Hello"}, Comment),
    "report": lambda n: (
        "/api/v1/reports/",
        {"kind": "photo", "target": str(n.theirs.pk), "reason": "face"},
        Report,
    ),
    "friend_request": lambda n: ("/api/v1/friends/requests/", {"handle": n.stranger.username}, None),
    "enrol": lambda n: (
        "/api/v1/captures/",
        {"picture": upload(picture()), "consent": "true"},
        FaceCapture,
    ),
    "mark": lambda n: (
        f"/api/v1/photos/{n.photo.pk}/marks/",
        {"box": [1, 1, 30, 30]},
        None,
    ),
    "naming": lambda n: (f"/api/v1/faces/{n.my_face.pk}/claim/", {}, Claim),
}
PAGES = {
    "upload": lambda n: (reverse("post-new"), {"photos": [upload(picture())], "audience": "friends"}),
    "comment": lambda n: (reverse("comment-create", args=[n.photo.post_id]), {"body": "Hello"}),
    "report": lambda n: (reverse("report", args=["photo", n.theirs.pk]), {"reason": "face"}),
    "friend_request": lambda n: (reverse("friend-request", args=[n.stranger.username]), {}),
    "enrol": lambda n: (reverse("face-enrol"), {"uploads": [upload(picture())], "consent": "on"}),
    "mark": lambda n: (reverse("photo-mark", args=[n.photo.pk]), {}),
    "naming": lambda n: (reverse("face-tag", args=[n.my_face.pk]), {"person": n.me.username}),
    "profile": lambda n: (reverse("settings"), {"display_name": "Mia"}),
    "export": lambda n: (reverse("export-order"), {}),
    "account_delete": lambda n: (reverse("account-delete"), {"password": "wrong"}),
}


@pytest.fixture
def used_up(settings, network):
    """A function: ``network.me`` has done ``name`` as often as anybody may."""

    def use_up(name: str) -> None:
        settings.RATE_LIMITS = settings.RATE_LIMITS | {name: (1, 600)}
        limits.count(name, network.me.pk)

    return use_up


def test_every_page_says_so_in_one_sentence(network, used_up):
    for name, request in PAGES.items():
        used_up(name)
        address, fields = request(network)
        answer = client_of(network.me).post(address, fields)
        assert answer.status_code == 429, name
        assert answer.content.decode().count(f"{SENTENCE} 10 minutes.") == 1, name
        assert client_of(network.stranger).post(address, fields).status_code != 429, (
            "others' tries are theirs"
        )


def test_the_api_says_so_and_when_to_come_back(network, used_up):
    for name, request in API.items():
        used_up(name)
        address, fields, model = request(network)
        before = model.objects.count() if model else 0
        kind = {} if name in ("upload", "enrol") else {"content_type": "application/json"}
        answer = client_of(network.me).post(address, fields, **kind)
        assert answer.status_code == 429, answer.content
        assert answer.json()["detail"] == f"{SENTENCE} 10 minutes."
        assert 590 <= int(answer["Retry-After"]) <= 600
        assert not model or model.objects.count() == before


def test_scripts_get_the_sentence_in_a_form_they_can_show(network, used_up):
    used_up("upload")
    used_up("reaction")
    client = client_of(network.me)
    answer = client.post(reverse("post-new"), {"audience": "friends"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (429, {"errors": [f"{SENTENCE} 10 minutes."]})
    answer = client.post(reverse("like", args=[network.photo.post_id]), headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content.decode()) == (429, f"{SENTENCE} 10 minutes.")
    assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("window", "words"), [(1, "a minute"), (61, "2 minutes"), (3600, "an hour"), (86400, "24 hours")]
)
def test_the_wait_is_told_as_people_tell_it(window, words):
    assert limits.sentence(window) == f"{SENTENCE} {words}."


@pytest.mark.parametrize("window", [60, 3600])
def test_a_count_kept_in_files_lasts_for_its_own_window_and_no_longer(
    window, settings, tmp_path, monkeypatch
):
    """Django's cache of files knows no time but its own default (300 s) when it counts."""
    files = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": tmp_path}
    settings.CACHES = {"default": files}
    settings.RATE_LIMITS = {"it": (3, window)}
    now = time.time()
    person = UserFactory().pk

    def tries(after: float) -> bool:
        monkeypatch.setattr(time, "time", lambda: now + after)
        try:
            limits.count("it", person)
        except limits.TooOftenError:
            return False
        return True

    assert [tries(0), tries(window / 4), tries(window / 2)] == [True] * 3
    assert not tries(window * 0.9)
    assert [tries(window * 1.01) for _ in range(4)] == [True, True, True, False]
    cache.clear()
