"""Addresses of what people do with posts."""

from django.urls import path

from community import views, views_albums, views_notifications

urlpatterns = [
    path("posts/<uuid:pk>/comments", views.comment_create, name="comment-create"),
    path("comments/<uuid:pk>/edit", views.comment_edit, name="comment-edit"),
    path("comments/<uuid:pk>/delete", views.comment_delete, name="comment-delete"),
    path("posts/<uuid:pk>/like", views.like, name="like"),
    path("posts/<uuid:pk>/likes", views.likes, name="likes"),
    path("posts/<uuid:pk>/bookmark", views.bookmark, name="bookmark"),
    path("bookmarks/", views.bookmarks, name="bookmarks"),
    path("tags/<str:name>/", views.tag, name="tag"),
    path("notifications/", views_notifications.notifications, name="notifications"),
    path("notifications/preferences", views_notifications.preferences, name="notification-preferences"),
    path("albums/", views_albums.albums, name="albums"),
    path("albums/new", views_albums.album_create, name="album-create"),
    path("albums/<uuid:pk>/", views_albums.album, name="album"),
    path("albums/<uuid:pk>/rename", views_albums.album_rename, name="album-rename"),
    path("albums/<uuid:pk>/delete", views_albums.album_delete, name="album-delete"),
    path("albums/<uuid:pk>/photos", views_albums.album_choose, name="album-choose"),
    path("albums/<uuid:pk>/remove", views_albums.album_remove, name="album-remove"),
    path("albums/<uuid:pk>/move", views_albums.album_move, name="album-move"),
]
