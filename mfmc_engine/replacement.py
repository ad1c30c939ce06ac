"""From face regions to verified decoys: try donors, measure the output, redraw what fails, redact what cannot be saved.

Every round is one batch over the faces of the photo that still lack a decoy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np
import torch

from mfmc_engine import guarantee
from mfmc_engine import parameters as P
from mfmc_engine.compositing import paste
from mfmc_engine.donors.selection import generator
from mfmc_engine.geometry import apply
from mfmc_engine.guarantee import Thresholds, Verdict
from mfmc_engine.landmarks import five_of
from mfmc_engine.memory import keep_freed_memory
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.swapping import blending, eyes, mesh, redaction
from mfmc_engine.swapping.blending import Targets
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.types import Decoy, DecoyKind, DecoyRequest, Face, FloatArray, Gallery, Image


class Donor(Protocol):
    """What a swap needs of a donor."""

    @property
    def id(self) -> str: ...
    @property
    def image(self) -> Image: ...  # (CROP_SIZE, CROP_SIZE, 3)
    @property
    def landmarks(self) -> FloatArray: ...  # (68, 2) px of image


# The donors to try for one face, best first, drawn with that face's random numbers.
Candidates = Callable[[Face, np.random.Generator], Iterator[Donor]]


@dataclass(slots=True)
class _Attempt:
    donor: str
    patch: Patch
    verdict: Verdict
    views: FloatArray


@dataclass(slots=True)
class _Case:
    """One face on its way to a decoy."""

    face: Face
    random: np.random.Generator
    donors: Iterator[Donor] = field(default_factory=lambda: iter(()))
    attempts: list[_Attempt] = field(default_factory=list)
    chosen: _Attempt | None = None
    tried: int = 0


def make_decoys(
    pack: Pack,
    image: Image,
    requests: Sequence[DecoyRequest],
    gallery: Gallery,
    candidates: Candidates,
    thresholds: Thresholds | None = None,
) -> list[Decoy]:
    """One verified decoy per request, in order. Same arguments, same bytes."""
    keep_freed_memory()
    thresholds = thresholds or Thresholds()
    cases = [_Case(request.face, generator(request.seed)) for request in requests]
    swappable = [
        case
        for case in cases
        if can_be_swapped(case.face) and landmark_doubt(pack, image, case.face) <= P.SWAP_MAX_DOUBT
    ]
    with torch.inference_mode():
        if swappable:
            for case in swappable:
                case.donors = candidates(case.face, case.random)
            targets = blending.prepare(image, [case.face.landmarks for case in swappable], pack.device)
            _draw(pack, image, swappable, targets, gallery, thresholds)
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


def landmark_doubt(pack: Pack, image: Image, face: Face) -> float:
    """How far landmarks move, in inter-ocular distances, when the search starts a little off to each side.

    Regression trees answer on anything; on profiles, hands and backs of heads the answer depends on where they
    started (measured: at most .02 on 99 % of frontal to half-turned faces, .04 to .2 on profiles). A mesh on such
    landmarks is a mask beside the face.
    """
    points = five_of(face.landmarks)
    apart = float(np.linalg.norm(points[1] - points[0]))
    if apart < 1:
        return float("inf")
    steps = P.DOUBT_STEP * apart * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    found = pack.landmarker.mark(image, points[None] + steps[:, None])
    return float(np.linalg.norm(found - np.median(found, 0), axis=2).mean()) / apart


def _draw(
    pack: Pack, image: Image, cases: list[_Case], targets: Targets, gallery: Gallery, thresholds: Thresholds
) -> None:
    """Fill in ``chosen`` of every case, as far as donors and rounds go."""
    pending = list(range(len(cases)))
    used: set[str] = set()
    for shape_share, light_sigma, at_once in P.DRAW_ROUNDS:
        drawn = [(i, donor) for i in pending for donor in _next(cases[i].donors, used, at_once)]
        if not drawn:
            break
        chosen = targets.pick([i for i, _ in drawn])
        faces, donors = [cases[i] for i, _ in drawn], [donor for _, donor in drawn]
        patches = _swap(image, chosen, faces, donors, shape_share, light_sigma)
        views = _views(pack, image, [cases[i].face for i, _ in drawn], patches)
        for (i, donor), patch, seen in zip(drawn, patches, views, strict=True):
            case = cases[i]
            accepted = [other.chosen.views for other in cases if other.chosen and other is not case]
            others = np.concatenate(accepted) if accepted else np.empty((0, seen.shape[1]), np.float32)
            verdict = guarantee.judge(seen, case.face.embedding, gallery.embeddings, others)
            case.tried += 1
            attempt = _Attempt(donor.id, patch, verdict, seen)
            case.attempts.append(attempt)
            if case.chosen is None and verdict.satisfies(thresholds):
                case.chosen = attempt
        pending = [i for i in pending if cases[i].chosen is None]
        if not pending:
            break
    for i in pending:
        _settle(cases[i], cases, gallery, thresholds)


def _settle(case: _Case, cases: list[_Case], gallery: Gallery, thresholds: Thresholds) -> None:
    """Nothing reached the preferred margin: take the best attempt that keeps the promise, if there is one."""
    accepted = [other.chosen.views for other in cases if other.chosen and other is not case]
    for attempt in case.attempts:
        if accepted:  # others may have been accepted since this attempt was judged
            to_decoys = guarantee.nearest(attempt.views, np.concatenate(accepted))
            attempt.verdict = Verdict(attempt.verdict.to_original, attempt.verdict.to_gallery, to_decoys)
    index = guarantee.best([attempt.verdict for attempt in case.attempts], thresholds)
    case.chosen = None if index is None else case.attempts[index]


def _next(donors: Iterator[Donor], used: set[str], number: int) -> list[Donor]:
    """The next ``number`` donors that no face of this photo has tried yet, fewer where they run out."""
    fresh = list(islice((donor for donor in donors if donor.id not in used), number))
    used.update(donor.id for donor in fresh)
    return fresh


def _swap(
    image: Image,
    targets: Targets,
    cases: Sequence[_Case],
    donors: Sequence[Donor],
    shape_share: float,
    light_sigma: float,
) -> list[Patch]:
    """One decoy per target; for the shares see DRAW_ROUNDS."""
    pictures = blending.to_tensor([donor.image for donor in donors], targets.crops.device)
    marks = [
        mesh.mixed_landmarks(t, d.landmarks, shape_share)
        for t, d in zip(targets.landmarks, donors, strict=True)
    ]
    marks = [eyes.close(m) if shut else m for m, shut in zip(marks, targets.shut, strict=True)]
    warped = mesh.warp_donors(pictures, [donor.landmarks for donor in donors], marks)
    warped = eyes.draw_lashes(warped, marks, targets.shut)
    decoys, alpha = blending.blend(targets, warped, marks, light_sigma)
    pixels = decoys.permute(0, 2, 3, 1).cpu().numpy()
    covers = alpha[:, 0].cpu().numpy()
    return [
        blending.place(image, decoy, cover, (frame, points), case.random)
        for decoy, cover, frame, points, case in zip(
            pixels, covers, targets.frames, targets.landmarks, cases, strict=True
        )
    ]


def _views(pack: Pack, image: Image, faces: Sequence[Face], patches: Sequence[Patch]) -> FloatArray:
    """(F, V, D) embeddings of each pasted decoy: at the original landmarks, mirrored, and at landmarks found anew."""
    chips = []
    for face, patch in zip(faces, patches, strict=True):
        window, shift = _window(image, face, patch)
        marks = (face.landmarks - shift)[None].astype(np.float32)
        anew = pack.landmarker.mark(window, five_of(marks))
        chips += [
            extract_chips(window, marks),
            extract_chips(window, marks, mirrored=True),
            extract_chips(window, anew),
        ]
    embeddings = pack.recognizer.embed_chips(np.concatenate(chips))
    return embeddings.reshape(len(faces), P.VERIFICATION_VIEWS, -1)


def _window(image: Image, face: Face, patch: Patch) -> tuple[Image, FloatArray]:
    """A copy of the photo around one face with the patch pasted, and where its top-left corner lies."""
    low, high = face.landmarks.min(0), face.landmarks.max(0)
    margin = (high - low).max() * P.VERIFICATION_MARGIN
    height, width = image.shape[:2]
    patch_high = np.add(patch.origin, patch.alpha.shape[::-1])
    x0, y0 = np.floor(np.minimum(low - margin, patch.origin)).clip(0, [width, height]).astype(int)
    x1, y1 = np.ceil(np.maximum(high + margin, patch_high)).clip(0, [width, height]).astype(int)
    window = image[y0:y1, x0:x1].copy()
    paste(window, (patch.origin[0] - int(x0), patch.origin[1] - int(y0)), patch.pixels, patch.alpha)
    return window, np.array([x0, y0], np.float32)


def _finish(pack: Pack, image: Image, case: _Case, gallery: Gallery, thresholds: Thresholds) -> Decoy:
    if case.chosen is not None:
        kind: DecoyKind = "swap"
        patch, verdict, donor = case.chosen.patch, case.chosen.verdict, case.chosen.donor
    else:
        kind, donor = "redaction", None
        patch = redaction.redact(image, case.face, case.random)
        seen = _redaction_view(pack, image, case.face, patch)
        nobody = np.empty((0, seen.shape[1]), np.float32)
        verdict = guarantee.judge(seen, case.face.embedding, gallery.embeddings, nobody)
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
    )


def _redaction_view(pack: Pack, image: Image, face: Face, patch: Patch) -> FloatArray:
    """(1, D) embedding of a redacted face where its landmarks were."""
    window, shift = _window(image, face, patch)
    return pack.recognizer.embed(window, (face.landmarks - shift)[None].astype(np.float32))
