"""Draws of donors for the faces of one photo: swap in, look, judge, and draw again what will not do.

Every round is one batch over the faces of the photo that still lack a decoy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
from torch import Tensor

from mfmc_engine import guarantee, viewing
from mfmc_engine import parameters as P
from mfmc_engine.batching.cores import Aside, aside, single_threaded
from mfmc_engine.donors import prospects
from mfmc_engine.donors.candidates import Candidate
from mfmc_engine.donors.prospects import Outlook
from mfmc_engine.guarantee import Thresholds, Verdict
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.resampling import Picture
from mfmc_engine.swappable import surely_faces
from mfmc_engine.swapping import appearance, blending, eyewear, there
from mfmc_engine.swapping.appearance import Looks
from mfmc_engine.swapping.blending import Target
from mfmc_engine.swapping.eyewear import Eyewear
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.swapping.swappers import Donor
from mfmc_engine.swapping.there import PatchThere
from mfmc_engine.types import Face, FloatArray, Gallery, Worn

Look = tuple[FloatArray, float]  # (n, D) embeddings of some views of a decoy, and its misfit there

NOTHING_AGAINST: Final = Verdict(math.inf, math.inf, math.inf)  # the verdict on what nobody has seen


@dataclass(slots=True)
class Attempt:
    donor: str
    patch: Patch | PatchThere
    looks: Looks
    views: FloatArray  # (V, D), at first none, then of one view only: most of those that fail, fail on it
    verdict: Verdict = NOTHING_AGAINST  # on those views
    ahead: Callable[[], Look] | None = None  # waits for the first look, if it is already on its way
    # By how much its first view was foretold to exceed the distances wished for; NaN if nothing was, or if nobody looks
    foretold: float = math.nan

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
class Case:
    """One face on its way to a decoy."""

    face: Face
    random: np.random.Generator
    apart: FloatArray
    thresholds: Thresholds
    swapped: Face | None = None  # the face by the landmarks it is swapped by; None if it cannot be
    donors: Iterator[Candidate] = field(default_factory=lambda: iter(()))
    attempts: list[Attempt] = field(default_factory=list)
    chosen: Attempt | None = None
    tried: int = 0  # of the attempts, how many are considered so far

    @property
    def marked(self) -> Face:
        """The face by the landmarks it is swapped by."""
        return self.swapped or self.face

    @property
    def remarked(self) -> bool:
        """Whether these are not those of analysis, averaged, but another network's."""
        return self.marked.embedding is not self.face.embedding

    @property
    def seen(self) -> Face:
        """The face by the landmarks at which a recogniser sees it: where analysis embedded it, unless anew."""
        return self.marked if self.remarked else self.face

    @property
    def telling(self) -> list[Attempt]:
        """Those considered that tell how forecasts err on this face."""
        return [one for one in self.attempts[: self.tried] if math.isfinite(one.foretold) and not one.unseen]

    @property
    def originals(self) -> FloatArray:
        """(K, D) embeddings that a decoy must be far from: of the face by either landmarks."""
        return np.stack(
            [face.embedding for face in ((self.face, self.marked) if self.remarked else (self.face,))]
        )


