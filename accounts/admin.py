"""What staff may look at. Nothing here shows, names or lets anybody search for a pixel, a template or a file."""

from __future__ import annotations

from django.contrib import admin
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
class PersonAdmin(admin.ModelAdmin):
    """Accounts are opened by signing up, closed here, and deleted by their owners.

    Nobody's password is set here: its owner would not learn that somebody else can get in. And who may close accounts
    gets no further rights by it, nor closes those of other staff: rights are given, and staff closed, by superusers.
    """

    list_display = ("username", "display_name", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff")
    search_fields = ("username", "display_name")
    ordering = ("username",)
    filter_horizontal = ("groups", "user_permissions")
    fieldsets = (
        (_("Profile"), {"fields": ("username", "display_name", "bio", "email")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    their_own = ("username", "display_name", "bio", "email", "last_login", "date_joined")
    rights = ("is_staff", "is_superuser", "groups", "user_permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return self.their_own if request.user.is_superuser else self.their_own + self.rights

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(FaceCapture)
class FaceCaptureAdmin(ReadOnlyAdmin):
    fields = ("user", "pack", "consent_version", "consented_at", "created_at")
    list_display = fields
    list_filter = ("pack", "consent_version")
