"""Where people, photos, talk and faces meet: mute, reports of comments, the export, limits, what lists leave out."""

from __future__ import annotations

import json
import zipfile

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from accounts import exporting, moderation
from accounts import services as people
from community import albums, notifications, services
from community.models import Comment
from faceaccess import questions, reminders
from faceaccess import services as faces
from photos import avatars
from photos.models import Audience, Post
from tests.faceaccess.conftest import client_of, engine, face_of, person, posted  # noqa: F401  a fixture, and helpers
from tests.factories import PhotoFactory, UserFactory, befriend, upload
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def post():
    return PhotoFactory(audience=Audience.MEMBERS).post


def told(recipient, kind: str) -> list[str]:
    found = notifications.batches(recipient)
    return [strip_tags(batch.sentence) for batch in found if batch.newest.kind == kind]


def seen_by(viewer, post) -> str:
    return client_of(viewer).get(reverse("post", args=[post.pk])).content.decode()


# --- mute ---


def test_what_somebody_muted_does_is_told_nowhere_and_told_again_once_unmuted(post):
    loud, other = UserFactory(display_name="Loud"), UserFactory(display_name="Other")
    for fan in (loud, other):
        services.like_set(post=post, by=fan)
    people.mute_create(muter=post.author, muted=loud)
    assert told(post.author, "like") == ["Other liked your photo."]
    assert notifications.unseen_count(post.author) == 1
    people.mute_remove(muter=post.author, muted=loud)
    assert told(post.author, "like") == ["Other and Loud liked your photo."]


# --- reports of comments ---


@pytest.fixture
def comment(post):
    return services.comment_create(post=post, author=UserFactory(), body="Something #nasty about @somebody")


def taken_down(comment):
    report = moderation.report_create(
        reporter=comment.post.author, kind="comment", target=str(comment.pk), reason="harassment"
    )
    vera = person(is_staff=True)
    queue = Page.of(client_of(vera).get(reverse("moderation")))
    assert "Something #nasty" in queue.words
    decide = reverse("moderation-decide", args=[report.pk])
    assert client_of(vera).post(decide, {"decision": "take_down"}).status_code == 302
    return vera


def test_a_comment_is_reported_taken_down_and_put_back(post, comment):
    reader = UserFactory()
    address = reverse("report", args=["comment", comment.pk])
    assert address in seen_by(reader, post)
    assert address not in seen_by(comment.author, post), "nobody reports themselves"
    assert "Report a comment by" in client_of(reader).get(address).content.decode()
    assert told(post.author, "comment")
    vera = taken_down(comment)
    for viewer in (reader, post.author, vera):
        page = seen_by(viewer, post)
        assert "Something" not in page
        assert "1 comment" not in page
        assert client_of(viewer).get(f"/api/v1/comments/{comment.pk}/").status_code == 404
    assert told(post.author, "comment") == []
    assert "Only you see it" in seen_by(comment.author, post)
    entry = moderation.ModerationEntry.objects.get()
    client_of(vera).post(reverse("moderation-put-back", args=[entry.pk]))
    assert "Something" in seen_by(reader, post)


def test_who_may_not_see_a_comment_cannot_report_it(comment):
    blocked = UserFactory()
    people.block_create(blocker=comment.author, blocked=blocked)
    assert client_of(blocked).get(reverse("report", args=["comment", comment.pk])).status_code == 404


def test_a_comment_that_was_taken_down_lists_its_post_under_no_tag(post):
    comment = services.comment_create(post=post, author=post.author, body="Something #mine")
    reader = UserFactory()
    address = reverse("tag", args=["mine"])
    assert len(client_of(reader).get(address).context["posts"]) == 1
    Comment.objects.filter(pk=comment.pk).update(taken_down_at=post.created_at)
    assert len(client_of(reader).get(address).context["posts"]) == 0


# --- lists ---


def test_a_profile_picture_is_in_no_list(engine):  # noqa: F811
    owner = UserFactory()
    avatars.avatar_set(user=owner, upload=upload())
    picture = Post.objects.exclude(kind=Post.Kind.POST).get()
    services.bookmark_set(post=picture, by=owner)
    services.comment_create(post=picture, author=owner, body="#me")
    for address in (reverse("bookmarks"), reverse("tag", args=["me"]), reverse("feed")):
        assert len(client_of(owner).get(address).context["posts"]) == 0
    assert client_of(owner).get(reverse("feed")).context["first_steps"]()["posted"] is False


