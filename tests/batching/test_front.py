"""Threads with a photo each meet in common batches: real threads, a network that only sleeps."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mfmc_engine import imaging
from mfmc_engine.batching.front import Front
from mfmc_engine.batching.lockstep import Outcome
from mfmc_engine.batching.users import on_behalf_of, under_way
from mfmc_engine.engine import Engine

PHOTO = np.zeros((1000, 1280, 3), np.uint8)


class Card:
    """A stand-in for a card: 20 ms for a batch and 5 ms a photo, one batch at a time."""

    def __init__(self) -> None:
        self.batches: list[list[object]] = []
        self.running = threading.Lock()

    def run(self, jobs) -> list[Outcome]:
        assert self.running.acquire(blocking=False), "two batches at once"
        try:
            time.sleep(0.02 + 0.005 * len(jobs))
            outcomes = []
            for image, job in jobs:
                try:
                    outcomes.append(Outcome(job(None, image)))
                except Exception as error:
                    outcomes.append(Outcome(error=error))
            self.batches.append([outcome.value for outcome in outcomes])
            return outcomes
        finally:
            self.running.release()


def post(front: Front, name: object, user: object = None, image=PHOTO):
    with on_behalf_of(user):
        return front.submit([(image, lambda pack, image: name)])[0]


def test_fifty_posts_at_once_share_batches_of_eight_and_more() -> None:
    card = Card()
    front = Front(card.run)
    with ThreadPoolExecutor(50) as pool:  # analyse, then decoys, as a post does
        found = list(pool.map(lambda i: (post(front, i, i), post(front, -i, i)), range(50)))
    assert found == [(i, -i) for i in range(50)]
    sizes, held = list(front.record.sizes), list(front.record.held)
    assert sum(sizes) == len(held) == 100
    assert max(sizes) <= 16
    assert sum(sizes) / len(sizes) >= 8
    assert np.quantile(held, 0.95) <= 0.150


def test_a_single_post_is_not_held_back_while_no_other_is_under_way() -> None:
    front = Front(Card().run, wait_s=3600)
    for i in range(5):
        assert post(front, i) == i
    assert list(front.record.sizes) == [1] * 5


def test_a_post_is_held_back_for_another_one_under_way_but_no_longer_than_said() -> None:
    front = Front(Card().run, wait_s=0.02)
    with on_behalf_of("somebody who is still reading a file"):
        for i in range(5):
            assert post(front, i) == i
    assert list(front.record.sizes) == [1] * 5
    assert min(front.record.held) >= 0.02
    assert max(front.record.held) < 0.1  # and what a busy machine adds
    assert under_way() == 0


def test_the_wait_is_kept_by_the_clock_it_is_given() -> None:
    now = [100.0]
    front = Front(Card().run, wait_s=3600, clock=lambda: now[0])
    with ThreadPoolExecutor(1) as pool, on_behalf_of("a third who never comes"):
        waiting = pool.submit(post, front, "photo")
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.2)
        now[0] += 3600
        with ThreadPoolExecutor(1) as other:  # somebody comes: the line is looked at again
            assert other.submit(post, front, "another").result(timeout=20) == "another"
        assert waiting.result(timeout=20) == "photo"
    assert list(front.record.sizes) == [2]


def test_who_posts_one_photo_is_not_behind_somebodys_album() -> None:
    card = Card()
    front = Front(card.run, most_photos=4)
    album = [(PHOTO, lambda pack, image, i=i: f"album {i}") for i in range(40)]
    with ThreadPoolExecutor(2) as pool:
        with_album = pool.submit(front.submit, album)
        while not card.batches:
            time.sleep(0.002)
        assert post(front, "single", user="somebody else") == "single"
        assert with_album.result() == [f"album {i}" for i in range(40)]
    served = next(n for n, batch in enumerate(card.batches) if "single" in batch)
    assert served <= 3  # of 11


def test_pixels_are_bounded_and_errors_find_their_own() -> None:
    card = Card()
    front = Front(card.run, most_pixels=3 * 1280 * 1000)

    def fails(pack, image):
        raise LookupError("this one")

    jobs = [(PHOTO, lambda pack, image, i=i: i) for i in range(7)]
    with pytest.raises(LookupError, match="this one"):
        front.submit([*jobs, (PHOTO, fails)])
    assert max(map(len, card.batches)) == 3
    assert post(front, "after") == "after"


def test_if_serving_itself_fails_nobody_waits_for_ever() -> None:
    def broken(jobs):
        raise RuntimeError("no batches today")

    front = Front(broken, wait_s=0)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no batches"):
            post(front, "photo")


def test_an_engine_behind_a_front_answers_each_thread_with_its_own_faces(six_people, real_engine) -> None:
    photo = imaging.decode(six_people)
    parts = [np.ascontiguousarray(photo[300:, 250:900]), np.full((90, 120, 3), 90, np.uint8)] * 2
    engine = Engine(threads=1)
    engine.runner.front = Front(engine.runner.run_group, wait_s=0.5, most_photos=4)
    expected = [real_engine.analyze(part) for part in parts[:2]]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(engine.analyze, parts))
    assert list(engine.runner.front.record.sizes) == [4]
    assert len(expected[0].faces) >= 2
    for i, analysis in enumerate(found):
        faces = expected[i % 2].faces
        assert len(analysis.faces) == len(faces)
        for ours, theirs in zip(analysis.faces, faces, strict=True):
            np.testing.assert_allclose(ours.landmarks, theirs.landmarks, atol=0.01)
