"""``manage.py reembed``: embed everything anew that another model pack embedded (faceaccess/reembedding.py).

The Celery worker does the same by itself. Both may run at once, and be killed at any time.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser

from django.conf import settings
from django.core.cache import cache
from django.core.management.base import BaseCommand, CommandError

from faceaccess import reembedding, tasks
from mfmc_engine.errors import EngineError

TOLD_EVERY_S = 5.0


class Command(BaseCommand):
    help = (
        "Embed enrolled pictures and photos anew after ENGINE_PACK changed; goes on where it was interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--status", action="store_true", help="say how far it is, and do nothing")
        parser.add_argument("--retry", action="store_true", help="also what was given up before")

    def handle(self, *, status: bool, retry: bool, **options: object) -> None:
        if not status:
            if retry:
                reembedding.try_again()
            self._run()
        self._tell(reembedding.status())

    def _run(self) -> None:
        told = time.monotonic()
        try:
            while True:
                cache.set(tasks.REEMBEDDING, True, tasks.REEMBED_LEASE_S)  # the worker need not do it, too
                if not reembedding.embed_some(tasks.REEMBED_AT_ONCE):
                    break
                if time.monotonic() - told > TOLD_EVERY_S:
                    told = time.monotonic()
                    self._tell(reembedding.status())
        except EngineError as error:
            raise CommandError(str(error)) from error
        finally:
            cache.delete(tasks.REEMBEDDING)

    def _tell(self, status: reembedding.Status) -> None:
        if status.is_done:
            self.stdout.write(f"Everything is of the pack {settings.ENGINE_PACK}.")
        else:
            self.stdout.write(
                f"{settings.ENGINE_PACK}: {status.captures_left} enrolled pictures and "
                f"{status.photos_left} photos to go"
            )
        if status.captures_given_up or status.photos_given_up:
            self.stdout.write(
                f"Given up: {status.captures_given_up} enrolled pictures, whose people are not recognised by them, and "
                f"{status.photos_given_up} photos, whose faces all stay hidden. The log says why; --retry tries again."
            )
