"""A server of its own for a measurement, and requests to it over one kept-open connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_LIMIT_S = 60
CHUNK = 1 << 20  # bytes


@contextmanager
def server(file: Path) -> Iterator[tuple[int, int]]:
    """(port, process id) of gunicorn with one thread, serving the site and ``file`` (benchmarks.server)."""
    from faceaccess.benchmarks.server import FILE

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # One thread: what is compared is the work of a request, not how requests wait for each other.
    command = [
        *(sys.executable, "-m", "gunicorn", "faceaccess.benchmarks.server:application"),
        *("--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "1", "--threads", "1"),
        *("--keep-alive", "30", "--log-level", "error"),
    ]
    process = subprocess.Popen(command, env={**os.environ, FILE: str(file)})  # noqa: S603
    try:
        _wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            if _children(process.pid):  # the one that answers: the parent only listens
                return
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


class Connection:
    """One kept-open connection that asks for pictures and reads them whole, with as little work as possible."""

    def __init__(self, port: int, cookie: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.head = f"Host: localhost\r\nCookie: sessionid={cookie}\r\nAccept-Encoding: identity\r\n\r\n"

    def get(self, address: str) -> int:
        """The length of the picture, bytes. Raises RuntimeError for anything but a 200."""
        self.socket.sendall(f"GET {address} HTTP/1.1\r\n{self.head}".encode())
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head = bytes(data[:end]).decode("latin-1").lower()
        if " 200 " not in head.partition("\r\n")[0]:
            raise RuntimeError(f"{address} was answered with {head.splitlines()[0]}")
        length = int(head.partition("content-length:")[2].split()[0])
        missing = length - (len(data) - end - 4)
        while missing > 0:
            missing -= len(self._receive())
        return length

    def _receive(self) -> bytes:
        data = self.socket.recv(CHUNK)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data


def cpu_seconds(parent: int) -> float:
    """User and system time of the process's only child so far, in the kernel's ticks of 10 ms."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = Path(f"/proc/{_children(parent)[0]}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / ticks


def _children(parent: int) -> list[str]:
    return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
