"""What staff may look at: who wrote or collected what, when. No text of a private post, and nobody's bookmarks."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from community.models import Album, Comment


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    fields = ("id", "author", "post", "created_at", "edited_at")
    list_display = fields


@admin.register(Album)
class AlbumAdmin(ReadOnlyAdmin):
    fields = ("id", "owner", "created_at")
    list_display = fields
