"""Addresses for writing posts."""

from django.urls import path

from photos import views

urlpatterns = [
    path("post/new", views.post_new, name="post-new"),
    path("posts/<uuid:pk>/edit", views.post_edit, name="post-edit"),
    path("posts/<uuid:pk>/delete", views.post_delete, name="post-delete"),
]
