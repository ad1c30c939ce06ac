"""Addresses for writing posts."""

from django.urls import path

from photos import views, views_avatar

urlpatterns = [
    path("settings/picture", views_avatar.avatar, name="avatar-edit"),
    path("settings/picture/delete", views_avatar.avatar_remove, name="avatar-remove"),
    path("post/new", views.post_new, name="post-new"),
    path("posts/<uuid:pk>/edit", views.post_edit, name="post-edit"),
    path("posts/<uuid:pk>/delete", views.post_delete, name="post-delete"),
]
