"""From face regions to verified decoys: try donors, measure the output, redraw what fails, redact what cannot be saved.

Every round is one batch over the faces of the photo that still lack a decoy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

import numpy as np
import torch
from torch import Tensor

from mfmc_engine import guarantee, viewing
from mfmc_engine import parameters as P
from mfmc_engine.batching.cores import single_threaded
from mfmc_engine.donors.candidates import Candidate
from mfmc_engine.donors.selection import generator
from mfmc_engine.guarantee import Thresholds, Verdict
from mfmc_engine.memory import keep_freed_memory
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.swappable import surely_faces, to_swap
from mfmc_engine.swapping import appearance, blending, redaction, there
from mfmc_engine.swapping.appearance import Looks
from mfmc_engine.swapping.blending import Target
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.swapping.swappers import Donor
from mfmc_engine.swapping.there import PatchThere
from mfmc_engine.types import Decoy, DecoyKind, DecoyRequest, Face, FloatArray, Gallery, Image

# The donors to try for one face, best first, drawn with that face's random numbers and unlike other decoys (N, D).
Candidates = Callable[[Face, np.random.Generator, FloatArray], Iterator[Candidate]]
NOTHING_AGAINST: Final = Verdict(math.inf, math.inf, math.inf)  # the verdict on what nobody has seen


@dataclass(slots=True)
class _Attempt:
    donor: str
    patch: Patch | PatchThere
    looks: Looks
    views: FloatArray  # (V, D), at first none, then of one view only: most of those that fail, fail on it
    verdict: Verdict = NOTHING_AGAINST  # on those views

    @property
    def unseen(self) -> bool:
        return not len(self.views)

    @property
    def seen_fully(self) -> bool:
        return len(self.views) >= P.VERIFICATION_VIEWS

    def cost(self, thresholds: Thresholds) -> float:
        """Of looks and wishes missed, as far as it has been seen: more views can only make it more."""
        return self.looks.cost + self.verdict.missed(thresholds)

    def may_do(self, thresholds: Thresholds, acceptable: float) -> bool:
        """Whether it would be accepted, as far as it has been seen."""
        # what it seems decides between those tried, but is not worth more draws: see LOOKS_AGE
        return self.cost(thresholds) - self.looks.seeming <= acceptable


@dataclass(slots=True)
class _Case:
    """One face on its way to a decoy."""

    face: Face
    random: np.random.Generator
    apart: FloatArray
    swapped: Face | None = None  # the face by the landmarks it is swapped by; None if it cannot be
    donors: Iterator[Candidate] = field(default_factory=lambda: iter(()))
    attempts: list[_Attempt] = field(default_factory=list)
    chosen: _Attempt | None = None
    tried: int = 0  # of the attempts, how many are considered so far

    @property
    def marked(self) -> Face:
        """The face by the landmarks it is swapped by."""
        return self.swapped or self.face

    @property
    def remarked(self) -> bool:
        """Whether these are other landmarks than those of analysis."""
        return self.marked is not self.face

    @property
    def originals(self) -> FloatArray:
        """(K, D) embeddings that a decoy must be far from: of the face by either landmarks."""
        return np.stack(
            [face.embedding for face in ((self.face, self.marked) if self.remarked else (self.face,))]
        )


def make_decoys(
    pack: Pack,
    image: Picture,
    requests: Sequence[DecoyRequest],
    gallery: Gallery,
    candidates: Candidates,
    thresholds: Thresholds | None = None,
) -> list[Decoy]:
    """One verified decoy per request, in order. Same arguments, same bytes."""
    keep_freed_memory()
    thresholds = thresholds or Thresholds.beside(len(gallery), pack.space)
    cases = [_Case(request.face, generator(request.seed), request.apart) for request in requests]
    pixels = pack.upload(image)
    for case, face in zip(cases, to_swap(pack, pixels, [case.face for case in cases]), strict=True):
        case.swapped = face if isinstance(face, Face) else None
    with torch.inference_mode():
        swappable = [case for case in cases if case.swapped]
        if swappable:
            for case in swappable:
                case.donors = candidates(case.marked, case.random, case.apart)
            with single_threaded(pack.device):
                targets = blending.prepare(pixels, [case.marked.landmarks for case in swappable], pack.device)
            _Draw(pack, pixels, swappable, targets, gallery, thresholds).run()
        return [_finish(pack, image, case, gallery, thresholds) for case in cases]


@dataclass(slots=True)
class _Draw:
    """The draws for all faces of one photo."""

    pack: Pack
    image: Picture
    cases: list[_Case]
    targets: list[Target]
    gallery: Gallery
    thresholds: Thresholds

    def run(self) -> None:
        """Fill in ``chosen`` of every case, as far as donors and rounds go."""
        pending = list(range(len(self.cases)))
        for draws in P.DRAW_ROUNDS:
            pending = self._round(pending, *draws)
        self._accept([self.cases[i] for i in pending], math.inf)
        left = [i for i in pending if self.cases[i].chosen is None]
        sure = surely_faces(self.pack, self.image, [self.cases[i].face for i in left])
        self._round([i for i, one in zip(left, sure, strict=True) if one], *P.SPARE_ROUND)
        for i in pending:
            if self.cases[i].chosen is None:
                self._make_room(self.cases[i])

    def _round(
        self, pending: list[int], shape_share: float, light_sigma: float, at_once: int, acceptable: float
    ) -> list[int]:
        """Donors for the ``pending`` cases, see DRAW_ROUNDS; those that are pending after it."""
        taken = self._taken()
        drawn = {i: _next(self.cases[i], taken, at_once) for i in pending}
        if not any(drawn.values()):
            return pending
        shares = {i: min(P.SHAPE_LARGEST_SHARE, shape_share + _help(drawn[i])) for i in pending}
        # A card swaps a round's donors for the price of one. A CPU pays for each, and often the first will do.
        # Considered they are one by one on both, so that both take the same.
        step = 1 if self.pack.device == "cpu" else at_once
        for start in range(at_once):
            if start % step == 0:
                self._try({i: drawn[i][start : start + step] for i in pending}, shares, light_sigma)
            waiting = [self.cases[i] for i in pending]
            for case in waiting:
                case.tried = min(case.tried + 1, len(case.attempts))
            self._accept(waiting, acceptable)
            pending = [i for i in pending if self.cases[i].chosen is None]
        return pending

    def _taken(self) -> set[str]:
        """Donors that a face wears, or may still come to wear. What others gave up fits the next face as well as any:
        the last ones of a crowd would else be left with the donors nobody wants."""
        wearing = {case.chosen.donor for case in self.cases if case.chosen}
        return wearing.union(a.donor for case in self.cases if not case.chosen for a in case.attempts)

    def _try(self, drawn: dict[int, list[Candidate]], shares: dict[int, float], light_sigma: float) -> None:
        """Every drawn donor is swapped in, and on a card looked at once. ``shares``: of its shape, by the number of the
        case."""
        fresh: list[tuple[_Case, _Attempt]] = []
        for i, donors in drawn.items():
            case = self.cases[i]
            made, blotched = _swap(
                self.pack,
                self.image,
                self.targets[i],
                [candidate.donor for candidate in donors],
                shares[i],
                light_sigma,
                case.random,
                # what draws that went wrong gave up of the person's shape, later ones give up of their folds, too
                [candidate.folds * P.DRAW_ROUNDS[0][0] / shares[i] for candidate in donors],
            )
            unseen = np.empty((0, len(case.face.embedding)), np.float32)
            attempts = [
                _Attempt(candidate.donor.id, patch, Looks(candidate.unlike, shares[i], *blotches), unseen)
                for candidate, patch, blotches in zip(donors, made, blotched, strict=True)
            ]
            case.attempts += attempts
            fresh += [(case, attempt) for attempt in attempts]
        if self.pack.device != "cpu":  # there each look has its price, and not all are needed
            self._look(fresh, viewing.first_view)

    def _accept(self, cases: Sequence[_Case], acceptable: float) -> None:
        """Choose each case's best attempt if looks and wishes missed cost no more than ``acceptable`` on all views.

        Those that are best so far are looked at fully, all cases' in one batch, until the best is one that was.
        """
        waiting = list(cases)
        while waiting:
            found = self._seen_best(waiting, acceptable)
            unseen = [(case, attempt) for case, attempt in found if attempt and not attempt.seen_fully]
            for case, attempt in found:
                best = attempt and attempt.seen_fully and self._best(case, acceptable)
                if best and best.seen_fully:  # others may have been accepted just now, and another be best
                    case.chosen = best
            self._look(unseen, viewing.other_views)
            waiting = [case for case, attempt in found if attempt and case.chosen is None]

    def _seen_best(self, cases: Sequence[_Case], acceptable: float) -> list[tuple[_Case, _Attempt | None]]:
        """The ``_best`` of each case after one look at least, all cases' in one batch."""
        while True:
            found = [(case, self._best(case, acceptable)) for case in cases]
            unseen = [(case, attempt) for case, attempt in found if attempt and attempt.unseen]
            if not unseen:
                return found
            self._look(unseen, viewing.first_view)

    def _best(self, case: _Case, acceptable: float) -> _Attempt | None:
        """The attempt that keeps the promise and costs least, beside what the photo's other faces have got so far,
        as far as it has been seen; None if that costs too much."""
        while True:
            attempts = case.attempts[: case.tried]
            verdicts = [attempt.verdict for attempt in attempts]
            index = guarantee.best(verdicts, [attempt.looks.cost for attempt in attempts], self.thresholds)
            if index is None:
                return None
            best = attempts[index]
            if best.unseen:  # not worth a look where nobody would be accepted, whatever it shows
                hopeful = (one for one in attempts if one.verdict.keeps(self.thresholds))
                return best if any(one.may_do(self.thresholds, acceptable) for one in hopeful) else None
            before = best.verdict.to_decoys
            best.verdict = replace(best.verdict, to_decoys=guarantee.nearest(best.views, self._others(case)))
            if best.verdict.to_decoys == before:
                return best if best.may_do(self.thresholds, acceptable) else None

    def _make_room(self, case: _Case) -> None:
        """Choose a decoy that nothing but one other face's speaks against, and for that face another of its own.

        Faces choose one after another, and in a crowd, where decoys lie close, the last may find all of theirs near to
        somebody who could have taken another one. Of all such pairs the one that costs least, and none that fails.
        """
        wearing = {other.chosen.donor for other in self.cases if other.chosen}
        exchanges: list[tuple[float, _Attempt, _Case, _Attempt]] = []
        for attempt in case.attempts:
            other = self._in_the_way(case, attempt) if self._keeps_alone(case, attempt) else None
            if other is None:
                continue
            case.chosen, held, other.chosen = attempt, other.chosen, None
            for one in other.attempts:  # judged beside this attempt, no longer beside the ones before
                one.verdict = self._judge(other, one)
            self._accept([other], math.inf)
            case.chosen, found, other.chosen = None, other.chosen, held
            if held and found and found.donor not in wearing:
                cost = found.cost(self.thresholds) - held.cost(self.thresholds)
                exchanges.append((attempt.cost(self.thresholds) + cost, attempt, other, found))
        if exchanges:
            _, attempt, other, found = min(exchanges, key=lambda exchange: exchange[0])
            case.chosen, other.chosen = attempt, found

    def _keeps_alone(self, case: _Case, attempt: _Attempt) -> bool:
        """Whether an attempt would keep the promise on all views if the photo's other faces had no decoys."""

        def keeps() -> bool:
            return replace(attempt.verdict, to_decoys=math.inf).keeps(self.thresholds)

        if attempt.unseen:
            self._look([(case, attempt)], viewing.first_view)
        if keeps() and not attempt.seen_fully:
            self._look([(case, attempt)], viewing.other_views)
        return keeps()

    def _in_the_way(self, case: _Case, attempt: _Attempt) -> _Case | None:
        """The one other face whose decoy lies too near to an attempt; None if there are more, or none."""
        near = [
            other
            for other in self.cases
            if other.chosen
            and other is not case
            and not guarantee.nearest(attempt.views, other.chosen.views) > self.thresholds.decoys
        ]
        return near[0] if len(near) == 1 else None

    def _look(self, pairs: Sequence[tuple[_Case, _Attempt]], views: viewing.Views) -> None:
        """Embed more views of attempts, all in one batch, and judge them."""
        chips: list[Picture] = []
        ends: list[int] = []
        for case, attempt in pairs:
            seen, misfit = viewing.cut(self.pack, self.image, case.marked, attempt.patch, views)
            if case.remarked and views is viewing.other_views:
                seen += viewing.cut(self.pack, self.image, case.face, attempt.patch, viewing.first_view)[0]
            attempt.looks = replace(attempt.looks, misfit=misfit)
            chips += seen
            ends.append(sum(map(len, chips)))
        if not chips:
            return
        embeddings = self.pack.recognizer.embed_chips(viewing.joined(chips))
        for (case, attempt), fresh in zip(pairs, np.split(embeddings, ends[:-1]), strict=True):
            attempt.views = np.concatenate([attempt.views, fresh])
            if self.pack.space is DLIB:  # what the estimates are fitted on
                seeming = appearance.seeming(case.marked.embedding, attempt.views[0])
                attempt.looks = replace(attempt.looks, seeming=seeming)
            attempt.verdict = self._judge(case, attempt)

    def _judge(self, case: _Case, attempt: _Attempt) -> Verdict:
        """Verdict on all that has been seen of an attempt, beside what the photo's other faces have got so far."""
        if attempt.unseen:
            return NOTHING_AGAINST
        return guarantee.judge(
            attempt.views, case.originals, self.gallery.index, self._others(case), case.apart
        )

    def _others(self, case: _Case) -> FloatArray:
        """(M, D) views of what the photo's other faces have got so far."""
        accepted = [other.chosen.views for other in self.cases if other.chosen and other is not case]
        return np.concatenate(accepted) if accepted else np.empty((0, len(case.face.embedding)), np.float32)


