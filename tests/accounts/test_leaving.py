"""Deleting an account: no row, no word and no file of the person is left; what others own stays theirs."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.apps import apps
from django.conf import settings as site
from django.contrib.admin.models import LogEntry
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.http import int_to_base36
from rest_framework.authtoken.models import Token

from accounts import exporting, moderation, services, tasks
from accounts.models import DataExport, User
from community import albums, notifications
from community import services as talking
from community.models import Comment, Notification
from faceaccess import services as faces
from faceaccess.models import FaceRegion
from photos import avatars
from photos.models import Photo
from tests.accounts.test_two_factor import signed_in
from tests.faceaccess.conftest import client_of, engine, face_of, fetch, person, posted, shown_to  # noqa: F401
from tests.faceaccess.engine import group_photo
from tests.factories import PASSWORD, CircleFactory, befriend, upload

pytestmark = pytest.mark.django_db(transaction=True)  # files go after a real commit

HANDLE, NAME, MAIL = "leaving.one", "Leaving Person", "leaving@mail.example"
FORMER, SECOND = "leaving.before", "leaving.too@mail.example"


def rows_that_mention(words) -> list[str]:
    """Every row of every table with one of the words in any of its columns, and every session with one inside."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [
                f"{table}: {row}" for row in cursor.fetchall() if any(word in repr(row) for word in words)
            ]
    sessions = {session.pk: repr(session.get_decoded()) for session in Session.objects.all()}
    return found + [f"session: {data}" for data in sessions.values() if any(word in data for word in words)]


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
    """Browsers of that user, signed in or about to: a session names its user inside its sealed data only."""

    def is_theirs(data: dict) -> bool:
        login, code = data.get("account_login", {}), data.get("account_email_verification_code", {})
        ids = data.get("_auth_user_id"), code.get("user_id"), data.get("account_authentication_methods_user")
        return str(pk) in ids or login.get("user_pk") == int_to_base36(pk)

    return [session.pk for session in Session.objects.all() if is_theirs(session.get_decoded())]


@pytest.fixture
def leaver(engine):  # noqa: F811
    """Somebody with everything: captures, friends, circles, posts, tags, answers, rules, failed sign-ins, a token."""
    leaver = person(0, username=FORMER, display_name=NAME, email=MAIL)
    EmailAddress.objects.create(user=leaver, email=SECOND, verified=True)
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
    look_after(staff, leaver)
    for user in (leaver, friend, asked):
        assert exporting.export_build(exporting.export_order(user=user).pk)
    try_to_sign_in(FORMER)
    services.profile_update(user=leaver, by=leaver, username=HANDLE)
    TOTP.activate(leaver, generate_totp_secret())
    Token.objects.create(user=leaver)
    client_of(leaver).get("/")  # a session, and its row in the list of sessions
    for login in (HANDLE, MAIL, SECOND.upper()):
        try_to_sign_in(login)
    assert "_auth_user_id" not in signed_in(leaver).session, "the second factor is asked for"
    sign_up("somebody.else", SECOND)  # with an address that is taken: as if it were not
    return leaver


def look_after(staff, leaver) -> None:
    """What the staff's log says of the leaver: of rows that are there, and of one that is not any more."""
    client = Client(headers={"User-Agent": f"Firefox of {NAME}"})
    client.post("/accounts/login/", {"login": leaver.username, "password": PASSWORD})
    (browser,) = UserSession.objects.filter(user=leaver)
    rows = [leaver, browser, *EmailAddress.objects.filter(user=leaver)]
    for row in rows:
        LogEntry.objects.log_actions(staff.pk, [row], 2, change_message=f"saw {row}", single_object=True)
    UserSession.objects.filter(pk=browser.pk).delete()


def try_to_sign_in(login: str) -> None:
    client_of(None).post("/accounts/login/", {"login": login, "password": "wrong"})
    client_of(None).post("/api/v1/token/", {"username": login, "password": "wrong"})


def sign_up(handle: str, address: str) -> Client:
    client = Client()
    client.post("/accounts/signup/", {"username": handle, "email": address, "password1": PASSWORD})
    return client


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
    for word in (HANDLE, NAME, MAIL, FORMER, SECOND):
        assert rows_that_mention([word]), word
    assert DataExport.objects.filter(names=leaver).count() == 2
    assert len(sessions_of(pk)) == 3
    assert len(rows_that_point_at(pk)) > 20
    assert [name for name in private_files() if name.startswith(f"exports/{pk}/")]
    assert [name for name in private_files() if own.pk.hex in name]
    assert [name for name in private_files() if name.startswith(f"captures/{pk}/")]

    services.account_delete(user=leaver, by=leaver)

    words = [HANDLE, NAME, MAIL, FORMER, SECOND, SECOND.upper(), str(own.pk), own.pk.hex]
    assert rows_that_mention(words) == []
    assert rows_that_point_at(pk) == []
    assert sessions_of(pk) == []
    assert client_of(leaver).get("/settings/").status_code == 302
    assert [name for name in private_files() if name.startswith("exports/")] == []
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


