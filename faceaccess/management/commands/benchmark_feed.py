"""``manage.py benchmark_feed``: what deciding a page of the feed costs, in databases of several sizes."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from faceaccess import selectors
from photos.models import Photo
from socialnet.crowd import FACES_A_PHOTO, Crowd

PHOTOS = 50  # of one page of the feed
REPEATS = 40
VIEWERS = 5


class Command(BaseCommand):
    help = "Visible sets of a feed of 50 photos x 10 faces in throw-away databases: queries and milliseconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", type=int, nargs="+", default=[1000, 3000, 10000])
        parser.add_argument("--repeats", type=int, default=REPEATS)
        parser.add_argument("--json", type=Path, help="write the figures here as well")
        parser.add_argument("--plot", type=Path, help="draw them here (SVG)")

    def handle(self, *, people: list[int], repeats: int, json: Path | None, plot: Path | None, **_: object):
        figures = []
        for number in people:
            with throw_away_database():
                figures.append(self._measure(Crowd(number), repeats))
            line = ", ".join(f"{name} = {value}" for name, value in figures[-1].items())
            self.stdout.write(line)
        if json:
            json.write_text(dumps(figures))
        if plot:
            from socialnet.plots import lines

            plot.write_text(
                lines(
                    "Deciding 50 photos x 10 faces for one viewer",
                    "people in the database",
                    "ms of one core (median)",
                    [(row["people"], row["cpu_ms"]) for row in figures],
                    limit=(40, "40 ms"),
                )
            )

    def _measure(self, crowd: Crowd, repeats: int) -> dict[str, object]:
        sizes = crowd.build()
        samples, processor, queries, shown, faces = [], [], 0, 0, 0
        for viewer in User.objects.filter(pk__in=crowd.viewers(VIEWERS)):
            photos = list(Photo.objects.visible_to(viewer).order_by("-post__created_at", "-pk")[:PHOTOS])
            assert len(photos) == PHOTOS, "this viewer's feed is too short"
            with CaptureQueriesContext(connection) as captured:
                seen = selectors.visible_sets(photos, viewer)
            queries = max(queries, len(captured))
            shown += sum(len(one.shown) for one in seen.values())
            faces += sum(len(one.decisions) for one in seen.values())
            for _run in range(repeats):
                wall, cpu = time.perf_counter(), time.process_time()
                selectors.visible_sets(photos, viewer)
                samples.append(time.perf_counter() - wall)
                processor.append(time.process_time() - cpu)
        assert faces == VIEWERS * PHOTOS * FACES_A_PHOTO
        return {
            **sizes,
            "database": connection.vendor,
            "queries": queries,
            "shown": round(shown / faces, 3),
            "ms": _ms(statistics.median(samples)),
            "ms_best": _ms(min(samples)),
            "cpu_ms": _ms(statistics.median(processor)),
        }


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def dumps(figures: list[dict[str, object]]) -> str:
    return json.dumps(figures, indent=1) + "\n"


@contextmanager
def throw_away_database() -> Iterator[None]:
    """An empty, migrated database of the site's own kind, gone afterwards; the site's own is not touched."""
    name = connection.settings_dict["NAME"]
    with tempfile.TemporaryDirectory(prefix="mfmc-feed-") as folder:
        if connection.vendor == "sqlite":  # a file as in real use; the default would be in memory
            connection.settings_dict["TEST"]["NAME"] = f"{folder}/feed.sqlite3"
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
            connection.settings_dict["NAME"] = name