def look_at_swaps(
    pack: Pack, image: Image, face: Face, donors: Sequence[Donor], random: np.random.Generator
) -> FloatArray:
    """(N, D) embeddings of N first-round swaps of one face, each seen once, none of them judged."""
    with torch.inference_mode():
        target = blending.prepare(image, [face.landmarks], pack.device)[0]
        patches, _ = _swap(pack, image, target, donors, *P.DRAW_ROUNDS[0][:2], random)
        chips = [
            chip for patch in patches for chip in viewing.cut(pack, image, face, patch, viewing.first_view)[0]
        ]
        return pack.recognizer.embed_chips(viewing.joined(chips))


def _next(case: _Case, taken: set[str], number: int) -> list[Candidate]:
    """The case's next ``number`` donors that are not ``taken``, fewer where they run out; then these are, too. Those
    passed over come first the next time."""
    fresh: list[Candidate] = []
    passed: list[Candidate] = []
    while len(fresh) < number and (candidate := next(case.donors, None)):
        (passed if candidate.donor.id in taken else fresh).append(candidate)
    case.donors = chain(passed, case.donors)
    taken.update(candidate.donor.id for candidate in fresh)
    return fresh


def _help(drawn: Sequence[Candidate]) -> float:
    """Share of the donor's shape to add, so that the donor foretold to fall least short does not."""
    return min((candidate.short for candidate in drawn), default=0.0) / P.SHAPE_DISTANCE


