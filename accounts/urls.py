"""Addresses about people. A person's page is in faceaccess, because it shows photos."""

from django.urls import path

from accounts import views, views_data, views_enrol, views_moderation, views_sessions

urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/<str:handle>/friend/request", views.friend_request, name="friend-request"),
    path("people/<str:handle>/friend/accept", views.friend_accept, name="friend-accept"),
    path("people/<str:handle>/friend/decline", views.friend_decline, name="friend-decline"),
    path("people/<str:handle>/friend/end", views.friend_end, name="friend-end"),
    path("people/<str:handle>/block", views.block, name="block"),
    path("blocks/<int:pk>/end", views.unblock, name="unblock"),
    path("people/<str:handle>/mute", views.mute, name="mute"),
    path("people/<str:handle>/unmute", views.unmute, name="unmute"),
    path("report/<slug:kind>/<slug:target>", views_moderation.report, name="report"),
    path("circles/", views.circles, name="circles"),
    path("circles/new", views.circle_create, name="circle-create"),
    path("circles/<int:pk>/rename", views.circle_rename, name="circle-rename"),
    path("circles/<int:pk>/delete", views.circle_delete, name="circle-delete"),
    path("circles/<int:pk>/add", views.circle_add, name="circle-add"),
    path("circles/<int:pk>/remove", views.circle_remove, name="circle-remove"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/programs/end", views_sessions.programs_end, name="programs-end"),
    path("settings/export", views_data.export, name="export"),
    path("settings/export/order", views_data.export_order, name="export-order"),
    path("settings/export/delete", views_data.export_delete, name="export-delete"),
    path("settings/export/<uuid:pk>.zip", views_data.export_download, name="export-download"),
    path("settings/delete", views_data.account_delete, name="account-delete"),
    path("moderation/", views_moderation.queue, name="moderation"),
    path("moderation/log", views_moderation.log, name="moderation-log"),
    path("moderation/log/<int:pk>/put-back", views_moderation.put_back, name="moderation-put-back"),
    path("moderation/reports/<int:pk>/decide", views_moderation.decide, name="moderation-decide"),
    path("moderation/captures/<int:pk>/decide", views_moderation.capture_decide, name="capture-decide"),
    path("face/check", views_enrol.frame_check, name="frame-check"),
    path("face/enrol", views_enrol.enrol, name="face-enrol"),
    path("face/delete", views_enrol.enrolment_delete, name="enrolment-delete"),
    path("face/captures/<int:pk>/picture", views_enrol.capture_picture, name="capture-picture"),
    path("face/captures/<int:pk>/delete", views_enrol.capture_delete, name="capture-delete"),
]
