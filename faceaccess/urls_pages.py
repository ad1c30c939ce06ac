"""Addresses of the pages that show photos or are about one's own face. The image gate is in faceaccess/urls.py."""

from django.urls import path

from faceaccess import views_log, views_marks, views_pages, views_photos, views_rules

urlpatterns = [
    path("", views_photos.feed, name="feed"),
    path("posts/<uuid:pk>/", views_photos.post, name="post"),
    path("photos/<uuid:pk>/", views_photos.photo, name="photo"),
    path("photos/<uuid:pk>/status", views_photos.photo_status, name="photo-status"),
    path("photos/<uuid:pk>/retry", views_pages.photo_retry, name="photo-retry"),
    path("photos/<uuid:pk>/mark", views_marks.mark, name="photo-mark"),
    path("people/<str:handle>/", views_photos.person, name="person"),
    path("face/", views_pages.face, name="face"),
    path("face/model", views_pages.model_choose, name="face-model"),
    path("face/inbox", views_pages.inbox, name="face-inbox"),
    path("face/inbox/answer", views_marks.inbox_answer, name="inbox-answer"),
    path("face/inbox/preview", views_log.inbox_preview, name="inbox-preview"),
    path("face/inbox/later", views_log.all_later, name="all-later"),
    path("face/reminders", views_log.reminders_switch, name="reminders"),
    path("face/reminders/<str:token>", views_log.reminder, name="reminder"),
    path("face/who", views_log.who_could_see, name="who-could-see"),
    path("face/history", views_marks.history, name="face-history"),
    path("face/rules", views_pages.rules, name="face-rules"),
    path("face/rules/preview", views_rules.rules_preview, name="rules-preview"),
    path("face/rules/<int:pk>/preview", views_rules.rule_preview, name="rule-preview"),
    path("face/rules/<int:pk>/move", views_pages.rule_move, name="rule-move"),
    path("face/rules/<int:pk>/place", views_log.rule_place, name="rule-place"),
    path("face/rules/<int:pk>/toggle", views_pages.rule_toggle, name="rule-toggle"),
    path("face/rules/<int:pk>/delete", views_pages.rule_delete, name="rule-delete"),
    path("faces/<int:pk>/tag", views_pages.tag, name="face-tag"),
    path("faces/<int:pk>/untag", views_pages.untag, name="face-untag"),
    path("faces/<int:pk>/answer", views_pages.answer, name="face-answer"),
    path("faces/<int:pk>/override", views_pages.override, name="face-override"),
    path("faces/<int:pk>/not-me", views_pages.not_me, name="face-not-me"),
    path("faces/<int:pk>/is-me", views_log.is_me, name="face-is-me"),
    path("faces/<int:pk>/later", views_marks.later, name="face-later"),
    path("faces/<int:pk>/unmark", views_marks.unmark, name="face-unmark"),
    path("faces/<int:pk>/claim", views_marks.claim, name="face-claim"),
    path("claims/<int:pk>/answer", views_marks.claim_answer, name="claim-answer"),
]
