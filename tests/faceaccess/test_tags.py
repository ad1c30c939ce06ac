"""Every tagger's word is their own: what becomes of it, and what they are told of it, hangs on nobody else's."""

from __future__ import annotations

import re
from functools import partial

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.services import account_delete, block_create, friendship_end
from community.notifications import batches
from faceaccess import services
from faceaccess.exporting import decisions
from faceaccess.models import Tag
from tests.accounts.test_races import at_once
from tests.faceaccess.conftest import client_of, face_of, person, posted, shown_to
from tests.factories import befriend

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera(engine):
    return person(0, "proxy", display_name="Vera")


@pytest.fixture
def ann(vera):
    ann = person(display_name="Ann")
    befriend(vera, ann)
    return ann


@pytest.fixture
def bob(vera):
    bob = person(display_name="Bob")
    befriend(vera, bob)
    return bob


@pytest.fixture
def photo(vera):
    return posted(person())


@pytest.fixture
def region(photo, vera):
    return face_of(photo, vera)


def tag(tagger, region, owner) -> None:
    services.tag_create(region=region, tagger=tagger, owner=owner)


def untag(by, region) -> None:
    services.tag_withdraw(region=region, by=by)


def listed(tagger, photo) -> list[int]:
    """The faces under "You tagged ..." on the photo's page, by index."""
    page = client_of(tagger).get(reverse("photo", args=[photo.pk])).content.decode()
    numbers = {region.pk: region.index for region in photo.regions.all()}
    return sorted(numbers[int(number)] for number in re.findall(r"/faces/(\d+)/untag", page))


def told(owner) -> list[str]:
    return [strip_tags(batch.sentence) for batch in batches(owner) if batch.newest.kind == "tag"]


@pytest.mark.parametrize(
    "before", ["nothing", "a tag", "a tag taken back", "a withdrawn tag", "the owner's own"]
)
def test_naming_every_face_tells_nothing_about_any(photo, region, vera, ann, bob, before):
    if before != "nothing":
        tag(vera if "own" in before else ann, region, vera)
    if "taken" in before or "withdrawn" in before:
        untag(vera if "withdrawn" in before else ann, region)
    for face in photo.regions.all():
        tag(bob, face, vera)
    assert listed(bob, photo) == [0, 1, 2]
    for face in photo.regions.all():
        untag(bob, face)
        assert face.index not in listed(bob, photo)
    for face in photo.regions.all():
        tag(bob, face, vera)
    assert listed(bob, photo) == [0, 1, 2]


def test_a_tag_is_listed_as_long_as_its_tagger_does_not_take_it_back(photo, region, vera, ann, bob):
    tag(ann, region, vera)
    tag(bob, region, vera)
    untag(vera, region)
    untag(ann, region)
    assert (listed(ann, photo), listed(bob, photo)) == ([], [0])
    tag(vera, region, vera)
    assert (listed(ann, photo), listed(bob, photo)) == ([], [0])


GONE = {
    "taken back": lambda vera, ann, region: untag(ann, region),
    "no friend any more": lambda vera, ann, region: friendship_end(one=vera, other=ann),
    "blocked": lambda vera, ann, region: block_create(blocker=vera, blocked=ann),
    "account deleted": lambda vera, ann, region: account_delete(user=ann, by=ann),
}


@pytest.mark.parametrize("how", GONE)
def test_one_word_stands_when_the_other_goes(photo, region, vera, ann, bob, how):
    stranger = person()
    tag(ann, region, vera)
    tag(bob, region, vera)
    GONE[how](vera, ann, region)
    assert shown_to(stranger, photo) == {0}
    untag(bob, region)
    assert shown_to(stranger, photo) == set()


@pytest.mark.parametrize("how", GONE)
def test_a_withdrawal_outlives_every_word(photo, region, vera, ann, bob, how):
    tag(ann, region, vera)
    untag(vera, region)
    tag(bob, region, vera)
    GONE[how](vera, ann, region)
    for _ in range(3):
        untag(bob, region)
        tag(bob, region, vera)
        assert shown_to(person(), photo) == set()
    assert Tag.objects.count() <= 3, "saying it again and again leaves nothing behind"
    untag(bob, region)
    cat = person()
    befriend(vera, cat)
    tag(cat, region, vera)
    assert shown_to(person(), photo) == set()
    tag(vera, region, vera)
    assert shown_to(person(), photo) == {0}
    untag(vera, region)
    assert shown_to(person(), photo) == set()


def test_the_owner_is_told_once_and_again_when_another_word_takes_its_place(region, vera, ann, bob):
    tag(ann, region, vera)
    tag(bob, region, vera)
    tag(ann, region, vera)
    assert told(vera) == ["Ann tagged you in a photo."]
    untag(ann, region)
    assert told(vera) == ["Bob tagged you in a photo."]
    untag(vera, region)
    tag(ann, region, vera)
    assert told(vera) == []


def test_the_owner_reads_of_one_tag(region, vera, ann, bob):
    tag(ann, region, vera)
    tag(bob, region, vera)
    address = f"/api/v1/faces/{region.pk}/"
    assert client_of(vera).get(address).json()["tag"] == {"tagger": ann.username, "withdrawn": False}
    friendship_end(one=vera, other=ann)
    assert client_of(vera).get(address).json()["tag"] == {"tagger": bob.username, "withdrawn": False}
    untag(vera, region)
    assert client_of(vera).get(address).json()["tag"]["withdrawn"]
    (line,) = decisions(vera)["tags"]
    assert line["withdrawn_at"] is not None


@pytest.mark.django_db(transaction=True)
def test_tags_and_a_withdrawal_at_once(photo, region, vera, ann, bob):
    for _ in range(6):
        results = at_once(
            partial(tag, ann, region, vera),
            partial(tag, ann, region, vera),
            partial(tag, bob, region, vera),
            partial(untag, vera, region),
            partial(untag, bob, region),
        )
        assert results == [None] * 5
        assert Tag.objects.filter(tagger=ann).count() == 1
        states = {stamp is None for stamp in Tag.objects.values_list("withdrawn_at", flat=True)}
        assert len(states) == 1, "all stand or none"
        assert shown_to(person(), photo) == ({0} if states == {True} else set())
        Tag.objects.all().delete()
