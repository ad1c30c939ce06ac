"""Posting: every format a camera or phone writes, and an answer that a script can follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from photos.models import Photo
from tests.faceaccess.conftest import client_of, engine, face_of, person, pixels, posted, shows  # noqa: F401
from tests.factories import UserFactory, file_bytes, picture, upload
from tests.pages.html import Page

pytestmark = pytest.mark.django_db

HEIC = Path(__file__).parents[1] / "engine" / "data" / "turned.heic"


def file_of(kind: str) -> SimpleUploadedFile:
    content = HEIC.read_bytes() if kind == "HEIC" else file_bytes(picture(64, 96), kind)
    return SimpleUploadedFile(f"holiday.{kind.lower()}", content, "")


def test_several_photos_of_all_formats_in_one_post():
    author = UserFactory()
    kinds = ("JPEG", "PNG", "WEBP", "AVIF", "HEIC")
    fields = {
        "photos": [file_of(kind) for kind in kinds],
        "caption": "All of them",
        "audience": "friends",
        "alt_texts": [f"as {kind}" for kind in kinds],
    }
    response = client_of(author).post(reverse("post-new"), fields, headers={"Accept": "application/json"})
    assert response.status_code == 201
    photos = Photo.objects.order_by("position")
    assert response.json() == {"address": reverse("post", args=[photos[0].post_id])}
    assert [photo.alt_text for photo in photos] == fields["alt_texts"]
    assert {(photo.width, photo.height) for photo in photos} == {(64, 96)}
    assert all(photo.original.name.endswith(".png") for photo in photos)


def test_a_refusal_says_why_and_which_and_nothing_is_stored(private_files):
    fields = {"photos": [upload(), SimpleUploadedFile("notes.txt", b"no picture")], "audience": "friends"}
    response = client_of(UserFactory()).post(
        reverse("post-new"), fields, headers={"Accept": "application/json"}
    )
    assert response.status_code == 422
    (reason,) = response.json()["errors"]
    assert reason.startswith("notes.txt:")
    assert not Photo.objects.exists()
    assert private_files() == []


def test_an_empty_file_is_named():
    fields = {"photos": [upload(), SimpleUploadedFile("nothing.jpg", b"")], "audience": "friends"}
    answer = client_of(UserFactory()).post(
        reverse("post-new"), fields, headers={"Accept": "application/json"}
    )
    assert answer.json() == {"errors": ["nothing.jpg: the file is empty."]}


def test_a_form_that_is_sent_twice_leads_to_the_same_post():
    author = UserFactory()
    client = client_of(author)
    pages = [Page.of(client.get(reverse("post-new"))) for _ in range(2)]
    tokens = [tag["value"] for page in pages for tag in page.all("input") if tag.get("name") == "token"]
    assert len(set(tokens)) == 2
    fields = {"audience": "friends", "token": tokens[0]}
    answers = [client.post(reverse("post-new"), {**fields, "photos": [file_of("PNG")]}) for _ in range(2)]
    assert {answer.url for answer in answers} == {reverse("post", args=[author.posts.get().pk])}
    client.post(reverse("post-new"), {**fields, "photos": [file_of("PNG")], "token": tokens[1]})
    assert author.posts.count() == 2


def test_over_the_api_a_key_says_that_it_is_the_same_post():
    author = UserFactory()
    for key in ("one", "one", "two"):
        sent = client_of(author).post(
            "/api/v1/posts/", {"photos": [file_of("PNG")]}, headers={"Idempotency-Key": key}
        )
        assert sent.status_code == 201
    assert author.posts.count() == 2


def test_a_browser_without_the_script_is_led_to_the_post():
    author = UserFactory()
    response = client_of(author).post(reverse("post-new"), {"photos": [upload()], "audience": "friends"})
    assert response.status_code == 302
    assert response.url == reverse("post", args=[author.posts.get().pk])


def test_descriptions_are_changed_by_the_author_alone_over_the_api():
    author, friend = UserFactory(), UserFactory()
    client_of(author).post(reverse("post-new"), {"photos": [upload()], "audience": "members"})
    address = f"/api/v1/photos/{Photo.objects.get().pk}/"
    for user, status in ((friend, 403), (author, 200)):
        sent = client_of(user).patch(address, {"alt_text": "A lake"}, content_type="application/json")
        assert sent.status_code == status
    assert Photo.objects.get().alt_text == "A lake"


def test_before_and_after_are_of_ones_own_face_and_of_the_same_size(engine):  # noqa: F811
    owner = person(0, "authorization")
    photo = posted(UserFactory())
    region = face_of(photo, owner)
    client = client_of(owner)
    before = pixels(client.get(reverse("face-crop", args=[region.pk])))
    after = pixels(client.get(reverse("face-stand-in", args=[region.pk])))
    assert before.shape == after.shape
    middle = before.shape[0] // 2, before.shape[1] // 2
    assert before[middle][0] > 180 > after[middle][0]
    page = Page.of(client.get(reverse("photo", args=[photo.pk])))
    sources = {tag["src"].partition("?")[0]: tag for tag in page.all("img")}
    for name in ("face-crop", "face-stand-in"):
        tag = sources[reverse(name, args=[region.pk])]
        assert (int(tag["height"]), int(tag["width"])) == before.shape[:2]
    others = [other for other in photo.regions.all() if other.pk != region.pk]
    for other in others:
        assert reverse("face-stand-in", args=[other.pk]) not in sources
        assert client.get(reverse("face-stand-in", args=[other.pk])).status_code == 404


def test_the_lightbox_knows_the_photos_of_the_post_as_this_viewer_gets_them(engine):  # noqa: F811
    author = UserFactory()
    photo = posted(author)
    page = Page.of(client_of(author).get(reverse("photo", args=[photo.pk])))
    slides = [tag for tag in page.all("li") if tag.get("data-src")]
    (shown,) = [slide["data-src"].partition("?")[0] for slide in slides]
    assert shown == reverse("photo-image", args=[photo.pk, "full"])
    image = pixels(client_of(author).get(slides[0]["data-src"]))
    assert (image.shape[1], image.shape[0]) == (int(slides[0]["data-width"]), int(slides[0]["data-height"]))
    assert not shows(image, 0)
