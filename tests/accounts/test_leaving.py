"""Deleting an account: no row, no word and no file of the person is left; what others own stays theirs."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import RequestFactory
from rest_framework.authtoken.models import Token

from accounts import exporting, moderation, services
from accounts.models import User
from community import albums, notifications
from community import services as talking
from community.models import Comment, Notification
from faceaccess import services as faces
from faceaccess.models import FaceRegion
from photos import avatars
from photos.models import Photo
from tests.faceaccess.conftest import client_of, engine, face_of, fetch, person, posted, shown_to  # noqa: F401
from tests.faceaccess.engine import group_photo
from tests.factories import PASSWORD, CircleFactory, befriend, upload

pytestmark = pytest.mark.django_db(transaction=True)  # files go after a real commit

HANDLE, NAME, MAIL = "leaving.one", "Leaving Person", "leaving@mail.example"


def rows_that_mention(words) -> list[str]:
    """Every row of every table with one of the words in any of its columns."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [
                f"{table}: {row}" for row in cursor.fetchall() if any(word in repr(row) for word in words)
            ]
    return found


def rows_that_point_at(pk: int) -> list[str]:
    """Every row of every model with a key to that user."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if field.is_relation and field.related_model is User:
                found += [f"{model.__name__}.{field.name}"] * model._base_manager.filter(
                    **{field.name: pk}
                ).count()
    return found


def sessions_of(pk: int) -> list[str]:
    """Browsers signed in as that user: a session names its user inside its sealed data only."""
    return [s.pk for s in Session.objects.all() if s.get_decoded().get("_auth_user_id") == str(pk)]


@pytest.fixture
def leaver(engine):  # noqa: F811
    """Somebody with everything: captures, friends, circles, posts, tags, answers, rules, failed sign-ins, a token."""
    leaver = person(0, username=HANDLE, display_name=NAME, email=MAIL)
    friend, blocked, asked = person(1, "proxy"), person(), person()
    befriend(leaver, friend)
    services.friendship_request(requester=leaver, addressee=asked)
    services.block_create(blocker=blocked, blocked=leaver)
    CircleFactory(owner=leaver, members=[friend])
    CircleFactory(owner=friend, members=[leaver])
    own, others = posted(leaver), posted(friend)
    fetch(leaver, own)
    fetch(leaver, others)
    faces.authorization_answer(region=face_of(others, leaver), by=leaver, answer="approved")
    faces.tag_create(region=face_of(others, friend), tagger=leaver, owner=friend)
    faces.rule_create(owner=leaver, effect="show", subject="friends")
    faces.rule_create(owner=friend, effect="hide", subject="person", subject_person=leaver)
    faces.model_choose(owner=leaver, model="authorization")
    avatars.avatar_set(user=leaver, upload=upload(group_photo(2)))
    services.mute_create(muter=leaver, muted=friend)
    services.mute_create(muter=friend, muted=leaver)
    talk(leaver, friend, own, others)
    reports = {"reason": "other", "note": f"About {NAME}"}
    moderation.report_create(reporter=leaver, kind="person", target=str(friend.pk), **reports)
    moderation.report_create(reporter=friend, kind="photo", target=str(own.pk), **reports)
    staff = person(is_staff=True)
    moderation.reports_decide(
        report=moderation.report_create(reporter=friend, kind="person", target=str(leaver.pk), **reports),
        by=staff,
        take_down=False,
    )
    LogEntry.objects.log_actions(staff.pk, [leaver], 2, single_object=True)
    assert exporting.export_build(exporting.export_order(user=leaver).pk)
    TOTP.activate(leaver, generate_totp_secret())
    Token.objects.create(user=leaver)
    client_of(leaver).get("/")  # a session, and its row in the list of sessions
    client_of(None).post("/accounts/login/", {"login": HANDLE, "password": "wrong"})
    client_of(None).post("/api/v1/token/", {"username": HANDLE, "password": "wrong"})
    return leaver


def talk(leaver, friend, own, others) -> None:
    """What people say and do around each other's posts, both ways; and what they are told of it."""
    for one, other, theirs in ((leaver, friend, others), (friend, leaver, own)):
        comment = talking.comment_create(
            post=theirs.post, author=one, body=f"{NAME} @{other.username} #{HANDLE}"
        )
        talking.comment_create(
            post=theirs.post, author=other, body=f"@{one.username} #of{HANDLE.replace('.', '')}"
        )
        talking.like_set(post=theirs.post, by=one)
        talking.bookmark_set(post=theirs.post, by=one)
        notifications.preferences_set(owner=one, by=one, off=["reminder"])
        moderation.report_create(reporter=other, kind="comment", target=str(comment.pk), reason="other")
    Comment.objects.filter(author=friend).update(
        body="A word of a friend"
    )  # their words are theirs, and may stay
    album = albums.album_create(owner=leaver, title=NAME)
    albums.album_add(album=album, by=leaver, photo=own)
    assert {row.kind for row in Notification.objects.filter(recipient=friend)} >= {
        "comment",
        "like",
        "mention",
    }


