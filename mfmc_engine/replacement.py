"""From face regions to verified decoys: try donors, measure the output, redraw what fails, redact what cannot be saved.

Every round is one batch over the faces of the photo that still lack a decoy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from mfmc_engine import guarantee
from mfmc_engine import parameters as P
from mfmc_engine.compositing import paste
from mfmc_engine.donors.candidates import Candidate
from mfmc_engine.donors.selection import generator
from mfmc_engine.geometry import apply
from mfmc_engine.guarantee import Thresholds, Verdict
from mfmc_engine.landmarks import five_of
from mfmc_engine.memory import keep_freed_memory
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.swapping import appearance, blending, fields, mesh, redaction, there
from mfmc_engine.swapping.appearance import Looks
from mfmc_engine.swapping.blending import Target
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.swapping.swappers import Donor
from mfmc_engine.swapping.there import PatchThere
from mfmc_engine.types import Decoy, DecoyKind, DecoyRequest, Face, FloatArray, Gallery, Image

# Chips of one face in a window of the photo, at its landmarks there (1, 68, 2), and the landmarks of the last chip.
Views = Callable[[Pack, Picture, FloatArray], tuple[list[Picture], FloatArray]]
# The donors to try for one face, best first, drawn with that face's random numbers and unlike other decoys (N, D).
Candidates = Callable[[Face, np.random.Generator, FloatArray], Iterator[Candidate]]


@dataclass(slots=True)
class _Attempt:
    donor: str
    patch: Patch | PatchThere
    looks: Looks
    views: FloatArray  # (V, D), at first of one view only: most of those that fail, fail on it
    verdict: Verdict  # on those views

    @property
    def seen_fully(self) -> bool:
        return len(self.views) == P.VERIFICATION_VIEWS

    def cost(self, thresholds: Thresholds) -> float:
        """Of looks and wishes missed, as far as it has been seen: more views can only make it more."""
        return self.looks.cost + self.verdict.missed(thresholds)


@dataclass(slots=True)
class _Case:
    """One face on its way to a decoy."""

    face: Face
    random: np.random.Generator
    apart: FloatArray
    donors: Iterator[Candidate] = field(default_factory=lambda: iter(()))
    attempts: list[_Attempt] = field(default_factory=list)
    chosen: _Attempt | None = None
    tried: int = 0  # of the attempts, how many are considered so far


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
    swappable = [case for case in cases if can_be_swapped(case.face)]
    doubts = landmark_doubts(pack, pixels, [case.face for case in swappable])
    swappable = [case for case, doubt in zip(swappable, doubts, strict=True) if doubt <= P.SWAP_MAX_DOUBT]
    with torch.inference_mode():
        if swappable:
            for case in swappable:
                case.donors = candidates(case.face, case.random, case.apart)
            with fields.single_threaded(pack.device):
                targets = blending.prepare(pixels, [case.face.landmarks for case in swappable], pack.device)
            _Draw(pack, pixels, swappable, targets, gallery, thresholds).run()
        return [_finish(pack, image, case, gallery, thresholds) for case in cases]


def can_be_swapped(face: Face) -> bool:
    """Whether a face is large enough, turned little enough, and marked plausibly enough for a swap."""
    marks = face.landmarks
    if not np.isfinite(marks).all() or face.quality.size < P.SWAP_MIN_SIZE:
        return False
    if abs(face.quality.yaw) > P.SWAP_MAX_YAW:
        return False
    try:
        frame = mesh.Frame.of(marks)
    except ValueError:
        return False
    misfit = apply(frame.to_crop, marks)[17:] - mesh.mean_face()[17:]
    return float(np.sqrt((misfit**2).sum(1).mean())) <= P.SWAP_MAX_MISFIT


def landmark_doubts(pack: Pack, image: Picture, faces: Sequence[Face]) -> list[float]:
    """How far each face's landmarks move, in inter-ocular distances, when the search starts a little off to each side.

    Regression trees answer on anything; on profiles, hands and backs of heads the answer depends on where they
    started (measured: see SWAP_MAX_DOUBT). A mesh on such landmarks is a mask beside the face.
    """
    if not faces:
        return []
    points = five_of(np.stack([face.landmarks for face in faces]))
    apart = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    doubts = np.full(len(faces), np.inf)
    seen = np.flatnonzero(apart >= 1)
    steps = P.DOUBT_STEP * apart[seen, None, None] * np.array([[1, 0], [-1, 0], [0, 1]], np.float32)
    starts = (points[seen, None] + steps[:, :, None]).astype(np.float32)
    found = pack.landmarker.mark(image, starts.reshape(-1, 5, 2), passes=1).reshape(len(seen), -1, 68, 2)
    moved = np.linalg.norm(found - found.mean(1, keepdims=True), axis=3)
    doubts[seen] = moved.mean((1, 2)) / apart[seen]
    return [float(doubt) for doubt in doubts]


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
        used: set[str] = set()
        for shape_share, light_sigma, at_once, acceptable in P.DRAW_ROUNDS:
            drawn = {i: _next(self.cases[i].donors, used, at_once) for i in pending}
            if not any(drawn.values()):
                break
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
        self._accept([self.cases[i] for i in pending], math.inf)

    def _try(self, drawn: dict[int, list[Candidate]], shares: dict[int, float], light_sigma: float) -> None:
        """Every drawn donor is swapped in and looked at once. ``shares``: of its shape, by the number of the case."""
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
            )
            unseen = np.empty((0, len(case.face.embedding)), np.float32)
            attempts = [
                _Attempt(
                    candidate.donor.id,
                    patch,
                    Looks(candidate.unlike, shares[i], *blotches),
                    unseen,
                    Verdict(0.0, 0.0, 0.0),
                )
                for candidate, patch, blotches in zip(donors, made, blotched, strict=True)
            ]
            case.attempts += attempts
            fresh += [(case, attempt) for attempt in attempts]
        self._look(fresh, _first_view)

    def _accept(self, cases: Sequence[_Case], acceptable: float) -> None:
        """Choose each case's best attempt if looks and wishes missed cost no more than ``acceptable`` on all views.

        Those that are best so far are looked at fully, all cases' in one batch, until the best is one that was.
        """
        waiting = list(cases)
        while waiting:
            found = [(case, self._best(case, acceptable)) for case in waiting]
            unseen = [(case, attempt) for case, attempt in found if attempt and not attempt.seen_fully]
            for case, attempt in found:
                best = attempt and attempt.seen_fully and self._best(case, acceptable)
                if best and best.seen_fully:  # others may have been accepted just now, and another be best
                    case.chosen = best
            self._look(unseen, _other_views)
            waiting = [case for case, attempt in found if attempt and case.chosen is None]

    def _best(self, case: _Case, acceptable: float) -> _Attempt | None:
        """The attempt that keeps the promise and costs least, beside what the photo's other faces have got so far."""
        while True:
            attempts = case.attempts[: case.tried]
            verdicts = [attempt.verdict for attempt in attempts]
            index = guarantee.best(verdicts, [attempt.looks.cost for attempt in attempts], self.thresholds)
            if index is None:
                return None
            best = attempts[index]
            before = best.verdict.to_decoys
            best.verdict = replace(best.verdict, to_decoys=guarantee.nearest(best.views, self._others(case)))
            if best.verdict.to_decoys == before:
                # what it seems decides between those tried, but is not worth more draws: see LOOKS_AGE
                cost = best.cost(self.thresholds) - best.looks.seeming
                return best if cost <= acceptable else None

    def _look(
        self,
        pairs: Sequence[tuple[_Case, _Attempt]],
        cut: Views,
    ) -> None:
        """Embed more views of attempts, all in one batch, and judge them."""
        chips: list[Picture] = []
        for case, attempt in pairs:
            seen, misfit = _cut(self.pack, self.image, case.face, attempt.patch, cut)
            attempt.looks = replace(attempt.looks, misfit=misfit)
            chips += seen
        if not chips:
            return
        embeddings = self.pack.recognizer.embed_chips(_joined(chips))
        for (case, attempt), views in zip(pairs, np.split(embeddings, len(pairs)), strict=True):
            attempt.views = np.concatenate([attempt.views, views])
            if self.pack.space is DLIB:  # what the estimates are fitted on
                seeming = appearance.seeming(case.face.embedding, attempt.views)
                attempt.looks = replace(attempt.looks, seeming=seeming)
            attempt.verdict = self._judge(case, attempt)

    def _judge(self, case: _Case, attempt: _Attempt) -> Verdict:
        """Verdict on all that has been seen of an attempt, beside what the photo's other faces have got so far."""
        return guarantee.judge(
            attempt.views, case.face.embedding, self.gallery.index, self._others(case), case.apart
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
        chips = [chip for patch in patches for chip in _cut(pack, image, face, patch, _first_view)[0]]
        return pack.recognizer.embed_chips(_joined(chips))


def _next(donors: Iterator[Candidate], used: set[str], number: int) -> list[Candidate]:
    """The next ``number`` donors that no face of this photo has tried yet, fewer where they run out."""
    fresh = list(islice((candidate for candidate in donors if candidate.donor.id not in used), number))
    used.update(candidate.donor.id for candidate in fresh)
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
) -> tuple[Sequence[Patch | PatchThere], list[list[float]]]:
    """One decoy per donor on the same face, and how blotched each is; for the shares see DRAW_ROUNDS."""
    if not donors:
        return [], []
    warped = pack.swapper(target, donors, shape_share)
    with fields.single_threaded(pack.device):
        decoys, alpha = blending.blend(target, warped, light_sigma)
        blotched = appearance.blotches(decoys, alpha, warped, target.lit).tolist()
    if isinstance(image, Tensor):
        return there.place(image, decoys, alpha, target.frame, target.landmarks, random), blotched
    return [
        blending.place(image, decoy, cover, target, random)
        for decoy, cover in zip(
            decoys.permute(0, 2, 3, 1).cpu().numpy(), alpha[:, 0].cpu().numpy(), strict=True
        )
    ], blotched


