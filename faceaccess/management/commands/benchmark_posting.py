"""``manage.py benchmark_posting``: fifty people's posts wait when a worker starts; how they share the engine's batches.

The worker is Celery's, with a thread a post (``--pool threads``), and runs here, so that the front's record can be read
(mfmc_engine/batching/front.py). No other worker may take the messages. The accounts and posts are removed at the end.
"""

from __future__ import annotations

import json as jsons
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from celery.contrib.testing.worker import start_worker
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import BaseCommand, CommandError

from accounts.engine import get_engine
from accounts.models import User
from mfmc_engine.batching.front import Record
from mfmc_engine.parameters import POSTING_BARS
from photos.models import Audience, Photo
from photos.services import post_create
from socialnet.celery import app
from socialnet.demo_network import bundled_photo

LOOKED_EVERY_S = 0.05


class Command(BaseCommand):
    help = "Posts of many people at once through a real worker; needs a card, or ENGINE_BATCH=on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", type=int, default=50)
        parser.add_argument(
            "--photo", type=Path, default=None, help="what everybody posts (insightface's t1.jpg)"
        )
        parser.add_argument("--limit", type=float, default=600.0, help="seconds after which it is given up")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, people: int, photo: Path | None, limit: float, json: bool, **options: object) -> None:
        front = get_engine().runner.front
        if front is None:
            raise CommandError(
                "The worker's threads share no batches here: set ENGINE_BATCH=on, or use a card."
            )
        path = photo or bundled_photo()
        authors = _accounts(people)
        try:
            photos = [_post(author, path) for author in authors]
            front.record = Record()
            seconds = _work(photos, people, limit)
        finally:
            User.objects.filter(pk__in=[author.pk for author in authors]).delete()
        figures = _figures(front.record, seconds)
        if json:
            self.stdout.write(jsons.dumps(figures))
            return
        for name, value in figures.items():
            self.stdout.write(f"{name} = {value:.4g}")
        for name, (bar, at_least) in POSTING_BARS.items():
            met = figures[name] >= bar if at_least else figures[name] <= bar
            self.stdout.write(
                f"{'pass' if met else 'FAIL'}  {name} {figures[name]:.4g} ({'>=' if at_least else '<='} {bar:g})"
            )


def _accounts(people: int) -> list[User]:
    """People nobody can sign in as."""
    run = uuid.uuid4().hex[:8]
    return [User.objects.create_user(f"bench.{run}.{n}") for n in range(people)]


def _post(author: User, path: Path) -> Photo:
    upload = SimpleUploadedFile(path.name, path.read_bytes())
    return post_create(author=author, uploads=[upload], audience=Audience.FRIENDS).photos.get()


def _work(photos: Sequence[Photo], threads: int, limit: float) -> float:
    """Seconds until a worker with that many threads has made all of them ready."""
    waiting = Photo.objects.filter(pk__in=[photo.pk for photo in photos]).exclude(state=Photo.State.READY)
    started = time.monotonic()
    app.conf.worker_hijack_root_logger = False  # this process has its own log
    with start_worker(app, pool="threads", concurrency=threads, perform_ping_check=False, loglevel="WARNING"):
        while waiting.exists():
            if waiting.filter(state=Photo.State.FAILED).exists() or time.monotonic() - started > limit:
                raise CommandError(f"{waiting.count()} of {len(photos)} photos were not made ready.")
            time.sleep(LOOKED_EVERY_S)
        return time.monotonic() - started


def _figures(record: Record, seconds: float) -> dict[str, float]:
    sizes, held = list(record.sizes), list(record.held)
    return {
        "batches": float(len(sizes)),
        "mean_batch": float(np.mean(sizes)),
        "held_back_p95_ms": 1000 * float(np.quantile(held, 0.95)),
        "all_ready_s": seconds,
    }
