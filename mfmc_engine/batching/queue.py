"""Who is served next, and with whom: bounded waiting, fair between users, bounded in pixels. No threads, no clock."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """Something that waits. ``arrived``: seconds of the caller's clock."""

    item: T
    pixels: int
    arrived: float


@dataclass(slots=True)
class FairQueue(Generic[T]):
    """One line a user; whoever is served goes to the end of the round, whatever else they have waiting."""

    most_items: int
    most_pixels: int
    wait_s: float  # how long something may be held back for company while nothing else runs
    _lines: OrderedDict[Hashable, deque[Entry[T]]] = field(default_factory=OrderedDict)
    _items: int = 0
    _pixels: int = 0

    def __len__(self) -> int:
        return self._items

    def add(self, item: T, pixels: int, user: Hashable, now: float) -> None:
        """Let something wait."""
        self._lines.setdefault(user, deque()).append(Entry(item, pixels, now))
        self._items += 1
        self._pixels += pixels

    def due(self, expected: int = 0) -> float | None:
        """When the next batch should go: at once (0) if it is full, or if all of ``expected`` wait (0: nobody knows how
        many may come), else when the oldest has waited long enough. None if nobody waits."""
        if not self._items:
            return None
        full = self._items >= self.most_items or self._pixels >= self.most_pixels
        if full or self._items >= expected > 0:
            return 0.0
        return min(line[0].arrived for line in self._lines.values()) + self.wait_s

    def take(self) -> list[Entry[T]]:
        """The next batch: one of each user in turn until it is full. What is too large for any batch goes alone."""
        batch: list[Entry[T]] = []
        pixels = 0
        passed: dict[Hashable, None] = {}  # users whose next is too large for what is left
        while len(batch) < self.most_items and len(passed) < len(self._lines):
            user = next(user for user in self._lines if user not in passed)
            entry = self._lines[user][0]
            if batch and pixels + entry.pixels > self.most_pixels:
                passed[user] = None
                continue
            self._pop(user)
            batch.append(entry)
            pixels += entry.pixels
        for user in reversed(passed):  # who had to be passed over comes first in the next batch
            self._lines.move_to_end(user, last=False)
        self._items -= len(batch)
        self._pixels -= pixels
        return batch

    def _pop(self, user: Hashable) -> None:
        line = self._lines.pop(user)
        line.popleft()
        if line:
            self._lines[user] = line  # at the end of the round
