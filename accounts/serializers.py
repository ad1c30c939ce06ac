"""The shapes of people's own data in the API. Nobody's e-mail, template or capture of somebody else is among them."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.models import Block, Circle, CircleMembership, DataExport, FaceCapture, Friendship, Report, User
from socialnet.api import PersonSerializer
from socialnet.numbers import KeyField


class MeSerializer(serializers.ModelSerializer):
    """``username`` is another name for ``handle`` in requests. What a handle may be, the service says, as on pages."""

    handle = serializers.CharField(source="username", max_length=30, required=False)
    username = serializers.CharField(write_only=True, max_length=30, required=False)

    class Meta:
        model = User
        fields = ("handle", "username", "display_name", "bio", "email")
        read_only_fields = ("email",)

    def validate(self, given: dict[str, object]) -> dict[str, object]:
        if self.initial_data.get("email", self.instance.email) != self.instance.email:
            text = _("An address is changed on the site, under Settings: it has to be confirmed by a code.")
            raise serializers.ValidationError({"email": [text]})
        return given


class HandleSerializer(serializers.Serializer):
    """Names a person in a request."""

    handle = serializers.CharField(max_length=30)


class FriendRequestSerializer(serializers.ModelSerializer):
    requester = PersonSerializer(read_only=True)
    addressee = PersonSerializer(read_only=True)
    accepted = serializers.BooleanField(source="is_accepted", read_only=True)

    class Meta:
        model = Friendship
        fields = ("id", "requester", "addressee", "accepted", "created_at")


class MemberSerializer(serializers.Serializer):
    """Somebody in one's circle. All but ``id`` is null for who is not there for one now: a block, a closed account."""

    id = serializers.IntegerField(source="pk", read_only=True, help_text="Of the membership, to end it by.")
    handle = serializers.CharField(source="seen.username", read_only=True, allow_null=True)
    name = serializers.CharField(source="seen.name", read_only=True, allow_null=True)
    bio = serializers.CharField(source="seen.bio", read_only=True, allow_null=True)
    avatar = serializers.SerializerMethodField()

    def get_avatar(self, membership: CircleMembership) -> str | None:
        return PersonSerializer().get_avatar(membership.seen) if membership.seen else None


class CircleSerializer(serializers.ModelSerializer):
    members = MemberSerializer(source="memberships", many=True, read_only=True)

    class Meta:
        model = Circle
        fields = ("id", "name", "members")


class BlockSerializer(serializers.ModelSerializer):
    """One's block of somebody, with the handle and name they had then. What they are called now is hidden from one."""

    id = serializers.IntegerField(read_only=True, help_text="Of the block, to take it back by.")

    class Meta:
        model = Block
        fields = ("id", "handle", "name", "created_at")
        read_only_fields = fields


class CaptureSerializer(serializers.ModelSerializer):
    class Meta:
        model = FaceCapture
        fields = ("id", "consent_version", "consented_at", "created_at", "held", "unreadable")

    held = serializers.BooleanField(source="is_held", read_only=True)  # waits until staff have looked at it
    # since the model pack changed: one is not recognised by it until another picture takes its place
    unreadable = serializers.BooleanField(source="is_unreadable", read_only=True)


class EnrolSerializer(serializers.Serializer):
    """One picture of one's own face. ``consent``: the text at GET /consent/ was read and agreed to."""

    picture = serializers.FileField()
    consent = serializers.BooleanField()
    replaces = KeyField(required=False)  # a capture whose place the new one takes, once it counts


class SuggestionSerializer(PersonSerializer):
    mutual_friends = serializers.IntegerField(read_only=True)


class ReportSerializer(serializers.Serializer):
    kind = serializers.CharField(max_length=10)
    target = serializers.CharField(max_length=36)
    reason = serializers.ChoiceField(choices=Report.Reason.choices)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ExportSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField()

    class Meta:
        model = DataExport
        fields = ("state", "done", "total", "created_at", "expires_at", "url")

    def get_url(self, export: DataExport) -> str | None:
        return reverse("export-download", args=[export.pk]) if export.is_ready else None


class ConsentSerializer(serializers.Serializer):
    version = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
