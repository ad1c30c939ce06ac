"""Everything an evaluation leaves behind in its folder: results.json, run.json, figures, sheets and report.html.

results.json depends on nothing but data, settings and engine; what a machine adds (time, cores, versions) is in
run.json.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation.experiment import evaluate
from mfmc_engine.evaluation.settings import Settings

PACKAGES = ("torch", "numpy", "opencv-python", "dlib-bin", "scikit-image", "onnxruntime", "matplotlib")


def write(settings: Settings, out: Path, study_folder: Path | None = None) -> dict[str, Any]:
    """Evaluate and write the report into ``out``, and picture sets for a human study; returns what results.json holds.

    Raises EngineError for data or options that cannot be used, and if the ``evaluate`` extra is not installed.
    """
    _check_packages()
    from mfmc_engine.evaluation import figures, sheets, study

    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    results, found = evaluate(settings)
    write_text(out / "results.json", json.dumps(results, indent=1, ensure_ascii=False))
    run = machine(settings, time.perf_counter() - start)
    write_text(out / "run.json", json.dumps(run, indent=1))
    names = figures.draw(results, out)
    pictures = [base64.b64encode((out / name).read_bytes()).decode() for name in sheets.write(found, out)]
    write_text(out / "report.html", page(results, run, out, names, pictures))
    if study_folder is not None:
        study.export(found, study_folder, settings.seed)
    return results


def _check_packages() -> None:
    try:
        for name in ("matplotlib", "scikit-image", "jinja2", "onnxruntime"):
            version(name)
    except PackageNotFoundError as error:
        raise EngineError(f'{error.name} is not installed: pip install -e ".[evaluate]"') from None


def page(
    results: Mapping[str, Any],
    run: Mapping[str, Any],
    folder: Path,
    figures: Sequence[str],
    sheets: Sequence[str],
) -> str:
    """The report as one self-contained HTML file."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    templates = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=templates, autoescape=select_autoescape(["html", "j2"]))
    drawn = {name: _inline(folder / f"{name}.svg", name) for name in figures}
    template = environment.get_template("report.html.j2")
    return template.render(r=results, run=run, figures=drawn, sheets=sheets)


def _inline(path: Path, name: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{name}" src="data:image/svg+xml;base64,{data}">'


def machine(settings: Settings, seconds: float) -> dict[str, Any]:
    """When, how long and on what: all that may differ between two runs of one evaluation."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        model = next((value.strip() for key, _, value in lines if key.strip() == "model name"), model)
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "processor": model,
        "cores": os.cpu_count(),
        "device": settings.device,
        "processes": settings.jobs,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def bars_in_words(results: Mapping[str, Any]) -> str:
    """The bars, one a line, for a terminal."""
    words = {True: "pass", False: "FAIL", None: "not measured"}
    return "\n".join(
        f"{words[row['passed']]:12} {row['name']}: "
        f"{'-' if row['value'] is None else format(row['value'], '.4g')} ({row['comparison']} {row['limit']})"
        for row in results["bars"]
    )


def write_text(path: Path, text: str) -> None:
    """All or nothing."""
    temporary = path.with_suffix(f"{path.suffix}.tmp")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)
