"""Albums over the API."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import person_for
from community import albums, selectors
from community.models import Album
from community.serializers import AlbumMoveSerializer, AlbumPlaceSerializer, AlbumSerializer
from faceaccess.posts_api import NewestFirst, viewer_context
from faceaccess.serializers import PhotoSerializer
from photos.selectors import photos_visible_to
from socialnet.api import no_content


class AlbumsViewSet(viewsets.GenericViewSet):
    """One's own albums, and those of others in which there is a photo one may see."""

    serializer_class = AlbumSerializer
    pagination_class = NewestFirst
    queryset = Album.objects.none()

    def get_queryset(self):
        return selectors.with_covers(Album.objects.visible_to(self.request.user), self.request.user)

    @extend_schema(parameters=[OpenApiParameter("owner", str, description="Handle; without it: one's own.")])
    def list(self, request: Request) -> Response:
        """The albums of one person."""
        handle = request.query_params.get("owner")
        owner = person_for(request.user, handle) if handle else request.user
        page = self.paginate_queryset(self.get_queryset().filter(owner=owner))
        return self.get_paginated_response(AlbumSerializer(page, many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One album."""
        return Response(AlbumSerializer(self.get_object()).data)

    def create(self, request: Request) -> Response:
        """Make an album."""
        album = albums.album_create(owner=request.user, **self._given(AlbumSerializer))
        made = self.get_queryset().get(pk=album.pk)
        return Response(AlbumSerializer(made).data, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Give it another title."""
        albums.album_rename(album=self.get_object(), by=request.user, **self._given(AlbumSerializer))
        return Response(AlbumSerializer(self.get_object()).data)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete it. The photos stay."""
        albums.album_delete(album=self.get_object(), by=request.user)
        return no_content()

    @extend_schema(methods=["get"], responses=PhotoSerializer(many=True))
    @extend_schema(methods=["post"], request=AlbumPlaceSerializer, responses={204: None})
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def photos(self, request: Request, pk: str) -> Response:
        """Its photos that one may see, in its order (GET); put one of one's own at the end (POST)."""
        album = self.get_object()
        if request.method == "POST":
            albums.album_add(album=album, by=request.user, **self._photo(AlbumPlaceSerializer))
            return no_content()
        photos = list(selectors.photos_in(album, request.user))
        return Response(PhotoSerializer(photos, many=True, context=viewer_context(self, photos)).data)

    @extend_schema(request=AlbumMoveSerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Swap a photo with its neighbour."""
        albums.album_move(album=self.get_object(), by=request.user, **self._photo(AlbumMoveSerializer))
        return no_content()

    @extend_schema(request=AlbumPlaceSerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Take a photo out of the album."""
        albums.album_remove(album=self.get_object(), by=request.user, **self._photo(AlbumPlaceSerializer))
        return no_content()

    def _given(self, shape) -> dict[str, object]:
        given = shape(data=self.request.data)
        given.is_valid(raise_exception=True)
        return given.validated_data

    def _photo(self, shape) -> dict[str, object]:
        """The request's fields with the photo itself; one that the requester may not see does not exist (404)."""
        given = self._given(shape)
        return {**given, "photo": get_object_or_404(photos_visible_to(self.request.user), pk=given["photo"])}
