"""Numbers out of addresses and forms: those that a row or a place in a list can have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rest_framework import serializers

LARGEST = 2**63 - 1  # of a key; beyond it SQLite raises OverflowError where others find nothing
DIGITS = re.compile(r"[0-9]{1,18}")  # all of them below it; int() itself raises from 4300 on


def number(text: str) -> int | None:
    """None for what is no such number."""
    return int(text) if DIGITS.fullmatch(text) else None


def numbers(texts: Iterable[str]) -> list[int]:
    """Those that are, in their order."""
    return [int(text) for text in texts if DIGITS.fullmatch(text)]


class KeyField(serializers.IntegerField):
    """The key of a row, in a request to the API."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(min_value=1, max_value=LARGEST, **kwargs)
