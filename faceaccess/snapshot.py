"""One moment of the database for a decision that takes several statements.

Whether a viewer may see a photo, what was said about its faces and how the viewer stands to their owners is read one
after the other. Were something changed in between, the answer could be put together of an approval that is taken back
since and a block that was lifted after: a face shown by no state there ever was. Looking twice and comparing would cost
twice the statements, and could be wrong twice in the same way; a transaction that only reads costs two short ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is of one moment, not before the first statement. Only for reading, and for short.

    Inside a transaction nothing is begun; the site calls it in none.
    """
    if connection.in_atomic_block:
        yield
        return
    with _of_one_moment(connection), transaction.atomic():
        yield


@contextmanager
def _of_one_moment(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Says how the next transaction begins, without a word to the database."""
    connection.close_if_health_check_failed()  # a connection made anew in between would begin as usual
    connection.ensure_connection()
    says: object
    if connection.vendor == "sqlite":
        # The site's own mode takes the write lock at BEGIN; a picture must not wait for who writes.
        says, name, value = connection, "transaction_mode", "DEFERRED"
    else:
        from psycopg import IsolationLevel

        says, name, value = connection.connection, "isolation_level", IsolationLevel.REPEATABLE_READ
    usual = getattr(says, name)
    setattr(says, name, value)
    try:
        yield
    finally:
        if not getattr(says, "closed", False):  # a connection that was lost takes nothing any more
            setattr(says, name, usual)
