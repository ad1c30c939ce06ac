"""Who is closed is recognised nowhere and speaks for nobody; who is opened again is as before."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts import moderation
from accounts.models import ModerationEntry, User
from faceaccess import claims, services, tasks
from faceaccess.models import Exposure, FaceRegion
from photos.models import Photo
from tests.faceaccess.conftest import client_of, face_of, person, posted, rematch, shown_to
from tests.faceaccess.test_claims import NEAR, somebody
from tests.factories import befriend

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(engine) -> User:
    return person(is_staff=True, is_superuser=True)


def switch(user: User, staff: User, active: bool, way: str) -> None:
    """Close or open an account: upon a report, or as the admin does."""
    if way == "admin":
        row = User.objects.get(pk=user.pk)
        row.is_active = active
        row.save()
    elif active:
        entry = ModerationEntry.objects.get(about=user, action="taken_down")
        moderation.take_down_undo(entry=entry, by=staff)
    else:
        about = {"kind": "person", "target": str(user.pk), "reason": "other"}
        report = moderation.report_create(reporter=person(), **about)
        moderation.reports_decide(report=report, by=staff, take_down=True)


@pytest.fixture
def switched(staff, django_capture_on_commit_callbacks):
    def run(user: User, active: bool, way: str = "report") -> None:
        with django_capture_on_commit_callbacks(execute=True):
            switch(user, staff, active, way)
        with django_capture_on_commit_callbacks(execute=True):
            tasks.faces_rematch()

    return run


def owners(photo: Photo) -> list[int | None]:
    return list(photo.regions.values_list("owner", flat=True))


@pytest.mark.parametrize("model", ["proxy", "authorization", "rules"])
@pytest.mark.parametrize("way", ["report", "admin"])
def test_a_closed_persons_face_is_hidden_and_is_as_before_when_they_are_back(
    switched, model, way, django_capture_on_commit_callbacks
):
    viewer = person()
    with django_capture_on_commit_callbacks(execute=True):
        owner = person(0, model)
        photo = posted(person())
        services.tag_create(region=face_of(photo, owner), tagger=owner, owner=owner)
        services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
        services.rule_create(owner=owner, effect="show", subject="everyone")
    assert shown_to(viewer, photo) == {0}
    switched(owner, False, way)
    assert shown_to(viewer, photo) == set()
    assert owners(photo) == [None, None, None]
    assert not Exposure.objects.filter(owner=owner, until=None).exists()
    switched(owner, True, way)
    assert owners(photo) == [owner.pk, None, None]
    assert shown_to(viewer, photo) == {0}
    assert Exposure.objects.filter(owner=owner, until=None).exists()


def test_it_is_hidden_in_the_same_instant_whatever_was_announced(engine):
    owner, viewer = person(0, "rules"), person()
    services.rule_create(owner=owner, effect="show", subject="everyone")
    photo = posted(person())
    assert shown_to(viewer, photo) == {0}
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert shown_to(viewer, photo) == set()


def test_the_admin_closes_as_a_report_does(switched, staff):
    owner = person(0)
    photo = posted(person())
    form = {
        "username": owner.username,
        "display_name": owner.display_name,
        "bio": "",
    }  # is_active is not ticked
    address = reverse("admin:accounts_user_change", args=[owner.pk])
    assert client_of(staff).post(address, form).status_code == 302
    assert not User.objects.get(pk=owner.pk).is_active
    tasks.faces_rematch()
    assert owners(photo) == [None, None, None]


def test_an_impostor_who_enrolled_first_shows_nothing_once_they_are_closed(switched):
    """And whose face it is, is recognised as soon as staff have let their picture count."""
    impostor, stranger = person(0, "rules"), person()
    services.rule_create(owner=impostor, effect="show", subject="everyone")
    photo = posted(person())
    assert shown_to(stranger, photo) == {0}
    switched(impostor, False)
    assert shown_to(stranger, photo) == set()
    vera = person(0, "authorization")
    rematch(vera.pk)
    assert owners(photo) == [vera.pk, None, None]
    assert shown_to(vera, photo) == {0}
    assert shown_to(stranger, photo) == set()
    switched(impostor, True)
    assert photo.regions.get(index=0).match == FaceRegion.Match.AMBIGUOUS
    assert shown_to(stranger, photo) == set()


def test_a_face_that_was_claimed_is_nobodys_while_its_claimant_is_closed(switched):
    claimant, viewer = somebody(NEAR), person()
    services.rule_create(owner=claimant, effect="show", subject="everyone")
    photo = posted(person())
    assert claims.judge(claims.claim_create(region=photo.regions.get(index=0), by=claimant).pk)
    assert shown_to(viewer, photo) == {0}
    switched(claimant, False)
    assert owners(photo) == [None, None, None]
    assert shown_to(viewer, photo) == set()
    switched(claimant, True)
    assert shown_to(viewer, photo) == {0}


def test_the_tag_of_a_closed_friend_shows_nobody(switched, django_capture_on_commit_callbacks):
    friend, viewer = person(), person()
    with django_capture_on_commit_callbacks(execute=True):
        owner = person(0, "proxy")
        befriend(owner, friend)
        photo = posted(person())
        services.tag_create(region=face_of(photo, owner), tagger=friend, owner=owner)
    assert shown_to(viewer, photo) == {0}
    switched(friend, False)
    assert shown_to(viewer, photo) == set()
    assert shown_to(owner, photo) == {0}
    assert Exposure.objects.filter(owner=owner).count() == 1
    assert not Exposure.objects.filter(owner=owner, until=None).exists()
    switched(friend, True)
    assert shown_to(viewer, photo) == {0}


def test_nothing_is_announced_where_nobody_is_closed_or_opened(
    engine, sent_tasks, django_capture_on_commit_callbacks
):
    owner = person(0)
    with django_capture_on_commit_callbacks(execute=True):
        owner.bio = "new"
        owner.save()
        owner.save(update_fields=["bio"])
        person()
    assert sent_tasks == []
