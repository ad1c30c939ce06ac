"""In whose line a thread's photos wait, and how many have one under way. Without torch: web processes load it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_user: ContextVar[Hashable] = ContextVar("user", default=None)
_under_way: set[object] = set()
os.register_at_fork(after_in_child=_under_way.clear)


@contextmanager
def on_behalf_of(user: Hashable) -> Iterator[None]:
    """Whatever this thread submits meanwhile waits in that user's line, and others may be held back for it."""
    token, work = _user.set(user), object()
    _under_way.add(work)
    try:
        yield
    finally:
        _under_way.discard(work)
        _user.reset(token)


def under_way() -> int:
    """How many of this process's threads are inside ``on_behalf_of``: so many may have something to submit."""
    return len(_under_way)


def current_user() -> Hashable:
    """Who that is; None for nobody in particular, who have one line together."""
    return _user.get()
