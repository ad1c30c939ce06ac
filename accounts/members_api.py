"""Suggestions, muting, reporting and one's own data over the API."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import exporting, moderation, selectors, services
from accounts.api import NamedPeopleViewSet, named
from accounts.models import DataExport, User
from accounts.serializers import ExportSerializer, HandleSerializer, ReportSerializer, SuggestionSerializer
from socialnet import limits
from socialnet.api import no_content


class SuggestionsView(APIView):
    @extend_schema(responses=SuggestionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Friends of one's friends, those with the most mutual friends first. Photos and faces play no part."""
        return Response(SuggestionSerializer(selectors.suggestions(request.user), many=True).data)


class MutesViewSet(NamedPeopleViewSet):
    def list(self, request: Request) -> Response:
        """People whose posts stay out of one's feed."""
        return Response(self.get_serializer(selectors.muted_by(request.user), many=True).data)

    @extend_schema(request=HandleSerializer, responses={204: None})
    def create(self, request: Request) -> Response:
        """Mute somebody; they are not told."""
        services.mute_create(muter=request.user, muted=named(request))
        return no_content()

    def destroy(self, request: Request, handle: str) -> Response:
        """Unmute somebody."""
        person = get_object_or_404(selectors.muted_by(request.user), username=handle)
        services.mute_remove(muter=request.user, muted=person)
        return no_content()


class ReportView(APIView):
    @extend_schema(request=ReportSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Tell the people who look after the site. ``person``: a handle; ``photo``: an id. Nobody else is told.

        Somebody one blocked is reported by the handle in the list of blocks.
        """
        limits.check(request, "report")
        given = ReportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = given.validated_data
        if fields["kind"] == "person":
            fields["target"] = str(_reported(request.user, fields["target"]).pk)
        moderation.report_create(reporter=request.user, **fields)
        return no_content()


class ExportView(APIView):
    @extend_schema(responses=ExportSerializer)
    def get(self, request: Request) -> Response:
        """How far one's file is; where to download it, once it is ready. 404 if none was asked for."""
        return Response(ExportSerializer(get_object_or_404(DataExport, user=request.user)).data)

    @extend_schema(request=None, responses={202: ExportSerializer})
    def post(self, request: Request) -> Response:
        """Ask for a file with everything about one, and one's photos as one sees them."""
        limits.check(request, "export")
        export = exporting.export_order(user=request.user)
        return Response(ExportSerializer(export).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Delete the file."""
        exporting.export_delete(user=request.user)
        return no_content()


def _reported(viewer: User, handle: str) -> User:
    """Who has the handle; if the viewer may not know of them, whom they blocked under it.

    Never by the handle that a blocked person has now: whether a guess fits would be told by the answer.
    """
    seen = selectors.people_visible_to(viewer).filter(username=handle.lower()).first()
    if seen is not None:
        return seen
    blocks = selectors.blocks_by(viewer).filter(handle=handle.lower()).order_by("-created_at", "-pk")
    return User.objects.get(pk=get_object_or_404(blocks[:1]).blocked_id)
