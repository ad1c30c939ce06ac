"""See it as: one's own face exactly as another gets it, and nothing about anybody else's."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Friendship
from faceaccess import seeing, services
from photos.models import Audience
from tests.faceaccess.conftest import client_of, face_of, person, pixels, posted, shown_to, shows
from tests.factories import BlockFactory, CircleFactory, befriend

pytestmark = pytest.mark.django_db
STRANGER, VISITOR = seeing.STRANGER, seeing.VISITOR


def fetch_as(asker, photo, who, size="full", headers=None):
    return client_of(asker).get(reverse("photo-image-as", args=[photo.pk, who, size]), headers=headers)


def shown_as(asker, photo, who) -> set[int]:
    response = fetch_as(asker, photo, who)
    assert response.status_code == 200, response.status_code
    image = pixels(response)
    faces = photo.regions.count()
    return {index for index in range(faces) if shows(image, index, faces)}


def told(asker, photo, who) -> dict:
    return client_of(asker).get(f"/api/v1/photos/{photo.pk}/see-as/", {"as": who}).json()


@pytest.fixture
def me():
    return person(0, "rules")


@pytest.fixture
def mara(me):
    mara = person()
    befriend(me, mara)
    return mara


def test_the_picture_is_what_that_friend_gets_of_my_face(engine, me, mara):
    other = person()
    befriend(me, other)
    services.rule_create(owner=me, effect="show", subject="person", subject_person=mara)
    photo = posted(me)
    for friend in (mara, other):
        assert shown_as(me, photo, friend.username) == shown_to(friend, photo)
    assert shown_as(me, photo, mara.username) == {0}
    assert shown_as(me, photo, STRANGER) == set()
    assert shown_to(me, photo) == {0}, "looking as somebody else changes nothing"


def test_the_faces_are_those_of_the_version_that_was_decided_about(engine, me, mara):
    """Else a file of other faces under the same numbers would pass for it, once a mark is taken out."""
    photo = posted(me)
    seen = seeing.seen_as(face_of(photo, me), me, seeing.onlooker_for(me, mara.username))
    assert seen.version == photo.version


def test_a_hidden_face_of_somebody_else_stays_hidden_even_where_my_friend_sees_it(engine, me, mara):
    owner = person(1, "rules")
    services.rule_create(owner=owner, effect="show", subject="person", subject_person=mara)
    photo = posted(me)
    assert 1 in shown_to(mara, photo)
    assert 1 not in shown_as(me, photo, mara.username)


def test_what_somebody_else_hides_from_my_friend_is_not_told(engine, me, mara):
    owner = person(1, "rules")
    services.rule_create(owner=owner, effect="hide", subject="person", subject_person=mara)
    services.rule_create(owner=owner, effect="show", subject="everyone")
    photo = posted(me)
    before = fetch_as(me, photo, mara.username)
    assert 1 not in shown_to(mara, photo)
    assert shown_as(me, photo, mara.username) == {1}
    services.rule_delete(rule=owner.rules.first(), by=owner)
    after = fetch_as(me, photo, mara.username)
    assert (after.headers["ETag"], after.content) == (before.headers["ETag"], before.content)


def test_my_friends_own_hidden_face_does_not_open_by_looking_as_them(engine, me):
    mara = person(1, "authorization")
    befriend(me, mara)
    photo = posted(me)
    assert shown_to(mara, photo) == {1}
    assert shown_as(me, photo, mara.username) == set()


def test_who_is_not_in_the_photo_cannot_look_as_anybody(engine, me, mara):
    photo = posted(mara)
    bystander = person(2)
    befriend(bystander, mara)
    photo.regions.filter(index=2).update(owner=None, match="unknown")
    assert fetch_as(bystander, photo, mara.username).status_code == 404
    assert client_of(bystander).get(f"/api/v1/photos/{photo.pk}/see-as/", {"as": STRANGER}).status_code == 404
    page = client_of(bystander).get(reverse("photo", args=[photo.pk]), {"as": mara.username})
    assert b"there is nothing of yours to see as somebody else" in page.content
    assert b'name="as"' not in page.content


def test_only_friends_and_the_two_hypothetical_people_can_be_looked_as(engine, me, mara):
    photo = posted(me)
    stranger, blocked, former = person(), person(), person()
    BlockFactory(blocker=blocked, blocked=me)
    befriend(me, former)
    Friendship.objects.between(me, former).delete()
    for who in (
        stranger.username,
        blocked.username,
        former.username,
        "nobody_here",
        "~somebody",
        me.username,
    ):
        assert fetch_as(me, photo, who).status_code == 404
        assert client_of(me).get(f"/api/v1/photos/{photo.pk}/see-as/", {"as": who}).status_code == 404
        assert client_of(me).get(reverse("photo", args=[photo.pk]), {"as": who}).status_code == 404


def test_on_my_own_photo_it_is_said_that_a_friend_may_not_see_it_at_all(engine, me, mara):
    photo = posted(me, audience=Audience.ONLY_ME)
    assert told(me, photo, mara.username)["may_see"] is False
    assert told(me, photo, mara.username)["images"] == {}
    assert fetch_as(me, photo, mara.username).status_code == 404
    page = client_of(me).get(reverse("photo", args=[photo.pk]), {"as": mara.username}).content.decode()
    assert "(friend) may not see this photo at all." in page
    assert f"/as/{mara.username}/" not in page


@pytest.mark.parametrize("related", [True, False])
def test_whether_a_friend_may_see_somebody_elses_photo_is_not_told(engine, me, mara, related):
    """It would tell of a friendship, a circle or a block that is none of the asker's business."""
    author = person()
    befriend(author, me)
    members = [me]
    if related:
        befriend(author, mara)
        members.append(mara)
    else:
        BlockFactory(blocker=author, blocked=mara)
    circle = CircleFactory(owner=author, members=members)
    services.rule_create(owner=me, effect="show", subject="friends")
    for audience in (Audience.MEMBERS, Audience.FRIENDS, Audience.CIRCLE):
        photo = posted(author, audience=audience, post__circle=circle if audience == "circle" else None)
        answer = told(me, photo, mara.username)
        assert answer["may_see"] is None
        assert answer["decision"]["shown"] is True
        assert shown_as(me, photo, mara.username) == {0}