# --- the export ---


def test_an_export_holds_ones_own_words_and_choices_and_nobody_elses(engine):  # noqa: F811
    owner, friend = person(0, "authorization"), UserFactory(username="the.friend")
    befriend(owner, friend)
    own, theirs = posted(owner), posted(friend)
    services.comment_create(post=theirs.post, author=owner, body="My own words")
    services.comment_create(post=own.post, author=friend, body="The words of another")
    services.like_set(post=theirs.post, by=owner)
    services.bookmark_set(post=theirs.post, by=owner)
    album = albums.album_create(owner=owner, title="Best of")
    albums.album_add(album=album, by=owner, photo=own)
    notifications.preferences_set(owner=owner, by=owner, off=["like"])
    export = exporting.export_order(user=owner)
    assert exporting.export_build(export.pk)
    export.refresh_from_db()
    with zipfile.ZipFile(export.file.open("rb")) as archive:
        text = archive.read("data.json").decode()
        names = archive.namelist()
    found = json.loads(text)["community"]
    assert [comment["body"] for comment in found["comments"]] == ["My own words"]
    assert [like["post"] for like in found["likes"]] == [str(theirs.post_id)]
    assert [mark["post"] for mark in found["bookmarks"]] == [str(theirs.post_id)]
    assert found["albums"][0]["title"] == "Best of"
    assert found["albums"][0]["photos"][0] in names
    assert found["notifications_off"] == ["like"]
    assert "The words of another" not in text


# --- faces ---


def test_an_owner_is_asked_whose_face_it_is_without_naming_the_tagger(
    engine,  # noqa: F811
    django_capture_on_commit_callbacks,
):
    owner, named = person(0, "rules"), UserFactory(display_name="Named")
    author, tagger = UserFactory(display_name="Anna"), UserFactory(display_name="Tagger")
    befriend(tagger, named)
    befriend(author, tagger)
    photo = posted(author)
    with django_capture_on_commit_callbacks(execute=True):
        faces.tag_create(region=face_of(photo, owner), tagger=tagger, owner=named)
    (sentence,) = told(owner, "question")
    assert sentence == "Is this you? A face in a photo by Anna was named as somebody else."
    page = client_of(owner).get(reverse("notifications")).content.decode()
    assert "Tagger" not in page
    assert "Named" not in page
    questions.answer_is_me(region=face_of(photo, owner), by=owner)
    assert told(owner, "question") == [], "answered"


def test_a_reminder_is_one_sentence_and_goes_with_what_waited(
    engine,  # noqa: F811
    django_capture_on_commit_callbacks,
):
    owner = person(0, "authorization")
    photo = posted(UserFactory())
    type(photo).objects.update(created_at="2020-01-01T00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        assert reminders.send_due() == 1
    assert len(told(owner, "reminder")) == 1
    faces.authorization_answer(region=face_of(photo, owner), by=owner, answer="denied")
    assert told(owner, "reminder") == []


# --- limits ---


def test_comments_and_likes_of_one_person_are_limited_on_pages_and_api_together(settings, post):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"comment": (2, 60), "reaction": (2, 60)}
    fan = UserFactory()
    client = client_of(fan)
    say, like = reverse("comment-create", args=[post.pk]), reverse("like", args=[post.pk])
    assert client.post(say, {"body": "one"}).status_code == 302
    assert client.post(f"/api/v1/posts/{post.pk}/comments/", {"body": "two"}).status_code == 201
    assert client.post(say, {"body": "three"}).status_code == 429
    assert client.post(f"/api/v1/posts/{post.pk}/comments/", {"body": "three"}).status_code == 429
    assert post.comments.count() == 2
    assert client.post(like).status_code == 302
    assert client.put(f"/api/v1/posts/{post.pk}/bookmark/").status_code == 204
    assert client.post(reverse("bookmark", args=[post.pk])).status_code == 429
    assert client_of(UserFactory()).post(like).status_code == 302, "another person's tries are their own"