def _swap(
    pack: Pack,
    image: Picture,
    target: Target,
    donors: Sequence[Donor],
    shape_share: float,
    light_sigma: float,
    random: np.random.Generator,
    folds: Sequence[float] = (),
) -> tuple[Sequence[Patch | PatchThere], list[list[float]]]:
    """One decoy per donor on the same face, and how blotched each is; for the share and the sigma see DRAW_ROUNDS, for
    ``folds`` ``relight.relight``."""
    if not donors:
        return [], []
    warped = pack.swapper(target, donors, shape_share)
    with single_threaded(pack.device):
        decoys, alpha = blending.blend(target, warped, light_sigma, folds)
        blotched = appearance.blotches(decoys, alpha, warped, target.lit).tolist()
    if isinstance(image, Tensor):
        return there.place(image, decoys, alpha, target.frame, target.landmarks, random), blotched
    return [
        blending.place(image, decoy, cover, target, random)
        for decoy, cover in zip(
            decoys.permute(0, 2, 3, 1).cpu().numpy(), alpha[:, 0].cpu().numpy(), strict=True
        )
    ], blotched


def _finish(pack: Pack, image: Picture, case: _Case, gallery: Gallery, thresholds: Thresholds) -> Decoy:
    if case.chosen is not None:
        kind: DecoyKind = "swap"
        found, verdict, donor = case.chosen.patch, case.chosen.verdict, case.chosen.donor
        patch = found.on_host() if isinstance(found, PatchThere) else found
        seen = case.chosen.views
    else:
        kind, donor = "redaction", None
        picture = on_host(image)
        patch, seen, verdict = _redacted(pack, picture, case, gallery, thresholds)
    return Decoy(
        kind=kind,
        origin=patch.origin,
        pixels=patch.pixels,
        alpha=patch.alpha,
        donor=donor,
        attempts=case.tried,
        distance_to_original=verdict.to_original,
        nearest_gallery=verdict.to_gallery,
        threshold=thresholds.original,
        views=seen,
    )


def _redacted(
    pack: Pack, image: Image, case: _Case, gallery: Gallery, thresholds: Thresholds
) -> tuple[Patch, FloatArray, Verdict]:
    """A redaction of one face, drawn anew while the recogniser takes what is left for the face; the farthest of all."""
    draws: list[tuple[Patch, FloatArray, Verdict]] = []
    for _ in range(P.REDACTION_DRAWS):
        patch = redaction.redact(image, case.face, case.random)
        seen = viewing.original_view(pack, image, case.face, patch)
        nobody = np.empty((0, seen.shape[1]), np.float32)
        draws.append((patch, seen, guarantee.judge(seen, case.face.embedding, gallery.index, nobody)))
        if draws[-1][2].to_original > thresholds.original:
            break
    return max(draws, key=lambda draw: draw[2].to_original)
