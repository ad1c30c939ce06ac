"""``manage.py benchmark_matching``: one photo against a large gallery, exactly and, on PostgreSQL, with pgvector."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from json import dumps

import numpy as np
from django.core.management.base import BaseCommand
from django.db import connection

from accounts.index.exact import Templates
from accounts.index.postgres import NEIGHBOURS, VectorTable
from faceaccess.benchmarks import gallery
from faceaccess.management.commands.benchmark_gate import median_ms
from mfmc_engine.guarantee import gallery_threshold
from mfmc_engine.parameters import AMBIGUITY_MARGIN
from mfmc_engine.recognition.matching import match
from mfmc_engine.types import FloatArray, Gallery, Match

TABLE = "benchmark_facevector"
BATCH = 5000  # rows written at once


class Command(BaseCommand):
    help = "Match photos of invented people against a gallery; with pgvector where the database has it. JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", type=int, default=100_000)
        parser.add_argument("--faces", type=int, default=10, help="in one photo; half of them are enrolled")
        parser.add_argument("--photos", type=int, default=50)

    def handle(self, *, people: int, faces: int, photos: int, **options: object) -> None:
        known = Templates.of(np.arange(people), np.arange(people), gallery.templates(people))
        radius = gallery_threshold(people) + AMBIGUITY_MARGIN
        probes = _photos(known.embeddings, photos, faces)
        figures: dict[str, object] = {
            "people": people,
            "faces": faces,
            "threshold": gallery_threshold(people),
        }

        def exact(run: int) -> list[Match]:
            shot = probes[run % photos]
            return _matches(shot, known.near(shot, radius), people)

        figures["exact_ms"] = median_ms(exact, photos)
        figures["exact_best_ms"], figures["exact_cpu_ms"] = _best_ms(exact, photos)
        figures["whole_gallery_agrees"] = all(
            _states(exact(i)) == _states(_matches(probes[i], known.gallery, people)) for i in range(3)
        )
        if _has_pgvector():
            figures |= _measure_pgvector(known, probes, radius)
        self.stdout.write(dumps(figures))


def _photos(embeddings: FloatArray, photos: int, faces: int) -> list[FloatArray]:
    random = np.random.default_rng(2)
    shots = []
    for photo in range(photos):
        enrolled = embeddings[random.choice(len(embeddings), faces // 2, replace=False)]
        strangers = gallery.templates(faces - len(enrolled), seed=1000 + photo)
        shots.append(np.concatenate([gallery.photographed(enrolled, seed=photo), strangers]))
    return shots


def _matches(shot: FloatArray, near: Gallery, people: int) -> list[Match]:
    return match([gallery.face(probe) for probe in shot], near, threshold=gallery_threshold(people))


def _states(matches: list[Match]) -> list[tuple[str, str | None]]:
    return [(found.state, found.person) for found in matches]


def _best_ms(job: Callable[[int], object], runs: int) -> tuple[float, float]:
    """Shortest wall time and shortest CPU time (of all threads): what is left of a run when nothing disturbs it."""
    wall, cpu = [], []
    for run in range(runs):
        start, busy = time.perf_counter(), time.process_time()
        job(run)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - busy)
    return round(1000 * min(wall), 2), round(1000 * min(cpu), 2)


def _has_pgvector() -> bool:
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector')")
        return cursor.fetchone()[0]


def _measure_pgvector(known: Templates, probes: list[FloatArray], radius: float) -> dict[str, object]:
    """Recall: of the (at most NEIGHBOURS nearest) templates within the radius, of the nearest ten, of decisions."""
    table, people = VectorTable(TABLE), len(known.people)
    table.drop()
    start = time.perf_counter()
    table.create(gallery.DIMENSIONS, kind="TEMPORARY")
    rows = list(zip(known.captures.tolist(), known.people.tolist(), known.embeddings, strict=True))
    for first in range(0, people, BATCH):
        table.add(rows[first : first + BATCH])
    filled = time.perf_counter()
    table.create_graph()
    built = time.perf_counter()
    ms = median_ms(
        lambda run: _matches(
            probes[run % len(probes)], table.near(probes[run % len(probes)], radius), people
        ),
        len(probes),
    )
    within, nearest, same = [], [], []
    for shot in probes:
        same += [
            ours == theirs
            for ours, theirs in zip(
                _states(_matches(shot, known.near(shot, radius), people)),
                _states(_matches(shot, table.near(shot, radius), people)),
                strict=True,
            )
        ]
        for probe in shot:
            nearest.append(_recall(_closest(known, probe, 10), set(table.near(probe[None], 10.0).people)))
            inside = _closest(known, probe, NEIGHBOURS, radius)
            within.append(_recall(inside, set(table.near(probe[None], radius).people)))
    table.drop()
    return {
        "pgvector_ms": ms,
        "pgvector_fill_s": round(filled - start, 1),
        "pgvector_build_s": round(built - filled, 1),
        "pgvector_recall_within_radius": _share(within),
        "pgvector_recall_of_nearest_10": _share(nearest),
        "pgvector_same_decision": _share([(float(one), 1) for one in same]),
        "decisions": len(same),
    }


def _closest(known: Templates, probe: FloatArray, count: int, radius: float = np.inf) -> set[str]:
    """The people of the ``count`` nearest templates, as far as these lie within ``radius``."""
    distances = known.squares - 2 * known.embeddings @ probe
    rows = np.argpartition(distances, count)[:count]
    apart = np.linalg.norm(known.embeddings[rows].astype(float) - probe, axis=1)
    return {str(known.people[row]) for row in rows[apart <= radius]}


def _recall(wanted: set[str], found: set[str]) -> tuple[float, int]:
    """(number found, number wanted)"""
    return len(wanted & found), len(wanted)


def _share(counts: list[tuple[float, int]]) -> float:
    return round(sum(found for found, _ in counts) / max(1, sum(wanted for _, wanted in counts)), 4)
