"""After the gallery changed every old photo is matched again, in the background, whatever is killed on the way."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from accounts.services import enrolment_delete
from accounts.signals import enrolment_changed
from faceaccess import matching, tasks
from faceaccess.models import FaceRegion
from tests.faceaccess.conftest import enrol, person, posted
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What a SIGKILL is to a test: nothing between here and there gets to tidy up."""


@pytest.fixture
def album(engine):
    """Five photos of the same three people, none of them enrolled."""
    author = person()
    return [posted(author) for _ in range(5)]


def owners() -> list[int]:
    return list(FaceRegion.objects.filter(owner__isnull=False).values_list("owner", flat=True))


def drained() -> int:
    """Run the task and the messages it sends until there are none; returns how often."""
    runs = 1
    tasks.faces_rematch()
    while tasks.cache.get(tasks.REMATCHING):
        tasks.faces_rematch()
        runs += 1
    return runs


def test_who_enrols_is_found_in_every_old_photo_by_the_worker(album, monkeypatch):
    monkeypatch.setattr(tasks, "REMATCH_AT_ONCE", 2)
    late = person(1)
    assert matching.outdated().count() == 5
    assert drained() == 3  # two photos, two, and one
    assert owners() == [late.pk] * 5
    assert not matching.outdated().exists()


def test_who_leaves_uncovers_whom_they_made_ambiguous(album):
    one, twin = person(1), person(1)
    drained()
    assert owners() == []
    assert FaceRegion.objects.filter(match="ambiguous").count() == 5
    enrolment_delete(user=twin)
    drained()
    assert owners() == [one.pk] * 5


def test_another_capture_and_the_loss_of_one_count_too(album):
    user = person(1)
    drained()
    enrol(user, 2)
    assert matching.outdated().count() == 5
    drained()
    user.captures.order_by("pk").last().delete()
    assert matching.outdated().count() == 5


def test_new_photos_are_matched_against_todays_gallery_and_not_again(album):
    person(1)
    drained()
    posted(person())
    assert not matching.outdated().exists()


def test_a_worker_killed_half_way_is_taken_up_where_it_stood(album, monkeypatch):
    late = person(1)
    rematch_photo, done = matching.rematch_photo, []

    def killed_at_the_third(photo_id):
        if len(done) == 2:
            raise Killed
        done.append(photo_id)
        return rematch_photo(photo_id)

    monkeypatch.setattr(matching, "rematch_photo", killed_at_the_third)
    with pytest.raises(Killed):
        tasks.faces_rematch()
    assert owners() == [late.pk] * 2
    assert matching.outdated().count() == 3

    again = []
    monkeypatch.setattr(matching, "rematch_photo", lambda pk: again.append(pk) or rematch_photo(pk))
    tasks.cache.delete(tasks.REMATCHING)  # its lease ran out
    drained()
    assert owners() == [late.pk] * 5
    assert len(again) == 3
    assert not set(again) & set(done)


def test_a_photo_killed_within_its_transaction_is_not_taken_for_done(album, monkeypatch):
    person(1)
    assign = matching.assign
    monkeypatch.setattr(matching, "assign", lambda regions: die() if assign(regions) else None)
    with pytest.raises(Killed):
        tasks.faces_rematch()
    assert owners() == []
    assert matching.outdated().count() == 5


def die():
    raise Killed


def test_the_sweep_sends_what_a_dead_worker_left_and_only_then(album, sent_tasks, monkeypatch):
    tasks.photos_sweep()
    assert "faceaccess.tasks.faces_rematch" not in {name for name, _ in sent_tasks}
    person(1)
    tasks.photos_sweep()
    tasks.photos_sweep()  # the message is on its way: not a second one
    assert [name for name, _ in sent_tasks].count("faceaccess.tasks.faces_rematch") == 1
    tasks.photos_sweep(True)  # the worker was restarted
    assert [name for name, _ in sent_tasks].count("faceaccess.tasks.faces_rematch") == 2


def test_enrolling_sends_one_message_however_many_pictures(album, sent_tasks):
    for _ in range(3):
        enrolment_changed.send(sender=None, user=UserFactory())
    assert [name for name, _ in sent_tasks] == ["faceaccess.tasks.faces_rematch"]


def test_a_photo_that_cannot_be_matched_is_nobodys_and_stops_no_other(album, monkeypatch):
    before = person(0)
    drained()
    assert owners() == [before.pk] * 5
    late, rematch_photo = person(1), matching.rematch_photo
    broken = album[2].pk
    monkeypatch.setattr(matching, "rematch_photo", lambda pk: 1 / 0 if pk == broken else rematch_photo(pk))
    drained()
    assert sorted(owners()) == sorted([before.pk, late.pk] * 4)
    assert not FaceRegion.objects.filter(photo=broken, owner__isnull=False).exists()


def test_a_database_that_is_away_says_nothing_about_a_photo(album, monkeypatch):
    owner = person(0)
    drained()
    person(1)

    def away(photo_id):
        raise DatabaseError

    monkeypatch.setattr(matching, "rematch_photo", away)
    with pytest.raises(DatabaseError):
        tasks.faces_rematch()
    assert owners() == [owner.pk] * 5
    assert matching.outdated().count() == 5
