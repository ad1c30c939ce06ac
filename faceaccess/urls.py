"""The image gate's addresses."""

from django.urls import path

from faceaccess import views

urlpatterns = [
    path("photos/<uuid:photo_id>/image/<slug:size>", views.photo_image, name="photo-image"),
    path(
        "photos/<uuid:photo_id>/as/<str:who>/image/<slug:size>", views.photo_image_as, name="photo-image-as"
    ),
    path("people/<str:handle>/avatar", views.avatar, name="avatar"),
    path("moderation/reports/<int:pk>/image", views.report_image, name="report-image"),
    path("faces/<int:region_id>/crop", views.face_crop, name="face-crop"),
    path("faces/<int:region_id>/stand-in", views.face_stand_in, name="face-stand-in"),
    path("faces/<int:region_id>/preview", views.face_preview, name="face-preview"),
]
