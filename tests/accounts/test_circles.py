"""Circles: the owner's own, of friends only."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts import selectors, services
from accounts.models import Circle
from tests.factories import CircleFactory, UserFactory, befriend

pytestmark = pytest.mark.django_db


@pytest.fixture
def circle():
    return services.circle_create(owner=UserFactory(), name="  Family ")


def test_an_owner_names_renames_and_deletes_a_circle(circle) -> None:
    assert circle.name == "Family"
    services.circle_rename(circle=circle, by=circle.owner, name="Home")
    assert [each.name for each in selectors.circles_of(circle.owner)] == ["Home"]
    services.circle_delete(circle=circle, by=circle.owner)
    assert not Circle.objects.exists()


def test_renaming_brings_no_deleted_circle_back(circle) -> None:
    read_before = Circle.objects.get()
    services.circle_delete(circle=circle, by=circle.owner)
    with pytest.raises(ValidationError):
        services.circle_rename(circle=read_before, by=read_before.owner, name="Home")
    assert not Circle.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "family", " FAMILY "])
def test_a_name_is_needed_short_and_used_once(circle, name) -> None:
    with pytest.raises(ValidationError) as caught:
        services.circle_create(owner=circle.owner, name=name)
    assert list(caught.value.message_dict) == ["name"]
    assert Circle.objects.count() == 1


def test_a_circle_keeps_its_own_name_and_two_owners_may_use_the_same(circle) -> None:
    services.circle_rename(circle=circle, by=circle.owner, name="family")
    services.circle_create(owner=UserFactory(), name="family")
    assert Circle.objects.filter(name="family").count() == 2


def test_friends_are_put_in_and_taken_out(circle) -> None:
    friend = UserFactory()
    befriend(friend, circle.owner)
    services.circle_add(circle=circle, by=circle.owner, person=friend)
    services.circle_add(circle=circle, by=circle.owner, person=friend)
    assert list(circle.members.all()) == [friend]
    services.circle_remove(circle=circle, by=circle.owner, person=friend)
    assert list(circle.members.all()) == []


@pytest.mark.parametrize("who", ["stranger", "asked", "owner"])
def test_nobody_but_friends_is_put_in(circle, who) -> None:
    person = circle.owner if who == "owner" else UserFactory()
    if who == "asked":
        services.friendship_request(requester=circle.owner, addressee=person)
    with pytest.raises(ValidationError):
        services.circle_add(circle=circle, by=circle.owner, person=person)
    assert not circle.members.exists()


def test_a_circle_is_nobody_elses_business() -> None:
    owner, member = UserFactory(), UserFactory()
    befriend(owner, member)
    circle = CircleFactory(owner=owner, members=[member], name="Family")
    for other in (member, UserFactory(is_staff=True, is_superuser=True)):
        for attempt in (
            lambda by: services.circle_rename(circle=circle, by=by, name="Mine"),
            lambda by: services.circle_delete(circle=circle, by=by),
            lambda by: services.circle_add(circle=circle, by=by, person=member),
            lambda by: services.circle_remove(circle=circle, by=by, person=member),
        ):
            with pytest.raises(PermissionDenied):
                attempt(other)
    circle.refresh_from_db()
    assert (circle.name, list(circle.members.all())) == ("Family", [member])
    assert list(selectors.circles_of(member)) == []
