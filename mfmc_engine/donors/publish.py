"""Writing a donor bank to disk, with its checksums and its provenance."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.donors.bank import CHECKSUMS, METADATA
from mfmc_engine.donors.build import Candidate
from mfmc_engine.donors.selection import distances
from mfmc_engine.parameters import PLAINLY

PROVENANCE = """# The donor bank
{count} synthetic faces, made by `{command}`.

No real person is shown. The portraits mixed are computer-generated (GAN output) and taken from a public repository
that states no licence; they look like generated.photos output. None of them is in this folder: each donor has the
mean pixels of {mix} of them in the mean shape of {mix} others, all of one gender and group and of like pose and
expression, and both are then exaggerated away from the average face (mfmc_engine/donors/morph.py). The closest
portrait of all lies {least:.2f} or more from a donor in the embedding (a copy would lie at 0), the closest portrait
that was mixed into it differs by {pixels:.1f} or more of 255 per pixel inside the face, once in the same shape.
Portraits with glasses are left out (donors/left_out.txt), as are covered foreheads and side light.

- `*.webp`: the faces. Hair and background are several people's, blurred: only the face is meant to be used.
- `bank.npz`: id, gender, group, age (years, estimated), yaw and pitch (degrees), mouth, smile and eyes
  (donors/traits.py), skin (CIE Lab), beard (donors/looks.py), folds (strength of those drawn on, donors/folds.py),
  seen_male and seen_age (log-odds and years, as a second network sees them, donors/second_opinion.py), landmarks (68
  iBUG points, px), embedding (128-d, builtin pack), sources (file names of the portraits, texture first).
- `SHA256SUMS`: check with `sha256sum -c`.

| gender, group | donors | frontal/left/right | neutral/smiling | mean distance | least distance |
|---|---|---|---|---|---|
{rows}

Distances: Euclidean, between the donors of one gender and group, in the embedding; portraits lie 0.63 apart on
average, plain morphs of three 0.43.
"""


def _metadata(donors: Mapping[str, Candidate]) -> dict[str, NDArray]:
    ids = list(donors)
    made = list(donors.values())
    traits = np.stack([candidate.traits for candidate in made])
    gender = np.array([id_.split("-")[0] for id_ in ids])
    age = np.array([c.age for c in made], np.float32)
    return {
        "id": np.array(ids),
        "gender": gender,
        "group": np.array([id_.split("-")[1] for id_ in ids]),
        "age": age,
        **{name: traits[:, column] for column, name in enumerate(("yaw", "pitch", "mouth", "smile", "eyes"))},
        "skin": np.stack([c.skin for c in made]).astype(np.float32),
        "beard": np.array([c.beard for c in made], np.float32),
        "folds": np.zeros(len(made), np.float32),
        # no second opinion yet: as plainly of its gender, and as old, as the first one has it
        "seen_male": np.where(gender == "male", PLAINLY, -PLAINLY).astype(np.float32),
        "seen_age": age,
        "landmarks": np.stack([c.landmarks for c in made]),
        "embedding": np.stack([c.embedding for c in made]),
        "sources": np.array([c.sources for c in made]),
    }


def _row(cell: str, donors: list[Candidate]) -> str:
    side, mouth = (Counter(c.variant[axis] for c in donors) for axis in (0, 1))
    embeddings = np.stack([c.embedding for c in donors])
    apart = distances(embeddings, embeddings)[np.triu_indices(len(donors), 1)]
    sides = "/".join(str(side[name]) for name in ("frontal", "left", "right"))
    spread = f"{apart.mean():.3f} | {apart.min():.3f}" if len(apart) else "- | -"
    return f"| {cell} | {len(donors)} | {sides} | {mouth['neutral']}/{mouth['smiling']} | {spread} |"


def provenance(donors: Mapping[str, Candidate], command: str) -> str:
    """The text of PROVENANCE.md."""
    cells: dict[str, list[Candidate]] = {}
    for id_, candidate in donors.items():
        cells.setdefault(" ".join(id_.split("-")[:2]), []).append(candidate)
    made = list(donors.values())
    return PROVENANCE.format(
        count=len(donors),
        command=command,
        mix=len(made[0].recipe.texture),
        least=min(c.source_distance for c in made),
        pixels=min(c.source_pixels for c in made),
        rows="\n".join(_row(cell, members) for cell, members in cells.items()),
    )


def publish(donors: Mapping[str, Candidate], out: Path, command: str) -> None:
    """Write the bank into the folder ``out``, replacing the bank that is there."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.webp"):
        old.unlink()
    np.savez_compressed(out / METADATA, allow_pickle=False, **_metadata(donors))
    for id_, candidate in donors.items():
        (out / f"{id_}.webp").write_bytes(candidate.webp)
    (out / "PROVENANCE.md").write_text(provenance(donors, command))
    seal(out)


def add_note(out: Path, note: str) -> None:
    """Add what a later step did to the provenance of the bank in the folder ``out``, and seal it."""
    with (out / "PROVENANCE.md").open("a") as file:
        file.write(note)
    seal(out)


def seal(out: Path) -> None:
    """Write the checksums of the bank in the folder ``out``."""
    files = [*sorted(out.glob("*.webp")), out / METADATA]
    sums = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (out / CHECKSUMS).write_text("".join(sums))
