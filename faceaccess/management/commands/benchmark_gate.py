"""``manage.py benchmark_gate``: what one more viewer of a photo costs, and what a cached picture costs."""

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
from faceaccess.models import FaceRegion
from faceaccess.policies import Decision, Reason
from faceaccess.selectors import VisibleSet
from mfmc_engine.imaging import resize_to_fit
from photos.models import Photo


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
            "cached_request_ms": median_ms(_cached_request(photo), repeats),
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


def _cached_request(photo: Photo) -> Callable[[int], object]:
    """A whole request through all middleware, answered from the cache: session, permission, visible set, file."""
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0])
    client.force_login(User.objects.get(pk=photo.post.author_id), backend=settings.AUTHENTICATION_BACKENDS[1])
    address = reverse("photo-image", args=[photo.pk, "full"])

    def fetch(run: int) -> object:
        answer = client.get(address)
        if answer.status_code != 200:
            raise CommandError(f"The gate answered {answer.status_code}.")
        return answer

    return fetch
