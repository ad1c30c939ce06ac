"""The figures of a report, drawn from results.json alone, as SVG and PNG. Same results, same bytes of SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no display
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mfmc_engine import parameters as P

Results = Mapping[str, Any]
COLOURS = {
    "none": "#444444",
    "decoy": "#1b7f5c",
    "blur": "#c77700",
    "pixelate": "#b0417e",
    "blackbox": "#3b6fb6",
    "context only": "#8a8a8a",
}
FALLBACK = ("#1b7f5c", "#7a5ea8", "#4aa3a2", "#a14b2a", "#6b7f1b", "#94204a", "#205c94", "#999933", "#774400")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "mfmc",
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def draw(results: Results, folder: Path) -> list[str]:
    """Write every figure that the results allow; returns their names, without suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with plt.rc_context(STYLE):
        for name, make in FIGURES.items():
            figure = make(results)
            if figure is None:
                continue
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
            plt.close(figure)
            written.append(name)
    return written


def colour(results: Results, arm: str) -> str:
    """One colour an arm, the same in every figure."""
    known = COLOURS.get(arm)
    if known:
        return known
    others = [name for name in _arms(results) if name not in COLOURS]
    return FALLBACK[others.index(arm) % len(FALLBACK)]


def _arms(results: Results) -> list[str]:
    return list(results["averaged"]["arms"])


def _panels(
    results: Results, height: float = 3.0
) -> tuple[Figure, list[tuple[Axes, str, Mapping[str, Any]]]]:
    """One panel a recogniser."""
    judged = results["recognizers"]
    columns = min(4, len(judged))
    rows = -(-len(judged) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.1 * columns, height * rows), squeeze=False)
    for spare in axes.ravel()[len(judged) :]:
        spare.set_axis_off()
    return figure, [(a, n, row) for a, (n, row) in zip(axes.ravel(), judged.items(), strict=False)]


def roc(results: Results) -> Figure:
    """True accepts against false matches; strangers lie on the dashed line."""
    figure, panels = _panels(results)
    for axes, name, row in panels:
        for arm, found in row["arms"].items():
            curve = found["roc"]
            axes.plot(
                curve["false_match_rate"], curve["true_accept_rate"], color=colour(results, arm), label=arm
            )
        rates = np.geomspace(1e-4, 1)
        axes.plot(rates, rates, "--", color="#bbbbbb", linewidth=1)
        axes.set(xscale="log", xlim=(1e-4, 1), ylim=(-0.02, 1.02), title=name, xlabel="false match rate")
    panels[0][0].set_ylabel("true accept rate")
    panels[0][0].legend(fontsize=7)
    return figure


