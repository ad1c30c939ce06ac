"""What staff may look at of posts: whose, when, for whom, in which state. No picture and no path of one."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from photos.models import Photo, Post


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin):
    fields = ("id", "author", "audience", "created_at")
    list_display = fields
    list_filter = ("audience",)


@admin.register(Photo)
class PhotoAdmin(ReadOnlyAdmin):
    fields = ("id", "post", "position", "width", "height", "state", "version", "created_at")
    list_display = ("id", "state", "created_at")
    list_filter = ("state",)
