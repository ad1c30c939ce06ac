"""Who is served next, and with whom, by a clock of the test's own."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mfmc_engine.batching.queue import FairQueue


def queue(most_items: int = 4, most_pixels: int = 100, wait_s: float = 0.02) -> FairQueue[str]:
    return FairQueue(most_items, most_pixels, wait_s)


def taken(waiting: FairQueue[str]) -> list[str]:
    return [entry.item for entry in waiting.take()]


def test_a_batch_goes_when_it_is_full_or_the_oldest_has_waited_long_enough() -> None:
    waiting = queue()
    assert waiting.due() is None
    waiting.add("a", 1, "ann", now=5.0)
    waiting.add("b", 1, "bob", now=5.01)
    assert waiting.due() == 5.02
    waiting.add("c", 98, "bob", now=5.01)
    assert waiting.due() == 0  # as many pixels as fit
    assert taken(waiting) == ["a", "b", "c"]
    for i in range(4):
        waiting.add(str(i), 1, i, now=6.0)
    assert waiting.due() == 0  # as many photos as fit


def test_nobody_is_waited_for_who_will_not_come() -> None:
    waiting = queue()
    assert waiting.due(1) is None
    waiting.add("a", 1, "ann", now=5.0)
    assert waiting.due(1) == 0  # all there are
    assert waiting.due(2) == waiting.due(0) == 5.02  # one more may come; nobody knows
    waiting.add("b", 1, "bob", now=5.01)
    assert waiting.due(2) == 0
    assert waiting.due(9) == 5.02


def test_users_are_served_in_turn_whatever_they_have_waiting() -> None:
    waiting = queue()
    for i in range(9):
        waiting.add(f"ann {i}", 1, "ann", now=0)
    waiting.add("bob 0", 1, "bob", now=1)
    waiting.add("cid 0", 1, "cid", now=2)
    waiting.add("cid 1", 1, "cid", now=2)
    assert taken(waiting) == ["ann 0", "bob 0", "cid 0", "ann 1"]
    assert taken(waiting) == ["cid 1", "ann 2", "ann 3", "ann 4"]
    assert taken(waiting) == ["ann 5", "ann 6", "ann 7", "ann 8"]
    assert taken(waiting) == []


def test_a_photo_larger_than_any_batch_goes_alone_and_is_not_starved() -> None:
    waiting = queue()
    waiting.add("small", 10, "ann", now=0)
    waiting.add("huge", 500, "bob", now=0)
    waiting.add("small too", 10, "cid", now=0)
    assert taken(waiting) == ["small", "small too"]
    waiting.add("another", 10, "ann", now=1)
    assert taken(waiting) == ["huge"]  # passed over once, first now
    assert taken(waiting) == ["another"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([None, "", 0, "ann", "bob"]), st.integers(1, 150)), max_size=60),
    st.integers(1, 8),
)
def test_everything_is_served_once_within_bounds_and_nobody_waits_more_than_a_round(posts, most) -> None:
    waiting: FairQueue[int] = FairQueue(most, 100, 0.02)
    for i, (user, pixels) in enumerate(posts):
        waiting.add(i, pixels, user, now=float(i))
    served: list[int] = []
    while len(waiting):
        batch = waiting.take()
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or sum(entry.pixels for entry in batch) <= 100
        served += [entry.item for entry in batch]
    assert sorted(served) == list(range(len(posts)))
    for user in {user for user, _ in posts}:
        own = [i for i in served if posts[i][0] == user]
        assert own == sorted(own)  # each in their own order


def test_fifty_posts_at_once_get_large_batches_and_short_waits() -> None:
    """50 people post within a second; a network takes 15 ms and 4 ms a photo. The real queue, a simulated clock."""
    posts = sorted((random.Random(7).uniform(0, 1), user) for user in range(50))
    waiting: FairQueue[float] = FairQueue(16, 48_000_000, 0.02)
    now, sizes, held, i = 0.0, [], [], 0
    idle_since = 0.0
    while i < len(posts) or len(waiting):
        due = waiting.due()
        arrives = posts[i][0] if i < len(posts) else None
        if due is None or (arrives is not None and arrives <= max(now, due)):
            assert arrives is not None
            waiting.add(arrives, 1_000_000, posts[i][1], now=arrives)
            now, i = max(now, arrives), i + 1
            continue
        now = max(now, due)
        batch = waiting.take()
        sizes.append(len(batch))
        held += [now - max(entry.arrived, idle_since) for entry in batch]
        now += 0.015 + 0.004 * len(batch)
        idle_since = now
    assert len(held) == 50
    assert max(held) <= 0.02 + 1e-9
    assert sum(sizes) / len(sizes) > 1.5  # one post every 20 ms: who comes meanwhile goes together
