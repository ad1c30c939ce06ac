"""Random histories against the slow reference: see tests/faceaccess/histories.py.

A short run in every suite; ``make proof`` runs ten thousand (``HISTORIES`` sets the number).
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from faceaccess import exposures, tasks
from tests.faceaccess.histories import Histories, People, missed_faces

pytestmark = pytest.mark.django_db

HISTORIES = int(os.environ.get("HISTORIES", "40"))
STEPS = 20  # of one history, after its beginning


@pytest.fixture
def machine(engine, monkeypatch) -> type[Histories]:
    queue: list[tuple] = []
    monkeypatch.setattr(
        tasks, "enqueue", lambda task, *arguments: queue.append((task.name.split(".")[-1], task, arguments))
    )
    # One message for every change and for all photos: how messages are saved is tested in test_rematching.py.
    monkeypatch.setattr(tasks, "send_rematch", lambda: tasks.enqueue(tasks.faces_rematch))
    monkeypatch.setattr(tasks, "REMATCH_AT_ONCE", 10**6)
    monkeypatch.setattr("faceaccess.marks.read_original", missed_faces)
    monkeypatch.setattr(exposures, "touch", lambda *owners: None)  # the log has tests of its own
    return type("Machine", (Histories,), {"people": People(), "queue": queue, "counts": Counter()})


def test_no_history_leads_to_a_decision_that_is_not_the_references(machine, settings_of_the_run):
    start = time.process_time()
    run_state_machine_as_test(machine, settings=settings_of_the_run)
    counts = machine.counts
    counts["cpu_seconds"] = round(time.process_time() - start)
    print(f"\nHISTORIES {json.dumps(counts)}")
    assert counts["histories"] >= HISTORIES
    # Neither all dark nor all light nor all refused, or nothing would be proven.
    assert 0.05 < counts["shown"] / counts["decisions"] < 0.9
    assert counts["refusals"] < counts["steps"] * 0.7


@pytest.fixture
def settings_of_the_run():
    return settings(
        max_examples=HISTORIES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
