"""Folders of an embedded installation that nobody else on the machine may look into.

Sessions, codes in mails, the queue and the database lie in VAR_DIR as files, and files take the umask: what keeps other
local users out is the folder. No Django here: the settings use it as they load.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

OWN = 0o700
SHARED_ON_PURPOSE = stat.S_ISGID | stat.S_ISVTX  # /tmp, or a folder that an operator gave to a group


def own_folder(path: Path) -> Path:
    """Makes it, and closes it to everybody else if it is ours to close."""
    path.mkdir(parents=True, exist_ok=True, mode=OWN)
    found = path.stat()
    if found.st_uid == os.geteuid() and not found.st_mode & SHARED_ON_PURPOSE:
        with contextlib.suppress(OSError):  # a file system that knows no rights
            if found.st_mode & 0o777 != OWN:
                path.chmod(OWN)
    return path


def is_open_to_others(path: Path) -> bool:
    """Whether any other user of the machine may enter it."""
    return bool(path.stat().st_mode & stat.S_IXOTH)
