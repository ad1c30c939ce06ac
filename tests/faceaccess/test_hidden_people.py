"""Who is hidden from a reader (a block, a closed account) has no name wherever the reader kept hold of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse

from accounts import exporting
from accounts import services as people
from accounts.models import Circle, CircleMembership, User
from community import services as community
from faceaccess import services
from faceaccess.models import Claim, FaceRegion, Rule, Tag
from photos.models import Photo
from tests.faceaccess.conftest import client_of, face_of, person, posted
from tests.factories import CircleFactory, befriend

pytestmark = pytest.mark.django_db

BEFORE = {"username": "anna.before", "display_name": "Anna Before", "bio": "lives in Bergen"}
AFTER = {"username": "anna.after", "display_name": "Anna After", "bio": "lives in Oslo now"}
HANDLE, NAME, BIO = BEFORE.values()
WAYS = ("blocked by them", "blocked by oneself", "closed")


@dataclass
class Scene:
    """Everything by which ``reader`` may have kept hold of their friend ``anna``."""

    reader: User
    anna: User
    circle: Circle
    rule: Rule
    photo: Photo  # somebody else's, with the reader's face, which Anna tagged, and one that the reader tagged as hers
    own: Photo  # the reader's, about which Anna speaks, and in which she claims a face

    @property
    def face(self) -> FaceRegion:
        return face_of(self.photo, self.reader)

    @property
    def membership(self) -> CircleMembership:
        return self.circle.memberships.get(person=self.anna)

    def hide(self, way: str) -> None:
        if way == "closed":
            User.objects.filter(pk=self.anna.pk).update(is_active=False)
        elif way == "blocked by them":
            people.block_create(blocker=self.anna, blocked=self.reader)
        else:
            people.block_create(blocker=self.reader, blocked=self.anna)
        people.profile_update(user=self.anna, by=self.anna, **AFTER)


@pytest.fixture
def scene(engine) -> Scene:
    reader, anna, other = person(0, "rules"), person(4, **BEFORE), person()
    befriend(reader, anna)
    befriend(reader, other)
    circle = CircleFactory(owner=reader, name="Choir", members=[anna, other])
    named = {"subject": "person", "subject_person": anna}
    rule = services.rule_create(owner=reader, effect="show", **named)
    by_her = {"uploader": "person", "uploader_person": anna}
    services.rule_create(owner=reader, effect="hide", subject="friends", **by_her)
    services.rule_create(owner=reader, effect="show", subject="circle", subject_circle=circle)
    photo, own = posted(other), posted(reader)
    services.tag_create(region=face_of(photo, reader), tagger=anna, owner=reader)
    services.tag_create(region=photo.regions.get(index=1), tagger=reader, owner=anna)
    community.comment_create(post=own.post, author=anna, body="Well sung")
    community.like_set(post=own.post, by=anna)
    community.comment_create(post=own.post, author=reader, body="Thank you")
    Claim.objects.create(region=own.regions.get(index=2), claimant=anna)
    return Scene(reader, anna, circle, rule, photo, own)


def export(this: Scene) -> str:
    data = {name: part.data(this.reader) for name, part in exporting.PARTS.items()}
    del data["you"]["blocked"]  # by whom one unblocks
    return json.dumps(data, cls=DjangoJSONEncoder)


# Where: the address, and what is read of a friend there.
CHANNELS = {
    "circles": (lambda this: reverse("circles"), [NAME]),
    "circles in the API": (lambda this: "/api/v1/circles/", [HANDLE, NAME, BIO]),
    "a circle in the API": (lambda this: f"/api/v1/circles/{this.circle.pk}/", [HANDLE, NAME, BIO]),
    "rules": (lambda this: reverse("face-rules"), [NAME]),
    "a rule's preview": (
        lambda this: reverse("rule-preview", args=[this.rule.pk]) + "?change=delete",
        [NAME],
    ),
    "rules in the API": (lambda this: "/api/v1/rules/", [HANDLE]),
    "a rule in the API": (lambda this: f"/api/v1/rules/{this.rule.pk}/", [HANDLE]),
    "a photo": (lambda this: reverse("photo", args=[this.photo.pk]), [f"You tagged {NAME}", f"show to {NAME}"]),
    "one's own photo": (lambda this: reverse("photo", args=[this.own.pk]), [HANDLE, NAME]),
    "a photo seen as another": (
        lambda this: reverse("photo", args=[this.photo.pk]) + "?as=~stranger",
        [NAME],
    ),
    "a face in the API": (lambda this: f"/api/v1/faces/{this.face.pk}/", [HANDLE]),
    "faces in the API": (lambda this: "/api/v1/faces/", [HANDLE]),
    "the log": (lambda this: reverse("who-could-see"), [NAME]),
    "the log in the API": (lambda this: "/api/v1/exposures/", [NAME]),
    "the history": (lambda this: reverse("face-history"), []),
    "photos of you": (lambda this: reverse("face-inbox"), [NAME]),
    "claims in the API": (lambda this: "/api/v1/claims/", [HANDLE, NAME, BIO]),
    "notifications": (lambda this: reverse("notifications"), [NAME]),
    "notifications in the API": (lambda this: "/api/v1/notifications/", [HANDLE, NAME, BIO]),
    "likes": (lambda this: reverse("likes", args=[this.own.post_id]), [HANDLE, NAME]),
    "likes in the API": (lambda this: f"/api/v1/posts/{this.own.post_id}/likes/", [HANDLE]),
    "comments in the API": (lambda this: f"/api/v1/posts/{this.own.post_id}/comments/", [HANDLE]),
    "people": (lambda this: reverse("people") + "?q=anna", [HANDLE, NAME]),
    "people in the API": (lambda this: "/api/v1/people/?q=anna", [HANDLE, NAME, BIO]),
    "friends in the API": (lambda this: "/api/v1/friends/", [HANDLE, NAME, BIO]),
    "the feed": (lambda this: reverse("feed"), []),
}  # fmt: skip


def read(this: Scene, channel: str) -> str:
    if channel == "the export":
        return export(this)
    response = client_of(this.reader).get(CHANNELS[channel][0](this))
    assert response.status_code == 200
    text = response.content.decode()
    # The words searched for stand in the page's own search field.
    return re.sub(r'value="anna"|q=anna', "", text)


def names_in(text: str) -> list[str]:
    return [word for word in (*BEFORE.values(), *AFTER.values()) if word in text]


@pytest.mark.parametrize("way", WAYS)
def test_after_it_neither_handle_nor_name_nor_text_is_read_anywhere(scene, way) -> None:
    for channel in (*CHANNELS, "the export"):
        before = read(scene, channel)
        expected = [HANDLE] if channel == "the export" else CHANNELS[channel][1]
        assert not [words for words in expected if words not in before], channel
    scene.hide(way)
    told = {channel: names_in(read(scene, channel)) for channel in (*CHANNELS, "the export")}
    assert {channel: names for channel, names in told.items() if names} == {}


def test_the_rows_stay_and_say_somebody(scene) -> None:
    scene.hide("blocked by them")
    (circle,) = client_of(scene.reader).get("/api/v1/circles/").json()
    nobody = {"id": scene.membership.pk, "handle": None, "name": None, "bio": None, "avatar": None}
    assert circle["members"][0] == nobody
    assert circle["members"][1]["handle"]
    assert "Take Somebody out of Choir" in read(scene, "circles")
    assert "Show to <strong>one person</strong>" in read(scene, "rules").replace("<span>", "")
    assert "You tagged somebody" in read(scene, "a photo")
    rules = client_of(scene.reader).get("/api/v1/rules/").json()
    assert (rules[0]["subject"], rules[0]["subject_person"]) == ("person", None)
    log = client_of(scene.reader).get("/api/v1/exposures/").json()["results"]
    assert {"one person", "a circle of yours", "your circle “Choir”"} & {line["words"] for line in log}
    assert any("somebody" in line["people"] for line in log)


@pytest.mark.parametrize("way", WAYS)
def test_they_are_taken_out_of_a_circle_without_a_name(scene, way) -> None:
    scene.hide(way)
    address, fields = reverse("circle-remove", args=[scene.circle.pk]), {"membership": scene.membership.pk}
    answer = client_of(scene.reader).post(address, fields, follow=True)
    assert "Somebody is no longer in “Choir”." in answer.content.decode()
    assert names_in(answer.content.decode()) == []
    assert scene.circle.memberships.count() == 1
    assert client_of(scene.reader).post(address, fields).status_code == 404


def test_they_are_taken_out_of_a_circle_over_the_api(scene) -> None:
    scene.hide("blocked by them")
    address = f"/api/v1/circles/{scene.circle.pk}/memberships/{scene.membership.pk}/"
    assert client_of(person()).delete(address).status_code == 404
    assert client_of(scene.reader).delete(address).status_code == 204
    assert client_of(scene.reader).delete(address).status_code == 404
    assert scene.circle.memberships.count() == 1


def test_a_membership_of_another_circle_is_none_of_this_one(scene) -> None:
    elsewhere = CircleFactory(members=[scene.anna]).memberships.get()
    address = reverse("circle-remove", args=[scene.circle.pk])
    assert client_of(scene.reader).post(address, {"membership": elsewhere.pk}).status_code == 404
    api = f"/api/v1/circles/{scene.circle.pk}/memberships/{elsewhere.pk}/"
    assert client_of(scene.reader).delete(api).status_code == 404


@pytest.mark.parametrize("way", WAYS)
def test_no_answer_tells_whether_a_handle_is_that_of_a_hidden_member(scene, way) -> None:
    scene.hide(way)
    client = client_of(scene.reader)
    for handle in (AFTER["username"], BEFORE["username"], "nobody.at.all"):
        assert client.delete(f"/api/v1/circles/{scene.circle.pk}/members/{handle}/").status_code == 404
        assert client.put(f"/api/v1/circles/{scene.circle.pk}/members/{handle}/").status_code == 404
        assert (
            client.post(reverse("circle-remove", args=[scene.circle.pk]), {"person": handle}).status_code
            == 404
        )
    assert scene.circle.memberships.count() == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_rule_about_them_is_changed_moved_and_deleted(scene, way) -> None:
    scene.hide(way)
    client, address = client_of(scene.reader), f"/api/v1/rules/{scene.rule.pk}/"
    answers = [
        client.patch(address, {"enabled": False}, "application/json"),
        client.post(f"{address}move/", {"up": False}, "application/json"),
        client.post(f"{address}place/", {"place": 0}, "application/json"),
        client.post(reverse("rule-toggle", args=[scene.rule.pk]), follow=True),
        client.post(reverse("rule-move", args=[scene.rule.pk]), {"direction": "down"}, follow=True),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    scene.rule.refresh_from_db()
    assert scene.rule.subject_person == scene.anna, "the rule still means her"
    answers.append(client.post(reverse("rule-delete", args=[scene.rule.pk]), follow=True))
    assert "Deleted: Show to one person." in answers[-1].content.decode()
    assert [names_in(answer.content.decode()) for answer in answers] == [[]] * 6
    assert not Rule.objects.filter(pk=scene.rule.pk).exists()
    other = scene.reader.rules.get(uploader="person")
    assert client.delete(f"/api/v1/rules/{other.pk}/").status_code == 204


def test_a_circle_is_renamed_and_a_tag_taken_back_without_a_name(scene) -> None:
    scene.hide("blocked by them")
    client = client_of(scene.reader)
    renamed = client.patch(f"/api/v1/circles/{scene.circle.pk}/", {"name": "Kin"}, "application/json")
    assert (renamed.json()["name"], len(renamed.json()["members"])) == ("Kin", 2)
    assert renamed.json()["members"][1]["handle"], "the others are named as before"
    region = scene.photo.regions.get(index=1)
    taken = client.post(reverse("face-untag", args=[region.pk]), follow=True)
    assert names_in(renamed.content.decode() + taken.content.decode()) == []
    assert not Tag.objects.filter(tagger=scene.reader).exists()


def test_a_friend_is_taken_out_and_put_back(scene) -> None:
    client, membership = client_of(scene.reader), scene.membership
    address = reverse("circle-remove", args=[scene.circle.pk])
    page = client.post(address, {"membership": membership.pk}, follow=True).content.decode()
    assert f"{NAME} is no longer in “Choir”." in page
    client.post(reverse("circle-add", args=[scene.circle.pk]), {"person": HANDLE})
    assert scene.membership.person == scene.anna
    assert client.delete(f"/api/v1/circles/{scene.circle.pk}/members/{HANDLE}/").status_code == 204


@pytest.mark.parametrize("number", [1, 5])
def test_what_is_read_of_kept_people_costs_no_more_for_more_of_them(
    engine, number, django_assert_max_num_queries
) -> None:
    reader = person(0, "rules")
    circle, photo = CircleFactory(owner=reader), posted(person(), faces=6)
    for index in range(number):
        friend = person()
        befriend(reader, friend)
        people.circle_add(circle=circle, by=reader, person=friend)
        named = {"subject_person": friend, "uploader_person": friend}
        services.rule_create(owner=reader, effect="show", subject="person", uploader="person", **named)
        services.tag_create(region=photo.regions.get(index=index + 1), tagger=reader, owner=friend)
        if index % 2:
            people.block_create(blocker=friend, blocked=reader)
    client = client_of(reader)
    client.get("/")
    costs = {
        reverse("circles"): 7,
        "/api/v1/circles/": 5,
        reverse("face-rules"): 12,
        "/api/v1/rules/": 5,
        "/api/v1/exposures/": 22,
    }
    for address, queries in costs.items():
        with django_assert_max_num_queries(queries, info=address):
            client.get(address)