# --- what no cascade reaches ---


def test_who_left_before_they_ever_got_in_has_no_session_either() -> None:
    client = sign_up("zed", "zed@mail.example")
    assert client.session["account_email_verification_code"]["code"]
    services.account_delete(user=(zed := User.objects.get(username="zed")), by=zed)
    assert not Session.objects.exists()


def test_others_stay_signed_in_without_the_address_they_asked_for() -> None:
    leaver, other = person(email=MAIL), person()
    client, waiting = signed_in(other), sign_up("yara", "yara@mail.example")
    client.post("/accounts/email/", {"email": MAIL, "action_add": ""})
    assert rows_that_mention([MAIL])
    services.account_delete(user=leaver, by=leaver)
    assert rows_that_mention([MAIL]) == []
    assert client.get("/settings/").status_code == 200
    assert waiting.session["account_email_verification_code"]["email"] == "yara@mail.example"


def test_an_address_that_only_holds_theirs_is_somebody_elses() -> None:
    leaver = person(email="ann@mail.example")
    others = [sign_up("jon", "jo-ann@mail.example"), sign_up("joann", "joann@mail.example")]
    services.account_delete(user=leaver, by=leaver)
    assert all(client.session["account_login"] for client in others)


def test_a_session_that_nobody_can_open_any_more_goes_as_well(settings) -> None:
    sign_up("zed", "zed@mail.example")
    settings.SECRET_KEY = "another one"
    services.account_delete(user=(zed := User.objects.get(username="zed")), by=zed)
    assert not Session.objects.exists()


def test_tries_at_other_names_are_still_counted() -> None:
    leaver, other = person(email=""), person()
    for name in (leaver.username, other.username):
        try_to_sign_in(name)
    services.account_delete(user=leaver, by=leaver)
    assert set(AccessAttempt.objects.values_list("username", flat=True)) == {other.username}


def test_with_a_handle_the_tries_at_it_are_forgotten() -> None:
    user = person(username=FORMER)
    try_to_sign_in(FORMER)
    services.profile_update(user=user, by=user, bio="Another text")
    assert rows_that_mention([FORMER])
    assert AccessAttempt.objects.exists()
    services.profile_update(user=user, by=user, username=HANDLE)
    assert not AccessAttempt.objects.exists()


def test_the_staffs_log_of_other_people_stays() -> None:
    staff, leaver, other = person(is_staff=True), person(), person()
    for row in EmailAddress.objects.exclude(user=staff):
        LogEntry.objects.log_actions(staff.pk, [row, row.user], 2)
    services.account_delete(user=leaver, by=leaver)
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {other.email, other.name}


# --- every day ---


def test_what_ran_out_is_swept_away() -> None:
    kept, gone = sign_up("yara", "yara@mail.example"), sign_up("zed", "zed@mail.example")
    long_ago = timezone.now() - timedelta(days=400)
    Session.objects.filter(pk=gone.session.session_key).update(expire_date=long_ago)
    for name in ("yara", "zed"):
        try_to_sign_in(name)
    AccessAttempt.objects.filter(username="zed").update(attempt_time=long_ago)
    tasks.traces_sweep()
    assert [session.pk for session in Session.objects.all()] == [kept.session.session_key]
    assert set(AccessAttempt.objects.values_list("username", flat=True)) == {"yara"}
    assert site.CELERY_BEAT_SCHEDULE["traces-sweep"]["task"] == tasks.traces_sweep.name


def test_the_list_of_sessions_goes_with_the_sessions() -> None:
    mara = person()
    kept, over = signed_in(mara), signed_in(mara)
    Session.objects.filter(pk=over.session.session_key).delete()
    tasks.traces_sweep()
    assert UserSession.objects.get().session_key == kept.session.session_key
    assert kept.get("/settings/").status_code == 200


def test_of_a_row_that_is_gone_the_staffs_log_keeps_no_name() -> None:
    staff, mara = person(is_staff=True), person()
    address = EmailAddress.objects.get(user=mara)
    LogEntry.objects.log_actions(staff.pk, [address, mara], 2, change_message=f"was {address}")
    EmailAddress.objects.filter(pk=address.pk).update(email="second@mail.example")
    tasks.traces_sweep()
    assert LogEntry.objects.filter(object_repr=address.email).exists(), "it is there, under another name"
    address.delete()
    tasks.traces_sweep()
    line, about_mara = LogEntry.objects.order_by("content_type__model")
    assert (line.user, line.object_repr, line.change_message) == (staff, "—", "")
    assert about_mara.object_repr == mara.name
