"""Real processes: somebody enrols, and the worker that looks for them in the old photos dies half way.

Embedded or on PostgreSQL and Redis: see test_worker_killed.py, whose installation this uses.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.system.test_worker_killed import (
    INSTALL,
    LIMIT_S,
    empty_installation,
    kill_group,
    manage,
    rows,
    worker,
)

PHOTOS = 120

OLD_PHOTOS = f"""
import numpy as np
from django.conf import settings
from accounts.models import User
from faceaccess import decoys
from faceaccess.models import FaceRegion
from mfmc_engine.types import Face, Quality
from photos.models import Photo, Post
author = User.objects.create_user("mara", "mara@demo.example", "pw")
post = Post.objects.create(author=author, audience="members")
photos = [Photo(post=post, width=200, height=200, state="ready") for _ in range({PHOTOS})]
Photo.objects.bulk_create(photos)
someone = Face(
    np.array([0, 0, 100, 100], np.float32), 1.0, np.zeros((68, 2), np.float32),
    np.eye(128, dtype=np.float32)[0], Quality(100.0, 1.0, 0.0, 1.0),
)
FaceRegion.objects.bulk_create(decoys.region_row(photo, 0, someone) for photo in photos)
"""

SOMEBODY_ENROLS = """
import numpy as np
from django.conf import settings
from django.utils import timezone
from accounts import templates
from accounts.models import FaceCapture, User
from accounts.signals import enrolment_changed
user = User.objects.create_user("theo", "theo@demo.example", "pw")
template = templates.seal(np.eye(128, dtype=np.float32)[0], purpose=templates.capture_purpose(user.pk))
FaceCapture.objects.create(user=user, template=template, pack=settings.ENGINE_PACK, consented_at=timezone.now())
enrolment_changed.send(sender=FaceCapture, user=user)
"""


@pytest.fixture
def network(tmp_path: Path) -> dict[str, str]:
    environment = empty_installation(tmp_path, threads=1)
    manage(environment, "shell", "-c", INSTALL + OLD_PHOTOS + SOMEBODY_ENROLS)
    return environment


def found(environment: dict[str, str]) -> int:
    [(count,)] = rows(environment, "SELECT COUNT(*) FROM faceaccess_faceregion WHERE owner_id IS NOT NULL")
    return count


def wait_until_found(environment: dict[str, str], least: int) -> int:
    deadline = time.monotonic() + LIMIT_S
    while (count := found(environment)) < least:
        assert time.monotonic() < deadline, f"only {count} of {least} after {LIMIT_S} s"
        time.sleep(0.02)
    return count


def test_rematching_goes_on_after_its_worker_was_killed(network):
    with worker(network) as first:
        wait_until_found(network, 1)
        kill_group(first)
    half = found(network)
    assert 0 < half < PHOTOS

    with worker(network):
        wait_until_found(network, PHOTOS)
    marked = rows(network, "SELECT COUNT(*), COUNT(DISTINCT gallery) FROM faceaccess_photomatching")
    assert marked == [(PHOTOS, 1)]
