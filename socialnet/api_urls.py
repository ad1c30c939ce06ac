"""Addresses of the API, version 1."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts import api as people
from accounts import members_api as members
from community import api as community
from community.albums_api import AlbumsViewSet
from faceaccess import api as faces
from faceaccess import claims_api as claims
from faceaccess import log_api as log
from faceaccess import posts_api as posts
from socialnet.api import TokenView

router = SimpleRouter()
router.register("people", people.PeopleViewSet, "api-person")
router.register("friends/requests", people.FriendRequestsViewSet, "api-friend-request")
router.register("friends", people.FriendsViewSet, "api-friend")
router.register("circles", people.CirclesViewSet, "api-circle")
router.register("blocks", people.BlocksViewSet, "api-block")
router.register("mutes", members.MutesViewSet, "api-mute")
router.register("captures", people.CapturesViewSet, "api-capture")
router.register("comments", community.CommentsViewSet, "api-comment")
router.register("albums", AlbumsViewSet, "api-album")
router.register("posts", posts.PostsViewSet, "api-post")
router.register("photos", posts.PhotosViewSet, "api-photo")
router.register("faces", faces.FacesViewSet, "api-face")
router.register("claims", claims.ClaimsViewSet, "api-claim")
router.register("questions", log.QuestionsViewSet, "api-question")
router.register("exposures", log.ExposuresViewSet, "api-exposure")
router.register("rules", faces.RulesViewSet, "api-rule")

urlpatterns = [
    path("token/", TokenView.as_view(), name="api-token"),
    path("me/", people.MeView.as_view(), name="api-me"),
    path("consent/", people.ConsentView.as_view(), name="api-consent"),
    path("me/export/", members.ExportView.as_view(), name="api-export"),
    path("suggestions/", members.SuggestionsView.as_view(), name="api-suggestions"),
    path("reports/", members.ReportView.as_view(), name="api-report"),
    path("model/effect/", faces.ModelEffectView.as_view(), name="api-model-effect"),
    path("model/", faces.ModelView.as_view(), name="api-model"),
    path("reminders/", log.RemindersView.as_view(), name="api-reminders"),
    path("posts/<uuid:post>/comments/", community.PostCommentsView.as_view(), name="api-post-comments"),
    path("posts/<uuid:post>/like/", community.LikeView.as_view(), name="api-post-like"),
    path("posts/<uuid:post>/likes/", community.LikesView.as_view(), name="api-post-likes"),
    path("posts/<uuid:post>/bookmark/", community.BookmarkView.as_view(), name="api-post-bookmark"),
    path("bookmarks/", community.BookmarksView.as_view(), name="api-bookmarks"),
    path("tags/<str:name>/", community.TagView.as_view(), name="api-tag"),
    path("notifications/", community.NotificationsView.as_view(), name="api-notifications"),
    path("notifications/unseen/", community.UnseenView.as_view(), name="api-notifications-unseen"),
    path(
        "notifications/preferences/",
        community.PreferencesView.as_view(),
        name="api-notification-preferences",
    ),
    path("", include(router.urls)),
]
