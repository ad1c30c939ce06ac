"""Making, handing out and removing the file of a DataExport."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, Q
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.exports import DataExport
from accounts.models import User

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=3)
LOST_AFTER = timedelta(minutes=10)  # without a sign of life whoever built it is taken for dead

Read = Callable[[], bytes | None]  # None: this file cannot be had now


@dataclass(frozen=True)
class Part:
    """What one app adds. ``data`` is JSON; ``files`` are (path in the zip, a function that reads it).

    ``disclosed`` names what the files disclose right now, in any stable text: it changes whenever one of the pictures
    would come out differently. ``named`` are the people in the JSON: their keys, and what it calls them.
    """

    name: str
    data: Callable[[User], Any]
    files: Callable[[User], Iterable[tuple[str, Read]]] = lambda user: ()
    disclosed: Callable[[User], str] = lambda user: ""
    named: Callable[[User], Iterable[tuple[int, str]]] = lambda user: ()


PARTS: dict[str, Part] = {}


def register(part: Part) -> None:
    """Called once, from the ready() of the app that keeps the data."""
    PARTS[part.name] = part


class StaleExportError(Exception):
    """What the file discloses is not what its owner may see now."""


@transaction.atomic
def export_order(*, user: User) -> DataExport:
    """Order a new file; an earlier one goes. One that is being made already is answered instead."""
    if not user.is_active:
        raise PermissionDenied(_("This account is closed."))
    list(User.objects.select_for_update().filter(pk=user.pk).values_list("pk"))
    current = DataExport.objects.filter(user=user).first()
    alive = timezone.now() - LOST_AFTER
    if current is not None and current.is_in_work and current.touched_at > alive:
        return current
    DataExport.objects.filter(user=user).delete()
    export = DataExport.objects.create(user=user)
    transaction.on_commit(partial(_send, export.pk))
    return export


def _send(pk: object) -> None:
    from accounts.tasks import export_build

    try:
        export_build.delay(str(pk))
    except Exception:  # a broker that is away: the sweep sends it later
        logger.exception("export %s was not sent", pk)


def export_build(pk: object) -> bool:
    """Put the file together. False if there was nothing to do, or it did not work."""
    taken = DataExport.objects.filter(pk=pk, state=DataExport.State.WAITING).update(
        state=DataExport.State.BUILDING, touched_at=timezone.now(), done=0, total=0
    )
    if not taken:
        return False
    export = DataExport.objects.select_related("user").get(pk=pk)
    try:
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
            disclosed, people = fingerprint(export.user), named(export.user)
            _write(export, file)
            if (fingerprint(export.user), named(export.user)) != (disclosed, people):
                raise StaleExportError("something changed while it was put together")
            _store(export, file, disclosed, {pk for pk, _handle in people})
    except Exception:
        logger.exception("export %s failed", pk)
        DataExport.objects.filter(pk=pk).update(state=DataExport.State.FAILED)
        return False
    return True


def _write(export: DataExport, file: BinaryIO) -> None:
    files = [entry for part in PARTS.values() for entry in part.files(export.user)]
    DataExport.objects.filter(pk=export.pk).update(total=len(files) + 1)
    missing = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, read) in enumerate(files, 1):
            content = read()
            if content is None:
                missing.append(name)
            else:
                archive.writestr(name, content)
            DataExport.objects.filter(pk=export.pk).update(done=number, touched_at=timezone.now())
        data = {"made_at": timezone.now(), "not_included": missing}
        data |= {part.name: part.data(export.user) for part in PARTS.values()}
        archive.writestr("data.json", json.dumps(data, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))


def _store(export: DataExport, file: BinaryIO, disclosed: str, people: set[int]) -> None:
    """The finished file, unless the export (or the account, or one of ``people``) was deleted while it was made."""
    file.seek(0)
    export.file.save("export.zip", File(file), save=False)
    kept = False
    try:
        with transaction.atomic():
            stored = DataExport.objects.filter(pk=export.pk, state=DataExport.State.BUILDING).update(
                state=DataExport.State.READY,
                file=export.file.name,
                fingerprint=disclosed,
                done=F("total"),
                expires_at=timezone.now() + KEPT_FOR,
            )
            if stored:
                export.names.set(people)
        kept = bool(stored)
    finally:
        if not kept:
            export.file.storage.delete(export.file.name)


def fingerprint(user: User) -> str:
    """SHA-256 over what the pictures of an export made now would disclose."""
    words = [f"{part.name}:{part.disclosed(user)}" for part in PARTS.values()]
    return hashlib.sha256("|".join(words).encode()).hexdigest()


def named(user: User) -> set[tuple[int, str]]:
    """Whom an export made now would name: keys, and handles."""
    return {person for part in PARTS.values() for person in part.named(user)}


def _is_outdated(export: DataExport, user: User) -> bool:
    """Whether it shows or names what it would not now: somebody blocked its owner, or closed their account."""
    then, now = set(export.names.values_list("pk", flat=True)), {pk for pk, _handle in named(user)}
    return export.fingerprint != fingerprint(user) or not then <= now


def export_open(*, export: DataExport, by: User) -> File:
    """The file, for its owner, while it lasts and while all it shows and names may still be seen by them.

    Raises ValidationError with what to do instead. A file that shows too much is deleted on the spot.
    """
    if export.user_id != by.pk:
        raise PermissionDenied(_("This is not your file."))
    if not export.is_ready:
        raise ValidationError(_("This file is not there any more. Ask for a new one."))
    if _is_outdated(export, by):
        export.delete()
        raise ValidationError(
            _("Something in the file has changed since it was made, so it was deleted. Ask for a new one.")
        )
    return export.file.open("rb")


@transaction.atomic
def export_delete(*, user: User) -> None:
    DataExport.objects.filter(user=user).delete()


def exports_forget(person: User) -> None:
    """Delete everybody's finished files that name a person who leaves."""
    DataExport.objects.filter(names=person).delete()


