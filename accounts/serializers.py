"""The shapes of people's own data in the API. Nobody's e-mail, template or capture of somebody else is among them."""

from __future__ import annotations

from rest_framework import serializers

from accounts.models import Circle, FaceCapture, Friendship, User
from socialnet.api import PersonSerializer


class MeSerializer(serializers.ModelSerializer):
    handle = serializers.CharField(source="username", read_only=True)

    class Meta:
        model = User
        fields = ("handle", "display_name", "bio", "email")
        read_only_fields = ("email",)


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


class CircleSerializer(serializers.ModelSerializer):
    members = PersonSerializer(many=True, read_only=True)

    class Meta:
        model = Circle
        fields = ("id", "name", "members")


class CaptureSerializer(serializers.ModelSerializer):
    class Meta:
        model = FaceCapture
        fields = ("id", "consent_version", "consented_at", "created_at")


class EnrolSerializer(serializers.Serializer):
    """One picture of one's own face. ``consent``: the text at GET /consent/ was read and agreed to."""

    picture = serializers.FileField()
    consent = serializers.BooleanField()


class ConsentSerializer(serializers.Serializer):
    version = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
