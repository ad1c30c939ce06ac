"""People over the API: oneself, others, friends, circles, blocks, captures."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as InvalidError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts import consent, selectors, services
from accounts.models import Block, Circle, CircleMembership, FaceCapture, Friendship, User
from accounts.serializers import (
    BlockSerializer,
    CaptureSerializer,
    CircleSerializer,
    ConsentSerializer,
    EnrolSerializer,
    FriendRequestSerializer,
    HandleSerializer,
    MeSerializer,
)
from socialnet import limits
from socialnet.api import Pages, PersonSerializer, no_content

HANDLE = r"[a-z0-9_.]{3,30}"


class ByHandle(Pages):
    ordering = "username"


class MeView(generics.GenericAPIView):
    serializer_class = MeSerializer

    def get(self, request: Request) -> Response:
        """Who the token or session belongs to."""
        return Response(self.get_serializer(request.user).data)

    def patch(self, request: Request) -> Response:
        """Change one's handle, name or text."""
        given = self.get_serializer(request.user, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        limits.check(request, "profile")
        try:
            user = services.profile_update(user=request.user, by=request.user, **given.validated_data)
        except ValidationError as error:
            errors = as_serializer_error(error)
            if "handle" in request.data and "username" in errors:
                errors["handle"] = errors.pop("username")  # under the name it was sent by
            raise InvalidError(errors) from error
        return Response(self.get_serializer(user).data)


class PeopleViewSet(viewsets.ReadOnlyModelViewSet):
    """People, by name. Nobody whom a block stands between."""

    serializer_class = PersonSerializer
    pagination_class = ByHandle
    lookup_field = "username"
    lookup_url_kwarg = "handle"
    lookup_value_regex = HANDLE
    queryset = User.objects.none()

    def get_queryset(self):
        return selectors.people_search(viewer=self.request.user, text=self.request.query_params.get("q", ""))

    def get_object(self) -> User:
        return selectors.person_for(self.request.user, self.kwargs["handle"])

    @extend_schema(parameters=[OpenApiParameter("q", str, description="Part of a handle or name.")])
    def list(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Search people; nobody without ``q``."""
        if request.query_params.get("q", "").strip():
            limits.check(request, "people_search")
        return super().list(request, *args, **kwargs)


class FriendsViewSet(viewsets.GenericViewSet):
    serializer_class = PersonSerializer
    pagination_class = ByHandle
    lookup_url_kwarg = "handle"
    lookup_value_regex = HANDLE
    queryset = User.objects.none()

    def list(self, request: Request) -> Response:
        """One's friends."""
        page = self.paginate_queryset(selectors.friends_of(request.user))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def destroy(self, request: Request, handle: str) -> Response:
        """End a friendship."""
        friend = get_object_or_404(selectors.friends_of(request.user), username=handle)
        services.friendship_end(one=request.user, other=friend)
        return no_content()


class FriendRequestsViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Requests that wait for an answer, one's own and others'."""

    serializer_class = FriendRequestSerializer
    pagination_class = None
    queryset = Friendship.objects.none()

    def get_queryset(self):
        user = self.request.user
        own = selectors.requests_for(user).values("pk"), selectors.requests_by(user).values("pk")
        return Friendship.objects.filter(Q(pk__in=own[0]) | Q(pk__in=own[1])).select_related(
            "requester", "addressee"
        )

    @extend_schema(request=HandleSerializer)
    def create(self, request: Request) -> Response:
        """Ask somebody for a friendship; if they asked already, this accepts it."""
        limits.check(request, "friend_request")
        person = named(request)
        friendship = services.friendship_request(requester=request.user, addressee=person)
        return Response(self.get_serializer(friendship).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: int) -> Response:
        """Accept a request made to one."""
        friendship = services.friendship_accept(friendship=self.get_object(), by=request.user)
        return Response(self.get_serializer(friendship).data)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: int) -> Response:
        """Decline a request made to one, or take one's own back."""
        services.friendship_decline(friendship=self.get_object(), by=request.user)
        return no_content()


class CirclesViewSet(viewsets.ModelViewSet):
    """One's own circles; nobody else knows of them."""

    serializer_class = CircleSerializer
    pagination_class = None
    http_method_names = ("get", "post", "patch", "delete", "put")
    queryset = Circle.objects.none()

    def get_queryset(self):
        return selectors.circles_with_members(self.request.user)

    def perform_create(self, serializer: CircleSerializer) -> None:
        serializer.instance = services.circle_create(owner=self.request.user, **serializer.validated_data)

    def perform_update(self, serializer: CircleSerializer) -> None:
        name = serializer.validated_data.get("name", serializer.instance.name)
        services.circle_rename(circle=serializer.instance, by=self.request.user, name=name)
        serializer.instance = self.get_object()  # with its members as they are seen

    def perform_destroy(self, instance: Circle) -> None:
        services.circle_delete(circle=instance, by=self.request.user)

    @extend_schema(exclude=True)
    def update(self, request: Request, *args: object, **kwargs: object) -> Response:
        return super().update(request, *args, **kwargs)

    @extend_schema(methods=["put", "delete"], request=None, responses={204: None})
    @action(detail=True, methods=["put", "delete"], url_path=rf"members/(?P<handle>{HANDLE})")
    def members(self, request: Request, pk: int, handle: str) -> Response:
        """Put a friend into the circle (PUT), or take somebody out (DELETE)."""
        circle = self.get_object()
        person = selectors.person_for(request.user, handle)
        if request.method == "PUT":
            services.circle_add(circle=circle, by=request.user, person=person)
        else:
            get_object_or_404(CircleMembership, circle=circle, person=person)
            services.circle_remove(circle=circle, by=request.user, person=person)
        return no_content()

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"memberships/(?P<membership>\d{1,18})")
    def memberships(self, request: Request, pk: int, membership: str) -> Response:
        """Take out whoever the membership is of, also somebody who is not there for one any more."""
        circle = self.get_object()
        found = get_object_or_404(CircleMembership, circle=circle, pk=membership)
        services.circle_remove(circle=circle, by=request.user, person=found.person)
        return no_content()


class NamedPeopleViewSet(viewsets.GenericViewSet):
    serializer_class = PersonSerializer
    pagination_class = None
    lookup_url_kwarg = "handle"
    lookup_value_regex = HANDLE
    queryset = User.objects.none()


class BlocksViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    serializer_class = BlockSerializer
    pagination_class = None
    lookup_value_regex = r"\d{1,18}"
    queryset = Block.objects.none()

    def get_queryset(self):
        return selectors.blocks_by(self.request.user)

    def list(self, request: Request, *args: object, **kwargs: object) -> Response:
        """The blocks one made, with people's names of then. Who blocked one is not told."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=HandleSerializer)
    def create(self, request: Request) -> Response:
        """Block somebody: from now on neither sees the other."""
        block = services.block_create(blocker=request.user, blocked=named(request))
        return Response(self.get_serializer(block).data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, pk: str) -> Response:
        """Take a block back, by its id: also of somebody who has another handle since."""
        services.block_remove(blocker=request.user, blocked=self.get_object().blocked)
        return no_content()


class CapturesViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """The pictures one enrolled one's face with."""

    serializer_class = CaptureSerializer
    pagination_class = None
    parser_classes = (MultiPartParser,)
    queryset = FaceCapture.objects.none()

    def get_queryset(self):
        return FaceCapture.objects.filter(user=self.request.user)

    @extend_schema(request=EnrolSerializer)
    def create(self, request: Request) -> Response:
        """Enrol a picture with exactly one good face, one's own."""
        given = EnrolSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        replaces = given.validated_data.get("replaces")
        capture = services.capture_enroll(
            user=request.user,
            upload=given.validated_data["picture"],
            consented=given.validated_data["consent"],
            replaces=get_object_or_404(self.get_queryset(), pk=replaces) if replaces is not None else None,
        )
        return Response(self.get_serializer(capture).data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, pk: int) -> Response:
        """Delete one picture and its template."""
        services.capture_delete(capture=self.get_object(), by=request.user)
        return no_content()

    @extend_schema(responses={204: None})
    @action(detail=False, methods=["delete"])
    def all(self, request: Request) -> Response:
        """Delete all of them: one's face is unknown from then on, and hidden everywhere."""
        services.enrolment_delete(user=request.user)
        return no_content()


class ConsentView(APIView):
    @extend_schema(responses=ConsentSerializer)
    def get(self, request: Request) -> Response:
        """The text one agrees to when enrolling."""
        return Response({"version": consent.VERSION, "text": str(consent.TEXT)})


def named(request: Request) -> User:
    """The person a request names. 404 alike for nobody and for somebody behind a block."""
    given = HandleSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    return selectors.person_for(request.user, given.validated_data["handle"])
