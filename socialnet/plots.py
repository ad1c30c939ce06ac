"""Small line charts as SVG text, for the figures in docs/."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 48, 56


def lines(
    title: str,
    x_label: str,
    y_label: str,
    points: Sequence[tuple[float, float]],
    limit: tuple[float, str] | None = None,
) -> str:
    """One line through ``points`` (x, y), axes from 0, and a dashed line at ``limit`` (y, its name)."""
    x_most = max(x for x, _ in points)
    y_most = 1.2 * max([y for _, y in points] + [limit[0]] if limit else [])

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / x_most
        return round(across, 1), round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / y_most, 1)

    def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'

    base = HEIGHT - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"',
        ' font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(WIDTH / 2, 24, title),
        text(WIDTH / 2, HEIGHT - 12, x_label),
        text(LEFT, TOP - 8, y_label),
        f'<path d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}" fill="none" stroke="#999"/>',
    ]
    if limit:
        _, y = at(0, limit[0])
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#b3261e" stroke-dasharray="6 4"/>')
        parts.append(text(WIDTH - RIGHT, y - 6, limit[1], "end"))
    places = [at(x, y) for x, y in points]
    parts.append(
        f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}" fill="none" stroke="#1f5fbf" stroke-width="2"/>'
    )
    for (x, y), (name, value) in zip(places, points, strict=True):
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#1f5fbf"/>')
        parts.append(text(x, y - 12, f"{value:g}"))
        parts.append(text(x, base + 18, f"{name:,.0f}"))
    return "\n".join([*parts, "</svg>"]) + "\n"
