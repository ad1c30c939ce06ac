"""The gallery in PostgreSQL, searched by pgvector's HNSW graph: approximate, and shared by all processes.

HNSW: Malkov and Yashunin, arXiv 1603.09320. The table holds the templates unencrypted: an operator's choice, made with
``manage.py face_index build`` (docs/configuration.md). Its rows reference their captures, and the database itself
deletes them in the same transaction, whatever deletes a capture.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

import numpy as np
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from accounts.index.base import gallery_version
from accounts.index.exact import indexed, opened
from accounts.models import FaceCapture
from mfmc_engine.types import FloatArray, Gallery

TABLE = "accounts_facevector"  # a prefix: every pack has a table of its own, as wide as its embeddings
NEIGHBOURS = (
    64  # templates asked for a probe: eight people with all the captures that settings allow by default
)
LINKS = 16  # of a node in the graph (pgvector's default)
BUILD_LIST = 128  # candidates looked at for a new node; pgvector's default of 64 costs recall
BUILD_MEMORY = "512MB"  # a graph that does not fit is built many times slower; 100,000 templates take 90 MB
SEARCH_LIST = 200  # candidates looked at in a search; what that finds: manage.py benchmark_matching


def table_of(pack: str) -> str:
    """The table's name. Rows of one pack are never taken for those of another, whatever the captures are now."""
    return f"{TABLE}_{hashlib.sha256(pack.encode()).hexdigest()[:12]}"


class VectorTable:
    """A table of embeddings with one HNSW graph. ``name`` is trusted: it becomes part of the statements."""

    def __init__(self, name: str) -> None:
        self.name = name

    def exists(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [self.name])
            return cursor.fetchone()[0]

    def create(self, dimensions: int, *, references: str = "", kind: str = "") -> None:
        """``references``: what a capture's key refers to. ``kind``: "TEMPORARY" for a measurement."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
            cursor.execute(
                f"CREATE {kind} TABLE {self.name} (capture bigint PRIMARY KEY {references},"
                f" person bigint NOT NULL, embedding vector({dimensions:d}) NOT NULL)"
            )

    def create_graph(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL maintenance_work_mem = '{BUILD_MEMORY}'")
            cursor.execute(
                f"CREATE INDEX ON {self.name} USING hnsw (embedding vector_l2_ops)"
                f" WITH (m = {LINKS}, ef_construction = {BUILD_LIST})"
            )

    def drop(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self.name}")

    def add(self, rows: list[tuple[int, int, FloatArray]]) -> None:
        """(capture, person, embedding) rows; one that is there already stays."""
        statement = f"INSERT INTO {self.name} VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.executemany(statement, [(pk, person, _text(vector)) for pk, person, vector in rows])

    def size(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {self.name}")  # noqa: S608
            return cursor.fetchone()[0]

    def near(self, probes: FloatArray, radius: float) -> Gallery:
        """The NEIGHBOURS nearest of each probe, as far as they lie within ``radius`` of it."""
        statement = f"""
            SELECT DISTINCT ON (found.capture) found.person, vector_send(found.embedding)
            FROM unnest(%s::text[]::vector[]) AS probe(embedding)
            CROSS JOIN LATERAL (
                SELECT capture, person, embedding, embedding <-> probe.embedding AS distance
                FROM {self.name} ORDER BY embedding <-> probe.embedding LIMIT {NEIGHBOURS}
            ) AS found
            WHERE found.distance <= %s"""  # noqa: S608
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL hnsw.ef_search = {SEARCH_LIST}")
            cursor.execute(statement, [[_text(probe) for probe in probes], radius])
            rows = cursor.fetchall()
        if not rows:
            return Gallery()
        return Gallery(
            tuple(str(person) for person, _ in rows), np.stack([_vector(sent) for _, sent in rows])
        )


class PostgresIndex:
    """accounts.index.base.GalleryIndex over VectorTable."""

    def __init__(self) -> None:
        self.table = VectorTable(table_of(settings.ENGINE_PACK))
        self.version: UUID | None = None
        self.loaded = False
        self.templates = 0

    def refresh(self) -> UUID | None:
        version = gallery_version()
        if version is None or version != self.version or not self.loaded:
            if not self.table.exists():
                raise ImproperlyConfigured(
                    "FACE_INDEX=pgvector needs the table that manage.py face_index build makes"
                )
            self._add_missing()
            self.templates = self.table.size()
            self.version, self.loaded = version, True
        return version

    def size(self) -> int:
        return self.templates

    def near(self, probes: FloatArray, radius: float) -> Gallery:
        return self.table.near(probes, radius) if self.templates and len(probes) else Gallery()

    def prepare(self) -> None:
        """Make the table of the pack in use if there is none. That templates may lie here was asked for before."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [TABLE])  # one process builds it
            if not self.table.exists() and indexed().exists():
                self.build()

    def retire(self) -> None:
        """Drop the tables of other packs."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE starts_with(tablename, %s)", [TABLE])
            names = [name for (name,) in cursor.fetchall()]
        for name in names:
            if name != self.table.name:
                VectorTable(name).drop()

    def drop(self) -> None:
        """Drop every table, whatever the pack."""
        self.retire()
        self.table.drop()

    def build(self) -> int:
        """Make the table anew from the encrypted templates; returns the number of rows."""
        with transaction.atomic():
            self.table.drop()
            if (first := next(opened(indexed(), _keys()[:1]), None)) is None:
                raise ImproperlyConfigured(
                    "the vector table gets its width from a template: enrol somebody first"
                )
            captures = FaceCapture._meta.db_table
            # Deferred to nothing: the database removes the row in the statement that removes the capture.
            self.table.create(len(first[2]), references=f"REFERENCES {captures} ON DELETE CASCADE")
            self._add_missing()
            self.table.create_graph()
        return self.table.size()

    def _add_missing(self) -> None:
        """Templates enrolled since; and none of captures that are there but no longer matched with."""
        keys = set(_keys())
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT capture FROM {self.table.name}")  # noqa: S608
            known = {capture for (capture,) in cursor.fetchall()}
            if gone := known - keys:
                cursor.execute(f"DELETE FROM {self.table.name} WHERE capture = ANY(%s)", [list(gone)])  # noqa: S608
        batch = list(opened(indexed(), sorted(keys - known)))
        if batch:
            self.table.add(batch)


def _keys() -> list[int]:
    return list(indexed().order_by("pk").values_list("pk", flat=True))


def _text(vector: FloatArray) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"


def _vector(sent: bytes) -> FloatArray:
    """pgvector's binary form: number of dimensions and a zero, 16 bits each, then big-endian single precision."""
    return np.frombuffer(sent, ">f4", offset=4).astype(np.float32)
