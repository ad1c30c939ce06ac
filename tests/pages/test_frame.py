"""What the frame of every page counts: the prepared statement says what the query does, for everybody."""

from __future__ import annotations

import pytest

from accounts.models import User
from socialnet.context_processors import NOBODY, _statement, _waiting, waiting_for

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("pinned", [None, "authorization", "proxy"])
def test_the_prepared_statement_answers_as_the_query_does(network, settings, pinned):
    settings.FACE_PINNED_MODEL = pinned
    answers = []
    for user in User.objects.all():
        plain = waiting_for(user).get()
        assert {name: int(value) for name, value in _waiting(user).items()} == {
            name: int(value) for name, value in plain.items()
        }
        answers.append(tuple(plain.values()))
    assert len(set(answers)) >= 4, "people differ, or this proves nothing"
    assert not User.objects.filter(pk=NOBODY).exists()


def test_it_is_put_together_once(network, django_assert_num_queries):
    _waiting(network.me)
    known = _statement.cache_info().currsize
    with django_assert_num_queries(1):
        _waiting(network.friend)
    assert _statement.cache_info().currsize == known
