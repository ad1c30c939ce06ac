"""The admin's pages about other packages' tables: which there are, and that they are for looking only.

As the packages bring them, they hand out what opens anybody's account: keys of the API, sessions, second factors, an
address one can add to somebody as confirmed. Imported once all of them are registered (socialnet/apps.py).
"""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from rest_framework.authtoken.models import TokenProxy

from accounts.admin import ReadOnlyAdmin

# The last two are never written (AXES_DISABLE_ACCESS_LOG, and AXES_ENABLE_ACCESS_FAILURE_LOG is off).
admin.site.unregister([TokenProxy, Authenticator, AccessLog, AccessFailureLog])
admin.site.unregister([EmailAddress, UserSession, AccessAttempt, Group])


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    fields = ("user", "email", "verified", "primary")
    list_display = fields
    list_filter = ("verified", "primary")
    search_fields = ("email",)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    """Never the key: it is the session."""

    fields = ("user", "created_at", "ip", "user_agent")
    list_display = fields


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Who is locked out, and since when. Not what was sent."""

    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "path_info")
    list_display = fields
    search_fields = ("username", "ip_address")


@admin.register(Group)
class RightsAdmin(GroupAdmin):
    """Rights are given by superusers: a group one belongs to would be a way to give oneself more."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser
