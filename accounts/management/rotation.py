"""What the commands that seal secrets anew have in common: ``--check``, and what they say at the end."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError


class RotationCommand(BaseCommand):
    """A subclass names its ``key``, the word for what opens things, and says how to ``rotate``."""

    key: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="count only; fails while anything is left to do"
        )

    def handle(self, *, check: bool, **options: object) -> None:
        left, lost = self.rotate(check=check)
        if lost:
            self.stderr.write(lost)
        if check and left:
            raise CommandError(f"{left} are still sealed with an old {self.key}.")
        self.stdout.write(f"{'Nothing is left to do.' if check or not left else f'{left} sealed anew.'}")
        if lost:
            raise CommandError(f"Keep the old {self.key}s, or find the missing one.")

    def rotate(self, *, check: bool) -> tuple[int, str]:
        """How many were (or, with ``check``, have to be) sealed anew, and a sentence about what no key opens, or ""."""
        raise NotImplementedError
