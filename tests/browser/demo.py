"""The demo as a person starts it: ``manage.py demo`` in a folder of its own, and what each viewer must see there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 300

# Derived by hand from socialnet/demo_network.py and the table of the three models: post -> viewer -> faces shown
# (numbered from the left of the group photo). A viewer who is not listed may not see the post at all.
SHOWN = {
    "all": {
        "mara": {0, 1, 2, 5},  # Clara's circle "Family"
        "ines": {0, 1, 2},
        "jonas": {0, 1, 2, 4},  # a friend of Milan's
        "theo": {0, 1, 2, 3},  # himself, unanswered; Milan's first rule hides from him
        "milan": {0, 1, 2, 4},
        "clara": {0, 1, 2, 4, 5},
        "sam": {0, 1, 2},  # tagged and approved faces are for everyone who may see the photo
        "rolf": {1, 2},  # Mara blocked him
        "vera": {0, 1, 2},  # looking after the site shows her nobody's face
    },
    "laugh": {"theo": {2, 3}, "jonas": {2, 3}, "milan": {2, 3}},
    "left": {
        "mara": {0},  # she took the tag back
        "ines": {1},  # she posted it and denied it
        "jonas": {2},  # nobody tagged him here
        "theo": set(),
        "milan": set(),
        "clara": set(),
        "sam": set(),
        "rolf": set(),
        "vera": set(),
    },
    "cards": {"clara": {4, 5}, "milan": {4, 5}, "mara": {5}},
}


@dataclass(frozen=True)
class RunningDemo:
    url: str
    var: Path
    process: subprocess.Popen[bytes]
    log: Path
    # by handle: what a browser keeps of who signed in
    signed_in: dict[str, Any] = field(default_factory=dict)

    def stop(self) -> int:
        """As Ctrl-C does in a terminal: SIGINT to the foreground process."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_demo(var: Path, *arguments: str) -> RunningDemo:
    port = free_port()
    log = var.with_suffix(f".{port}.log")
    # What the suite itself was told about databases and brokers is not the demo's: it runs embedded.
    names = ("DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(port), *arguments],
            cwd=ROOT,
            # one thread: beside other tests two that wait for each other are slower
            env={**environment, "MFMC_VAR": str(var), "PYTHONUNBUFFERED": "1", "ENGINE_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + START_LIMIT_S
    while "Sign in as two of them" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError("the demo did not start:\n" + log.read_text()[-4000:])
        time.sleep(0.2)
    return RunningDemo(f"http://127.0.0.1:{port}", var, process, log)
