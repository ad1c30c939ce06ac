"""Finding people: by handle, by search, by suggestion. Never by e-mail, never across a block."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from accounts import selectors, services
from accounts.models import User
from tests.factories import BlockFactory, FriendshipFactory, UserFactory, befriend

pytestmark = pytest.mark.django_db


def test_nobody_is_called_what_is_longer_than_a_name() -> None:
    viewer = UserFactory()
    assert not selectors.people_search(viewer=viewer, text="A" * 100_000).exists()


def test_search_finds_handles_and_names_but_not_mail_addresses() -> None:
    viewer = UserFactory(username="viewer", display_name="Mara Viewer")
    mara = UserFactory(username="mara.l", display_name="Someone", email="secret@mail.example")
    other = UserFactory(username="other", display_name="Tamara")

    def found(text):
        return list(selectors.people_search(viewer=viewer, text=text))

    assert found("MARA") == [mara, other]
    assert found(" @mara.l ") == [mara]
    assert found("secret") == found("mail.example") == []
    assert found("") == found("  ") == found("@") == []


@pytest.mark.parametrize("who", ["blocked", "blocking", "closed"])
def test_who_is_hidden_is_not_found_by_any_way(who) -> None:
    viewer, hidden, between = (
        UserFactory(),
        UserFactory(username="hidden", display_name="Hidden"),
        UserFactory(),
    )
    befriend(viewer, between)
    befriend(between, hidden)
    assert selectors.person_for(viewer, "hidden") == hidden
    assert selectors.suggestions(viewer) == [hidden]
    if who == "closed":
        hidden.is_active = False
        hidden.save()
    else:
        pair = (viewer, hidden) if who == "blocked" else (hidden, viewer)
        BlockFactory(blocker=pair[0], blocked=pair[1])
    with pytest.raises(Http404):
        selectors.person_for(viewer, "hidden")
    assert list(selectors.people_search(viewer=viewer, text="hidden")) == []
    assert selectors.suggestions(viewer) == []


def test_a_handle_is_found_in_any_case_and_not_without_an_account() -> None:
    mara = UserFactory(username="mara")
    assert selectors.person_for(UserFactory(), "Mara") == mara
    assert selectors.person_for(mara, "mara") == mara
    for viewer, handle in ((AnonymousUser(), "mara"), (mara, "nobody")):
        with pytest.raises(Http404):
            selectors.person_for(viewer, handle)


def test_suggestions_are_friends_of_friends_by_the_number_of_mutual_friends() -> None:
    viewer, one, two = UserFactory(), UserFactory(), UserFactory()
    near, far, asked, stranger = (UserFactory() for _ in range(4))
    for friend in (one, two):
        befriend(friend, viewer)
        befriend(near, friend)
    befriend(one, two)
    befriend(one, far)
    befriend(two, asked)
    befriend(far, stranger)
    FriendshipFactory(requester=asked, addressee=viewer)
    FriendshipFactory(requester=stranger, addressee=one)  # not accepted: no tie
    found = selectors.suggestions(viewer)
    assert [(person, person.mutual_friends) for person in found] == [(near, 2), (far, 1)]
    assert selectors.suggestions(UserFactory()) == []
    assert selectors.suggestions(viewer, at_most=1) == [near]


def test_suggestions_cost_the_same_for_two_friends_and_for_ten(django_assert_max_num_queries) -> None:
    viewer = UserFactory()
    for _ in range(10):
        friend = UserFactory()
        befriend(viewer, friend)
        befriend(friend, UserFactory())
    with django_assert_max_num_queries(4):
        assert len(selectors.suggestions(viewer)) == 10


def test_a_profile_is_changed_by_its_owner_only() -> None:
    mara = UserFactory(username="mara")
    services.profile_update(user=mara, by=mara, display_name="  Mara   Lind ", bio=" Walks. ")
    mara.refresh_from_db()
    assert (mara.name, mara.bio) == ("Mara Lind", "Walks.")
    services.profile_update(user=mara, by=mara, display_name="")
    assert mara.name == "mara"
    with pytest.raises(ValidationError):
        services.profile_update(user=mara, by=mara, bio="x" * 301)
    with pytest.raises(PermissionDenied):
        services.profile_update(user=mara, by=UserFactory(is_staff=True), bio="Hacked")
    mara.refresh_from_db()
    assert mara.bio == "Walks."


def test_what_is_not_given_stays_as_somebody_changed_it_meanwhile() -> None:
    mara = UserFactory(username="mara", display_name="Mara")
    read_before = User.objects.get(pk=mara.pk)
    services.profile_update(user=mara, by=mara, display_name="M.", username="mlind")
    services.profile_update(user=read_before, by=read_before, bio="Walks.")
    mara.refresh_from_db()
    assert (mara.username, mara.display_name, mara.bio) == ("mlind", "M.", "Walks.")
