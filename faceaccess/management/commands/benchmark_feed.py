"""``manage.py benchmark_feed``: what a page of the feed, and deciding one, costs in databases of several sizes."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from accounts.models import User
from faceaccess import selectors
from faceaccess.views_photos import POSTS_A_PAGE
from photos.models import Photo
from socialnet.crowd import FACES_A_PHOTO, Crowd

PHOTOS = 50  # of one page of the feed
REPEATS = 40
# Of the feed's first page: 20 photos. As an answer to a request, with everything the site's frame needs.
PAGE_REPEATS = 8
VIEWERS = 5


class Command(BaseCommand):
    help = "Visible sets of 50 photos x 10 faces, and the feed's page, in throw-away databases: queries, ms, bytes."

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
            **self._page(crowd),
        }

    def _page(self, crowd: Crowd) -> dict[str, object]:
        """The feed's first page as the server makes it: queries, milliseconds (median) and bytes of HTML."""
        samples, processor, queries, size = [], [], 0, 0
        plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # needs no collectstatic
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
            for viewer in User.objects.filter(pk__in=crowd.viewers(VIEWERS)):
                client = Client(HTTP_HOST="localhost")
                client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
                for run in range(PAGE_REPEATS + 1):
                    wall, cpu = time.perf_counter(), time.process_time()
                    answer = client.get("/")
                    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                    assert answer.content.count(b"<article") == POSTS_A_PAGE, (
                        "this viewer's feed is too short"
                    )
                    if run:  # the first one finds out about templates
                        samples.append(wall)
                        processor.append(cpu)
                with CaptureQueriesContext(connection) as captured:
                    client.get("/")
                queries, size = max(queries, len(captured)), max(size, len(answer.content))
        return {
            "page_queries": queries,
            "page_ms": _ms(statistics.median(samples)),
            "page_ms_best": _ms(min(samples)),
            "page_cpu_ms": _ms(statistics.median(processor)),
            "page_kB": round(size / 1000, 1),
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
