"""Jobs shared out over the cores: side by side, in order, and the same results as one by one."""

import threading

import numpy as np
import pytest
import torch

from mfmc_engine import imaging
from mfmc_engine.batching.cores import aside, rows_shared_out, shared_out
from mfmc_engine.batching.lockstep import together
from mfmc_engine.types import DecoyRequest


@pytest.fixture
def threads():
    """Call it with how many threads torch may use; afterwards it is what it was."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def _where(_: int) -> int:
    return threading.get_ident()


def test_jobs_run_side_by_side_and_answer_in_order(threads) -> None:
    threads(2)
    both = threading.Barrier(2, timeout=30)

    def job(number: int) -> tuple[int, int]:
        both.wait()  # one by one they would wait for ever
        return number, torch.get_num_threads()

    assert shared_out(job, range(4), "cpu") == [(number, 1) for number in range(4)]
    assert torch.get_num_threads() == 2


def test_the_first_failure_is_raised(threads) -> None:
    threads(2)

    def job(number: int) -> int:
        if number:
            raise ValueError(f"job {number}")
        return number

    with pytest.raises(ValueError, match="job 1"):
        shared_out(job, range(3), "cpu")


@pytest.mark.parametrize(("most", "device"), [(1, "cpu"), (2, "cuda")])
def test_one_thread_or_a_card_take_them_one_by_one(threads, most: int, device: str) -> None:
    threads(most)
    assert set(shared_out(_where, range(3), device)) == {threading.get_ident()}


def test_jobs_of_jobs_and_photos_in_company_take_no_more_threads(threads) -> None:
    threads(2)

    def outer(_: int) -> bool:
        return set(shared_out(_where, range(3), "cpu")) == {threading.get_ident()}

    assert shared_out(outer, range(2), "cpu") == [True, True]
    assert [outcome.get() for outcome in together([lambda: outer(0), lambda: outer(1)])] == [True, True]


def test_rows_are_answered_in_order_and_by_two_at_once(threads) -> None:
    threads(2)
    both = threading.Barrier(2, timeout=30)
    lengths = []

    def network(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        both.wait()
        lengths.append(len(rows))
        return rows * 2, rows.sum(1)

    rows = np.arange(10.0).reshape(5, 2)
    doubled, sums = rows_shared_out(network, rows)
    assert np.array_equal(doubled, rows * 2)
    assert np.array_equal(sums, rows.sum(1))
    assert sorted(lengths) == [2, 3]


@pytest.mark.parametrize("number", [0, 1])
def test_hardly_any_rows_are_asked_about_once(threads, number: int) -> None:
    threads(2)
    asked = []
    (answer,) = rows_shared_out(lambda rows: [asked.append(len(rows)) or rows], np.ones((number, 3)))
    assert answer.shape == (number, 3)
    assert asked == [number]


def test_what_is_asked_aside_is_worked_out_meanwhile(threads) -> None:
    threads(2)
    begun, go_on = threading.Event(), threading.Event()

    def job() -> tuple[int, int]:
        begun.set()
        assert go_on.wait(30)
        return threading.get_ident(), torch.get_num_threads()

    with aside("cpu") as ask:
        answer = ask(job)
        assert begun.wait(30)  # it runs while nobody waits for it
        go_on.set()
        thread, most = answer.result()
        failed = ask(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            failed.result()
    assert thread != threading.get_ident()
    assert most == 1
    assert torch.get_num_threads() == 2


def test_nothing_that_was_asked_aside_goes_on_afterwards(threads) -> None:
    threads(2)
    go_on, done = threading.Event(), []
    with aside("cpu") as ask:
        ask(lambda: go_on.wait(30))
        dropped = ask(lambda: done.append(1))
        threading.Timer(0.2, go_on.set).start()
    assert dropped.cancelled()
    assert not done
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("aside")]


@pytest.mark.parametrize(("most", "device"), [(1, "cpu"), (2, "cuda")])
def test_one_thread_a_card_and_photos_in_company_have_nobody_aside(threads, most: int, device: str) -> None:
    threads(most)
    with aside(device) as ask:
        assert ask is None

    def alone() -> bool:
        with aside("cpu") as ask:
            return ask is None

    threads(2)
    assert [outcome.get() for outcome in together([alone, alone])] == [True, True]


def test_decoys_are_the_same_on_any_number_of_threads(six_people, real_engine, threads) -> None:
    photo = imaging.decode(six_people)
    found = []
    for number in (1, 2):
        threads(number)
        faces = real_engine.analyze(photo).faces
        requests = [DecoyRequest(face, b"cores %d" % i) for i, face in enumerate(faces)]
        found.append((faces, real_engine.make_decoys(photo, requests)))
    (faces, decoys), (faces_shared, decoys_shared) = found
    for one, other in zip(faces, faces_shared, strict=True):
        assert np.array_equal(one.landmarks, other.landmarks)
        assert np.array_equal(one.embedding, other.embedding)
    for one, other in zip(decoys, decoys_shared, strict=True):
        assert (one.donor, one.attempts) == (other.donor, other.attempts)
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.views, other.views)
