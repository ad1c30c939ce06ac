"""Nobody gets a face that was not disclosed to them: viewer × audience × model × consent, through every channel."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import pytest
from django.urls import reverse

from accounts import moderation
from accounts.models import CircleMembership, User
from faceaccess import marks, notices, provenance, services
from faceaccess.seeing import STRANGER, VISITOR
from photos.models import Audience, Photo
from tests.faceaccess.conftest import client_of, face_of, fetch, person, pixels, posted, shown_to, shows
from tests.faceaccess.engine import box_of
from tests.faceaccess.talk import check_no_talk, check_notifications, check_talk, talk_about
from tests.factories import BlockFactory, CircleFactory, befriend

pytestmark = pytest.mark.django_db

VIEWERS = ("owner", "uploader", "friend", "member", "stranger", "blocked", "staff", "anonymous")
MODELS = ("proxy", "authorization", "rules")
SIZES = ("thumb", "feed", "full")
PAIRS = os.environ.get("LEAKS") == "pairs"
OTHERS = os.environ.get("LEAKS") == "others"
CONSENTS = ("silent", "disclosed", "taken back")

# Who may see a photo at all. The uploader befriended the owner, the friend, the member and the blocked one.
AUDIENCES = {
    Audience.MEMBERS: {"owner", "uploader", "friend", "member", "stranger", "blocked", "staff"},
    Audience.FRIENDS: {"owner", "uploader", "friend", "member", "blocked"},
    Audience.CIRCLE: {"uploader", "member"},
    Audience.ONLY_ME: {"uploader"},
}


def combined(*values: Iterable[str]) -> list[tuple[str, ...]]:
    """All combinations. With LEAKS=pairs a third of them, with LEAKS=others the others: for two runs, on a database
    each, that prove all of them together."""
    return part_of(list(product(*values)), a_third_of(*values))


def part_of(every: list[tuple[str, ...]], some: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """``some`` of ``every`` with LEAKS=pairs, the others with LEAKS=others, else all."""
    return some if PAIRS else [chosen for chosen in every if chosen not in some] if OTHERS else every


def a_third_of(*values: Iterable[str]) -> list[tuple[str, ...]]:
    """Of three kinds of values any two still meet, of two kinds each value comes up."""
    numbered = product(*(enumerate(them) for them in values))
    return [
        tuple(value for _, value in chosen)
        for chosen in numbered
        if sum(number for number, _ in chosen) % 3 == 0
    ]


def once_each(chosen: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """As many as can be taken, in order, of which no two share a value."""
    taken: list[tuple[str, ...]] = []
    for values in chosen:
        if not any(value in other for other in taken for value in values):
            taken.append(values)
    return taken


def scenes() -> list[tuple[str, ...]]:
    """Before all members' eyes every model with every consent. Under the narrower audiences, where most viewers are
    told that there is no photo, a third: whom a photo is for is asked before whose face is in it, and of neither. With
    LEAKS=pairs a third of these, too, each model, consent and audience once, and with LEAKS=others the others."""
    everybody = [(*chosen, Audience.MEMBERS) for chosen in combined(MODELS, CONSENTS)]
    narrower = [chosen for chosen in a_third_of(MODELS, CONSENTS, AUDIENCES) if chosen[2] != Audience.MEMBERS]
    return everybody + part_of(narrower, once_each(narrower))


@dataclass
class Scene:
    photo: Photo
    people: dict[str, User | None]
    shown: set[str]  # viewers to whom the owner's face is disclosed, if they may see the photo

    def may_see(self, viewer: str) -> bool:
        return viewer in AUDIENCES[self.photo.post.audience]


def scene(model: str, consent: str, audience: str, *, marked: bool = False) -> Scene:
    """``marked``: the owner's face is one that the detector missed and a stranger marked."""
    people: dict[str, User | None] = {
        name: person() for name in VIEWERS if name not in ("owner", "anonymous")
    }
    people |= {"owner": person(0, model, username="owner_of_it"), "anonymous": None}
    User.objects.filter(pk=people["staff"].pk).update(is_staff=True, is_superuser=True)
    people["staff"].refresh_from_db()
    owner, uploader = people["owner"], people["uploader"]
    for name in ("owner", "friend", "member", "blocked"):
        befriend(uploader, people[name])
    befriend(owner, people["friend"])
    befriend(owner, people["member"])
    BlockFactory(blocker=owner, blocked=people["blocked"])
    seeing = CircleFactory(owner=uploader, members=[people["member"]])
    photo = posted(uploader, audience=audience, post__circle=seeing if audience == Audience.CIRCLE else None)
    if marked:
        region = marks.mark_create(photo=photo, by=people["stranger"], box=box_of(0))
        assert marks.analyse(region.pk)
        photo.refresh_from_db()
    shown = _consent(model, consent, photo, people)
    talk_about(photo, uploader)
    return Scene(photo, people, shown | {"owner"})


def _consent(model: str, consent: str, photo: Photo, people: dict[str, User]) -> set[str]:
    """Disclose as the model has it, or disclose and take back. Returns who is meant to see the face now."""
    owner = people["owner"]
    if consent == "silent":
        return set()
    region = face_of(photo, owner)
    if model == "proxy":
        # Whatever the audience: as if said while the friend saw the photo.
        notices.tell_of_tag(region.tags.create(owner=owner, tagger=people["friend"]))
    elif model == "authorization":
        services.authorization_answer(region=region, by=owner, answer="approved")
    else:
        family = CircleFactory(owner=owner)
        CircleMembership.objects.create(circle=family, person=people["member"])
        rule = services.rule_create(owner=owner, effect="show", subject="circle", subject_circle=family)
    if consent == "taken back":
        if model == "proxy":
            services.tag_withdraw(region=region, by=owner)
        elif model == "authorization":
            services.authorization_answer(region=region, by=owner, answer="denied")
        else:
            services.rule_update(rule=rule, by=owner, effect="hide")
        return set()
    return {"member"} if model == "rules" else set(VIEWERS) - {"blocked", "anonymous"}


@pytest.mark.parametrize(("model", "consent", "audience"), scenes())
def test_every_channel_tells_every_viewer_exactly_what_they_may_know(engine, model, consent, audience):
    this = scene(model, consent, audience)
    etags = {name: fetch(user, this.photo).headers.get("ETag") for name, user in this.people.items()}
    for name, user in this.people.items():
        expected = name in this.shown
        if not this.may_see(name):
            check_nothing(this, user)
            continue
        for size in SIZES if audience == Audience.MEMBERS else ("thumb",):
            image = pixels(fetch(user, this.photo, size))
            assert shows(image, 0) == expected, (name, size)
            assert not shows(image, 1), "a face nobody enrolled"
        check_conditional(this, name, etags)
        check_words(this, user, own=name == "owner")
        check_crop(this, user, own=name == "owner")
        check_see_as(this, user, own=name == "owner")
        check_before_a_change(this, user, own=name == "owner")
        check_talk(this, name)
    check_notifications(this, model, consent)


@pytest.mark.parametrize(("model", "consent"), combined(MODELS, CONSENTS))
def test_a_face_that_somebody_marked_is_as_well_kept_as_one_that_was_found(engine, model, consent):
    engine.missed = {0}
    this = scene(model, consent, Audience.MEMBERS, marked=True)
    etags = {name: fetch(user, this.photo).headers.get("ETag") for name, user in this.people.items()}
    for name, user in this.people.items():
        if not this.may_see(name):
            check_nothing(this, user)
            continue
        for size in SIZES:
            image = pixels(fetch(user, this.photo, size))
            assert shows(image, 0) == (name in this.shown), (name, size)
            assert not shows(image, 1), "a face nobody enrolled"
        check_conditional(this, name, etags)
        check_words(this, user, own=False)


def check_nothing(this: Scene, user: User | None) -> None:
    """A photo one may not see and one that does not exist are the same thing, on every address."""
    region = this.photo.regions.get(index=0)
    absent = "00000000-0000-4000-8000-000000000000"
    client = client_of(user)
    for address in (f"/photos/{{}}/image/{size}" for size in ("thumb", "original")):
        real, none = client.get(address.format(this.photo.pk)), client.get(address.format(absent))
        assert real.status_code == none.status_code == 404
        assert real.headers.get("ETag") is None
        assert client.head(address.format(this.photo.pk)).status_code == 404
        conditional = client.get(address.format(this.photo.pk), headers={"If-None-Match": "*"})
        assert conditional.status_code == 404, "304 would say that there is a photo"
    reporting = client.get(reverse("report", args=["photo", this.photo.pk]))
    assert reporting.status_code == (302 if user is None else 404), "nobody reports what they may not see"
    denied = 401 if user is None else 404
    assert client.get(f"/api/v1/photos/{this.photo.pk}/").status_code == denied
    assert client.get(f"/api/v1/photos/{this.photo.pk}/faces/").status_code == denied
    assert client.get(f"/api/v1/faces/{region.pk}/").status_code == denied
    assert client.get(reverse("face-crop", args=[region.pk])).status_code == 404
    as_stranger = reverse("photo-image-as", args=[this.photo.pk, STRANGER, "thumb"])
    assert client.get(as_stranger).status_code == client.head(as_stranger).status_code == 404
    assert client.get(f"/api/v1/photos/{this.photo.pk}/see-as/?as={STRANGER}").status_code == denied
    check_no_talk(this, client, denied)
    box = {"box": [2, 2, 60, 18]}
    for address in ("claim", "unmark", "later"):
        assert client.post(f"/api/v1/faces/{region.pk}/{address}/").status_code == denied
    for pk in (this.photo.pk, absent):
        made = client.post(f"/api/v1/photos/{pk}/marks/", box, content_type="application/json")
        assert made.status_code == denied
    assert this.photo.regions.count() == 3