def _first_view(pack: Pack, window: Picture, marks: FloatArray) -> tuple[list[Picture], FloatArray]:
    """(1, h, w, 3) chip of a decoy at the landmarks (1, 68, 2) of the face it replaces."""
    return [pack.recognizer.chips(window, marks)], marks


def _other_views(pack: Pack, window: Picture, marks: FloatArray) -> tuple[list[Picture], FloatArray]:
    """The chip mirrored, and the one at landmarks found anew."""
    anew = pack.landmarker.mark(window, five_of(marks), passes=1)
    return [pack.recognizer.chips(window, marks, mirrored=True), pack.recognizer.chips(window, anew)], anew


def _cut(
    pack: Pack, image: Picture, face: Face, patch: Patch | PatchThere, views: Views
) -> tuple[list[Picture], float]:
    """The chips that ``views`` cuts of a face with a patch over it, (n, h, w, 3) each, and the decoy's misfit there."""
    window, shift = _window(image, face, patch)
    marks = (face.landmarks - shift)[None].astype(np.float32)
    chips, found = views(pack, window, marks)
    return chips, appearance.misfit(marks[0], found[0])


def _joined(chips: Sequence[Picture]) -> Picture:
    """All of (n, h, w, 3) chips in one batch, where they lie."""
    if all(isinstance(chip, Tensor) for chip in chips):
        return torch.cat([chip for chip in chips if isinstance(chip, Tensor)])
    return np.concatenate([on_host(chip) for chip in chips])


