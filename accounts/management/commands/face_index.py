"""``manage.py face_index build|drop``: the pgvector table for FACE_INDEX=pgvector, and its end."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from accounts.index.postgres import PostgresIndex


class Command(BaseCommand):
    help = "Make the table of unencrypted templates that FACE_INDEX=pgvector searches, or remove it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["build", "drop"])

    def handle(self, *, action: str, **options: object) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("This index is PostgreSQL's: set DATABASE_URL to one.")
        index = PostgresIndex()
        try:
            if action == "drop":
                index.drop()
            else:
                self.stdout.write(f"{index.build()} templates indexed")
        except (DatabaseError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