def check_conditional(this: Scene, name: str, etags: dict[str, str | None]) -> None:
    """Somebody else's ETag opens nothing: 304 only for who would get the same bytes."""
    for etag in set(etags.values()) - {None}:
        response = fetch(this.people[name], this.photo, headers={"If-None-Match": etag})
        assert response.status_code == (304 if etag == etags[name] else 200), name
    head = client_of(this.people[name]).head(f"/photos/{this.photo.pk}/image/full")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == etags[name]


def check_words(this: Scene, user: User, own: bool) -> None:
    """The API names nobody's face but one's own, and nowhere how many, which or how sure."""
    client = client_of(user)
    photo = client.get(f"/api/v1/photos/{this.photo.pk}/").json()
    assert photo.keys() == {
        *("id", "post", "position", "state", "width", "height", "alt_text", "images", "stand_ins")
    }
    assert photo["stand_ins"] is True
    places = client.get(f"/api/v1/photos/{this.photo.pk}/faces/").json()
    assert [place.keys() for place in places] == [{"id", "box"}] * 3
    assert "owner_of_it" not in json.dumps([photo, places])
    region = this.photo.regions.get(index=0)
    for address in ("", "answer/", "override/", "not-me/"):
        response = client.get(f"/api/v1/faces/{region.pk}/{address}")
        if not own:
            assert response.status_code in (404, 405), address


def check_crop(this: Scene, user: User, own: bool) -> None:
    for index, region in enumerate(this.photo.regions.all()):
        response = client_of(user).get(reverse("face-crop", args=[region.pk]))
        assert response.status_code == (200 if own and index == 0 else 404)


def check_see_as(this: Scene, user: User, own: bool) -> None:
    """Through another's eyes nobody sees a face that is not theirs, nor learns whose eyes there are."""
    client = client_of(user)
    friends = ("uploader", "friend", "member")  # of the owner
    asked = [name for name in VIEWERS if name != "anonymous"] if own else ["uploader", "blocked"]
    for name in asked:
        who = this.people[name].username
        response = client.get(reverse("photo-image-as", args=[this.photo.pk, who, "thumb"]))
        told = client.get(f"/api/v1/photos/{this.photo.pk}/see-as/", {"as": who})
        expected = 200 if own and name in friends else 404
        assert (response.status_code, told.status_code) == (expected, expected), name
        if expected == 200:
            image = pixels(response)
            assert [shows(image, index) for index in range(3)] == [name in this.shown, False, False]
            # Who may see the photo is the uploader's to tell; that they see their own is known to all.
            assert told.json()["may_see"] is (True if name == "uploader" else None)
    visitor = client.get(reverse("photo-image-as", args=[this.photo.pk, VISITOR, "thumb"]))
    assert visitor.status_code == 404, "no photo is for them"
    response = client.get(reverse("photo-image-as", args=[this.photo.pk, STRANGER, "thumb"]))
    if own and this.photo.post.audience == Audience.MEMBERS:
        image = pixels(response)
        assert [shows(image, index) for index in range(3)] == ["stranger" in this.shown, False, False]
    else:
        assert response.status_code == 404


def check_before_a_change(this: Scene, user: User, own: bool) -> None:
    """What a change would do, and "try it", speak of one's own face alone, and of no one person who may see a photo."""
    client = client_of(user)
    region = this.photo.regions.get(index=0)
    tried = client.get("/api/v1/rules/try/", {"face": region.pk, "as": STRANGER})
    page = client.get(reverse("face-rules"), {"face": region.pk, "as": STRANGER})
    assert (tried.status_code, page.status_code) == ((200, 200) if own else (404, 404))
    if own:
        assert client.get("/api/v1/rules/try/", {"face": region.pk, "as": "blocked"}).status_code == 404
    for name in ("stranger", "member"):
        rule = {"effect": "show", "subject": "person", "subject_person": this.people[name].username}
        told = client.post("/api/v1/rules/effect/", rule).json()
        assert told["people"] == 0, "a single person who may or may not see the uploader's photo"
        assert told["photos"] in ((0, 1) if own else (0,))
    for choice in MODELS:
        told = client.get("/api/v1/model/effect/", {"choice": choice}).json()
        assert told.keys() == {"photos", "others_photos", "people", "shows", "hides", "lower_bound"}
        assert told["people"] == 0, "the photo is the uploader's"
        assert own or told["photos"] == 0


