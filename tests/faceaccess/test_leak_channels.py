"""The channels beside the picture itself: for every role, model and consent, what an address says and does.

test_leaks has the pictures, their sizes, conditional requests and the API's words; here is everything around them:
pages, links, previews, logs of the owner, forms about others' faces, other origins, ended sessions, closed accounts.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services import account_delete
from faceaccess import exposures, services, tasks
from faceaccess.models import Authorization, Claim, Exposure, MatchRejection, PhotoOverride, Question, Tag
from photos.models import Audience
from tests.faceaccess.conftest import client_of, face_of, fetch, person, posted, shown_to
from tests.faceaccess.test_leaks import CONSENTS, MODELS, Scene, combined, scene
from tests.factories import befriend

pytestmark = pytest.mark.django_db

GATE = re.compile(
    r"^/(photos/[0-9a-f-]{36}/(as/[^/]+/)?image/(thumb|feed|full)|faces/\d+/(crop|preview))\?v=[0-9a-f]{8,12}$"
)
OTHER_PICTURES = re.compile(r"^(/static/|/face/captures/|data:image/svg)")
PLACES_OF_THE_PHOTO = 4  # the first of ``pages``
ROLES = ("owner", "uploader", "friend", "member", "stranger", "blocked", "staff", "anonymous")


def pages(this: Scene) -> list[str]:
    photo, author = this.photo, this.people["uploader"]
    return [
        reverse("feed"),
        reverse("post", args=[photo.post_id]),
        reverse("photo", args=[photo.pk]),
        reverse("person", args=[author.username]),
        reverse("people") + "?q=owner_of_it",
        reverse("face"),
        reverse("face-inbox"),
        reverse("face-history"),
        reverse("face-rules"),
        reverse("who-could-see"),
    ]


def on_pages(this: Scene, role: str, user: User | None) -> None:
    for number, address in enumerate(pages(this)):
        page = client_of(user).get(address).content.decode()
        check_pictures(address, page)
        if number < PLACES_OF_THE_PHOTO:
            check_page_words(role, address, page)


def check_pictures(address: str, page: str) -> None:
    """Every picture a page names comes through the gate, also the one a link preview would take."""
    named = re.findall(r'(?:src|href)="([^"]+\.(?:png|jpe?g|webp)[^"]*|/(?:photos|faces)/[^"]*)"', page)
    named += [
        part.split()[0] for found in re.findall(r'srcset="([^"]+)"', page) for part in found.split(", ")
    ]
    pictures = [
        name
        for name in named
        if "/image/" in name or "/crop" in name or re.search(r"\.(png|jpe?g|webp)", name)
    ]
    assert all(GATE.match(name) or OTHER_PICTURES.match(name) for name in pictures), (address, pictures)
    assert "og:image" not in page
    assert "twitter:image" not in page
    assert not re.search(r"originals/|decoys/|captures/[0-9]+/[0-9a-f]{32}", page), address


def check_page_words(role: str, address: str, page: str) -> None:
    """Who is in the photo is told to nobody but the person: not on the feed, the post, or its author's page."""
    assert ("You are in this photo" in page) <= (role == "owner"), address
    if role not in ("owner", "friend", "member", "uploader"):  # friends have a list to tag their friends from
        assert "owner_of_it" not in page, address
    for word in ("embedding", "distance", "confidence", "matched"):
        assert word not in page, (address, word)


def previews(this: Scene, role: str, user: User | None) -> None:
    """The photo with a stand-in for oneself, and the crop of a face, are for its owner."""
    for region in this.photo.regions.all():
        own = role == "owner" and region.index == 0
        for name in ("face-preview", "face-crop"):
            response = client_of(user).get(reverse(name, args=[region.pk]))
            assert response.status_code == (200 if own else 404), (name, region.index)


def other_origins(this: Scene, role: str, user: User | None) -> None:
    """No other site may read or embed a picture, whatever it says where it comes from."""
    response = fetch(
        user, this.photo, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    )
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]
    if response.status_code == 200:
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "private" in response.headers["Cache-Control"]
    assert client_of(user).options(f"/photos/{this.photo.pk}/image/full").status_code in (404, 405)


def statements_of(this: Scene) -> list[tuple]:
    region = this.photo.regions.get(index=0)
    said = [
        list(model.objects.filter(region=region).order_by("pk").values_list("owner", flat=True))
        for model in (Tag, Authorization, PhotoOverride)
    ]
    return [*said, MatchRejection.objects.count(), region.owner_id]


def others_statements(this: Scene, role: str, user: User | None) -> None:
    """Nobody says anything in the owner's name: answers, overrides, "not me", "later", withdrawals."""
    if role == "owner":
        return
    region, before = this.photo.regions.get(index=0), statements_of(this)
    client = client_of(user)
    for name, fields in (
        ("face-answer", {"answer": "approved"}),
        ("face-answer", {"answer": "clear"}),
        ("face-override", {"effect": "show"}),
        ("face-override", {"effect": "clear"}),
        ("face-not-me", {}),
        ("face-is-me", {}),
        ("face-later", {}),
    ):
        status = client.post(reverse(name, args=[region.pk]), fields).status_code
        assert status in ((302,) if user is None else (403, 404)), name
    client.post(reverse("inbox-answer"), {"answer": "approved", "face": region.pk})
    assert client.post(reverse("inbox-preview"), {"answer": "approved", "face": region.pk}).status_code == 302
    if role not in ("friend",):  # whose tag it may be
        client.post(reverse("face-untag", args=[region.pk]))
    assert statements_of(this) == before
    for word in ("show", "hide"):
        response = client.get(f"/api/v1/faces/{region.pk}/effect/?word={word}")
        assert response.status_code == (401 if user is None else 404)