def det(results: Results) -> Figure:
    """Detection error trade-off: misses against false matches, both on normal deviates."""
    from scipy.stats import norm

    figure, panels = _panels(results)
    ticks = np.array([0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
    for axes, name, row in panels:
        for arm, found in row["arms"].items():
            false = np.clip(found["roc"]["false_match_rate"], 1e-4, 1 - 1e-4)
            missed = np.clip(1 - np.array(found["roc"]["true_accept_rate"]), 1e-3, 1 - 1e-3)
            axes.plot(norm.ppf(false), norm.ppf(missed), color=colour(results, arm), label=arm)
        labels = [f"{100 * t:g} %" for t in ticks]
        axes.set_xticks(norm.ppf(ticks), labels, rotation=60, fontsize=7)
        axes.set_yticks(norm.ppf(ticks), labels, fontsize=7)
        axes.set(title=name, xlabel="false match rate", xlim=norm.ppf([1e-3, 0.9]))
    panels[0][0].set_ylabel("missed mates")
    panels[0][0].legend(fontsize=7)
    return figure


def cmc(results: Results) -> Figure:
    """Share of probes whose person is among the first so many."""
    figure, panels = _panels(results)
    for axes, name, row in panels:
        for arm, found in row["arms"].items():
            axes.plot(range(1, len(found["cmc"]) + 1), found["cmc"], color=colour(results, arm), label=arm)
        axes.set(ylim=(-0.02, 1.02), title=name, xlabel="rank")
    panels[0][0].set_ylabel("share found")
    panels[0][0].legend(fontsize=7)
    return figure


def distances(results: Results) -> Figure:
    """Where mates lie before and after, beside strangers and the threshold."""
    figure, panels = _panels(results)
    main = results["main_arm"]
    for axes, name, row in panels:
        strangers = np.array(row["stranger_quantiles"]["distance"])
        before, after = (np.array(row["arms"][arm]["mated_distances"]) for arm in ("none", main))
        low = min(before.min(), strangers[0])
        bins = np.linspace(low, max(after.max(), strangers[-1]), 45).tolist()
        # quantiles stand for equal shares, so a histogram of densely read ones is that of the strangers
        dense = np.interp(np.linspace(0, 1, 20001), row["stranger_quantiles"]["at"], strangers)
        axes.hist(dense, bins, density=True, color="#cccccc", label="strangers")
        for arm, values in (("none", before), (main, after)):
            label = "same person, before" if arm == "none" else "same person, decoy"
            axes.hist(values, bins, density=True, histtype="step", color=colour(results, arm), label=label)
        axes.axvline(
            row["thresholds"][str(P.EVAL_FMR)], color="#b02a2a", linestyle=":", label="1 % of strangers"
        )
        axes.set(title=name, xlabel=f"distance ({row['metric']})", yticks=[])
    panels[0][0].legend(fontsize=7)
    return figure


def drop(results: Results) -> Figure:
    """Averages over the recognisers: what is left under each treatment."""
    arms = _arms(results)
    figure, panels = plt.subplots(1, 3, figsize=(9.4, 3.0), sharey=True)
    figures: tuple[tuple[str, Callable[[Mapping[str, Any]], float]], ...] = (
        ("rank-1 identification", lambda row: row["rank1"]),
        ("accepted at 1 % false matches", lambda row: row["accepts"][str(P.EVAL_FMR)]),
        ("verification accuracy (chance: 50 %)", lambda row: row["accuracy"]),
    )
    for axes, (title, read) in zip(panels, figures, strict=True):
        values = [100 * read(results["averaged"]["arms"][arm]) for arm in arms]
        bars = axes.barh(arms, values, color=[colour(results, arm) for arm in arms])
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
        axes.set(title=title, xlim=(0, 112), xlabel="%")
    panels[0].invert_yaxis()
    return figure


def kept(results: Results) -> Figure | None:
    """Distributions of the structure figures over the swaps, with the bars."""
    rows = [row for row in results["decoys"][results["main_arm"]] if row["kind"] == "swap"]
    if not rows:
        return None
    shown = (
        ("landmark_error", "landmark error (inter-ocular)", 0.05),
        ("mouth", "mouth opening difference", 0.06),
        ("seam_ratio", "seam, decoy over original", 1.3),
        ("sharpness_ratio", "sharpness, decoy over original", None),
        ("gaze", "gaze difference (eye widths)", None),
        ("yaw", "yaw difference (degrees)", None),
        ("ssim_inside", "SSIM inside the mask", None),
        ("distance_to_original", "distance to the original (dlib)", None),
    )
    figure, axes = plt.subplots(2, 4, figsize=(11.5, 4.6))
    for panel, (name, label, bar) in zip(axes.ravel(), shown, strict=True):
        values = [row[name] for row in rows if row[name] is not None]
        panel.hist(values, 30, color=COLOURS["decoy"])
        if bar is not None:
            panel.axvline(bar, color="#b02a2a", linestyle=":")
        panel.set(xlabel=label, yticks=[])
    return figure


def fairness(results: Results) -> Figure | None:
    """Shares still accepted, by gender x group and by age, with 95 % intervals."""
    kinds = {k: v for k, v in results["fairness"][results["main_arm"]].items() if v["groups"]}
    if not kinds:
        return None
    figure, axes = plt.subplots(2, len(kinds), figsize=(5 * len(kinds), 5.2), squeeze=False)
    shown = (("accepted", "still accepted (mean of recognisers)"), ("landmark_error", "landmark error"))
    for column, (kind, found) in zip(axes.T, kinds.items(), strict=True):
        for panel, (name, label) in zip(column, shown, strict=True):
            known = {g: v for g, v in found["groups"].items() if v[name]["interval"]}
            labels = [f"{g} ({v['faces']})" for g, v in known.items()]
            means = np.array([v[name]["mean"] for v in known.values()])
            ends = np.array([v[name]["interval"] for v in known.values()]).reshape(-1, 2)
            error = np.clip([means - ends[:, 0], ends[:, 1] - means], 0, None)
            panel.errorbar(means, labels, xerr=error, fmt="o", color=COLOURS["decoy"], capsize=3)
            panel.set(xlabel=label, title=kind)
            panel.tick_params(axis="y", labelsize=7)
    return figure


def ablation(results: Results) -> Figure | None:
    """What each way of making decoys gives and costs, one bar an arm."""
    table = results["ablation"].get("decoys")
    if not table:
        return None
    shown = (
        ("accepted", "still accepted"),
        ("linkage_excess", "linkage excess"),
        ("swapped", "swapped"),
        ("attempts", "donors tried"),
        ("landmark_error", "landmark error"),
        ("donors_in_effect", "donors in effect"),
    )
    arms = list(table)
    figure, axes = plt.subplots(2, 3, figsize=(10.5, 0.6 + 0.62 * len(arms)), sharey=True)
    for panel, (name, label) in zip(axes.ravel(), shown, strict=True):
        values = [table[arm][name] or 0.0 for arm in arms]
        panel.barh(arms, values, color=[colour(results, arm) for arm in arms])
        panel.set_xlabel(label)
    axes[0, 0].invert_yaxis()
    return figure


FIGURES: dict[str, Callable[[Results], Figure | None]] = {
    "drop": drop,
    "roc": roc,
    "det": det,
    "cmc": cmc,
    "distances": distances,
    "kept": kept,
    "fairness": fairness,
    "ablation": ablation,
}
