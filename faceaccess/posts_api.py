"""Posts and photos over the API. In this app, and not in photos, because what one gets of a photo is decided here."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import person_for
from community.selectors import counted
from faceaccess import seeing
from faceaccess.marks import mark_create
from faceaccess.selectors import photos_with_stand_ins, taggable_regions
from faceaccess.serializers import (
    BoxSerializer,
    PhotoEditSerializer,
    PhotoSerializer,
    PlaceSerializer,
    PostCreateSerializer,
    PostEditSerializer,
    PostSerializer,
    ViewAsSerializer,
)
from faceaccess.services import photo_retry
from photos import selectors, services
from photos.models import Photo, Post
from socialnet import limits
from socialnet.api import Pages, no_content

SENT_ONCE = (
    "The same photos sent again with the same key are one post, with the words and audience of the last time."
)


class NewestFirst(Pages):
    ordering = ("-created_at", "-id")


class PostList(generics.ListAPIView):
    """A list of posts as the requester gets them; a subclass says which."""

    serializer_class = PostSerializer
    pagination_class = NewestFirst
    queryset = Post.objects.none()

    def list(self, request: Request, *args: object, **kwargs: object) -> Response:
        page = self.paginate_queryset(counted(self.get_queryset(), request.user))
        return self.get_paginated_response(shown_posts(self, page, many=True))


class PostsViewSet(mixins.DestroyModelMixin, viewsets.GenericViewSet):
    """Posts one may see, newest first. What one may not see does not exist (404)."""

    serializer_class = PostSerializer
    pagination_class = NewestFirst
    parser_classes = (MultiPartParser, JSONParser)
    queryset = Post.objects.none()

    def get_queryset(self):
        return counted(selectors.posts_visible_to(self.request.user), self.request.user)

    @extend_schema(parameters=[OpenApiParameter("author", str, description="Only posts of this handle.")])
    def list(self, request: Request) -> Response:
        """The feed, or one person's posts."""
        posts = selectors.feed(request.user)
        if handle := request.query_params.get("author"):
            posts = selectors.posts_of(person_for(request.user, handle), request.user)
        page = self.paginate_queryset(counted(posts, request.user))
        return self.get_paginated_response(shown_posts(self, page, many=True))

    def retrieve(self, request: Request, pk: str) -> Response:
        """One post."""
        return Response(shown_posts(self, self.get_object()))

    @extend_schema(
        request=PostCreateSerializer,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description=SENT_ONCE)],
    )
    def create(self, request: Request) -> Response:
        """Post photos. They are served once every face in them is protected; ask again until ``state`` is ready."""
        given = PostCreateSerializer(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        limits.check(request, "upload")
        fields = given.validated_data
        uploads = fields.pop("photos")
        token = request.headers.get("Idempotency-Key", "")
        post = services.post_create(author=request.user, uploads=uploads, token=token, **fields)
        shown = shown_posts(self, self.get_queryset().get(pk=post.pk))
        return Response(shown, status=status.HTTP_201_CREATED)

    @extend_schema(request=PostEditSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the caption or the audience of one's post."""
        post = self.get_object()
        given = PostEditSerializer(
            post, data=request.data, context=self.get_serializer_context(), partial=True
        )
        given.is_valid(raise_exception=True)
        services.post_update(post=post, by=request.user, **given.validated_data)
        return Response(shown_posts(self, self.get_object()))

    def perform_destroy(self, instance: Post) -> None:
        services.post_delete(post=instance, by=self.request.user)


class PhotosViewSet(viewsets.GenericViewSet):
    serializer_class = PhotoSerializer
    queryset = Photo.objects.none()

    def get_queryset(self):
        return selectors.photos_visible_to(self.request.user)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One photo; the images are this viewer's own."""
        photo = self.get_object()
        return Response(PhotoSerializer(photo, context=viewer_context(self, [photo])).data)

    @extend_schema(request=PhotoEditSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Describe one's photo for people who cannot see it."""
        photo = self.get_object()
        given = PhotoEditSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        alt_texts = {photo.pk: given.validated_data["alt_text"]}
        services.post_update(post=photo.post, by=request.user, alt_texts=alt_texts)
        return self.retrieve(request, pk)

    @extend_schema(responses=PlaceSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def faces(self, request: Request, pk: str) -> Response:
        """Places of the faces one may tag: all of them, alike, whether one sees the face or a stand-in."""
        regions = taggable_regions(self.get_object(), request.user)
        return Response(PlaceSerializer(regions, many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("as", str, required=True, description=seeing.VALUES)],
        responses=ViewAsSerializer,
    )
    @action(detail=True, url_path="see-as")
    def see_as(self, request: Request, pk: str) -> Response:
        """One's own face in this photo as somebody else gets it; all other faces are as one sees them oneself."""
        photo = self.get_object()
        region = seeing.own_region(photo, request.user)
        if region is None:
            raise Http404
        onlooker = seeing.onlooker_for(request.user, request.query_params.get("as", ""))
        view = seeing.view_as(region, request.user, onlooker)
        if view is None:
            raise Http404
        return Response(ViewAsSerializer(view, context={"request": request, "photo": photo}).data)

    @extend_schema(request=BoxSerializer, responses={201: PlaceSerializer})
    @action(detail=True, methods=["post"])
    def marks(self, request: Request, pk: str) -> Response:
        """Mark a face that was missed: it is hidden from everybody in the same instant."""
        given = BoxSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        limits.check(request, "mark")
        region = mark_create(photo=self.get_object(), by=request.user, **given.validated_data)
        return Response(PlaceSerializer(region).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Start over with one's photo that could not be protected."""
        photo_retry(photo=self.get_object(), by=request.user)
        return no_content()


def shown_posts(view: viewsets.GenericViewSet, posts: Post | list[Post], many: bool = False) -> object:
    """Serialized for this viewer, with the visible sets of all the photos read at once."""
    photos = [photo for post in (posts if many else [posts]) for photo in post.photos.all()]
    return PostSerializer(posts, many=many, context=viewer_context(view, photos)).data


def viewer_context(view: viewsets.GenericViewSet, photos: Iterable[Photo]) -> dict[str, object]:
    """A serializer context that knows which of the photos hold stand-ins for this viewer."""
    stand_ins = photos_with_stand_ins(photos, view.request.user)
    return {**view.get_serializer_context(), "stand_ins": stand_ins}
