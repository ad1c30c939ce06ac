"""The gallery in memory: every template compared with every probe, by blocks of one matrix product."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import BinaryField, F, Func, QuerySet

from accounts.index.base import gallery_version
from accounts.models import FaceCapture
from accounts.templates import TemplateError, capture_purpose, open_
from mfmc_engine.types import FloatArray, Gallery

logger = logging.getLogger(__name__)

BLOCK = 65_536  # templates a product takes at once: bounds its memory to 26 MB for 100 faces
SLACK = 1e-3  # of a squared distance; single precision is off by less than 1e-5, and a candidate too many is harmless


@dataclass(frozen=True)
class Templates:
    """One state of the gallery; never changed, only replaced, so that readers need no lock."""

    captures: np.ndarray = field(
        default_factory=lambda: np.empty(0, np.int64)
    )  # (N,) primary keys, ascending
    people: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # (N,) primary keys
    embeddings: FloatArray = field(default_factory=lambda: np.empty((0, 0), np.float32))  # (N, D)
    squares: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))  # (N,) squared lengths
    seals: Mapping[int, bytes] = field(
        default_factory=dict
    )  # capture: what tells its sealed template from another

    @classmethod
    def of(
        cls,
        captures: np.ndarray,
        people: np.ndarray,
        embeddings: FloatArray,
        seals: Mapping[int, bytes] | None = None,
    ) -> Templates:
        squares = np.einsum("nd,nd->n", embeddings, embeddings)
        return cls(captures, people, embeddings, squares, seals or {})

    def picked(self, rows: np.ndarray | slice) -> Gallery:
        """The templates that ``rows`` (an index or a mask) picks."""
        if not len(picked := self.people[rows]):
            return Gallery()
        return Gallery(tuple(str(person) for person in picked), self.embeddings[rows])

    def near(self, probes: FloatArray, radius: float) -> Gallery:
        if not len(self.people) or not len(probes):
            return Gallery()
        probes = np.ascontiguousarray(probes, np.float32)
        # |p - t| <= r  <=>  2 p.t - |t|^2 >= |p|^2 - r^2
        least = np.einsum("nd,nd->n", probes, probes) - radius**2 - SLACK
        hits = []
        for start in range(0, len(self.people), BLOCK):
            closeness = self.embeddings[start : start + BLOCK] @ (2 * probes.T)
            closeness -= self.squares[start : start + BLOCK, None]
            hits.append(start + np.flatnonzero((closeness >= least).any(1)))
        return self.picked(np.concatenate(hits))

    @cached_property
    def gallery(self) -> Gallery:
        """All of them; one and the same object, for the engine keeps an index with it."""
        return self.picked(slice(None))


class ExactIndex:
    """Exact, and as fast as memory: 4 bytes a dimension and template. The templates are open in memory only."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forget()

    def refresh(self) -> UUID | None:
        version = gallery_version()  # read first: what is read after it is this version's or newer
        # No version: nobody enrolled, or rows that were put in without saying so. Looking again costs little then.
        if version is None or version != self.version or not self.loaded:
            with self.lock:
                self.templates, self.version = _brought_up_to_date(self.templates), version
                self.loaded = True
        return version

    def size(self) -> int:
        return len(self.templates.people)

    def near(self, probes: FloatArray, radius: float) -> Gallery:
        return self.templates.near(probes, radius)

    def prepare(self) -> None:
        """Nothing: what is in memory follows the templates, by their seals."""

    def retire(self) -> None:
        """Nothing, for the same reason."""

    def forget(self) -> None:
        """Let go of everything, as if nothing had been indexed yet."""
        with self.lock:
            self.templates, self.version, self.loaded = Templates(), None, False

    def gallery(self) -> Gallery:
        """accounts.templates.gallery() without opening again what was opened before."""
        self.refresh()
        return self.templates.gallery


def _brought_up_to_date(known: Templates) -> Templates:
    """Without the templates whose captures are gone, and with those that are new: only these are decrypted."""
    captures = indexed()
    nonce = Func(F("template"), 2, 8, function="SUBSTR", output_field=BinaryField())
    # By key and seal: after a database was restored, or a transaction rolled back, a key may name another template.
    present = {pk: bytes(seal) for pk, seal in captures.values_list("pk", nonce).iterator()}
    kept = [row for row, pk in enumerate(known.captures.tolist()) if present.get(pk) == known.seals[pk]]
    here = set(known.captures[kept].tolist())
    pks, people, embeddings = [known.captures[kept]], [known.people[kept]], [known.embeddings[kept]]
    for pk, person, embedding in opened(captures, sorted(present.keys() - here)):
        pks.append(np.array([pk]))
        people.append(np.array([person]))
        embeddings.append(embedding[None])
    filled = [block for block in embeddings if len(block)]
    if not filled:
        return Templates()
    return Templates.of(np.concatenate(pks), np.concatenate(people), np.concatenate(filled), present)


def indexed() -> QuerySet[FaceCapture]:
    """The captures that faces are matched with."""
    return FaceCapture.objects.in_force().filter(pack=settings.ENGINE_PACK)


def opened(captures: QuerySet[FaceCapture], pks: Sequence[int]) -> Iterator[tuple[int, int, FloatArray]]:
    """(capture, person, embedding) of the captures; one that does not open is left out: nobody is matched to it."""
    for start in range(0, len(pks), 500):
        some = captures.filter(pk__in=pks[start : start + 500]).order_by("pk")
        for pk, person, template in some.values_list("pk", "user_id", "template"):
            try:
                yield pk, person, open_(template, purpose=capture_purpose(person))
            except TemplateError as error:
                logger.error("capture %s: %s", pk, error)
