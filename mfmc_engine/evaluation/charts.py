"""Line charts as plain SVG: four small panels need no plotting library, and the file diffs as text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from mfmc_engine.evaluation.scaling import Curve

WIDTH, HEIGHT, COLUMNS = 380, 260, 2
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 34, 46
OURS, BASELINE, INK, FAINT = "#1f6feb", "#c2410c", "#222222", "#dddddd"


def draw(curves: Sequence[Curve], caption: str) -> str:
    """One panel per curve, photos per second over its sizes, both axes logarithmic."""
    rows = -(-len(curves) // COLUMNS)
    width, height = WIDTH * COLUMNS, HEIGHT * rows + 40
    panels = [
        f'<g transform="translate({WIDTH * (i % COLUMNS)},{HEIGHT * (i // COLUMNS)})">{_panel(curve)}</g>'
        for i, curve in enumerate(curves)
    ]
    legend = (
        f'<g transform="translate({LEFT},{height - 16})">'
        f"{_text(0, 0, 'My Face My Choice', OURS)}{_text(150, 0, 'dlib + OpenCV baseline', BASELINE)}"
        f"{_text(330, 0, caption, INK)}</g>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(panels)}{legend}</svg>\n'
    )


def _panel(curve: Curve) -> str:
    # A gallery may be empty, and 0 has no logarithm: it stands where 10 would.
    xs = np.log10(np.maximum(np.asarray(curve.sizes, float), 10.0 if 0 in curve.sizes else 0.1))
    series = [curve.ours] + ([curve.baseline] if curve.baseline else [])
    values = np.log10(np.concatenate(series))
    low, high = np.floor(values.min()), max(np.ceil(values.max()), np.floor(values.min()) + 1)
    span = max(float(np.ptp(xs)), 1e-6)

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (x - xs[0]) / span * (WIDTH - LEFT - RIGHT),
            TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [_text(LEFT, 20, "photos per second", INK)]
    for decade in range(int(low), int(high) + 1):
        (x0, y), (x1, _) = at(xs[0], decade), at(xs[-1], decade)
        parts.append(f'<path d="M{x0:.1f} {y:.1f}H{x1:.1f}" stroke="{FAINT}"/>')
        parts.append(_text(x0 - 8, y + 4, f"{10.0**decade:g}", INK, "end"))
    for x, size in zip(xs, curve.sizes, strict=True):
        parts.append(_text(at(x, low)[0], HEIGHT - BOTTOM + 18, f"{size:,g}", INK, "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 36, curve.title, INK, "middle"))
    for heights, colour in zip(series, (OURS, BASELINE), strict=False):
        points = [at(x, float(np.log10(y))) for x, y in zip(xs, heights, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return "".join(parts)


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'
