"""The curve of a run: one row a score in curve.csv, and its drawing in curve.svg where matplotlib is installed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

TABLE, DRAWING = "curve.csv", "curve.svg"


def add(out: Path, row: Mapping[str, float]) -> None:
    """Append one row and draw anew. The first row decides the columns; one it lacks is left out."""
    out.mkdir(parents=True, exist_ok=True)
    _append(out, row)
    draw(out)


def _append(out: Path, row: Mapping[str, float]) -> None:
    rows = read(out)
    columns = list(rows[0] if rows else row)
    with (out / TABLE).open("a", newline="") as file:
        writer = csv.writer(file)
        if not rows:
            writer.writerow(columns)
        writer.writerow([f"{row.get(name, float('nan')):.6g}" for name in columns])


def read(out: Path) -> list[dict[str, float]]:
    """All rows; none if there is no curve."""
    try:
        with (out / TABLE).open(newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []


def cut(out: Path, step: int) -> None:
    """Forget what lies after ``step``."""
    rows = read(out)
    kept = [row for row in rows if row["step"] <= step]
    if len(kept) < len(rows):
        (out / TABLE).unlink()
        for row in kept:
            _append(out, row)
        if kept:
            draw(out)  # once: a drawing takes over a second, and a run may have hundreds of rows


def draw(out: Path) -> bool:
    """Write a panel a figure; False without matplotlib (extra ``[train]``)."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    rows = read(out)
    names = [name for name in rows[0] if name != "step"]
    columns = 5
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3 * columns, 2 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        panel.plot([row["step"] for row in rows], [row[name] for row in rows], marker=".", linewidth=1)
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    figure.savefig(out / DRAWING)
    return True
