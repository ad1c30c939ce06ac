"""What a fixture made, kept for the tests after it: the services that make it take twenty times as long."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

MADE_WITH_THE_TABLES = (ContentType, Permission)


class Snapshot:
    """All rows and files there are in one test's transaction and folder, to be put into another's."""

    def __init__(self, made: object, folder: Path) -> None:
        self._made = pickle.dumps(made)
        files = [path for path in folder.rglob("*") if path.is_file()]
        self._files = {path.relative_to(folder): path.read_bytes() for path in files}
        self._rows: list[tuple[str, list[tuple]]] = []
        for model in apps.get_models(include_auto_created=True):
            if model not in MADE_WITH_THE_TABLES and not model._meta.proxy:
                self._keep(model)

    def _keep(self, model: Any) -> None:
        named = [field.column for field in model._meta.local_concrete_fields if not field.generated]
        columns = ", ".join(map(connection.ops.quote_name, named))
        table = connection.ops.quote_name(model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {table}")
            rows = cursor.fetchall()
        places = ", ".join(["%s"] * len(named))
        if rows:
            self._rows.append((f"INSERT INTO {table} ({columns}) VALUES ({places})", rows))

    def put_back(self, folder: Path) -> Any:
        """What was made, as it was. Foreign keys are looked at when the transaction ends, so any order will do."""
        with connection.cursor() as cursor:
            for insert, rows in self._rows:
                cursor.executemany(insert, rows)
        for name, content in self._files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return pickle.loads(self._made)
