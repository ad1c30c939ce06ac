"""The log of who could see a face where: what was so from when to when, and nothing that is others' to tell."""

from __future__ import annotations

import uuid

import pytest
from django.db import transaction
from django.urls import reverse

from accounts import services as people
from accounts.services import enrolment_delete
from faceaccess import exposures, services, tasks
from faceaccess.models import Exposure, Standing
from photos.services import post_delete
from tests.faceaccess.conftest import client_of, face_of, person, posted, shown_to
from tests.factories import CircleFactory, befriend

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner():
    return person(0, "authorization")


@pytest.fixture
def photo(engine, owner):
    return posted(person(display_name="Dan"))


def open_now(owner) -> list[tuple[str, str]]:
    return sorted((e.who, e.reason) for e in Exposure.objects.filter(owner=owner, until=None))


def spans(owner) -> list[tuple[str, bool]]:
    """Oldest first: to whom, and whether it is over."""
    return [(e.who, e.until is not None) for e in Exposure.objects.filter(owner=owner).order_by("pk")]


def test_silence_leaves_no_line(owner, photo):
    assert spans(owner) == []


def test_an_approval_opens_a_span_and_its_end_closes_it(owner, photo):
    region = face_of(photo, owner)
    services.authorization_answer(region=region, by=owner, answer="approved")
    assert open_now(owner) == [("everyone", "approved")]
    services.authorization_answer(region=region, by=owner, answer="denied")
    services.authorization_answer(region=region, by=owner, answer="approved")
    assert spans(owner) == [("everyone", True), ("everyone", False)]
    first, second = Exposure.objects.order_by("pk")
    assert first.since < first.until <= second.since


def test_the_same_said_twice_is_one_span(owner, photo):
    for _ in range(2):
        services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    assert spans(owner) == [("everyone", False)]


def test_what_is_rolled_back_was_never_so(owner, photo):
    with transaction.atomic():
        services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
        transaction.set_rollback(True)
    assert spans(owner) == []
    services.model_choose(owner=owner, model="proxy")  # the next change is noticed all the same
    services.tag_create(region=face_of(photo, owner), tagger=owner, owner=owner)
    assert open_now(owner) == [("everyone", "tagged")]


def test_a_tag_ends_with_the_friendship_it_rests_on(owner, photo):
    services.model_choose(owner=owner, model="proxy")
    friend = person()
    befriend(owner, friend)
    services.tag_create(region=face_of(photo, owner), tagger=friend, owner=owner)
    assert open_now(owner) == [("everyone", "tagged")]
    people.friendship_end(one=friend, other=owner)
    assert spans(owner) == [("everyone", True)]


def test_rules_are_told_by_kinds_of_viewer(owner, photo):
    services.model_choose(owner=owner, model="rules")
    mara, circle = person(), CircleFactory(owner=owner, name="Family")
    services.rule_create(owner=owner, effect="hide", subject="person", subject_person=mara)
    services.rule_create(owner=owner, effect="show", subject="circle", subject_circle=circle)
    assert open_now(owner) == [("circle", "rule")]
    rule = services.rule_create(owner=owner, effect="show", subject="friends")
    assert open_now(owner) == [("circle", "rule"), ("friends", "rule")]
    services.rule_delete(rule=rule, by=owner)
    assert open_now(owner) == [("circle", "rule")]
    services.override_set(region=face_of(photo, owner), by=owner, effect="show")
    assert open_now(owner) == [("everyone", "override")]


def test_a_person_named_in_a_rule_is_told_as_the_gate_decides(owner, photo):
    """A friend of a friend, whom an earlier rule hides from, is not told to have seen it."""
    services.model_choose(owner=owner, model="rules")
    friend, mara = person(), person()
    befriend(owner, friend)
    befriend(friend, mara)
    services.rule_create(owner=owner, effect="hide", subject="friends_of_friends")
    services.rule_create(owner=owner, effect="show", subject="person", subject_person=mara)
    assert open_now(owner) == []
    assert shown_to(mara, photo) == set()
    people.friendship_end(one=friend, other=mara)
    exposures.keep(owner.pk)
    assert open_now(owner) == [("person", "rule")]
    assert shown_to(mara, photo) == {0}


@pytest.mark.parametrize("end", ["leave", "not me", "delete the post"])
def test_nothing_stays_open_after_the_end(owner, photo, end):
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    if end == "leave":
        enrolment_delete(user=owner)
    elif end == "not me":
        services.match_reject(region=face_of(photo, owner), by=owner)
    else:
        post_delete(post=photo.post, by=photo.post.author)
    assert spans(owner) == [("everyone", True)]
    assert end != "delete the post" or Exposure.objects.get().photo is None


def test_another_default_of_the_site_is_noticed_by_the_sweep(owner, photo, settings):
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    settings.FACE_PINNED_MODEL = "rules"
    tasks.exposures_keep()
    assert spans(owner) == [("everyone", True)]


def test_friends_and_members_are_named_for_as_long_as_they_were(owner, photo):
    services.model_choose(owner=owner, model="rules")
    circle = CircleFactory(owner=owner, name="Family")
    theo, clara, late = (person(display_name=name) for name in ("Theo", "Clara", "Late"))
    for friend in (theo, clara):
        befriend(owner, friend)
    people.circle_add(circle=circle, by=owner, person=clara)
    services.rule_create(owner=owner, effect="show", subject="circle", subject_circle=circle)
    rule = services.rule_create(owner=owner, effect="show", subject="friends")
    people.friendship_end(one=theo, other=owner)
    services.rule_delete(rule=rule, by=owner)
    befriend(owner, late)
    told = exposures.lines(owner, Exposure.objects.filter(owner=owner))
    assert {line.people for line in told.values()} == {("Clara", "Theo"), ("Clara",)}
    assert Standing.objects.filter(owner=owner, person=theo).get().until is not None


def test_the_page_names_only_ones_own_people_and_nobody_who_sees_the_photo(owner, photo):
    """Who of them may see it is its author's to tell."""
    befriend(photo.post.author, person(display_name="Authors Friend"))
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    page = client_of(owner).get(reverse("who-could-see")).content.decode()
    assert "Posted by Dan" in page
    assert "You approved this photo." in page
    assert "Authors Friend" not in page


def test_a_photo_that_is_not_there_for_the_owner_any_more_loses_its_words(owner, photo):
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    people.block_create(blocker=photo.post.author, blocked=owner)
    page = client_of(owner).get(reverse("who-could-see")).content.decode()
    assert "Dan" not in page
    assert str(photo.pk) not in page
    assert "You approved this photo." in page


def test_one_photo_without_lines_does_not_claim_that_there_are_none_elsewhere(owner, photo):
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    page = client_of(owner).get(reverse("who-could-see") + f"?photo={uuid.uuid4()}").content.decode()
    assert "in this photo" in page
    assert 'href="/face/who"' in page  # all photos


def test_nobody_else_reads_it(owner, photo):
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    for other in (photo.post.author, person()):
        page = client_of(other).get(reverse("who-could-see") + f"?photo={photo.pk}").content.decode()
        assert "approved" not in page
    assert client_of(None).get(reverse("who-could-see")).status_code == 302
