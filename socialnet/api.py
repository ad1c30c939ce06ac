"""What all of the API shares: errors, the token login, and the shapes of people in answers."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.base.forms import BaseAuthenticateForm
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core import exceptions as django
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.urls import resolve, reverse
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView, exception_handler

from accounts.models import User
from socialnet.limits import TooOftenError


def answer_error(error: Exception, context: dict[str, object]) -> Response | None:
    """DRF's own answers, and 400 with the reasons for what a service refuses as invalid."""
    if isinstance(error, TooOftenError):
        error, wait = Throttled(detail=error.messages[0]), error.wait
        error.wait = wait  # given to Throttled, it would add a sentence of its own
    if isinstance(error, django.ValidationError):
        detail = serializers.as_serializer_error(error)
        # A field of the model that is no field of the request is still the request's mistake.
        shared = api_settings.NON_FIELD_ERRORS_KEY
        error = serializers.ValidationError({key or shared: value for key, value in detail.items()})
    if isinstance(error, django.PermissionDenied) and error.args:
        return Response({"detail": str(error)}, status=status.HTTP_403_FORBIDDEN)
    return exception_handler(error, context)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: in JSON for a program, the site's own page for a person. What went wrong stands in the log."""
    if not request.path_info.startswith("/api/"):
        return defaults.server_error(request)
    text = _("Something broke on our side. Please try again in a moment.")
    return JsonResponse({"detail": str(text)}, status=status.HTTP_500_INTERNAL_SERVER_ERROR)


class SignInSerializer(AuthTokenSerializer):
    """Handle and password; with two-factor on, also ``code``: from the authenticator app, or a recovery code."""

    code = serializers.CharField(required=False, write_only=True, allow_blank=True)

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        user = attrs["user"]
        mandatory = settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory"
        if mandatory and not EmailAddress.objects.filter(user=user, verified=True).exists():
            raise serializers.ValidationError(
                {"username": [_("Confirm your e-mail address on the site first.")]}
            )
        if is_mfa_enabled(user):
            form = BaseAuthenticateForm({"code": attrs.get("code", "")}, user=user)
            if not form.is_valid():
                raise serializers.ValidationError({"code": form.errors.get("code", [])})
            form.authenticator.record_usage()
        return attrs


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(read_only=True)


class TokenView(APIView):
    """A token for programs: send it as ``Authorization: Token …``."""

    throttle_scope = "login"

    def get_authenticators(self):
        # Signing in needs no session: with one, a page of another site could be made to sign somebody in.
        return (
            [] if self.request is not None and self.request.method == "POST" else super().get_authenticators()
        )

    def get_permissions(self):
        return [] if self.request is not None and self.request.method == "POST" else [IsAuthenticated()]

    @extend_schema(request=SignInSerializer, responses=TokenSerializer, auth=[], operation_id="token_create")
    def post(self, request: Request) -> Response:
        """Sign in. Wrong passwords are counted; after some the account is locked for a while (400 then, too)."""
        # Through Django's authenticate() with the request, which is where the counting happens.
        given = SignInSerializer(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        token, _ = Token.objects.get_or_create(user=given.validated_data["user"])
        return Response({"token": token.key})

    @extend_schema(responses={204: OpenApiResponse(description="Revoked.")}, operation_id="token_revoke")
    def delete(self, request: Request) -> Response:
        """Revoke the token."""
        Token.objects.filter(user=request.user).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class PersonSerializer(serializers.Serializer):
    """All that anybody learns about somebody else."""

    handle = serializers.CharField(source="username", read_only=True)
    name = serializers.CharField(read_only=True)
    bio = serializers.CharField(read_only=True)
    avatar = serializers.SerializerMethodField()

    def get_avatar(self, person: User) -> str | None:
        """Where the image gate serves it, as whoever asks may see it."""
        return reverse("avatar", args=[person.username]) if person.avatar else None


class Pages(CursorPagination):
    """A subclass says the order. A cursor that somebody wrote by hand is no page (404), whatever they wrote."""

    def paginate_queryset(self, queryset, request, view=None):
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, django.ValidationError) as error:  # of the place in it, as a date or a key
            if self.cursor_query_param not in request.query_params:
                raise
            raise NotFound(self.invalid_cursor_message) from error


def no_content() -> Response:
    return Response(status=status.HTTP_204_NO_CONTENT)


@csrf_exempt  # it changes nothing, and a page about cookies is no answer to a program
def no_such_address(request: HttpRequest) -> HttpResponse:
    """404 in JSON. Only reading is sent on to the same address with its last slash: a body would be lost on the way."""
    if request.method in ("GET", "HEAD") and resolve(f"{request.path_info}/").func is not no_such_address:
        return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
    text = _("Nothing is at this address. All addresses of the API end with a slash.")
    return JsonResponse({"detail": str(text)}, status=status.HTTP_404_NOT_FOUND)
