"""Photos side by side, each in a thread of its own; what their networks are asked meanwhile is asked in one batch.

A detector decides at every step what it looks at next, so photos cannot simply be stacked. Here each goes
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
from torch import Tensor

from mfmc_engine.parameters import TOGETHER_ELEMENTS

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
        """The answers to each of the (n, ...) questions; those of one shape go together."""
        answers: dict[int, Answer] = {}
        for shape in dict.fromkeys(question.shape[1:] for question in questions):
            group = [i for i, question in enumerate(questions) if question.shape[1:] == shape]
            joined = torch.cat([questions[i] for i in group])
            at_once = max(1, TOGETHER_ELEMENTS // max(1, joined[:1].numel()))
            found = _joined([self.network(part) for part in joined.split(at_once)])
            answers.update(zip(group, _split(found, [len(questions[i]) for i in group]), strict=True))
        return [answers[i] for i in range(len(questions))]


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
