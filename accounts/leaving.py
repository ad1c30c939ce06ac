"""Leaving: the whole account, to the last row and file."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import exporting, traces
from accounts.models import User


@transaction.atomic
def account_delete(*, user: User, by: User) -> None:
    """Rows by cascade, files after the commit (the post_delete receivers of each app), and what no cascade reaches."""
    if user != by:
        raise PermissionDenied(_("This is not your account."))
    account = User.objects.select_for_update().get(pk=user.pk)  # from now on nobody's new row can name it
    traces.tries_forget(account.username, account.email, *traces.addresses_of(account))
    traces.sessions_end(account)
    exporting.exports_forget(account)
    logged = traces.logged()
    account.delete()
    traces.log_forget(logged)
    traces.log_blank()
