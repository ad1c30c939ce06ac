"""Faces find their people, old photos too, and lose them when people leave."""

from __future__ import annotations

import pytest

from accounts.services import account_delete, enrolment_delete
from faceaccess import services
from faceaccess.models import FaceRegion, MatchRejection, Rule
from faceaccess.selectors import visible_set
from tests.faceaccess.conftest import enrol, face_of, person, posted, rematch, shown_to
from tests.factories import FaceCaptureFactory, UserFactory, befriend, unit_vector

pytestmark = pytest.mark.django_db


def owners(photo) -> list:
    return list(photo.regions.values_list("owner", flat=True))


def test_who_enrols_is_found_in_old_photos(engine):
    photo = posted(person())
    late = person(2)
    assert owners(photo) == [None, None, None]
    assert rematch(late.pk) == 1
    assert owners(photo) == [None, None, late.pk]


def test_decoys_and_version_stay_when_owners_change(engine):
    photo = posted(person())
    before = list(photo.regions.values_list("decoy__patch", "decoy__donor"))
    rematch(person(2).pk)
    assert list(photo.regions.values_list("decoy__patch", "decoy__donor")) == before
    version = photo.version
    photo.refresh_from_db()
    assert photo.version == version


def test_who_leaves_is_nobody_at_once(engine, django_capture_on_commit_callbacks):
    owner = person(0, "rules")
    services.rule_create(owner=owner, effect="show", subject="everyone")
    photo, viewer = posted(person()), person()
    assert shown_to(viewer, photo) == {0}
    with django_capture_on_commit_callbacks(execute=True):  # no worker: the receiver alone
        enrolment_delete(user=owner)
    assert owners(photo) == [None, None, None]
    assert set(photo.regions.values_list("match", flat=True)) == {"unknown"}
    assert shown_to(viewer, photo) == shown_to(owner, photo) == set()


def test_an_account_that_is_gone_owns_no_face(engine, django_capture_on_commit_callbacks):
    owner = person(0, "rules")
    services.rule_create(owner=owner, effect="show", subject="everyone")
    photo = posted(person())
    with django_capture_on_commit_callbacks(execute=True):
        account_delete(user=owner, by=owner)
    assert not visible_set(photo, person()).shown
    rematch(None)
    assert set(photo.regions.values_list("match", flat=True)) == {"unknown"}


def test_not_me_is_remembered_whatever_is_matched_again(engine):
    owner = person(0)
    photo = posted(person())
    services.match_reject(region=face_of(photo, owner), by=owner)
    assert owners(photo) == [None, None, None]
    enrol(owner, 0)
    rematch(owner.pk)
    assert owners(photo) == [None, None, None]
    assert MatchRejection.objects.get().person == owner


def test_a_rejected_face_may_still_be_somebody_elses(engine):
    owner = person(0)
    photo = posted(person())
    services.match_reject(region=face_of(photo, owner), by=owner)
    other = UserFactory()
    FaceCaptureFactory(user=other, embedding=engine.analyze(_image(photo)).faces[0].embedding)
    rematch(other.pk)
    assert owners(photo)[0] == other.pk


def _image(photo):
    from faceaccess.pipeline import read_original

    return read_original(photo)


def test_a_face_close_to_two_people_is_ambiguous_and_hidden_from_both(engine):
    owner = person(0, "rules")
    services.rule_create(owner=owner, effect="show", subject="everyone")
    photo = posted(person())
    twin = person(0)
    rematch(twin.pk)
    assert photo.regions.get(index=0).match == FaceRegion.Match.AMBIGUOUS
    assert shown_to(owner, photo) == shown_to(twin, photo) == shown_to(person(), photo) == set()


def test_two_faces_can_exchange_their_owners(engine):
    one, two = person(0), person(1)
    photo = posted(person())
    first, second = photo.regions.filter(index__in=(0, 1))
    FaceRegion.objects.filter(pk__in=(first.pk, second.pk)).update(owner=None, match="unknown")
    for region, owner in ((first, two), (second, one)):
        FaceRegion.objects.filter(pk=region.pk).update(owner=owner, match="matched")
    assert rematch() == 2
    assert owners(photo)[:2] == [one.pk, two.pk]


