"""Requests, friendships and blocks: who may do what, and what one change does to the others."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from accounts import selectors, services
from accounts.models import Block, Friendship
from tests.factories import BlockFactory, CircleFactory, FriendshipFactory, UserFactory, befriend, hidden_from

pytestmark = pytest.mark.django_db


@pytest.fixture
def mara():
    return UserFactory(username="mara")


@pytest.fixture
def theo():
    return UserFactory(username="theo")


def test_a_request_waits_until_it_is_accepted(mara, theo) -> None:
    friendship = services.friendship_request(requester=mara, addressee=theo)
    assert not selectors.are_friends(mara, theo)
    assert list(selectors.requests_for(theo)) == list(selectors.requests_by(mara)) == [friendship]
    services.friendship_accept(friendship=friendship, by=theo)
    assert selectors.are_friends(mara, theo)
    assert selectors.are_friends(theo, mara)
    assert list(selectors.friends_of(mara)) == [theo]
    assert list(selectors.friends_of(theo)) == [mara]
    assert list(selectors.requests_for(theo)) == list(selectors.requests_by(mara)) == []


def test_asking_each_other_is_a_friendship(mara, theo) -> None:
    services.friendship_request(requester=mara, addressee=theo)
    services.friendship_request(requester=theo, addressee=mara)
    assert selectors.are_friends(mara, theo)
    assert Friendship.objects.count() == 1


def test_asking_twice_or_asking_a_friend_changes_nothing(mara, theo) -> None:
    first = services.friendship_request(requester=mara, addressee=theo)
    assert services.friendship_request(requester=mara, addressee=theo) == first
    assert not selectors.are_friends(mara, theo)
    services.friendship_accept(friendship=first, by=theo)
    assert services.friendship_request(requester=theo, addressee=mara).is_accepted
    assert Friendship.objects.count() == 1


def test_nobody_befriends_themselves_and_the_database_agrees(mara) -> None:
    with pytest.raises(ValidationError):
        services.friendship_request(requester=mara, addressee=mara)
    with pytest.raises(IntegrityError), transaction.atomic():
        Friendship.objects.create(requester=mara, addressee=mara)


def test_the_database_refuses_a_second_row_for_a_pair(mara, theo) -> None:
    befriend(mara, theo)
    with pytest.raises(IntegrityError), transaction.atomic():
        Friendship.objects.create(requester=theo, addressee=mara)


def test_only_who_was_asked_accepts(mara, theo) -> None:
    friendship = services.friendship_request(requester=mara, addressee=theo)
    for other in (mara, UserFactory()):
        with pytest.raises(PermissionDenied):
            services.friendship_accept(friendship=friendship, by=other)
    assert not selectors.are_friends(mara, theo)


@pytest.mark.parametrize("who", ["requester", "addressee"])
def test_a_request_is_declined_or_taken_back_by_either_and_can_be_made_again(mara, theo, who) -> None:
    friendship = services.friendship_request(requester=mara, addressee=theo)
    with pytest.raises(PermissionDenied):
        services.friendship_decline(friendship=friendship, by=UserFactory())
    services.friendship_decline(friendship=friendship, by=getattr(friendship, who))
    assert selectors.friendship_between(mara, theo) is None
    with pytest.raises(ValidationError):
        services.friendship_accept(friendship=friendship, by=theo)
    services.friendship_request(requester=mara, addressee=theo)
    assert selectors.friendship_between(theo, mara) is not None


def test_a_friendship_is_not_declined_by_a_stale_page(mara, theo) -> None:
    friendship = services.friendship_request(requester=mara, addressee=theo)
    services.friendship_accept(friendship=friendship, by=theo)
    with pytest.raises(ValidationError):
        services.friendship_decline(friendship=friendship, by=mara)
    assert selectors.are_friends(mara, theo)


@pytest.mark.parametrize("end", [services.friendship_end, services.block_create])
def test_nobody_gets_out_of_a_circle_by_their_own_act(mara, theo, end) -> None:
    befriend(mara, theo)
    circle = CircleFactory(owner=mara, members=[theo])
    if end is services.block_create:
        end(blocker=theo, blocked=mara)
        services.block_remove(blocker=theo, blocked=mara)
    else:
        end(one=theo, other=mara)
    assert not selectors.are_friends(mara, theo)
    assert list(circle.members.all()) == [theo]


def test_ending_what_is_only_a_request_leaves_the_request(mara, theo) -> None:
    FriendshipFactory(requester=mara, addressee=theo)
    services.friendship_end(one=theo, other=mara)
    assert selectors.friendship_between(mara, theo) is not None


@pytest.mark.parametrize("accepted", [True, False])
def test_a_block_ends_everything_between_the_two_and_nothing_else(mara, theo, accepted) -> None:
    FriendshipFactory(requester=theo, addressee=mara, accepted=accepted)
    friend = UserFactory()
    befriend(mara, friend)
    services.block_create(blocker=mara, blocked=theo)
    assert selectors.friendship_between(mara, theo) is None
    assert selectors.are_friends(mara, friend)
    assert hidden_from(mara) == {theo.pk}
    assert hidden_from(theo) == {mara.pk}
    assert hidden_from(friend) == set()


@pytest.mark.parametrize("direction", ["blocker asks", "blocked asks"])
def test_no_request_passes_a_block(mara, theo, direction) -> None:
    services.block_create(blocker=mara, blocked=theo)
    asker, asked = (mara, theo) if direction == "blocker asks" else (theo, mara)
    with pytest.raises(PermissionDenied):
        services.friendship_request(requester=asker, addressee=asked)
    assert Friendship.objects.count() == 0


@pytest.mark.parametrize("direction", ["asked blocks", "asker blocks"])
def test_a_request_beside_a_block_cannot_be_accepted(mara, theo, direction) -> None:
    """Such a pair of rows is what a race without locks would leave; it must still end with the block."""
    friendship = FriendshipFactory(requester=mara, addressee=theo)
    blocker, blocked = (theo, mara) if direction == "asked blocks" else (mara, theo)
    BlockFactory(blocker=blocker, blocked=blocked)
    with pytest.raises(PermissionDenied):
        services.friendship_accept(friendship=friendship, by=theo)
    assert not selectors.are_friends(mara, theo)
    assert list(selectors.requests_for(theo)) == list(selectors.requests_by(mara)) == []


def test_a_friendship_beside_a_block_does_not_list_a_friend(mara, theo) -> None:
    befriend(mara, theo)
    BlockFactory(blocker=mara, blocked=theo)
    assert list(selectors.friends_of(mara)) == list(selectors.friends_of(theo)) == []


def test_each_takes_back_their_own_block_only(mara, theo) -> None:
    services.block_create(blocker=mara, blocked=theo)
    services.block_create(blocker=mara, blocked=theo)
    services.block_create(blocker=theo, blocked=mara)
    assert Block.objects.count() == 2
    services.block_remove(blocker=mara, blocked=theo)
    assert hidden_from(mara) == {theo.pk}, "the other block still stands"
    assert list(selectors.blocks_by(mara)) == []
    assert [block.blocked for block in selectors.blocks_by(theo)] == [mara]
    services.block_remove(blocker=theo, blocked=mara)
    assert hidden_from(mara) == set()
    assert not selectors.are_friends(mara, theo), "a friendship does not come back by itself"


def test_nobody_blocks_themselves(mara) -> None:
    with pytest.raises(ValidationError):
        services.block_create(blocker=mara, blocked=mara)


def test_a_closed_account_gets_no_requests(mara) -> None:
    with pytest.raises(PermissionDenied):
        services.friendship_request(requester=mara, addressee=UserFactory(is_active=False))