def _window(image: Picture, face: Face, patch: Patch | PatchThere) -> tuple[Picture, FloatArray]:
    """A copy of the photo around one face with the patch pasted, and where its top-left corner lies."""
    low, high = face.landmarks.min(0), face.landmarks.max(0)
    margin = (high - low).max() * P.VERIFICATION_MARGIN
    height, width = image.shape[:2]
    patch_high = np.add(patch.origin, patch.alpha.shape[::-1])
    x0, y0 = np.floor(np.minimum(low - margin, patch.origin)).clip(0, [width, height]).astype(int)
    x1, y1 = np.ceil(np.maximum(high + margin, patch_high)).clip(0, [width, height]).astype(int)
    origin, corner = (patch.origin[0] - int(x0), patch.origin[1] - int(y0)), np.array([x0, y0], np.float32)
    if isinstance(image, Tensor) and isinstance(patch, PatchThere):
        window = image[y0:y1, x0:x1].clone()
        there.paste(window, origin, patch)
        return window, corner
    if isinstance(patch, PatchThere):
        patch = patch.on_host()
    copy = on_host(image[y0:y1, x0:x1]).copy()
    paste(copy, origin, patch.pixels, patch.alpha)
    return copy, corner


def _finish(pack: Pack, image: Picture, case: _Case, gallery: Gallery, thresholds: Thresholds) -> Decoy:
    if case.chosen is not None:
        kind: DecoyKind = "swap"
        found, verdict, donor = case.chosen.patch, case.chosen.verdict, case.chosen.donor
        patch = found.on_host() if isinstance(found, PatchThere) else found
        seen = case.chosen.views
    else:
        kind, donor = "redaction", None
        picture = on_host(image)
        patch = redaction.redact(picture, case.face, case.random)
        seen = _redaction_view(pack, picture, case.face, patch)
        nobody = np.empty((0, seen.shape[1]), np.float32)
        verdict = guarantee.judge(seen, case.face.embedding, gallery.index, nobody)
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


def _redaction_view(pack: Pack, image: Image, face: Face, patch: Patch) -> FloatArray:
    """(1, D) embedding of a redacted face where its landmarks were."""
    window, shift = _window(image, face, patch)
    return pack.recognizer.embed(window, (face.landmarks - shift)[None].astype(np.float32))