@dataclass(slots=True)
class Draws:
    """The draws for all faces of one photo, or for some of them ``beside`` what the others wear."""

    pack: Pack
    image: Picture
    cases: list[Case]
    targets: list[Target]
    gallery: Gallery
    beside: Worn = field(default_factory=Worn)
    aside: Aside[Any] | None = None

    def run(self) -> None:
        """Fill in ``chosen`` of every case, as far as donors and rounds go."""
        with aside(self.pack.device) as self.aside:
            self._run()

    def _run(self) -> None:
        pending = list(range(len(self.cases)))
        for number, draws in enumerate(P.DRAW_ROUNDS, 1):
            pending = self._round(pending, number, *draws)
        self._accept([self.cases[i] for i in pending], math.inf)
        left = [i for i in pending if self.cases[i].chosen is None]
        sure = surely_faces(self.pack, self.image, [self.cases[i].face for i in left])
        spared = [i for i, one in zip(left, sure, strict=True) if one]
        self._round(spared, len(P.DRAW_ROUNDS) + 1, *P.SPARE_ROUND)
        for i in pending:
            if self.cases[i].chosen is None:
                self._make_room(self.cases[i])

    def _round(
        self,
        pending: list[int],
        number: int,
        shape_share: float,
        at_once: int,
        acceptable: float,
    ) -> list[int]:
        """Donors for the ``pending`` cases, see DRAW_ROUNDS; those that are pending after it. ``number``: its own,
        from 1."""
        self._accept([self.cases[i] for i in pending], acceptable)  # what was too dear before may do now
        pending = [i for i in pending if self.cases[i].chosen is None]
        drawn = self._drawn(pending, number, shape_share, at_once, acceptable)
        if not any(drawn.values()):
            return pending
        short = {i: min((one.short for one in donors), default=0.0) for i, donors in drawn.items()}
        shares = {i: prospects.share(shape_share, short[i]) for i in pending}
        # A card swaps a round's donors for the price of one. A CPU pays for each, and often the first will do.
        # Considered they are one by one on both, so that both take the same.
        step = 1 if self.pack.device == "cpu" else at_once
        for start in range(at_once):
            if start % step == 0:
                donors = {i: drawn[i][start : start + step] for i in pending}
                self._try(donors, shares, number, acceptable)
            waiting = [self.cases[i] for i in pending]
            for case in waiting:
                case.tried = min(case.tried + 1, len(case.attempts))
            self._accept(waiting, acceptable)
            pending = [i for i in pending if self.cases[i].chosen is None]
        return pending

    def _drawn(
        self, pending: list[int], number: int, shape_share: float, at_once: int, acceptable: float
    ) -> dict[int, list[Candidate]]:
        """Up to ``at_once`` donors for each of the ``pending`` cases that have a chance to be taken in a round."""
        taken, drawn = self._taken(), {}
        for i in pending:
            case, chance = self.cases[i], self._chances(i, number, shape_share, acceptable)
            least = 0.0 if self._must_draw(case, number) else P.DRAW_CHANCE
            resort = number >= P.RESORT_ROUND
            drawn[i], case.donors = prospects.pick(case.donors, at_once, chance, least, resort, taken)
            taken.update(candidate.donor.id for candidate in drawn[i])
        return drawn

    def _must_draw(self, case: Case, number: int) -> bool:
        """Whether a case needs donors in a round however small their chances are."""
        kept = (one.verdict.keeps(case.thresholds) for one in case.telling)
        return number == P.RESORT_ROUND or (number > P.RESORT_ROUND and not any(kept))

    def _chances(
        self, i: int, number: int, shape_share: float, acceptable: float
    ) -> Callable[[Candidate], float]:
        """How likely a donor's decoy is to be taken for case ``i`` in a round, by what is foretold and by how draws so
        far differed from it. All are as likely where other distances count than those foretold."""
        case, (worn, lost) = self.cases[i], self._eyewear(i, number)
        if worn:  # one in glasses may be taken later on, rather than one without
            acceptable = max(acceptable, P.DRAW_ROUNDS[worn.rounds][2])
        seen = [one.looks.blotched for one in case.attempts[: case.tried]]
        blotched = sum(seen) / len(seen) if seen else P.USUAL_BLOTCHED
        outlook = Outlook.after([self._spare(case, one) - one.foretold for one in case.telling])

        def chance(candidate: Candidate) -> float:
            share = prospects.share(shape_share, candidate.short)
            looks = Looks(candidate.unlike, share, 0.0, 0.0, lost).cost + blotched + P.USUAL_MISFIT
            affordable = (acceptable - looks) * P.WISH_ORIGINAL
            if affordable < 0:
                return 0.0
            most = min(affordable, case.thresholds.preferred - case.thresholds.original)
            return outlook.chance(prospects.foretold(candidate, share), -most)

        return chance if self.pack.space is DLIB else lambda _: 1.0

    def _eyewear(self, i: int, number: int) -> tuple[Eyewear | None, float]:
        """What decoys of a round wear of the person's eyewear, and what it costs to have lost it."""
        own = eyewear.of(self.targets[i].lit)
        if own is None or (len(self.cases[i].apart) and not own.opaque):
            return None, 0.0  # two decoys in one person's clear glasses would be linked by them
        return (own, 0.0) if number <= own.rounds else (None, own.lost)

    def _spare(self, case: Case, attempt: Attempt) -> float:
        """By how much an attempt's first view exceeds the distances wished for."""
        return min(
            guarantee.nearest(attempt.views[:1], case.originals) - case.thresholds.preferred,
            guarantee.nearest(attempt.views[:1], case.apart) - case.thresholds.apart,
        )

    def _taken(self) -> set[str]:
        """Donors that a face wears, or may still come to wear. What others gave up fits the next face as well as any:
        the last ones of a crowd would else be left with the donors nobody wants."""
        wearing = {case.chosen.donor for case in self.cases if case.chosen}.union(self.beside.donors)
        return wearing.union(a.donor for case in self.cases if not case.chosen for a in case.attempts)

    def _try(
        self,
        drawn: dict[int, list[Candidate]],
        shares: dict[int, float],
        number: int,
        acceptable: float,
    ) -> None:
        """Every drawn donor is swapped in, and on a card looked at once. ``shares``: of its shape, by the number of the
        case. ``number``: the round's. A second core looks meanwhile at those whose looks are ``acceptable``."""
        fresh: list[tuple[Case, Attempt]] = []
        for i, donors in drawn.items():
            case = self.cases[i]
            worn, lost = self._eyewear(i, number)
            made, blotched = swap(
                self.pack,
                self.image,
                self.targets[i],
                [candidate.donor for candidate in donors],
                shares[i],
                case.random,
                # what draws that went wrong gave up of the person's shape, later ones give up of their folds, too
                [candidate.folds * P.DRAW_ROUNDS[0][0] / shares[i] for candidate in donors],
                worn,
            )
            unseen = np.empty((0, len(case.face.embedding)), np.float32)
            attempts = [
                Attempt(
                    candidate.donor.id, patch, Looks(candidate.unlike, shares[i], dark, hue, lost), unseen
                )
                for candidate, patch, (dark, hue) in zip(donors, made, blotched, strict=True)
            ]
            case.attempts += attempts
            for attempt, candidate in zip(attempts, donors, strict=True):
                if attempt.looks.cost <= acceptable:  # it will be looked at, on a CPU, too
                    attempt.foretold = prospects.foretold(candidate, shares[i])
                    attempt.ahead = self.aside and self._look_ahead(case, attempt, self.aside)
            fresh += [(case, attempt) for attempt in attempts]
        if self.pack.device != "cpu":  # there each look has its price, and not all are needed
            self._look(fresh, viewing.first_view)

    def _accept(self, cases: Sequence[Case], acceptable: float) -> None:
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

    def _seen_best(self, cases: Sequence[Case], acceptable: float) -> list[tuple[Case, Attempt | None]]:
        """The ``_best`` of each case after one look at least, all cases' in one batch."""
        while True:
            found = [(case, self._best(case, acceptable)) for case in cases]
            unseen = [(case, attempt) for case, attempt in found if attempt and attempt.unseen]
            if not unseen:
                return found
            self._look(unseen, viewing.first_view)

    def _best(self, case: Case, acceptable: float) -> Attempt | None:
        """The attempt that keeps the promise and costs least, beside what the photo's other faces have got so far,
        as far as it has been seen; None if that costs too much."""
        while True:
            attempts = case.attempts[: case.tried]
            verdicts = [attempt.verdict for attempt in attempts]
            index = guarantee.best(verdicts, [attempt.looks.cost for attempt in attempts], case.thresholds)
            if index is None:
                return None
            best = attempts[index]
            if best.unseen:  # not worth a look where nobody would be accepted, whatever it shows
                hopeful = (one for one in attempts if one.verdict.keeps(case.thresholds))
                return best if any(one.may_do(case.thresholds, acceptable) for one in hopeful) else None
            before = best.verdict.to_decoys
            best.verdict = replace(best.verdict, to_decoys=guarantee.nearest(best.views, self._others(case)))
            if best.verdict.to_decoys == before:
                return best if best.may_do(case.thresholds, acceptable) else None

    def _make_room(self, case: Case) -> None:
        """Choose a decoy that nothing but one other face's speaks against, and for that face another of its own.

        Faces choose one after another, and in a crowd, where decoys lie close, the last may find all of theirs near to
        somebody who could have taken another one. Of all such pairs the one that costs least, and none that fails.
        """
        wearing = {other.chosen.donor for other in self.cases if other.chosen}
        exchanges: list[tuple[float, Attempt, Case, Attempt]] = []
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
                cost = found.cost(other.thresholds) - held.cost(other.thresholds)
                exchanges.append((attempt.cost(case.thresholds) + cost, attempt, other, found))
        if exchanges:
            _, attempt, other, found = min(exchanges, key=lambda exchange: exchange[0])
            case.chosen, other.chosen = attempt, found

    def _keeps_alone(self, case: Case, attempt: Attempt) -> bool:
        """Whether an attempt would keep the promise on all views if the other cases had no decoys."""

        def keeps() -> bool:
            alone = guarantee.nearest(attempt.views, self.beside.views)
            return replace(attempt.verdict, to_decoys=alone).keeps(case.thresholds)

        if attempt.unseen:
            self._look([(case, attempt)], viewing.first_view)
        if keeps() and not attempt.seen_fully:
            self._look([(case, attempt)], viewing.other_views)
        return keeps()

    def _in_the_way(self, case: Case, attempt: Attempt) -> Case | None:
        """The one other face whose decoy lies too near to an attempt; None if there are more, or none."""
        near = [
            other
            for other in self.cases
            if other.chosen
            and other is not case
            and not guarantee.nearest(attempt.views, other.chosen.views) > case.thresholds.decoys
        ]
        return near[0] if len(near) == 1 else None

    def _look(self, pairs: Sequence[tuple[Case, Attempt]], views: viewing.Views) -> None:
        """Embed more views of attempts, all in one batch that are not on their way already, and judge them."""
        known = [attempt.ahead if views is viewing.first_view else None for _, attempt in pairs]
        left = [pair for pair, ahead in zip(pairs, known, strict=True) if ahead is None]
        looks = iter(self._looks(left, views))
        for (case, attempt), ahead in zip(pairs, known, strict=True):
            fresh, misfit = ahead() if ahead else next(looks)
            attempt.looks = replace(attempt.looks, misfit=misfit)
            attempt.views = np.concatenate([attempt.views, fresh])
            if self.pack.space is DLIB:  # what the estimates are fitted on
                seeming = appearance.seeming(case.marked.embedding, attempt.views[0])
                attempt.looks = replace(attempt.looks, seeming=seeming)
            attempt.verdict = self._judge(case, attempt)

    def _look_ahead(self, case: Case, attempt: Attempt, aside: Aside[FloatArray]) -> Callable[[], Look]:
        """The first look at an attempt, its embedding worked out ``aside``. That alone: so many short calls as it takes
        to cut the chip would pass Python's lock to and fro."""
        first = viewing.first_view
        chips, misfit = viewing.cut(self.pack, self.image, case.marked, attempt.patch, first, case.seen)
        embeddings = aside(partial(self.pack.recognizer.embed_chips, viewing.joined(chips)))
        return lambda: (embeddings.result(), misfit)

    def _looks(self, pairs: Sequence[tuple[Case, Attempt]], views: viewing.Views) -> list[Look]:
        """What ``views`` of attempts show, embedded in one batch."""
        if not pairs:
            return []
        chips: list[Picture] = []
        ends: list[int] = []
        misfits: list[float] = []
        for case, attempt in pairs:
            seen, misfit = viewing.cut(self.pack, self.image, case.marked, attempt.patch, views, case.seen)
            if case.remarked and views is viewing.other_views:
                seen += viewing.cut(self.pack, self.image, case.face, attempt.patch, viewing.first_view)[0]
            misfits.append(misfit)
            chips += seen
            ends.append(sum(map(len, chips)))
        embeddings = self.pack.recognizer.embed_chips(viewing.joined(chips))
        return list(zip(np.split(embeddings, ends[:-1]), misfits, strict=True))

    def _judge(self, case: Case, attempt: Attempt) -> Verdict:
        """Verdict on all that has been seen of an attempt, beside what the photo's other faces have got so far."""
        if attempt.unseen:
            return NOTHING_AGAINST
        return guarantee.judge(
            attempt.views, case.originals, self.gallery.index, self._others(case), case.apart
        )

    def _others(self, case: Case) -> FloatArray:
        """(M, D) views of what the photo's other faces have got so far."""
        accepted = [other.chosen.views for other in self.cases if other.chosen and other is not case]
        if len(self.beside.views):
            accepted.append(self.beside.views)
        return np.concatenate(accepted) if accepted else np.empty((0, len(case.face.embedding)), np.float32)


def swap(
    pack: Pack,
    image: Picture,
    target: Target,
    donors: Sequence[Donor],
    shape_share: float,
    random: np.random.Generator,
    folds: Sequence[float] = (),
    worn: Eyewear | None = None,
) -> tuple[Sequence[Patch | PatchThere], list[list[float]]]:
    """One decoy per donor on the same face, and how blotched each is; for the share see DRAW_ROUNDS, for
    ``folds`` and ``worn`` ``blending.blend``."""
    if not donors:
        return [], []
    warped = pack.swapper(target, donors, shape_share)
    with single_threaded(pack.device):
        decoys, alpha = blending.blend(target, warped, folds, worn)
        bare = alpha * worn.beside() if worn else alpha
        blotched = appearance.blotches(decoys, bare, warped, target.lit).tolist()
    if isinstance(image, Tensor):
        return there.place(image, decoys, alpha, target.frame, target.landmarks, random), blotched
    return [
        blending.place(image, decoy, cover, target, random)
        for decoy, cover in zip(
            decoys.permute(0, 2, 3, 1).cpu().numpy(), alpha[:, 0].cpu().numpy(), strict=True
        )
    ], blotched
