"""What staff may look at. Nothing here shows, names or lets anybody search for a pixel, a template or a file."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import FaceCapture, User


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows ``fields`` and nothing else; changes go through the services, by the people themselves.

    What is not shown cannot be searched by address either (``?picture__startswith=...``): see socialnet.admin.
    """

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> tuple[str, ...]:
        return tuple(self.fields)

    def has_add_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ("username", "display_name", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff")
    search_fields = ("username", "display_name")
    ordering = ("username",)
    readonly_fields = ("email", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Profile"), {"fields": ("display_name", "bio", "email")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False  # accounts are closed here, and deleted by their owners


@admin.register(FaceCapture)
class FaceCaptureAdmin(ReadOnlyAdmin):
    fields = ("user", "pack", "consent_version", "consented_at", "created_at")
    list_display = fields
    list_filter = ("pack", "consent_version")