def test_a_face_whose_embedding_does_not_open_is_nobodys(engine):
    owner = person(0)
    photo = posted(person())
    FaceRegion.objects.filter(photo=photo, index=0).update(embedding=b"\x01garbage")
    rematch(owner.pk)
    assert owners(photo) == [None, None, None]


def test_regions_of_another_embedding_space_are_not_compared(engine):
    photo = posted(person())
    FaceRegion.objects.update(pack="another")
    rematch(person(0).pk)
    assert owners(photo) == [None, None, None]


def test_what_was_said_about_a_former_owner_is_neither_lost_nor_inherited(engine):
    """Region matched to one, then to another, then back: each owner's word counts for that owner only."""
    one, two, viewer = person(0, "authorization"), person(None, "authorization"), person()
    photo = posted(person())
    region = face_of(photo, one)
    services.authorization_answer(region=region, by=one, answer="approved")
    assert shown_to(viewer, photo) == {0}

    FaceCaptureFactory(user=two, embedding=unit_vector(7))
    FaceRegion.objects.filter(pk=region.pk).update(owner=two)
    assert shown_to(viewer, photo) == set()
    services.authorization_answer(region=region, by=two, answer="denied")
    FaceRegion.objects.filter(pk=region.pk).update(owner=one)
    assert shown_to(viewer, photo) == {0}


@pytest.mark.parametrize("model", ["proxy", "authorization", "rules"])
def test_only_the_present_owners_statements_count(engine, model):
    owner, other, friend = person(0, model), person(), person()
    befriend(owner, friend)
    befriend(other, friend)
    photo = posted(person())
    region = face_of(photo, owner)
    region.tags.create(owner=other, tagger=friend)
    region.authorizations.create(owner=other, answer="approved")
    region.overrides.create(owner=other, effect="show")
    assert not visible_set(photo, person()).shown


@pytest.mark.parametrize("model", ["proxy", "authorization", "rules"])
@pytest.mark.parametrize("said_before", [False, True])
def test_a_word_to_hide_goes_along_when_another_face_of_the_photo_becomes_theirs(engine, model, said_before):
    """Somebody is in it twice, and enrols again with a picture that is nearer to the other one."""
    owner, friend = person(0, model), person()
    befriend(owner, friend)
    photo = posted(person())
    first, second = photo.regions.filter(index__in=(0, 1))
    Rule.objects.create(owner=owner, position=1, effect="show", subject="everyone")
    services.tag_create(region=second, tagger=friend, owner=owner)
    if said_before:
        second.overrides.create(owner=owner, effect="show")
        second.authorizations.create(owner=owner, answer="approved")
    services.tag_create(region=first, tagger=friend, owner=owner)
    services.tag_withdraw(region=first, by=owner)
    services.authorization_answer(region=first, by=owner, answer="denied")
    services.override_set(region=first, by=owner, effect="hide")
    enrolment_delete(user=owner)
    enrol(owner, 1)
    rematch()
    assert owners(photo)[:2] == [None, owner.pk]
    assert shown_to(friend, photo) == set()
    assert second.tags.get().tagger == friend  # who is not told that it counts no more

    services.tag_create(region=second, tagger=owner, owner=owner)
    services.authorization_answer(region=second, by=owner, answer="approved")
    services.override_set(region=second, by=owner, effect="show")
    rematch()
    assert shown_to(friend, photo) == {1}


def test_a_word_to_show_stays_with_the_face_it_was_said_of(engine):
    owner, friend = person(0, "rules"), person()
    photo = posted(person())
    services.override_set(region=face_of(photo, owner), by=owner, effect="show")
    assert shown_to(friend, photo) == {0}
    enrolment_delete(user=owner)
    enrol(owner, 1)
    rematch()
    assert owners(photo)[:2] == [None, owner.pk]
    assert shown_to(friend, photo) == set()
