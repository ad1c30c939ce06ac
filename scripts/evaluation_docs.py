"""Write the figures of an evaluation into docs/evaluation.md and README.md, its plots into docs/images.

Run: ``python scripts/evaluation_docs.py REPORT [ABLATIONS]``, the folders that ``python -m mfmc_engine evaluate --out``
made, the second one with ``--ablate``.
Only plots are copied, never sheets: they show people.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evaluation.md"
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- measured:", "<!-- /measured -->"
PLOTS = {
    "drop": "What is left",
    "distances": "Distances",
    "kept": "What decoys keep",
    "fairness": "Fairness",
}


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def recognisers(results: dict[str, Any]) -> str:
    rows = []
    for name, judged in results["recognizers"].items():
        for arm, found in judged["arms"].items():
            low, high = found["accepts_interval"]
            rows.append(
                [
                    name,
                    arm,
                    percent(found["rank1"]),
                    percent(found.get("drop", {}).get("rank1", {}).get("relative")),
                    f"{percent(found['accepts']['0.01'])} ({percent(low)} to {percent(high)})",
                    percent(found["accuracy"]),
                ]
            )
    for arm, found in results["averaged"]["arms"].items():
        relative = found.get("drop", {}).get("rank1", {}).get("relative")
        accepts = percent(found["accepts"]["0.01"])
        rows.append(
            ["**mean**", arm, percent(found["rank1"]), percent(relative), accepts, percent(found["accuracy"])]
        )
    header = ["recogniser", "treatment", "rank-1", "relative drop", "accepts at 1 % (95 %)", "accuracy"]
    return table(header, rows)


def bars(results: dict[str, Any]) -> str:
    words = {True: "pass", False: "**fail**", None: "not measured"}
    rows = [
        [row["name"], number(row["value"]), f"{row['comparison']} {row['limit']}", words[row["passed"]]]
        for row in results["bars"]
    ]
    return table(["bar", "measured", "wanted", ""], rows) + judge(results)


def judge(results: dict[str, Any]) -> str:
    """How far the judge of gender and age can be trusted, below its bars."""
    seen = results["attributes"].get(results["main_arm"], {}).get("estimator", {})
    if "gender_same_person" not in seen:
        return ""
    return (
        f"\n\nThe judge of gender and age is no better than this: on two untouched photos of one person it agrees with"
        f" itself on gender in {100 * seen['gender_same_person']:.1f} %, and differs by"
        f" {seen['age_same_person']:.1f} years (median)."
    )


def attacks(results: dict[str, Any]) -> str:
    found = results["attacks"][results["main_arm"]]
    rows = [
        [
            name,
            f"{percent(link['one_person'])} / {percent(link['two_people'])}",
            f"{percent(found['parrot'][name]['fine_tuned'])} / {percent(found['parrot'][name]['chance'])}",
            number(found["visibility"].get(name.split(",")[0])),
        ]
        for name, link in found["linkage"].items()
    ]
    return table(
        ["recogniser", "linked: one person / two alike", "parrot: rank-1 / chance", "visible (AUC)"], rows
    )


def comparing(results: dict[str, Any]) -> list[str]:
    """What two viewers of one photo learn from each other; nothing where it was not measured."""
    found = results["attacks"][results["main_arm"]].get("comparing")
    if not found:
        return []
    count = found["decoys_a_face"]
    told = (
        f"{found['faces']} faces. {percent(found['identical'])} of the decoys made again are the same to the bit: two "
        "viewers who both do not see a face hold the same pixels, and learn nothing by comparing. Where one of them "
        "sees it, the difference of the two pictures shows its place in "
        f"{percent(found['located'])} (median overlap {number(found['overlap'])}; of the pixels elsewhere "
        f"{percent(found['changed_elsewhere'])} differ): they learn who is visible to whom. Had each viewer been given "
        "a decoy of their own, combining them would give away (accepted at 1 %, strangers in brackets; rank-1):"
    )
    kinds = ("one_decoy", "mean_of_two", "mean_of_several", "nearest_of_several", "where_they_agree")
    rows = []
    for name, judged in found["recognizers"].items():
        cells = [judged[kind] for kind in kinds]
        told_of = [
            f"{percent(c['accepts'])} ({percent(c['strangers'])}); {percent(c['rank1'])}" for c in cells
        ]
        rows.append([name, *told_of])
    header = [
        "recogniser",
        "one decoy",
        "mean of two",
        f"mean of {count}",
        f"nearest of {count}",
        "where they agree",
    ]
    return ["### Two viewers who compare", told, table(header, rows)]


def ablations(results: dict[str, Any]) -> str:
    """What every default buys: the same people with one choice changed at a time."""
    rows = [
        [
            name,
            percent(found["accepted"]),
            percent(found["rank1"]),
            percent(found["linkage_excess"]),
            percent(found["swapped"]),
            number(found["attempts"]),
            percent(found["landmark_error"]),
        ]
        for name, found in results["ablation"]["decoys"].items()
    ]
    decoys = table(
        ["decoys", "accepted", "rank-1", "linkage excess", "swapped", "donors tried", "landmark error"], rows
    )
    rows = [
        [
            name,
            percent(found["accepted_before"]),
            percent(found["accepted_after"]),
            percent(found["rank1_after"]),
        ]
        for name, found in results["ablation"]["metrics"].items()
    ]
    metrics = table(["recogniser, metric", "accepted before", "after", "rank-1 after"], rows)
    told = (
        f"{results['set']['people_anonymised']} people, one choice changed at a time; `decoy` is the default. Means "
        "over the recognisers; the linkage excess is how much oftener decoys of one person are taken for one person "
        "than decoys of two alike."
    )
    return "\n\n".join(
        ["### Ablations", told, decoys, metrics, "![Ablations](images/evaluation-ablation.svg)"]
    )


def section(results: dict[str, Any], run: dict[str, Any], plots: list[str]) -> str:
    sizes, settings = results["set"], results["settings"]
    skipped = ", ".join(f"{name} ({why.split(':')[0]})" for name, why in results["skipped"].items())
    limit = f" --limit {settings['limit']}" if settings["limit"] else ""
    command = f"--protocol {sizes['protocol']}{limit} --seed {settings['seed']}"
    parts = [
        "## Measured",
        f"`{command}`: {sizes['people_anonymised']} people, {sizes['pictures_anonymised']} pictures anonymised, "
        f"a gallery of {sizes['people']} people and {sizes['pictures']} pictures; {run['processes']} processes on "
        f"{run['cores']} cores ({run['processor']}).",
        f"The paper's mean drop over seven recognisers: {percent(results['averaged']['paper_relative_drop'])}.",
        recognisers(results),
        "### Bars",
        bars(results),
        "### Attacks",
        attacks(results),
        *comparing(results),
        *(f"![{PLOTS[name]}](images/evaluation-{name}.svg)" for name in plots),
        f"Left out: {skipped or 'nothing'}.",
    ]
    return "\n\n".join(parts)


def summary(results: dict[str, Any]) -> str:
    """Two sentences and a plot for README."""
    arms = {name: judged["arms"] for name, judged in results["recognizers"].items()}
    main = results["main_arm"]
    told = "; ".join(
        f"{name} accepts {percent(arm['none']['accepts']['0.01'])} of the pairs of one person before and "
        f"{percent(arm[main]['accepts']['0.01'])} after (strangers: 1 %), and names {percent(arm['none']['rank1'])} "
        f"before and {percent(arm[main]['rank1'])} after"
        for name, arm in arms.items()
        if name in ("dlib", "mobilefacenet")
    )
    failed = [row["name"] for row in results["bars"] if row["passed"] is False]
    people = results["set"]["people_anonymised"]
    bars = f"Bars still missed: {', '.join(failed)}" if failed else "All its bars are met"
    return (
        f"On {people} people of LFW, searched among {results['set']['people']}: {told}. "
        f"{bars}.\n\n![What is left](docs/images/evaluation-drop.svg)"
    )


def write(path: Path, text: str) -> None:
    """Put ``text`` between the markers of a page."""
    page = path.read_text("utf-8")
    start = page.index("\n", page.index(BEGIN)) + 1
    path.write_text(page[:start] + "\n" + text + "\n\n" + page[page.index(END) :], "utf-8")


def main(report: Path, ablated: Path | None = None) -> None:
    results = json.loads((report / "results.json").read_text())
    run = json.loads((report / "run.json").read_text())
    plots = [name for name in PLOTS if (report / f"{name}.svg").is_file()]
    for name in plots:
        shutil.copyfile(report / f"{name}.svg", IMAGES / f"evaluation-{name}.svg")
    parts = [section(results, run, plots)]
    if ablated is not None:
        shutil.copyfile(ablated / "ablation.svg", IMAGES / "evaluation-ablation.svg")
        parts.append(ablations(json.loads((ablated / "results.json").read_text())))
    write(PAGE, "\n\n".join(parts))
    write(ROOT / "README.md", summary(results))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
