"""The project's bars against what was measured: one row each, passed, failed or not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfmc_engine import parameters as P

JUDGES = ("dlib", "mobilefacenet")


def rows(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``{"name", "value", "comparison", "limit", "passed"}`` per bar; ``passed`` is None if it was not measured."""
    arm = results["main_arm"]
    found: list[dict[str, Any]] = []
    judged = {name: row for name, row in results["recognizers"].items() if _base(name) in JUDGES}
    if results["set"]["protocol"] == "lfw":  # the figures of that set
        for name, row in judged.items():
            found.append(_row(f"before accepts, {_base(name)}", row["whole_set"]["accepts"][str(P.EVAL_FMR)]))
    for name, row in judged.items():
        now = row["arms"][arm]
        found.append(_row("accepts", now["accepts"][str(P.EVAL_FMR)], name))
        found.append(_row("rank-1", now["rank1"], name))
        link = results["attacks"][arm]["linkage"].get(name, {})
        found.append(_row("unlinkability excess", link.get("excess"), name))
    if judged:
        drops = [row["arms"][arm]["drop"]["rank1"]["relative"] for row in judged.values()]
        found.append(_row("relative rank-1 drop, mean", sum(drops) / len(drops), " and ".join(judged)))
    return found + _structure(results, arm) + _donors(results)


def _base(name: str) -> str:
    """The recogniser's name without the metric that may stand behind it."""
    return name.split(",")[0]


def _structure(results: Mapping[str, Any], arm: str) -> list[dict[str, Any]]:
    kept, looks = results["structure"][arm], results["attributes"].get(arm, {})
    return [
        _row("gender kept", looks.get("gender_kept")),
        _row("age difference, median", looks.get("age_difference", {}).get("median")),
        _row("landmark error, median", _at(kept, "landmark_error", "50 %")),
        _row("landmark error, 95th percentile", _at(kept, "landmark_error", "95 %")),
        _row("mouth opening, 90th percentile", _at(kept, "mouth", "90 %")),
        _row("seam ratio, median", _at(kept, "seam_ratio", "50 %")),
        _row("sharpness ratio within 0.6-1.6", kept["sharpness_within"]),
        _row("still found by dlib HOG", kept["hog_kept"]),
        _row("swapped, faces of 48 px and more", kept["swapped_48_px"]),
        _row("outside untouched", kept["untouched_outside"]),
    ]


def _donors(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    space = results["donors"]["space"]
    near = results["donors"].get("people_near", {})
    return [
        _row("donor distance within a cell, least mean", min(cell["mean"] for cell in space.values())),
        _row("donors in the smallest cell", min(cell["donors"] for cell in space.values())),
        _row("people near one donor, most", near.get("most")),
    ]


def _at(figures: Mapping[str, Any], name: str, quantile: str) -> float | None:
    value: float | None = figures.get(name, {}).get(quantile)
    return value


def _row(name: str, value: float | None, of: str = "") -> dict[str, Any]:
    comparison, limit = P.BARS[name]
    passed = None if value is None else _holds(value, comparison, limit)
    shown = f"{name}, {of}" if of else name
    return {"name": shown, "value": value, "comparison": comparison, "limit": limit, "passed": passed}


def _holds(value: float, comparison: str, limit: float) -> bool:
    if comparison == "<=":
        return value <= limit
    if comparison == ">=":
        return value >= limit
    return abs(value - limit) <= float(comparison.split()[1])  # "within 0.02 of"
