"""``manage.py demo``: the whole product in one terminal, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from socialnet.demo_network import PASSWORD, PEOPLE

# What a reset removes from var/, as patterns. Named one by one: it may hold other things its owner put there.
MADE_BY_THE_DEMO = (
    "db.sqlite3*",
    "private",
    "renditions",
    "cache",
    "queue",
    "mail",
    "incoming",
    "celerybeat-schedule*",
)
STOP_GRACE_S = 10
START_LIMIT_S = 60


def install() -> None:
    """Tables and static files; not ReDoc's, a third of all, for the API is shown by Swagger UI."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["redoc"])


class Command(BaseCommand):
    help = "Run the demo network: migrate, seed, start web and worker, stay up until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--reset", action="store_true", help="start over: forget everybody and every photo"
        )
        parser.add_argument(
            "--photo", type=Path, help="seed from this group photo instead of the bundled one"
        )

    def handle(self, *, port: int, reset: bool, photo: Path | None, **options: object) -> None:
        _refuse_taken_port(port)
        if reset:
            _forget_everything()
        install()
        call_command("demo_seed", photo=photo)

        processes: list[subprocess.Popen[bytes]] = []
        signal.signal(signal.SIGTERM, _as_ctrl_c)
        signal.signal(signal.SIGINT, _as_ctrl_c)  # a shell that started us in the background had it ignored
        try:
            for command in (web_command(port), worker_command(settings.VAR_DIR)):
                process = subprocess.Popen(command, start_new_session=True, env=_child_environment())  # noqa: S603
                processes.append(process)
            _wait_until_up(port, processes)
            self._print_welcome(port)
            while all(process.poll() is None for process in processes):
                time.sleep(0.5)
            raise CommandError("One of the processes ended by itself; its last words are above.")
        except KeyboardInterrupt:
            self.stdout.write("\nStopping ...")
        finally:
            _stop(processes)

    def _print_welcome(self, port: int) -> None:
        write = self.stdout.write
        write(f"\nMy Face My Choice is up: http://127.0.0.1:{port}/tour/   (Ctrl-C stops it)\n")
        write(f"Sign in as one of these; the password of all is: {PASSWORD}\n")
        for person in PEOPLE:
            write(f"  {person.handle:<8} {person.name:<14} {person.about}")
        write("\nMail, such as the code that confirms a new account's address, is printed here.\n")
        write("Sign in as two of them in two browsers and open the same photo.\n")


def _as_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


def web_command(port: int) -> list[str]:
    # One process, several threads: enrolment loads the networks into it once.
    return [
        *(sys.executable, "-m", "gunicorn", "socialnet.wsgi", "--bind", f"127.0.0.1:{port}"),
        *("--workers", "1", "--threads", "8", "--log-level", "warning"),
    ]


def worker_command(var: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "--quiet", "-A", "socialnet", "worker", "--loglevel", "error"),
        *("--concurrency", "1", "--beat", "--schedule", str(var / "celerybeat-schedule")),
        *("--without-gossip", "--without-mingle"),
    ]


def _child_environment() -> dict[str, str]:
    threads = str(settings.ENGINE_THREADS)
    capped = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    # A demo on somebody's own machine may well run as root (a container); the worker need not say so every time.
    quiet = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    mail = {"EMAIL_URL": os.environ.get("EMAIL_URL", "consolemail://")}  # where whoever tries it out sees it
    return {**os.environ, **capped, **quiet, **mail}


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise CommandError(
                f"Port {port} cannot be used ({error}). Choose another: make demo PORT=8001"
            ) from error


def _forget_everything() -> None:
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        raise CommandError("--reset only starts over the embedded database; yours is set by DATABASE_URL.")
    for path in (path for name in MADE_BY_THE_DEMO for path in settings.VAR_DIR.glob(name)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for folder in ("incoming", "queue/messages", "queue/control"):
        (settings.VAR_DIR / folder).mkdir(parents=True, exist_ok=True)


def _wait_until_up(port: int, processes: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes):
            raise CommandError("A process ended while starting; its last words are above.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise CommandError(f"The web server did not answer within {START_LIMIT_S} s.")


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """End every process group, politely first. Ctrl-C during this is ignored: it would leave orphans."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for process in processes:
        process.terminate()  # the leader alone: it lets its own children finish what they are doing
    deadline = time.monotonic() + STOP_GRACE_S
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        _signal_group(process, signal.SIGKILL)  # also the children of a leader that is already gone


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