def exports_sweep() -> None:
    """Delete what has expired; send again what lost its worker."""
    now = timezone.now()
    DataExport.objects.filter(expires_at__lt=now).delete()
    lost = Q(state__in=(DataExport.State.WAITING, DataExport.State.BUILDING), touched_at__lt=now - LOST_AFTER)
    for export in DataExport.objects.filter(lost):
        DataExport.objects.filter(pk=export.pk).update(state=DataExport.State.WAITING, touched_at=now)
        _send(export.pk)


@receiver(post_delete, sender=DataExport)
def remove_file(sender: type[DataExport], instance: DataExport, **kwargs: object) -> None:
    """The file goes with its row, after the commit."""
    if instance.file:
        transaction.on_commit(partial(instance.file.storage.delete, instance.file.name), robust=True)


# --- this app's own part ---


def _data(user: User) -> dict[str, Any]:
    from allauth.account.models import EmailAddress
    from allauth.mfa.utils import is_mfa_enabled
    from allauth.usersessions.models import UserSession

    from accounts import selectors

    return {
        "handle": user.username,
        "name": user.display_name,
        "about_you": user.bio,
        "joined": user.date_joined,
        "email_addresses": list(
            EmailAddress.objects.filter(user=user).values("email", "verified", "primary")
        ),
        "two_factor": is_mfa_enabled(user),
        "sessions": list(UserSession.objects.filter(user=user).values("created_at", "ip", "user_agent")),
        "friends": [friend.username for friend in selectors.friends_of(user)],
        "requests_received": [request.requester.username for request in selectors.requests_for(user)],
        "requests_sent": [request.addressee.username for request in selectors.requests_by(user)],
        "circles": {
            circle.name: [each.seen.username if each.seen else None for each in circle.memberships.all()]
            for circle in selectors.circles_with_members(user)
        },
        "blocked": [block.handle for block in selectors.blocks_by(user)],
        "muted": [person.username for person in selectors.muted_by(user)],
        "reports": list(user.reports_made.values("kind", "reason", "note", "state", "created_at")),
        "enrolled_pictures": [
            {
                "file": _capture_name(capture.pk),
                "added": capture.created_at,
                "consent_version": capture.consent_version,
                "consented_at": capture.consented_at,
                "held": capture.is_held,
                "unreadable": capture.is_unreadable,
            }
            for capture in user.captures.all()
        ],
    }


def _capture_name(pk: int) -> str:
    return f"your-face/{pk}.png"


def _files(user: User) -> Iterator[tuple[str, Read]]:
    for capture in user.captures.all():

        def read(capture=capture) -> bytes | None:
            try:
                with capture.picture.open("rb") as file:
                    return file.read()
            except OSError:
                return None

        yield _capture_name(capture.pk), read


def _disclosed(user: User) -> str:
    """A deleted capture must not live on in a file."""
    return ",".join(str(pk) for pk in user.captures.order_by("pk").values_list("pk", flat=True))


def _named(user: User) -> Iterator[tuple[int, str]]:
    from accounts import selectors

    circles = selectors.circles_with_members(user)
    people = [
        *selectors.friends_of(user),
        *(request.requester for request in selectors.requests_for(user)),
        *(request.addressee for request in selectors.requests_by(user)),
        *(each.seen for circle in circles for each in circle.memberships.all() if each.seen),
        *selectors.muted_by(user),
    ]
    yield from ((person.pk, person.username) for person in people)
    yield from ((block.blocked_id, block.handle) for block in selectors.blocks_by(user))


register(Part("you", _data, _files, _disclosed, _named))
