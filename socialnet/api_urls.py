"""Addresses of the API, version 1."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts import api as people
from accounts import members_api as members
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
    path("", include(router.urls)),
]