def test_a_stranger_sees_what_is_for_everyone_and_nobody_without_account_sees_anything(engine, me):
    services.rule_create(owner=me, effect="show", subject="everyone")
    everyones, friends_only = posted(me), posted(me, audience=Audience.FRIENDS)
    assert shown_as(me, everyones, STRANGER) == {0}
    assert told(me, everyones, STRANGER)["may_see"] is True
    assert told(me, friends_only, STRANGER)["may_see"] is False
    for photo in (everyones, friends_only):
        assert told(me, photo, VISITOR)["may_see"] is False
        assert fetch_as(me, photo, VISITOR).status_code == 404


def test_the_gate_decides_anew_at_every_request_and_shares_the_files_of_the_same_view(engine, me, mara):
    rule = services.rule_create(owner=me, effect="show", subject="friends")
    photo = posted(me)
    first = fetch_as(me, photo, mara.username)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["ETag"] == client_of(mara).get(f"/photos/{photo.pk}/image/full").headers["ETag"]
    same = {"If-None-Match": first.headers["ETag"]}
    assert fetch_as(me, photo, mara.username, headers=same).status_code == 304
    services.rule_update(rule=rule, by=me, effect="hide")
    assert fetch_as(me, photo, mara.username, headers=same).status_code == 200
    assert shown_as(me, photo, mara.username) == set()
    Friendship.objects.between(me, mara).delete()
    assert fetch_as(me, photo, mara.username, headers=same).status_code == 404
    services.match_reject(region=face_of(photo, me), by=me)
    assert fetch_as(me, photo, STRANGER).status_code == 404


def test_the_api_tells_the_same_and_where_the_pictures_are(engine, me, mara):
    rule = services.rule_create(owner=me, effect="show", subject="friends")
    photo = posted(me)
    answer = told(me, photo, mara.username)
    assert answer["decision"] == {"shown": True, "reason": "rule", "rule": rule.pk}
    assert answer.keys() == {"may_see", "decision", "images"}
    for image in answer["images"].values():
        assert client_of(me).get(image["url"]).status_code == 200
