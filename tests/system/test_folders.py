"""Other users of the machine find no way into the folder of an embedded installation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from socialnet.folder_checks import folder_is_ours_alone
from socialnet.folders import own_folder

ROOT = Path(__file__).resolve().parents[2]


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def start(var: Path) -> None:
    """What every process does first, with a lax umask and nothing set."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"MFMC_VAR": str(var), "PYTHONPATH": str(ROOT)}
    code = "import os; os.umask(0o022); import socialnet.settings"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)


def test_the_folder_is_made_for_its_owner_alone(tmp_path) -> None:
    start(tmp_path / "var")
    assert rights(tmp_path / "var") == 0o700
    for name in ("mail", "queue", "queue/messages", "queue/control", "secrets", "incoming"):
        assert rights(tmp_path / "var" / name) == 0o700, name


def test_one_from_before_is_closed_at_the_next_start(tmp_path) -> None:
    for name in ("var", "var/mail", "var/queue", "var/queue/messages"):
        (tmp_path / name).mkdir(mode=0o755)
    start(tmp_path / "var")
    for name in ("var", "var/mail", "var/queue", "var/queue/messages"):
        assert rights(tmp_path / name) == 0o700, name


@pytest.mark.parametrize("mode", [0o2750, 0o2770, 0o1777])
def test_one_that_is_shared_on_purpose_is_left_as_it_is(tmp_path, mode) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    own_folder(folder)
    assert rights(folder) == mode


def test_one_of_somebody_else_is_left_as_it_is(tmp_path, monkeypatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    own_folder(tmp_path)
    assert rights(tmp_path) == 0o755


@pytest.mark.parametrize(("mode", "warnings"), [(0o700, 0), (0o750, 0), (0o755, 1)])
def test_a_check_warns_of_one_that_others_can_enter(tmp_path, settings, mode, warnings) -> None:
    tmp_path.chmod(mode)
    settings.VAR_DIR = tmp_path
    assert len(folder_is_ours_alone(None)) == warnings
