"""Photos side by side: their networks' questions meet, and each gets its own answer."""

import threading
import time

import numpy as np
import pytest
import torch

from mfmc_engine.batching.lockstep import Shared, together


class Counting:
    """A network of one tensor that notes how many rows each call had."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(rows))
        return rows * 2


def test_questions_that_meet_go_through_the_network_once() -> None:
    network = Counting()
    shared = Shared(network)

    def job(i: int):
        def run() -> list[float]:
            first = shared(torch.full((i + 1, 3), float(i)))
            return shared(first)[:, 0].tolist()

        return run

    found = [outcome.get() for outcome in together([job(i) for i in range(4)])]
    assert found == [[4.0 * i] * (i + 1) for i in range(4)]
    assert network.calls == [10, 10]


def test_who_needs_fewer_looks_does_not_hold_up_the_others() -> None:
    network = Counting()
    shared = Shared(network)

    def job(looks: int):
        def run() -> int:
            for _ in range(looks):
                time.sleep(0.001 * looks)  # whoever is late is waited for
                shared(torch.ones(1, 1))
            return looks

        return run

    assert [o.get() for o in together([job(n) for n in (3, 0, 1, 5)])] == [3, 0, 1, 5]
    assert network.calls == [3, 2, 2, 1, 1]  # the same whatever the threads' timing


def test_several_networks_may_be_asked_at_once() -> None:
    networks = [Counting(), Counting()]
    shared = [Shared(network) for network in networks]
    jobs = [lambda i=i: float(shared[i % 2](torch.full((1, 1), float(i)))[0, 0]) for i in range(6)]
    assert [o.get() for o in together(jobs)] == [0, 2, 4, 6, 8, 10]
    assert [network.calls for network in networks] == [[3], [3]]


def test_one_that_fails_leaves_the_others_alone() -> None:
    network = Counting()
    shared = Shared(network)

    def fails() -> float:
        shared(torch.ones(1, 1))
        raise LookupError("no such face")

    def works() -> float:
        for _ in range(3):
            answer = shared(torch.ones(1, 1))
        return float(answer[0, 0])

    failed, worked = together([fails, works])
    assert worked.get() == 2
    with pytest.raises(LookupError, match="no such face"):
        failed.get()


def test_what_a_batch_raises_reaches_everyone_in_it_and_nobody_else() -> None:
    def broken(rows: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    bad, good = Shared(broken), Shared(Counting())
    outcomes = together([lambda s=s: s(torch.ones(1, 1)) for s in (bad, good, bad)])
    assert [type(outcome.error) for outcome in outcomes] == [
        torch.OutOfMemoryError,
        type(None),
        torch.OutOfMemoryError,
    ]


def test_alone_a_network_is_called_as_it_is() -> None:
    network = Counting()
    rows = torch.ones(5, 2)
    assert torch.equal(Shared(network)(rows), rows * 2)
    (outcome,) = together([threading.get_ident])
    assert outcome.get() == threading.get_ident()  # not even a thread


def test_too_many_rows_go_in_parts(monkeypatch) -> None:
    monkeypatch.setattr("mfmc_engine.batching.lockstep.TOGETHER_ELEMENTS", 12)
    network = Counting()
    shared = Shared(network)
    outcomes = together([lambda: shared(torch.ones(4, 2))] * 3)
    assert network.calls == [6, 6]
    assert all(torch.equal(outcome.get(), torch.full((4, 2), 2.0)) for outcome in outcomes)


def test_rows_of_one_shape_go_together_and_each_gets_its_own_answer() -> None:
    network = Counting()
    shared = Shared(network)
    sizes = [(6, 8), (8, 6), (6, 8), (2, 2)]
    pictures = [torch.full((1, 3, *size), float(i)) for i, size in enumerate(sizes)]
    outcomes = together([lambda p=p: shared(p) for p in pictures])
    for outcome, picture in zip(outcomes, pictures, strict=True):
        assert torch.equal(outcome.get(), picture * 2)
    assert sorted(network.calls) == [1, 1, 2]


def test_real_photos_at_once_are_what_they_are_one_by_one(six_people) -> None:
    """The real networks; the photos differ in size, and one has nobody in it."""
    from mfmc_engine import imaging
    from mfmc_engine.engine import Engine
    from mfmc_engine.types import DecoyRequest

    photo = imaging.decode(six_people)
    photos = [
        np.ascontiguousarray(photo[40:460, 100:620]),
        np.ascontiguousarray(photo[300:, 250:900]),
        np.full((150, 200, 3), 90, np.uint8),
    ]
    engine = Engine(threads=1)
    alone = [engine.analyze(p) for p in photos]
    engine.runner.at_once = 3
    beside = engine.analyze_many(photos)
    requests = [[DecoyRequest(f, b"beside %d" % i) for i, f in enumerate(a.faces)] for a in alone]
    assert [len(a.faces) for a in alone][2] == 0
    assert sum(len(a.faces) for a in alone) >= 3
    for ours, theirs in zip(beside, alone, strict=True):
        assert len(ours.faces) == len(theirs.faces)
        for one, other in zip(ours.faces, theirs.faces, strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=0.01)
            np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.01)
            assert np.linalg.norm(one.embedding - other.embedding) < 0.005
    together_made = engine.make_decoys_many(photos, requests)
    engine.runner.at_once = 1
    alone_made = [engine.make_decoys(p, r) for p, r in zip(photos, requests, strict=True)]
    for ours, theirs in zip(together_made, alone_made, strict=True):
        assert [(d.kind, d.donor, d.origin) for d in ours] == [(d.kind, d.donor, d.origin) for d in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 0.01
