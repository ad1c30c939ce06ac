"""Comments, likes, bookmarks, tags and notifications over the API. Albums are in community.albums_api."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from community import notifications, selectors, services
from community.kinds import KINDS
from community.models import Comment, Like
from community.serializers import (
    BatchSerializer,
    CommentSerializer,
    LikeSerializer,
    PreferencesSerializer,
    UnseenSerializer,
)
from faceaccess.posts_api import NewestFirst, PostList
from photos.models import Post
from socialnet import limits
from socialnet.api import Pages, no_content


class OldestFirst(Pages):
    ordering = ("created_at", "id")


class LatestKeptFirst(Pages):
    ordering = ("-kept_at", "-id")


class OfPost:
    """A view about one post the requester may see; any other does not exist (404)."""

    def get_post(self) -> Post:
        return get_object_or_404(Post.objects.visible_to(self.request.user), pk=self.kwargs["post"])


class PostCommentsView(OfPost, generics.ListCreateAPIView):
    """What was said about a post, oldest first, by people the requester may know of."""

    serializer_class = CommentSerializer
    pagination_class = OldestFirst
    queryset = Comment.objects.none()

    def get_queryset(self):
        return selectors.comments_on(self.get_post(), self.request.user)

    def create(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Comment on a post. Its author is told, and who is mentioned and may see it."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        limits.check(request, "comment")
        comment = services.comment_create(post=self.get_post(), author=request.user, **given.validated_data)
        return Response(self.get_serializer(comment).data, status=status.HTTP_201_CREATED)


class CommentsViewSet(mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet):
    """One comment: its author may change it, and its author and the post's may delete it."""

    serializer_class = CommentSerializer
    queryset = Comment.objects.none()

    def get_queryset(self):
        return selectors.own_or_visible_comments(self.request.user)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change one's own comment."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        limits.check(request, "comment")
        comment = services.comment_edit(comment=self.get_object(), by=request.user, **given.validated_data)
        return Response(self.get_serializer(comment).data)

    def perform_destroy(self, instance: Comment) -> None:
        services.comment_delete(comment=instance, by=self.request.user)


class LikeView(OfPost, APIView):
    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, post: str) -> Response:
        """Like a post. Twice is once."""
        limits.check(request, "reaction")
        services.like_set(post=self.get_post(), by=request.user)
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, post: str) -> Response:
        """Take one's like back."""
        limits.check(request, "reaction")
        services.like_remove(post=self.get_post(), by=request.user)
        return no_content()


class LikesView(OfPost, generics.ListAPIView):
    """Who likes a post, the latest first; nobody whom a block stands between."""

    serializer_class = LikeSerializer
    pagination_class = NewestFirst
    queryset = Like.objects.none()

    def get_queryset(self):
        return selectors.likers_of(self.get_post(), self.request.user)


class BookmarkView(OfPost, APIView):
    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, post: str) -> Response:
        """Keep a post. Nobody is told."""
        limits.check(request, "reaction")
        services.bookmark_set(post=self.get_post(), by=request.user)
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, post: str) -> Response:
        """Keep it no longer."""
        limits.check(request, "reaction")
        services.bookmark_remove(post=self.get_post(), by=request.user)
        return no_content()


class BookmarksView(PostList):
    """The posts one keeps and may still see, the latest kept first."""

    pagination_class = LatestKeptFirst

    def get_queryset(self):
        return selectors.bookmarked(self.request.user)


class TagView(PostList):
    """Posts with a tag that one may see, newest first."""

    def get_queryset(self):
        return selectors.tagged(self.kwargs.get("name", ""), self.request.user)


# --- notifications ---


class NotificationsView(APIView):
    @extend_schema(responses=BatchSerializer(many=True), operation_id="notifications_list")
    def get(self, request: Request) -> Response:
        """What happened, batched, newest first. Reading does not mark it as seen."""
        return Response(BatchSerializer(notifications.batches(request.user), many=True).data)


class UnseenView(APIView):
    @extend_schema(responses=UnseenSerializer)
    def get(self, request: Request) -> Response:
        """How many are new."""
        return Response({"unseen": notifications.unseen_count(request.user)})

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Mark all as seen."""
        notifications.mark_seen(recipient=request.user)
        return no_content()


class PreferencesView(APIView):
    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        """Which kinds of notifications one does not hear of."""
        off = sorted(notifications.switched_off(request.user))
        return Response({"off": off, "kinds": list(KINDS)})

    @extend_schema(request=PreferencesSerializer, responses=PreferencesSerializer)
    def put(self, request: Request) -> Response:
        """Choose them anew."""
        given = PreferencesSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        notifications.preferences_set(owner=request.user, by=request.user, off=given.validated_data["off"])
        return self.get(request)
