"""Addresses about people. A person's page is in faceaccess, because it shows photos."""

from django.urls import path

from accounts import views, views_enrol

urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/<str:handle>/friend/request", views.friend_request, name="friend-request"),
    path("people/<str:handle>/friend/accept", views.friend_accept, name="friend-accept"),
    path("people/<str:handle>/friend/decline", views.friend_decline, name="friend-decline"),
    path("people/<str:handle>/friend/end", views.friend_end, name="friend-end"),
    path("people/<str:handle>/block", views.block, name="block"),
    path("people/<str:handle>/unblock", views.unblock, name="unblock"),
    path("circles/", views.circles, name="circles"),
    path("circles/new", views.circle_create, name="circle-create"),
    path("circles/<int:pk>/rename", views.circle_rename, name="circle-rename"),
    path("circles/<int:pk>/delete", views.circle_delete, name="circle-delete"),
    path("circles/<int:pk>/add", views.circle_add, name="circle-add"),
    path("circles/<int:pk>/remove", views.circle_remove, name="circle-remove"),
    path("settings/", views.settings_page, name="settings"),
    path("face/enrol", views_enrol.enrol, name="face-enrol"),
    path("face/delete", views_enrol.enrolment_delete, name="enrolment-delete"),
    path("face/captures/<int:pk>/picture", views_enrol.capture_picture, name="capture-picture"),
    path("face/captures/<int:pk>/delete", views_enrol.capture_delete, name="capture-delete"),
]
