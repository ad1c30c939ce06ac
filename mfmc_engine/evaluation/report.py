"""Everything an evaluation leaves behind in its folder: results.json, run.json, figures, report.html."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from mfmc_engine.evaluation.experiment import Settings, evaluate


def write(settings: Settings, out: Path) -> dict[str, Any]:
    """Evaluate and write the report; returns what results.json holds."""
    out.mkdir(parents=True, exist_ok=True)
    start, cpu = time.perf_counter(), time.process_time()
    results, _ = evaluate(settings)
    _write(out / "results.json", json.dumps(results, indent=1))
    run: dict[str, Any] = {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu": round(time.process_time() - cpu, 1),
    }
    run |= {"machine": platform.platform(), "cores": os.cpu_count()}
    _write(out / "run.json", json.dumps(run, indent=1))
    for row in results["bars"]:
        state = {True: "pass", False: "FAIL", None: "not measured"}[row["passed"]]
        print(
            f"{state:12} {row['name']}: {row['value']} ({row['comparison']} {row['limit']})", file=sys.stdout
        )
    return results


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(f"{path.suffix}.tmp")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)
