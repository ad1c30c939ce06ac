"""From face regions to verified decoys: donors are tried until one will do, and what cannot be saved is redacted.

The draws themselves, and what is looked at before one is taken: draws.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from mfmc_engine import guarantee, placing, viewing
from mfmc_engine import parameters as P
from mfmc_engine.donors.candidates import Candidate
from mfmc_engine.donors.selection import generator
from mfmc_engine.draws import Case, Draws, swap
from mfmc_engine.guarantee import Thresholds, Verdict
from mfmc_engine.memory import keep_freed_memory
from mfmc_engine.packs.pack import Pack
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.swappable import Obstacle, prepared
from mfmc_engine.swapping import blending, eyewear, redaction
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.swapping.swappers import Donor
from mfmc_engine.swapping.there import PatchThere
from mfmc_engine.types import Decoy, DecoyKind, DecoyRequest, Face, FloatArray, Gallery, Image, Worn

# The donors to try for one face, best first, drawn with that face's random numbers and unlike other decoys (N, D).
Candidates = Callable[[Face, np.random.Generator, FloatArray], Iterator[Candidate]]


def make_decoys(
    pack: Pack,
    image: Picture,
    requests: Sequence[DecoyRequest],
    gallery: Gallery,
    candidates: Candidates,
    thresholds: Thresholds | None = None,
    beside: Worn | None = None,
) -> list[Decoy]:
    """One verified decoy per request, in order. Same arguments, same bytes. ``beside``: what other faces of the photo
    wear; raises ValueError if it is of another space."""
    keep_freed_memory()
    thresholds = thresholds or Thresholds.beside(len(gallery), pack.space)
    cases = [Case(request.face, generator(request.seed), request.apart, thresholds) for request in requests]
    pixels = pack.upload(image)
    with torch.inference_mode():
        targets = []
        for case, found in zip(cases, prepared(pack, pixels, [case.face for case in cases]), strict=True):
            if not isinstance(found, Obstacle):
                case.swapped, target = found
                case.thresholds = thresholds.toward(case.swapped.embedding, pack.space)
                case.donors = candidates(case.swapped, case.random, case.apart)
                targets.append(target)
        if targets:
            swappable = [case for case in cases if case.swapped]
            Draws(pack, pixels, swappable, targets, gallery, beside or Worn()).run()
        return [_finish(pack, image, case, gallery, thresholds) for case in cases]


def _finish(pack: Pack, image: Picture, case: Case, gallery: Gallery, thresholds: Thresholds) -> Decoy:
    drawn = _drawn(case)
    if case.chosen is not None and drawn is not None:
        kind: DecoyKind = "swap"
        patch, verdict, donor = drawn, case.chosen.verdict, case.chosen.donor
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
        picture_size=(int(image.shape[1]), int(image.shape[0])),
    )


def _drawn(case: Case) -> Patch | None:
    """The swap chosen for a face, in main memory; None without one, or if it leaves a box bare that the caller gave.

    Such a box is all that is known of where the face is. Detected ones are laid where the landmarks are.
    """
    if case.chosen is None:
        return None
    found = case.chosen.patch
    patch = found.on_host() if isinstance(found, PatchThere) else found
    return patch if case.face.source == "detected" or placing.covers(patch, case.face.box) else None


def _redacted(
    pack: Pack, image: Image, case: Case, gallery: Gallery, thresholds: Thresholds
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


def look_at_swaps(
    pack: Pack, image: Image, face: Face, donors: Sequence[Donor], random: np.random.Generator
) -> FloatArray:
    """(N, D) embeddings of N first-round swaps of one face, each seen once, none of them judged."""
    with torch.inference_mode():
        target = blending.prepare(image, [face.landmarks], pack.device)[0]
        share = P.DRAW_ROUNDS[0][0]
        patches, _ = swap(pack, image, target, donors, share, random, worn=eyewear.of(target.lit))
        chips = [
            chip for patch in patches for chip in viewing.cut(pack, image, face, patch, viewing.first_view)[0]
        ]
        return pack.recognizer.embed_chips(viewing.joined(chips))
