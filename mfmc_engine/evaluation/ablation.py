"""Which default is worth what: selection rules, thresholds, swappers and metrics on the same faces, in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mfmc_engine import parameters as P
from mfmc_engine.evaluation.settings import Settings
from mfmc_engine.evaluation.treatments import Arm, swappers
from mfmc_engine.types import Selection

COLUMNS = (
    "accepted",
    "rank1",
    "linkage_excess",
    "swapped",
    "attempts",
    "landmark_error",
    "seam_ratio",
    "ssim_inside",
    "visibility",
    "donors_in_effect",
)


def ablated(settings: Settings) -> Settings:
    """The settings with every alternative to a default as a further arm; the default stays the main one."""
    others: list[Arm] = [
        Arm(f"swapper {name}", "decoy", swapper=name)
        for name in swappers(settings.device)[0]
        if name != settings.swapper
    ]
    rules: tuple[Selection, ...] = ("random", "farthest", "nearest")
    others += [Arm(rule, "decoy", settings.swapper, rule) for rule in rules if rule not in settings.selection]
    main = settings.selection[0]
    others += [
        Arm(f"threshold {value:g}", "decoy", settings.swapper, main, value) for value in P.ABLATION_THRESHOLDS
    ]
    others.append(Arm("each photo on its own", "decoy", settings.swapper, main, apart=False))
    metrics = settings.metrics or ("euclidean", "euclidean_l2", "cosine")
    return replace(settings, extra_arms=(*settings.extra_arms, *others), metrics=metrics)


def table(results: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """One row per way of making decoys: privacy (mean over recognisers) beside what it costs."""
    return {arm: _row(results, arm) for arm in results["decoys"]}


def _row(results: Mapping[str, Any], arm: str) -> dict[str, float | None]:
    kept, attacked = results["structure"][arm], results["attacks"][arm]
    links = [link["excess"] for link in attacked["linkage"].values() if link["excess"] is not None]
    averaged = results["averaged"]["arms"][arm]
    middle = {n: kept.get(n, {}).get("50 %") for n in ("landmark_error", "seam_ratio", "ssim_inside")}
    return {
        "accepted": averaged["accepts"][str(P.EVAL_FMR)],
        "rank1": averaged["rank1"],
        "linkage_excess": sum(links) / len(links) if links else None,
        "swapped": kept["swapped"],
        "attempts": kept.get("attempts", {}).get("mean"),
        **middle,
        "visibility": attacked["visibility"].get("lbph"),
        "donors_in_effect": results["donors"]["in_use"][arm].get("effective"),
    }


def metrics(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What each metric makes of each recogniser: accepted before and after, equal error rate of the whole set."""
    main = results["main_arm"]
    return {
        name: {
            "accepted_before": row["whole_set"]["accepts"][str(P.EVAL_FMR)],
            "accepted_after": row["arms"][main]["accepts"][str(P.EVAL_FMR)],
            "equal_error_rate": row["whole_set"]["equal_error_rate"],
            "rank1_before": row["arms"]["none"]["rank1"],
            "rank1_after": row["arms"][main]["rank1"],
        }
        for name, row in results["recognizers"].items()
    }