def test_an_account_is_deleted_to_the_last_row_and_file(leaver, private_files, settings) -> None:
    pk, own = leaver.pk, leaver.posts.listed().get().photos.get()
    others = Photo.objects.exclude(post__author=leaver).get()
    own_photos = list(Photo.objects.filter(post__author=leaver))
    assert rows_that_mention([HANDLE])
    assert len(rows_that_point_at(pk)) > 20
    assert sessions_of(pk)
    assert [name for name in private_files() if name.startswith(f"exports/{pk}/")]
    assert [name for name in private_files() if own.pk.hex in name]
    assert [name for name in private_files() if name.startswith(f"captures/{pk}/")]

    services.account_delete(user=leaver, by=leaver)

    assert rows_that_mention([HANDLE, NAME, MAIL, str(own.pk), own.pk.hex]) == []
    assert rows_that_point_at(pk) == []
    assert sessions_of(pk) == []
    assert client_of(leaver).get("/settings/").status_code == 302
    assert [name for name in private_files() if name.startswith(f"exports/{pk}/")] == []
    left = private_files()
    assert [name for name in left if any(photo.pk.hex in name for photo in own_photos)] == []
    assert [name for name in left if own.pk.hex in name or name.startswith(f"captures/{pk}/")] == []
    known = {
        others.original.name,
        *(region.decoy.patch.name for region in others.regions.select_related("decoy")),
    }
    known |= {capture.picture.name for user in User.objects.all() for capture in user.captures.all()}
    assert set(left) == known, "every file left belongs to a row of somebody else"
    renditions = [path for path in settings.RENDITION_ROOT.rglob("*") if path.is_file()]
    assert not [path for path in renditions if own.pk.hex in str(path) or str(own.pk) in str(path)]


def test_their_face_in_photos_of_others_is_nobodys_and_hidden(leaver) -> None:
    others = Photo.objects.exclude(post__author=leaver).get()
    region, viewer = face_of(others, leaver), person()
    assert region.index in shown_to(viewer, others), "it was approved"
    services.account_delete(user=leaver, by=leaver)
    region.refresh_from_db()
    assert region.owner is None
    assert region.index not in shown_to(viewer, others)
    assert FaceRegion.objects.filter(photo=others).count() == 3


def test_leaving_takes_the_password_and_a_second_thought(leaver) -> None:
    client = client_of(leaver)
    leaver.set_password(PASSWORD)
    leaver.save()
    client.force_login(leaver)
    for form in ({"password": PASSWORD}, {"password": "wrong", "sure": "on"}, {"sure": "on"}):
        assert client.post("/settings/delete", form).status_code == 422
    assert client.get("/settings/delete").status_code == 200
    assert User.objects.filter(pk=leaver.pk).exists()
    answer = client.post("/settings/delete", {"password": PASSWORD, "sure": "on"}, follow=True)
    assert "Good-bye" in answer.content.decode()
    assert not User.objects.filter(pk=leaver.pk).exists()
    assert rows_that_point_at(leaver.pk) == []
    assert sessions_of(leaver.pk) == []


def test_nobody_deletes_the_account_of_another(leaver) -> None:
    with pytest.raises(PermissionDenied):
        services.account_delete(user=leaver, by=person(is_staff=True, is_superuser=True))
    assert authenticate(RequestFactory().post("/"), username=HANDLE, password="wrong") is None
    assert User.objects.filter(username=HANDLE).exists()
