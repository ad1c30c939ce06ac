"""The shapes of comments, albums and notifications in the API."""

from __future__ import annotations

import html

from django.utils.html import strip_tags
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from community.kinds import Batch
from community.models import COMMENT_LENGTH, Album, Comment, Like
from socialnet.api import PersonSerializer


class CommentSerializer(serializers.ModelSerializer):
    author = PersonSerializer(read_only=True)
    body = serializers.CharField(max_length=COMMENT_LENGTH)

    class Meta:
        model = Comment
        fields = ("id", "post", "author", "body", "created_at", "edited_at")
        read_only_fields = ("id", "post", "created_at", "edited_at")


class LikeSerializer(serializers.ModelSerializer):
    person = PersonSerializer(read_only=True)

    class Meta:
        model = Like
        fields = ("person", "created_at")
        read_only_fields = fields


class AlbumSerializer(serializers.ModelSerializer):
    """``photo_count`` and ``cover`` (a photo's id): of the photos that the asker may see."""

    owner = serializers.CharField(source="owner.username", read_only=True)
    cover = serializers.UUIDField(source="cover_id", read_only=True, allow_null=True)
    photo_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Album
        fields = ("id", "owner", "title", "cover", "photo_count", "created_at")
        read_only_fields = ("id", "created_at")


class AlbumPlaceSerializer(serializers.Serializer):
    photo = serializers.UUIDField()


class AlbumMoveSerializer(AlbumPlaceSerializer):
    earlier = serializers.BooleanField()


class BatchSerializer(serializers.Serializer):
    """Notifications of one kind about one thing. ``text`` is the sentence of the page; ``people``: the latest first."""

    kind = serializers.CharField(source="newest.kind", read_only=True)
    text = serializers.SerializerMethodField()
    people = PersonSerializer(source="actors", many=True, read_only=True)
    address = serializers.CharField(read_only=True)
    photo = serializers.SerializerMethodField()
    new = serializers.BooleanField(source="is_new", read_only=True)
    at = serializers.DateTimeField(source="newest.created_at", read_only=True)

    def get_text(self, batch: Batch) -> str:
        return html.unescape(strip_tags(batch.sentence))

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_photo(self, batch: Batch) -> str | None:
        return str(batch.picture.pk) if batch.picture else None


class UnseenSerializer(serializers.Serializer):
    unseen = serializers.IntegerField(read_only=True)


class PreferencesSerializer(serializers.Serializer):
    """``off``: the kinds one does not hear of; ``kinds``: all there are."""

    off = serializers.ListField(child=serializers.CharField(max_length=20))
    kinds = serializers.ListField(child=serializers.CharField(), read_only=True)