def test_originals_cannot_be_guessed(engine, client):
    """The storage's own names, under every prefix a web server might serve, reach nothing."""
    author = person()
    photo = posted(author)
    client.force_login(author)
    patch = photo.regions.first().decoy.patch
    for name in (photo.original.name, patch.name):
        for prefix in ("", "media/", "private/", "var/private/", "static/", "static/../var/private/"):
            assert client.get(f"/{prefix}{name}").status_code == 404
        assert client.get(photo.original.storage.url(name)).status_code == 404
    for size in ("original", "full.png", "../original", "2048"):
        assert client.get(f"/photos/{photo.pk}/image/{size}").status_code == 404


@pytest.mark.parametrize("state", [state for state in Photo.State if state != Photo.State.READY])
def test_an_unfinished_photo_is_a_neutral_card_for_everybody(engine, state):
    """Also for its uploader and the people in it, and also while regions and decoys already exist."""
    owner, uploader = person(0, "authorization"), person()
    photo = posted(uploader)
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    etag = fetch(owner, photo).headers["ETag"]
    Photo.objects.filter(pk=photo.pk).update(state=state)
    for viewer in (owner, uploader, person()):
        for size in ("thumb", "feed", "full"):
            response = fetch(viewer, photo, size, headers={"If-None-Match": etag})
            assert response.status_code == 503
            assert response.headers["Content-Type"] == "image/svg+xml"
            assert response.headers["Cache-Control"] == "no-store"
            assert "ETag" not in response.headers
            assert ("Retry-After" in response.headers) == (state != Photo.State.FAILED)
        detail = client_of(viewer).get(f"/api/v1/photos/{photo.pk}/").json()
        assert detail["images"] == {}
    crop = client_of(owner).get(reverse("face-crop", args=[photo.regions.get(index=0).pk]))
    assert crop.status_code == 503


def test_a_served_picture_carries_pixels_and_nothing_else(engine):
    author = person()
    response = fetch(author, posted(author))
    assert segments(response.content) <= {"APP0", "APP1", "DQT", "SOF2", "DHT", "SOS"}
    label = b"http://ns.adobe.com/xap/1.0/\0" + provenance.XMP  # the same for every picture with stand-ins
    assert response.content.count(label) == 1
    assert response.content.endswith(b"\xff\xd9"), "something follows the picture"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Authorization"} <= set(response.headers["Vary"].split(", "))
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == 'inline; filename="photo.jpg"'


def segments(jpeg: bytes) -> set[str]:
    """Names of the marker segments of a JPEG file (ITU T.81, table B.1)."""
    names = {0xC2: "SOF2", 0xC4: "DHT", 0xDB: "DQT", 0xDA: "SOS", 0xE0: "APP0", 0xE1: "APP1"}
    found, at = set(), 2
    while at < len(jpeg) - 2:
        assert jpeg[at] == 0xFF
        found.add(names.get(jpeg[at + 1], hex(jpeg[at + 1])))
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at] != 0xFF or jpeg[at + 1] in range(0xD0, 0xD8) or jpeg[at + 1] == 0:
            while not (jpeg[at] == 0xFF and jpeg[at + 1] != 0 and jpeg[at + 1] not in range(0xD0, 0xD8)):
                at += 1
    return found


