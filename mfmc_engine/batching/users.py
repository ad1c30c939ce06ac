"""In whose line a thread's photos wait. Without torch: web processes load it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_user: ContextVar[Hashable] = ContextVar("user", default=None)


@contextmanager
def on_behalf_of(user: Hashable) -> Iterator[None]:
    """Whatever this thread submits meanwhile waits in that user's line."""
    token = _user.set(user)
    try:
        yield
    finally:
        _user.reset(token)


def current_user() -> Hashable:
    """Who that is; None for nobody in particular, who have one line together."""
    return _user.get()
