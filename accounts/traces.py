"""What no cascade reaches when people leave, for it has no key to them: sessions, tries to sign in, the staff's log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import axes.utils
from allauth.account.internal.flows.email_verification_by_code import EMAIL_VERIFICATION_CODE_SESSION_KEY
from allauth.account.internal.flows.password_reset_by_code import PASSWORD_RESET_VERIFICATION_SESSION_KEY
from allauth.account.internal.flows.phone_verification import PHONE_VERIFICATION_SESSION_KEY
from allauth.account.internal.flows.reauthenticate_by_code import REAUTHENTICATION_CODE_SESSION_KEY
from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.usersessions.models import UserSession
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone

from accounts.models import User

# Who is not in yet: the code that was sent to them, and whose it is ("user_id").
CODES_SENT = (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
    PASSWORD_RESET_VERIFICATION_SESSION_KEY,
    REAUTHENTICATION_CODE_SESSION_KEY,
    PHONE_VERIFICATION_SESSION_KEY,
)
GONE = "—"


def addresses_of(user: User) -> set[str]:
    """Every e-mail address of theirs, in lower case."""
    others = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    return {address.lower() for address in (user.email, *others) if address}


def tries_forget(*names: str) -> None:
    """Failed sign-ins, which are kept by what was typed in."""
    for name in filter(None, names):  # no name would mean everybody's
        axes.utils.reset(username=name)


# --- sessions ---


def sessions_end(user: User) -> None:
    """Every browser of theirs, one that waits for a code or a second factor too; and their address in all others.

    A session names people inside its sealed data only, so all of them are looked at.
    """
    own, names_an_address = str(user.pk), _finder(addresses_of(user))
    in_base36 = user_pk_to_url_str(user)
    ended = []
    for session in Session.objects.iterator():
        data = session.get_decoded()
        waiting = {(data.get(key) or {}).get("user_id") for key in CODES_SENT}
        stashed = (data.get(LOGIN_SESSION_KEY) or {}).get("user_pk")
        if not data or own in {data.get(SESSION_KEY), *waiting} or stashed == in_base36:
            ended.append(session.pk)  # with no data: sealed with a key of before, and no use to anybody
        elif names_an_address(data):
            # Somebody signed up with the address, or asked for another one of theirs.
            told = {key: value for key, value in data.items() if not names_an_address(value)}
            if SESSION_KEY in told:
                session.session_data = session.get_session_store_class()().encode(told)
                session.save(update_fields=["session_data"])
            else:
                ended.append(session.pk)
    Session.objects.filter(pk__in=ended).delete()


def _finder(words: Iterable[str]) -> Callable[[Any], bool]:
    """A function: whether one of the words, and not only the middle of another one, is anywhere in a JSON value."""
    either = "|".join(map(re.escape, words)) or r"(?!)"
    pattern = re.compile(rf"(?<![\w.+-])(?:{either})(?![\w-])", re.IGNORECASE)
    return lambda value: bool(pattern.search(json.dumps(value, default=str, ensure_ascii=False)))


# --- the staff's log ---


def logged() -> dict[ContentType, set[str]]:
    """The keys of all rows, by kind, that are there and that the staff's log speaks about."""
    kinds = ContentType.objects.filter(pk__in=LogEntry.objects.values("content_type"))
    return {kind: _existing(kind) for kind in kinds}


def log_forget(before: dict[ContentType, set[str]]) -> None:
    """Delete the log's lines about rows that were there before, and are not now: they say what those were called."""
    for kind, keys in before.items():
        gone = keys - _existing(kind)
        LogEntry.objects.filter(content_type=kind, object_id__in=gone).delete()


def log_blank() -> None:
    """Of rows of people that are gone the log says who did what to which kind of thing, and not what it was called."""
    for kind, keys in logged().items():
        if _is_about_people(kind.model_class()):
            about_gone = LogEntry.objects.filter(content_type=kind).exclude(object_id__in=keys)
            about_gone.exclude(object_repr=GONE).update(object_repr=GONE, change_message="")


def _is_about_people(model: type[Model] | None) -> bool:
    """Rows of somebody's, and of models nobody knows any more."""
    keys = [field for field in model._meta.concrete_fields if field.is_relation] if model else []
    return model in (None, User) or any(field.related_model is User for field in keys)


def _existing(kind: ContentType) -> set[str]:
    model = kind.model_class()
    if model is None:
        return set()
    keys = set()
    for text in LogEntry.objects.filter(content_type=kind).values_list("object_id", flat=True).distinct():
        try:
            keys.add(model._meta.pk.to_python(text))
        except ValidationError:  # no key of such a row
            continue
    return {str(pk) for pk in model._base_manager.filter(pk__in=keys).values_list("pk", flat=True)}


# --- every day ---


def sweep() -> None:
    """What ran out, and what was said about rows that are gone."""
    Session.get_session_store_class().clear_expired()
    # Addresses and browsers of sessions that are over, which else go when their owner looks at the list.
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    cool_off = get_cool_off()
    if cool_off is not None:
        AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - cool_off).delete()
    log_blank()