class TestRevocation:
    """What is taken back is gone on the very next request, whatever the browser holds."""

    @pytest.fixture
    def viewer(self):
        return person()

    def check(self, viewer: User, photo: Photo, take_back) -> None:
        before = fetch(viewer, photo)
        assert shows(pixels(before), 0)
        take_back()
        after = fetch(viewer, photo, headers={"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200
        assert not shows(pixels(after), 0)
        assert shown_to(viewer, photo, "thumb") == set()

    def test_of_an_approval(self, engine, viewer):
        owner = person(0, "authorization")
        photo = posted(person())
        region = face_of(photo, owner)
        services.authorization_answer(region=region, by=owner, answer="approved")
        self.check(viewer, photo, lambda: services.authorization_clear(region=region, by=owner))

    def test_of_a_tag_by_the_owner(self, engine, viewer):
        owner, friend = person(0, "proxy"), person()
        befriend(owner, friend)
        photo = posted(person())
        region = face_of(photo, owner)
        services.tag_create(region=region, tagger=friend, owner=owner)
        self.check(viewer, photo, lambda: services.tag_withdraw(region=region, by=owner))

    def test_of_the_friendship_a_tag_rests_on(self, engine, viewer):
        owner, friend = person(0, "proxy"), person()
        friendship = befriend(owner, friend)
        photo = posted(person())
        services.tag_create(region=face_of(photo, owner), tagger=friend, owner=owner)
        self.check(viewer, photo, friendship.delete)

    def test_of_a_rule(self, engine, viewer):
        owner = person(0, "rules")
        photo = posted(person())
        rule = services.rule_create(owner=owner, effect="show", subject="everyone")
        self.check(viewer, photo, lambda: services.rule_update(rule=rule, by=owner, enabled=False))

    def test_by_a_block(self, engine, viewer):
        owner = person(0, "rules")
        photo = posted(person())
        services.rule_create(owner=owner, effect="show", subject="everyone")
        self.check(viewer, photo, lambda: BlockFactory(blocker=viewer, blocked=owner))

    def test_by_another_model(self, engine, viewer):
        owner = person(0, "rules")
        photo = posted(person())
        services.rule_create(owner=owner, effect="show", subject="everyone")
        self.check(viewer, photo, lambda: services.model_choose(owner=owner, model="authorization"))

    def test_of_the_enrolment(self, engine, viewer):
        owner = person(0, "rules")
        photo = posted(person())
        services.rule_create(owner=owner, effect="show", subject="everyone")
        # The rows alone, without any signal: the read itself must notice.
        self.check(viewer, photo, owner.captures.all().delete)

    def test_of_the_match(self, engine, viewer):
        owner = person(0, "rules")
        photo = posted(person())
        services.rule_create(owner=owner, effect="show", subject="everyone")
        self.check(viewer, photo, lambda: services.match_reject(region=face_of(photo, owner), by=owner))

    def test_of_the_photo_itself(self, engine, viewer):
        photo = posted(person())
        etag = fetch(viewer, photo).headers["ETag"]
        BlockFactory(blocker=photo.post.author, blocked=viewer)
        assert fetch(viewer, photo, headers={"If-None-Match": etag}).status_code == 404


def test_a_crop_shows_the_neighbours_as_their_own_viewers_do(engine):
    """Two faces within one crop's margin: the neighbour's stays a stand-in."""
    owner = person(0, "authorization")
    author = person()
    photo = posted(author)
    region = face_of(photo, owner)
    wide = [region.box[0] - 40, region.box[1], region.box[2] + 60, region.box[3]]
    type(region).objects.filter(pk=region.pk).update(box=wide)
    image = pixels(client_of(owner).get(reverse("face-crop", args=[region.pk])))
    colours = {tuple(int(v) // 32 for v in colour) for colour in image.reshape(-1, 3)}
    assert (220 // 32, 20 // 32, 20 // 32) in colours, "the owner's own face"
    assert (20 // 32, 160 // 32, 20 // 32) not in colours, "the neighbour's"


@pytest.mark.parametrize("model", MODELS)
def test_a_report_shows_staff_no_face_and_opens_nothing_else(engine, model):
    this = scene(model, "disclosed", Audience.FRIENDS)
    report = moderation.report_create(
        reporter=this.people["friend"], kind="photo", target=str(this.photo.pk), reason="face"
    )
    address = reverse("report-image", args=[report.pk])
    for name, user in this.people.items():
        answer = client_of(user).get(address)
        assert answer.status_code == (200 if name == "staff" else 404), name
    image = pixels(client_of(this.people["staff"]).get(address))
    assert not any(shows(image, index) for index in range(3)), "not even a face disclosed to everybody"
    assert fetch(this.people["staff"], this.photo).status_code == 404
    assert (
        client_of(this.people["staff"]).get(address)["ETag"]
        != fetch(this.people["owner"], this.photo)["ETag"]
    )


def test_api_tokens_get_the_same_images_as_sessions(engine, client):
    from rest_framework.authtoken.models import Token

    owner = person(0, "authorization")
    photo = posted(person())
    token = Token.objects.create(user=owner)
    address = f"/photos/{photo.pk}/image/full"
    response = client.get(address, headers={"Authorization": f"Token {token.key}"})
    assert shows(pixels(response), 0)
    assert client.get(address, headers={"Authorization": "Token wrong"}).status_code == 404
