"""Photos side by side, each in a thread of its own; what their networks are asked meanwhile is asked in one batch.

A detector's cascade decides at every step what it looks at next, so photos cannot simply be stacked. Here each goes
its own way until it needs a network. There it waits until all the others do, too (or are done), and the questions to
one network go through it together. Which questions meet depends on the photos alone, never on the clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine.parameters import PADDING_WASTE, TOGETHER_ELEMENTS

T = TypeVar("T")
Answer = TypeVar("Answer", Tensor, tuple[Tensor, Tensor], tuple[Tensor, Tensor, Tensor])


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a job returned, or raised."""

    value: T | None = None
    error: BaseException | None = None

    def get(self) -> T:
        """The value. Raises what the job raised."""
        if self.error is not None:
            raise self.error
        return cast(T, self.value)


def together(jobs: Sequence[Callable[[], T]]) -> list[Outcome[T]]:
    """Run all jobs in lockstep; their outcomes, in order. One that fails leaves the others alone."""
    if len(jobs) == 1:
        return [outcome_of(jobs[0])]
    company = _Company(len(jobs))
    found: list[Outcome[T]] = [Outcome() for _ in jobs]

    def run(i: int) -> None:
        token = _company.set(company)
        try:
            found[i] = outcome_of(jobs[i])
        finally:
            company.leave()
            _company.reset(token)

    threads = [threading.Thread(target=run, args=(i,), name=f"photo {i}") for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def outcome_of(job: Callable[[], T]) -> Outcome[T]:
    """What a job returns or raises, run now."""
    try:
        return Outcome(job())
    except Exception as error:
        return Outcome(error=error)


def in_company() -> bool:
    """Whether this thread's photo goes in lockstep with others."""
    return _company.get() is not None


class Shared(Generic[Answer]):
    """A network, or any function of one tensor whose rows (N, ...) have nothing to do with each other.

    Whoever calls it alone just calls it; in company all who wait for it share one batch.
    """

    def __init__(self, network: Callable[[Tensor], Answer]) -> None:
        self.network: Callable[[Tensor], Answer] = network

    def __call__(self, rows: Tensor) -> Answer:
        company = _company.get()
        return self.network(rows) if company is None else cast(Answer, company.ask(self, rows))

    def batch(self, questions: Sequence[Tensor]) -> list[Answer]:
        """The answers to each of the (n, ...) questions."""
        joined = torch.cat(list(questions))
        at_once = max(1, TOGETHER_ELEMENTS // max(1, joined[:1].numel()))
        answers = _joined([self.network(part) for part in joined.split(at_once)])
        return _split(answers, [len(question) for question in questions])


class SharedMaps(Shared[tuple[Tensor, Tensor]]):
    """A fully convolutional network without padding, of pictures (1, C, H, W) of even sides to two maps.

    Pictures of about one size are padded to the same; what the padding adds to the maps is cut off again.
    ``map_side``: rows or columns of the maps by those of the picture.
    """

    def __init__(
        self, network: Callable[[Tensor], tuple[Tensor, Tensor]], map_side: Callable[[int], int]
    ) -> None:
        super().__init__(network)
        self.map_side = map_side

    def batch(self, questions: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """The maps of each picture."""
        answers: dict[int, tuple[Tensor, Tensor]] = {}
        for group in _alike([(q.shape[2], q.shape[3]) for q in questions], questions[0].shape[1]):
            height = max(questions[i].shape[2] for i in group)
            width = max(questions[i].shape[3] for i in group)
            padded = [
                F.pad(questions[i], (0, width - questions[i].shape[3], 0, height - questions[i].shape[2]))
                for i in group
            ]
            batch = torch.cat(padded).contiguous(memory_format=torch.channels_last)
            first, second = self.network(batch)
            for row, i in enumerate(group):
                rows, columns = (self.map_side(side) for side in questions[i].shape[2:])
                answers[i] = (
                    first[row : row + 1, :rows, :columns],
                    second[row : row + 1, :, :rows, :columns],
                )
        return [answers[i] for i in range(len(questions))]


def _alike(sizes: Sequence[tuple[int, int]], channels: int) -> list[list[int]]:
    """Numbers of pictures that go together: padding wastes at most PADDING_WASTE, and all fit TOGETHER_ELEMENTS."""
    groups: list[list[int]] = []
    for i in sorted(range(len(sizes)), key=lambda i: (-sizes[i][0] * sizes[i][1], i)):
        grown = [*groups[-1], i] if groups else []
        padded = len(grown) * max((sizes[j][0] for j in grown), default=0)
        padded *= max((sizes[j][1] for j in grown), default=0)
        needed = sum(sizes[j][0] * sizes[j][1] for j in grown)
        if grown and padded <= (1 + PADDING_WASTE) * needed and padded * channels <= TOGETHER_ELEMENTS:
            groups[-1] = grown
        else:
            groups.append([i])
    return groups


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Tensor):
        return torch.cat(list(parts)) if len(parts) > 1 else parts[0]
    return tuple(_joined(column) for column in zip(*parts, strict=True))


def _split(answers: Any, lengths: list[int]) -> list[Any]:
    if isinstance(answers, Tensor):
        return list(answers.split(lengths))
    return list(zip(*(part.split(lengths) for part in answers), strict=True))


@dataclass(slots=True, eq=False)
class _Question:
    network: Shared[Any]
    rows: Tensor
    answer: Any = None
    error: BaseException | None = None
    done: bool = False


@dataclass(eq=False)
class _Company:
    """Those who go in lockstep. ``busy``: how many are neither waiting for a network nor done."""

    busy: int
    asked: list[_Question] = field(default_factory=list)
    turn: threading.Condition = field(default_factory=threading.Condition)

    def ask(self, network: Shared[Any], rows: Tensor) -> Any:
        """What ``network`` says to ``rows``, once everybody has asked. Raises what the batch raised."""
        question = _Question(network, rows)
        with self.turn:
            self.asked.append(question)
            self._one_less()
            while not question.done:
                self.turn.wait()
        if question.error is not None:
            raise question.error
        return question.answer

    def leave(self) -> None:
        """One is done and asks no more."""
        with self.turn:
            self._one_less()

    def _one_less(self) -> None:
        self.busy -= 1
        if self.busy == 0 and self.asked:
            self._answer()

    def _answer(self) -> None:
        """Everybody waits: the last one who came answers for all, with the lock held."""
        asked, self.asked = self.asked, []
        networks: dict[Shared[Any], None] = dict.fromkeys(question.network for question in asked)
        for network in networks:
            group = [question for question in asked if question.network is network]
            try:
                with torch.inference_mode():
                    answers = network.batch([question.rows for question in group])
                for question, answer in zip(group, answers, strict=True):
                    question.answer = answer
            except Exception as error:  # theirs to handle, each in its own thread
                for question in group:
                    question.error = error
        for question in asked:
            question.done = True
        self.busy = len(asked)
        self.turn.notify_all()


_company: ContextVar[_Company | None] = ContextVar("company", default=None)
