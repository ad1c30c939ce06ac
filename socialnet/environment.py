"""Variables of the environment, each refused by name before anything starts if it is not what it can be.

Here and not in system checks: gunicorn and Celery run none, and what is mistyped would be found out by a visitor.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

DATABASES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
TRUE, FALSE = ("true", "on", "yes", "y", "ok", "1"), ("false", "off", "no", "n", "0", "")


class Environment(environ.Env):
    """Every reader raises ImproperlyConfigured with one line: the variable, its value, and what is allowed."""

    def bool(self, name: str, default: bool = False) -> bool:
        value = self.str(name, default=str(default)).strip().lower()
        if value not in TRUE + FALSE:
            raise refused(name, value, "true or false")
        return value in TRUE

    def int(self, name: str, default: int, least: int = 1) -> int:
        return self._number(name, default, least, int, "a whole number")

    def float(self, name: str, default: float, least: float = 0) -> float:
        return self._number(name, default, least, float, "a number")

    def choice(self, name: str, default: str, allowed: Sequence[str]) -> str:
        """One word of several; empty only where the default is."""
        value = self.str(name, default=default)
        if value not in allowed and (value or default):
            raise refused(name, value, f"one of {', '.join(allowed)}")
        return value

    def matching(self, name: str, default: str, pattern: str, allowed: str) -> str:
        """``allowed``: the pattern in words."""
        value = self.str(name, default=default)
        if not re.fullmatch(pattern, value):
            raise refused(name, value, allowed)
        return value

    def file(self, name: str) -> str:
        """The path of a file that can be read, or nothing."""
        path = self.str(name, default="")
        try:
            if path:
                Path(path).open("rb").close()
        except OSError as error:
            raise refused(name, path, f"a file that can be read ({error.strerror})") from error
        return path

    def address(self, name: str, default: str, kind: str) -> dict[str, object]:
        """Settings out of an address, of a ``kind``: db, cache or email. Never repeated, for it may hold a password."""
        address = self.str(name, default="") or default
        if not address:
            return {}
        try:
            with warnings.catch_warnings(action="ignore"):  # of an unknown engine, with the password
                config = getattr(environ.Env, f"{kind}_url_config")(address)
        except (ImproperlyConfigured, ValueError, KeyError):
            config = {}
        if not config or (kind == "db" and config.get("ENGINE") not in DATABASES):
            raise ImproperlyConfigured(
                f"{name} takes an address as in docs/configuration.md, and this is none."
            )
        return config

    def _number(self, name: str, default, least, kind: type, words: str):
        value = self.str(name, default=str(default)).strip()
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not least <= number < float("inf"):
            raise refused(name, value, f"{words}, {least} or more")
        return number


def refused(name: str, value: str, allowed: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} takes {allowed}, not {value!r}.")