def same_answers(this: Scene, role: str, user: User | None) -> None:
    """What is said to a tag or a claim does not depend on whose face it is, or on whether it is anybody's."""
    if user is None or role in ("owner", "blocked"):
        return
    client, told = client_of(user), []
    for region in this.photo.regions.order_by("index"):
        answers = [
            client.post(f"/api/v1/faces/{region.pk}/tag/", {"handle": user.username}),
            client.delete(f"/api/v1/faces/{region.pk}/tag/"),
            client.post(f"/api/v1/faces/{region.pk}/claim/"),
        ]
        told.append([(answer.status_code, answer.content) for answer in answers])
    assert told[0] == told[1] == told[2]
    Claim.objects.filter(claimant=user).delete()
    Tag.objects.filter(owner=user).delete()


def owners_logs(this: Scene, role: str, user: User | None) -> None:
    """The log of who could see a face, questions, reminders, history: one's own and nobody else's."""
    client = client_of(user)
    for name in ("exposures", "questions"):
        response = client.get(f"/api/v1/{name}/")
        if user is None:
            assert response.status_code == 401
        elif role != "owner":
            found = response.json()
            assert (found["results"] if isinstance(found, dict) else found) == [], name
    if role not in ("owner", "anonymous"):
        page = client.get(reverse("who-could-see") + f"?photo={this.photo.pk}").content.decode()
        assert "Nobody but you" in page


def counts_and_search(this: Scene, role: str, user: User | None) -> None:
    """No number of photos a person is in, and no search for photos by who is in them."""
    if user is None or role == "blocked":
        return
    client = client_of(user)
    entry = client.get("/api/v1/people/owner_of_it/").json()
    assert not {key for key in entry if re.search("face|photo|tag|count|number", key)}, entry.keys()
    found = json.dumps(client.get("/api/v1/posts/?person=owner_of_it&q=owner_of_it&owner=owner_of_it").json())
    assert "owner_of_it" not in found
    page = client.get(reverse("person", args=["owner_of_it"])).content.decode()
    assert str(this.photo.pk) not in page, "photos somebody is in are not listed on their page"


CHANNELS: tuple[Callable[[Scene, str, User | None], None], ...] = (
    *(on_pages, previews, other_origins),
    *(others_statements, owners_logs, counts_and_search, same_answers),
)


@pytest.mark.parametrize(("model", "consent"), combined(MODELS, CONSENTS))
def test_every_role_through_every_channel(engine, model, consent):
    this = scene(model, consent, Audience.MEMBERS)
    assert set(this.people) == set(ROLES)
    seen = {role: shown_to(user, this.photo) for role, user in this.people.items() if this.may_see(role)}
    for channel in CHANNELS:
        for role, user in this.people.items():
            try:
                channel(this, role, user)
            except AssertionError as error:
                raise AssertionError(f"{channel.__name__} as {role}") from error
    assert seen == {role: shown_to(this.people[role], this.photo) for role in seen}, "something was changed"


@pytest.mark.parametrize("model", MODELS)
def test_an_ended_session_and_a_closed_account_see_nothing(engine, model):
    this = scene(model, "disclosed", Audience.MEMBERS)
    viewer = this.people["member"]
    client = Client()
    client.force_login(viewer)
    address = f"/photos/{this.photo.pk}/image/full"
    etag = client.get(address).headers["ETag"]
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    client.logout()
    again = Client()
    again.cookies.load(cookies)
    assert again.get(address, headers={"If-None-Match": etag}).status_code == 404
    User.objects.filter(pk=this.people["friend"].pk).update(is_active=False)
    assert fetch(this.people["friend"], this.photo).status_code == 404
    User.objects.filter(pk=this.people["uploader"].pk).update(is_active=False)
    assert fetch(this.people["stranger"], this.photo).status_code == 404, "an author who left shows nothing"


def test_messages_to_the_workers_and_logs_carry_keys_only(
    engine, sent_tasks, caplog, django_capture_on_commit_callbacks
):
    owner, friend = person(0, "proxy", username="owner_of_it"), person(username="friend_of_it")
    befriend(owner, friend)
    with caplog.at_level(logging.DEBUG), django_capture_on_commit_callbacks(execute=True):
        photo = posted(person())
        tasks.send_photo(photo.pk)
        services.tag_create(region=face_of(photo, owner), tagger=friend, owner=owner)
        Claim.objects.create(region=photo.regions.get(index=2), claimant=friend)
        shown_to(friend, photo)
        services.match_reject(region=face_of(photo, owner), by=owner)
    assert sent_tasks
    for name, arguments in sent_tasks:
        assert all(
            isinstance(a, int | bool) or a is None or re.fullmatch(r"[0-9a-f-]{36}", str(a))
            for a in arguments
        ), name
    said = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("axes"))
    for secret in ("owner_of_it", "friend_of_it", owner.email, "originals/", "embedding"):
        assert secret not in said


def test_what_is_kept_for_the_owner_goes_with_the_account(engine, django_capture_on_commit_callbacks):
    this = scene("proxy", "disclosed", Audience.MEMBERS)
    owner, tagger = this.people["owner"], this.people["friend"]
    Question.objects.create(region=face_of(this.photo, owner), owner=owner)
    assert exposures.keep(owner.pk)
    with django_capture_on_commit_callbacks(execute=True):
        account_delete(user=owner, by=owner)
    assert not Exposure.objects.exists()
    assert not Question.objects.exists()
    assert not this.photo.regions.filter(owner__isnull=False).exists()
    assert shown_to(tagger, this.photo) == set()
