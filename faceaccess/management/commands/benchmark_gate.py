"""``manage.py benchmark_gate``: what one more viewer of a photo costs, and what a cached picture costs.

A cached picture is asked for over one connection to a gunicorn of its own, in turns with the same file behind nothing
but the sign-in (benchmarks/server.py). Turns are short and many, so that other work on the machine hits both alike.
"""

from __future__ import annotations

import statistics
import time
from argparse import ArgumentParser
from collections.abc import Callable
from json import dumps

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from faceaccess import renditions
from faceaccess.benchmarks import load
from faceaccess.models import FaceRegion
from faceaccess.policies import Decision, Reason
from faceaccess.selectors import VisibleSet, visible_set
from mfmc_engine.imaging import resize_to_fit
from photos.models import Photo

SIZE = "full"
A_TURN = 50  # requests to the one, then to the other


class Command(BaseCommand):
    help = "Measure the image gate on the photo with the most faces (fill the database with demo_seed first)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repeats", type=int, default=60)
        parser.add_argument("--json", action="store_true")

    def handle(self, *, repeats: int, json: bool, **options: object) -> None:
        photo = max(
            Photo.objects.filter(state=Photo.State.READY),
            key=lambda photo: photo.regions.count(),
            default=None,
        )
        if photo is None:
            raise CommandError("There is no finished photo to measure: run manage.py demo_seed first.")
        figures = {
            "photo": f"{photo.width} x {photo.height}, {photo.regions.count()} faces",
            "one_more_viewer_ms": median_ms(_new_viewer(photo), repeats),
            **_beside_a_bare_file(photo, turns=repeats),
        }
        lines = "\n".join(f"{name} = {value}" for name, value in figures.items())
        self.stdout.write(dumps(figures) if json else lines)


def median_ms(job: Callable[[int], object], repeats: int) -> float:
    """Median wall time of ``job(run)`` in milliseconds, after two runs to warm up."""
    seconds = []
    for run in range(repeats + 2):
        start = time.perf_counter()
        job(run)
        seconds.append(time.perf_counter() - start)
    return round(1000 * statistics.median(seconds[2:]), 2)


def _new_viewer(photo: Photo) -> Callable[[int], object]:
    """Compose and encode the largest size for another set of hidden faces each time; nothing is read from the cache."""
    indexes = list(FaceRegion.objects.filter(photo=photo).values_list("index", flat=True))

    def render(run: int) -> object:
        shown = {index: bool(run >> place & 1) for place, index in enumerate(indexes)}
        seen = VisibleSet({index: Decision(show, Reason.RULE) for index, show in shown.items()})
        return renditions.render(photo, seen, lambda image: resize_to_fit(image, renditions.SIZES["full"]))

    return render


def _beside_a_bare_file(photo: Photo, turns: int) -> dict[str, float]:
    """Requests a second, and server CPU per request, of the gate and of a FileResponse of the same file."""
    author = User.objects.get(pk=photo.post.author_id)
    made = renditions.rendition(photo, visible_set(photo, author), SIZE)
    client = Client()
    client.force_login(author, backend=settings.AUTHENTICATION_BACKENDS[1])
    addresses = {"gate": reverse("photo-image", args=[photo.pk, SIZE]), "bare": "/bare"}
    seconds: dict[str, list[float]] = {name: [] for name in addresses}
    cpu = dict.fromkeys(addresses, 0.0)
    try:
        with load.server(made.path) as (port, process):
            connection = load.Connection(port, client.cookies["sessionid"].value)
            for turn in range(turns + 1):
                for name, address in addresses.items():
                    before, start = load.cpu_seconds(process), time.perf_counter()
                    for _ in range(A_TURN):
                        if connection.get(address) != made.path.stat().st_size:
                            raise CommandError("The gate served another file.")
                    if turn:  # the first one warms up
                        seconds[name].append((time.perf_counter() - start) / A_TURN)
                        cpu[name] += (load.cpu_seconds(process) - before) / A_TURN / turns
    finally:
        client.session.flush()
    rate = {name: 1 / statistics.median(times) for name, times in seconds.items()}
    return {
        "gate_requests_per_s": round(rate["gate"], 1),
        "bare_requests_per_s": round(rate["bare"], 1),
        "gate_share_of_bare": round(rate["gate"] / rate["bare"], 3),
        "gate_cpu_ms": round(1000 * cpu["gate"], 3),
        "bare_cpu_ms": round(1000 * cpu["bare"], 3),
    }
