"""Two requests at once: whatever their order, the rules hold. Real transactions, real threads."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from accounts import moderation, selectors, services
from accounts.models import FaceCapture, Friendship
from accounts.reports import ModerationEntry
from tests.accounts.fake_engine import FakeEngine
from tests.factories import FaceCaptureFactory, UserFactory, hidden_from, picture, upload

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 8


def at_once(*calls) -> list:
    """What each call returned or raised, started together in threads of their own."""
    start = Barrier(len(calls))

    def run(call):
        try:
            start.wait(10)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(run, call) for call in calls]]


def test_two_who_ask_each_other_at_once_are_friends() -> None:
    for _ in range(ROUNDS):
        one, other = UserFactory(), UserFactory()
        results = at_once(
            partial(services.friendship_request, requester=one, addressee=other),
            partial(services.friendship_request, requester=other, addressee=one),
        )
        assert all(isinstance(result, Friendship) for result in results), results
        assert selectors.are_friends(one, other)
        assert Friendship.objects.between(one, other).count() == 1


def test_a_block_wins_over_an_acceptance_at_the_same_moment() -> None:
    for _ in range(ROUNDS):
        one, other = UserFactory(), UserFactory()
        friendship = services.friendship_request(requester=one, addressee=other)
        accepted, blocked = at_once(
            partial(services.friendship_accept, friendship=friendship, by=other),
            partial(services.block_create, blocker=one, blocked=other),
        )
        assert not isinstance(blocked, Exception), blocked
        assert isinstance(accepted, Friendship | PermissionDenied | ValidationError), accepted
        assert selectors.friendship_between(one, other) is None
        assert hidden_from(one) == {other.pk}


def test_one_face_that_two_accounts_enroll_at_once_counts_for_one_and_is_held_for_the_other(
    monkeypatch,
) -> None:
    monkeypatch.setattr("accounts.enrolment.get_engine", FakeEngine)
    monkeypatch.setattr("accounts.capture_quality.check_eyes", lambda image, face: None)
    for _ in range(ROUNDS):
        FaceCapture.objects.all().delete()
        users = [UserFactory(), UserFactory()]
        image = picture(300, 300)
        results = at_once(
            *(
                partial(services.capture_enroll, user=user, upload=upload(image), consented=True)
                for user in users
            )
        )
        assert sorted(result.is_held for result in results) == [False, True], results
        assert FaceCapture.objects.in_force().count() == 1


@pytest.mark.parametrize("allow", [True, False])
def test_a_held_picture_is_taken_away_while_staff_decide_about_it(allow) -> None:
    vera = UserFactory(is_staff=True)
    for _ in range(ROUNDS):
        held = FaceCaptureFactory(held_at=timezone.now())
        decided, deleted = at_once(
            partial(moderation.capture_decide, capture=held, by=vera, allow=allow),
            partial(services.capture_delete, capture=held, by=held.user),
        )
        assert isinstance(decided, ModerationEntry | ValidationError), decided
        assert deleted is None
        assert not FaceCapture.objects.filter(pk=held.pk).exists()
