"""Notifications: told once, in batches, and only as long as it is true and the recipient's to know."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts import services as people
from accounts.models import READING_ATTEMPTS
from accounts.signals import capture_given_up
from community import notifications, services
from community.kinds import KINDS
from community.models import Notification
from faceaccess import claims, questions
from faceaccess import services as faces
from faceaccess.signals import reminder_due
from photos.models import Audience, Photo
from photos.services import post_delete, post_update
from tests.faceaccess.conftest import client_of, engine, face_of, person, posted  # noqa: F401  a fixture, and helpers
from tests.factories import FaceCaptureFactory, PhotoFactory, UserFactory, befriend
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


def told(recipient, kind: str = "") -> list[str]:
    """The sentences as they are read, without those about friendships unless asked for."""
    from django.utils.html import strip_tags

    found = notifications.batches(recipient)
    wanted = [batch for batch in found if (batch.newest.kind == kind if kind else True)]
    return [strip_tags(batch.sentence) for batch in wanted]


@pytest.fixture
def author():
    return UserFactory(display_name="Anna")


@pytest.fixture
def post(author):
    return PhotoFactory(author=author, audience=Audience.MEMBERS).post


def fans(number: int):
    return [UserFactory(display_name=f"Fan {n}") for n in range(number)]


# --- friendships ---


def test_a_request_and_its_acceptance():
    one, other = UserFactory(display_name="One"), UserFactory(display_name="Other")
    friendship = people.friendship_request(requester=one, addressee=other)
    assert told(other) == ["One asks to be your friend."]
    assert told(one) == []
    people.friendship_accept(friendship=friendship, by=other)
    assert told(other) == [], "answered"
    assert told(one) == ["Other is your friend now."]
    people.friendship_end(one=other, other=one)
    assert told(one) == []
    assert not Notification.objects.exists()


def test_a_request_that_was_declined_is_told_to_nobody():
    one, other = UserFactory(), UserFactory()
    people.friendship_decline(friendship=people.friendship_request(requester=one, addressee=other), by=other)
    assert told(one) == told(other) == []


# --- likes and comments ---


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "Fan 0 liked your photo."),
        (2, "Fan 1 and Fan 0 liked your photo."),
        (4, "Fan 3 and 3 others liked your photo."),
    ],
)
def test_likes_are_told_together(post, author, number, sentence):
    for fan in fans(number):
        services.like_set(post=post, by=fan)
    assert told(author) == [sentence]
    assert notifications.unseen_count(author) == 1


def test_a_like_that_is_taken_back_is_not_told(post, author):
    one, other = fans(2)
    for fan in (one, other, one):
        services.like_set(post=post, by=fan)
    services.like_remove(post=post, by=one)
    assert told(author) == ["Fan 1 liked your photo."]
    services.like_remove(post=post, by=other)
    assert told(author) == []


def test_a_comment_is_told_to_the_author_until_it_is_deleted(post, author):
    (fan,) = fans(1)
    comment = services.comment_create(post=post, author=fan, body="Nice")
    services.comment_create(post=post, author=author, body="Thanks")  # one's own
    assert told(author) == ["Fan 0 commented on your photo."]
    services.comment_delete(comment=comment, by=author)
    assert told(author) == []


def test_what_is_new_is_told_apart_from_what_was_seen(post, author):
    one, other = fans(2)
    services.like_set(post=post, by=one)
    page = Page.of(client_of(author).get(reverse("notifications")))
    assert "New:" in page.words
    assert notifications.unseen_count(author) == 0
    services.like_set(post=post, by=other)
    assert told(author) == ["Fan 1 liked your photo.", "Fan 0 liked your photo."]
    assert notifications.unseen_count(author) == 1


def test_a_block_hides_it_both_ways_and_at_once(post, author):
    (fan,) = fans(1)
    services.like_set(post=post, by=fan)
    services.comment_create(post=post, author=fan, body="Nice")
    people.block_create(blocker=fan, blocked=author)
    assert told(author) == []
    assert notifications.unseen_count(author) == 0
    people.block_remove(blocker=fan, blocked=author)
    assert len(told(author)) == 2


def test_a_closed_account_is_not_told_of(post, author):
    (fan,) = fans(1)
    services.like_set(post=post, by=fan)
    type(fan).objects.filter(pk=fan.pk).update(is_active=False)
    assert told(author) == []


def test_with_the_post_all_of_it_goes(post, author):
    (fan,) = fans(1)
    services.like_set(post=post, by=fan)
    services.comment_create(post=post, author=fan, body=f"@{author.username}")
    post_delete(post=post, by=author)
    assert not Notification.objects.exists()


# --- mentions ---


class TestMentions:
    def test_in_a_caption_and_in_a_comment(self, post, author):
        mara = UserFactory(username="mara")
        post_update(post=post, by=author, caption="With @Mara.")
        (fan,) = fans(1)
        comment = services.comment_create(post=post, author=fan, body="Hello @mara and @mara")
        assert told(mara) == ["Fan 0 mentioned you in a comment.", "Anna mentioned you."]
        services.comment_edit(comment=comment, by=fan, body="Hello")
        assert told(mara) == ["Anna mentioned you."]
        post_update(post=post, by=author, caption="Alone")
        assert told(mara) == []

    def test_who_may_not_see_the_post_is_not_told(self, author):
        mara = UserFactory(username="mara")
        post = PhotoFactory(author=author, audience=Audience.FRIENDS).post
        post_update(post=post, by=author, caption="@mara")
        assert told(mara) == []
        befriend(author, mara)
        post_update(post=post, by=author, caption="@mara")
        assert told(mara, "mention") == ["Anna mentioned you."]

    @pytest.mark.parametrize("how", ["audience", "unfriend", "block"])
    def test_it_goes_with_the_right_to_see_the_post(self, author, how):
        mara = UserFactory(username="mara")
        befriend(author, mara)
        post = PhotoFactory(author=author, audience=Audience.FRIENDS).post
        post_update(post=post, by=author, caption="@mara")
        assert told(mara, "mention")
        if how == "audience":
            post_update(post=post, by=author, audience=Audience.ONLY_ME)
        elif how == "unfriend":
            people.friendship_end(one=author, other=mara)
        else:
            people.block_create(blocker=mara, blocked=author)
        assert told(mara, "mention") == []

    def test_somebody_blocked_is_not_told(self, post, author):
        mara = UserFactory(username="mara")
        (fan,) = fans(1)
        people.block_create(blocker=mara, blocked=fan)
        services.comment_create(post=post, author=fan, body="@mara")
        assert not Notification.objects.filter(recipient=mara).exists()


# --- faces ---


class TestFaces:
    @pytest.fixture(autouse=True)
    def _engine(self, engine):  # noqa: F811
        return engine

    def test_a_tag_is_told_until_it_is_taken_back_by_either(self, author):
        owner, friend = person(0, "proxy"), person(display_name="Frida")
        befriend(owner, friend)
        photo = posted(author)
        faces.tag_create(region=face_of(photo, owner), tagger=friend, owner=owner)
        assert told(owner, "tag") == ["Frida tagged you in a photo."]
        faces.tag_withdraw(region=face_of(photo, owner), by=owner)
        assert told(owner, "tag") == []
        faces.tag_create(region=face_of(photo, owner), tagger=friend, owner=owner)
        assert told(owner, "tag") == [], "it stays withdrawn, and nobody knocks again"

    def test_a_tag_is_told_alike_whether_or_not_the_face_is_theirs(self, author):
        """Told only for the right face, the notification itself would say which one is recognised."""
        owner, friend = person(0, "proxy"), person(display_name="Frida")
        befriend(owner, friend)
        photo = posted(author)
        faces.tag_create(region=photo.regions.get(index=1), tagger=friend, owner=owner)
        assert told(owner, "tag") == ["Frida tagged you in a photo."]

    def test_a_photo_that_waits_for_an_answer_until_it_is_given(self, author):
        owner = person(0, "authorization")
        photos = [posted(author)]
        assert told(owner) == ["You are in a photo by Anna. Show your face, or keep it hidden?"]
        photos.append(posted(author))
        assert told(owner) == ["You are in 2 photos. Show your face, or keep it hidden?"]
        for photo in photos:
            faces.authorization_answer(region=face_of(photo, owner), by=owner, answer="denied")
        assert told(owner) == []

    @pytest.mark.parametrize("model", ["proxy", "rules"])
    def test_other_models_ask_nothing(self, author, model):
        owner = person(0, model)
        posted(author)
        assert told(owner) == []

    @pytest.mark.parametrize("how", ["not me", "enrolment", "audience", "model", "photo"])
    def test_the_question_goes_with_its_ground(self, author, how):
        owner = person(0, "authorization")
        photo = posted(author)
        assert told(owner)
        if how == "not me":
            faces.match_reject(region=face_of(photo, owner), by=owner)
        elif how == "enrolment":
            people.enrolment_delete(user=owner)
            from faceaccess import matching

            matching.forget(owner.pk)
        elif how == "audience":
            post_update(post=photo.post, by=author, audience=Audience.ONLY_ME)
        elif how == "model":
            faces.model_choose(owner=owner, model="rules")
        else:
            Photo.objects.filter(pk=photo.pk).update(state=Photo.State.WAITING)
        assert told(owner) == []
        assert notifications.unseen_count(owner) == 0

    def test_nobody_but_the_owner_hears_of_a_recognised_face(self, author):
        person(0, "authorization")
        posted(author)
        assert not Notification.objects.filter(recipient=author).exists()

    def test_a_claim_is_told_to_who_posted_until_it_is_answered(self, author):
        claimant = person(5, display_name="Clara")
        photo = posted(author)
        claim = claims.claim_create(region=photo.regions.get(index=1), by=claimant)
        assert told(author) == [], "it is not known yet whether it needs an answer"
        assert not claims.judge(claim.pk)
        assert told(author) == ["Clara says that a face in your photo is theirs."]
        claims.claim_answer(claim=claim, by=author, accept=False)
        assert told(author) == []


# --- preferences ---


@pytest.mark.parametrize("before", [True, False])
def test_a_kind_that_is_switched_off_is_neither_told_nor_counted(post, author, before):
    (fan,) = fans(1)
    if not before:
        services.like_set(post=post, by=fan)
    notifications.preferences_set(owner=author, by=author, off=["like"])
    services.like_set(post=post, by=fan)
    services.comment_create(post=post, author=fan, body="x")
    assert told(author) == ["Fan 0 commented on your photo."]
    assert notifications.unseen_count(author) == 1


def test_preferences_are_ones_own_and_of_kinds_there_are(author):
    with pytest.raises(PermissionDenied):
        notifications.preferences_set(owner=author, by=UserFactory(), off=[])
    with pytest.raises(ValidationError):
        notifications.preferences_set(owner=author, by=author, off=["weather"])


def test_the_page_of_preferences(author):
    client = client_of(author)
    address = reverse("notification-preferences")
    boxes = [tag for tag in Page.of(client.get(address)).all("input") if tag.get("name") == "on"]
    assert {tag["value"] for tag in boxes} == KINDS.keys()
    assert all("checked" in tag.attributes for tag in boxes)
    client.post(address, {"on": sorted(KINDS.keys() - {"like", "tag"})})
    assert notifications.switched_off(author) == {"like", "tag"}
    boxes = [tag for tag in Page.of(client.get(address)).all("input") if tag.get("name") == "on"]
    assert {tag["value"] for tag in boxes if "checked" not in tag.attributes} == {"like", "tag"}


# --- the page ---


def test_every_kind_can_be_drawn(author, engine, django_capture_on_commit_callbacks):  # noqa: F811
    """Each of them once on one page: sentence, link, picture."""
    me = person(0, "authorization", username="me.too")
    friend = person(1, "proxy", display_name="Frida")
    asker = UserFactory()
    people.friendship_request(requester=asker, addressee=me)
    people.friendship_accept(friendship=people.friendship_request(requester=me, addressee=friend), by=friend)
    photo, theirs = posted(me), posted(friend)
    services.like_set(post=photo.post, by=friend)
    services.comment_create(post=photo.post, author=friend, body="Look, @me.too!")
    faces.tag_create(region=face_of(theirs, me), tagger=friend, owner=me)
    claims.judge(claims.claim_create(region=photo.regions.get(index=2), by=person(4)).pk)
    reminder_due.send(sender=type(me), owner=me, waiting=1)
    with django_capture_on_commit_callbacks(execute=True):
        questions.ask(face_of(photo, me), named=asker)
    lost = FaceCaptureFactory(
        user=me, pack="earlier", failed_pack=settings.ENGINE_PACK, failures=READING_ATTEMPTS
    )
    capture_given_up.send(sender=type(lost), capture=lost)
    assert {batch.newest.kind for batch in notifications.batches(me)} == KINDS.keys()
    client = client_of(me)
    page = Page.of(client.get(reverse("notifications")))
    links = [
        tag["href"] for tag in page.all("a") if any("notice" in (p.get("class") or "") for p in tag.parents)
    ]
    assert len(links) == len(KINDS)
    for link in links:
        assert client.get(link.partition("#")[0]).status_code == 200
    for image in page.all("img"):
        assert client.get(image["src"]).status_code == 200
    shown = client.get("/api/v1/notifications/").json()
    assert {row["kind"] for row in shown} == KINDS.keys()


def test_the_page_costs_the_same_for_many(django_assert_max_num_queries, author):
    posts = [PhotoFactory(author=author, audience=Audience.MEMBERS).post for _ in range(6)]
    for fan in fans(4):
        for post in posts:
            services.like_set(post=post, by=fan)
            services.comment_create(post=post, author=fan, body="x")
    client = client_of(author)
    client.get(reverse("notifications"))
    with django_assert_max_num_queries(12):
        page = Page.of(client.get(reverse("notifications")))
    assert len([tag for tag in page.all("li") if "notice" in (tag.get("class") or "")]) == 12


def test_an_unknown_kind_is_a_mistake_of_the_caller(author):
    with pytest.raises(ValueError, match="no such kind"):
        notifications.notify(recipient=author, kind="weather", key="1")


def test_what_happened_long_ago_is_forgotten(author, post):
    from community.tasks import KEPT, notifications_prune

    old, recent = fans(2)
    services.like_set(post=post, by=old)
    Notification.objects.update(created_at=timezone.now() - KEPT - timezone.timedelta(minutes=1))
    services.like_set(post=post, by=recent)
    notifications_prune()
    assert told(author) == ["Fan 1 liked your photo."]
