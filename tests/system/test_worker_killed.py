"""Real processes: a worker that dies in the middle of a photo, and a network without any worker.

On what the suite runs on: embedded (SQLite, a folder as broker), or PostgreSQL and Redis where TEST_DATABASE_URL and
TEST_BROKER_URL say where these are.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from socialnet.management.commands.demo import worker_command

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120
STARTED_S = 8  # by then a worker has started, here or there

# In the process that fills the installation: each one more is seconds of imports.
INSTALL = """
from socialnet.management.commands.demo import install
install()
"""

POST_A_PHOTO = """
from django.core.files.uploadedfile import SimpleUploadedFile
from accounts.models import User
from photos.services import post_create
from socialnet.demo_network import bundled_photo
author = User.objects.create_user("mara", "mara@demo.example", "pw")
upload = SimpleUploadedFile("t1.jpg", bundled_photo().read_bytes(), "image/jpeg")
post_create(author=author, uploads=[upload], caption="", audience="members")
"""

LOOK_AT_IT = """
from django.test import Client
from accounts.models import User
from photos.models import Photo
photo = Photo.objects.get()
client = Client()
client.force_login(User.objects.get())
image = client.get(f"/photos/{photo.pk}/image/full", HTTP_HOST="localhost")
page = client.get(f"/photos/{photo.pk}/", HTTP_HOST="localhost")
feed = client.get("/", HTTP_HOST="localhost")
print("IMAGE", image.status_code, image.headers.get("Content-Type", ""))
print("PAGE", page.status_code, b"/image/" in page.content)
print("FEED", feed.status_code, b"/image/" in feed.content, b"aiting" in feed.content)
"""


ON_SERVERS = "TEST_DATABASE_URL" in os.environ and "TEST_BROKER_URL" in os.environ


def empty_installation(var: Path, threads: int) -> dict[str, str]:
    """Its environment, without tables."""
    names = ("DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"MFMC_VAR": str(var), "OMP_NUM_THREADS": str(threads)}
    return environment | (empty_servers() if ON_SERVERS else {})


def empty_servers() -> dict[str, str]:
    """A fresh database on the server of TEST_DATABASE_URL and a flushed one of the Redis at TEST_BROKER_URL.

    Each test process has its own pair: another one's tests must not find theirs dropped, or their messages taken.
    """
    server, broker = os.environ["TEST_DATABASE_URL"], os.environ["TEST_BROKER_URL"]
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    name = f"mfmc_system_{process}"
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    database = urlsplit(server)._replace(path=f"/{name}").geturl()
    broker = urlsplit(broker)._replace(path=f"/{process + 1}").geturl()
    redis.Redis.from_url(broker).flushdb()
    return {"DATABASE_URL": database, "CELERY_BROKER_URL": broker, "CACHE_URL": broker}


def manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    log = Path(environment["MFMC_VAR"]) / "worker.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            worker_command(Path(environment["MFMC_VAR"])),
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """What a power cut does: the worker and its child are gone between two instructions."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def rows(environment: dict[str, str], query: str) -> list[tuple]:
    with closing(connected(environment)) as connection:
        return connection.execute(query).fetchall()


def connected(environment: dict[str, str]) -> psycopg.Connection | sqlite3.Connection:
    if "DATABASE_URL" in environment:
        return psycopg.connect(environment["DATABASE_URL"])
    return sqlite3.connect(Path(environment["MFMC_VAR"]) / "db.sqlite3", timeout=20)


def half_a_minute_passes(environment: dict[str, str]) -> None:
    """For the photo's job: a dead worker's lease runs out at once."""
    earlier = (
        "{0} = {0} - interval '30 seconds'"
        if "DATABASE_URL" in environment
        else "{0} = strftime('%Y-%m-%d %H:%M:%f', {0}, '-30 seconds')"
    )
    times = ", ".join(earlier.format(name) for name in ("queued_at", "lease_until"))
    with closing(connected(environment)) as connection:
        connection.execute(f"UPDATE faceaccess_protectionjob SET {times}")
        connection.commit()


def wait_for_state(environment: dict[str, str], *states: str) -> str:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        [(state,)] = rows(environment, "SELECT state FROM photos_photo")
        if state in states:
            return state
        time.sleep(0.05)
    log = (Path(environment["MFMC_VAR"]) / "worker.log").read_text()
    raise AssertionError(f"still {state} after {LIMIT_S} s\n{log[-3000:]}")


def test_without_a_worker_a_photo_waits_and_when_one_was_killed_it_completes_once(tmp_path):
    """One story, for an installation and a worker take longer to start than everything between."""
    network = empty_installation(tmp_path, threads=2)
    seen = manage(network, "shell", "-c", INSTALL + POST_A_PHOTO + LOOK_AT_IT)
    assert "FEED 200 False True" in seen, "the feed says that the photo is waiting and shows no picture"
    assert "PAGE 200 False" in seen
    assert "IMAGE 200 image/" not in seen

    with worker(network) as first:
        assert wait_for_state(network, "finding", "protecting", "ready") != "ready"
        kill_group(first)
    assert rows(network, "SELECT COUNT(*) FROM faceaccess_faceregion") == [(0,)], "half a result was kept"

    # On servers the lease has run out when the next worker starts, and what it does first is to take the photo up.
    # Embedded it runs out meanwhile, and the clock has to find that.
    if ON_SERVERS:
        half_a_minute_passes(network)
    with worker(network):
        if not ON_SERVERS:
            time.sleep(STARTED_S)
            half_a_minute_passes(network)
        wait_for_state(network, "ready")
    assert rows(network, "SELECT COUNT(*) FROM faceaccess_faceregion") == [(6,)]
    assert rows(network, "SELECT COUNT(*) FROM faceaccess_decoy") == [(6,)]
    patches = list((Path(network["MFMC_VAR"]) / "private" / "decoys").rglob("*.png"))
    assert len(patches) == 6, "files of the killed attempt were left behind"
