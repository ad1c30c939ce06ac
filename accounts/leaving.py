"""Leaving: the whole account, to the last row and file."""

from __future__ import annotations

import axes.utils
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import exporting
from accounts.models import User


@transaction.atomic
def account_delete(*, user: User, by: User) -> None:
    """Rows by cascade, files after the commit (the post_delete receivers of each app), and what no cascade reaches."""
    if user != by:
        raise PermissionDenied(_("This is not your account."))
    axes.utils.reset(username=user.username)  # failed sign-ins are kept by name
    axes.utils.reset(username=user.email)
    _end_sessions(user)
    exporting.exports_forget(user)
    persons = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(
        content_type=persons, object_id=str(user.pk)
    ).delete()  # staff's changes, with the name
    User.objects.get(pk=user.pk).delete()


def _end_sessions(user: User) -> None:
    """Every browser of theirs. A session names its user inside its sealed data only, so all of them are looked at."""
    own = [
        session.pk
        for session in Session.objects.iterator()
        if session.get_decoded().get("_auth_user_id") == str(user.pk)
    ]
    Session.objects.filter(pk__in=own).delete()
