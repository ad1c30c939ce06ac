"""The shapes of posts, photos, faces and rules in the API: only what this viewer may know.

Others' faces have no shape here but a place in the picture: no owner, match, state or number of stand-ins.
"""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Circle, User
from accounts.selectors import people_visible_to
from faceaccess import effects
from faceaccess.models import AccessModel, Authorization, Claim, Effect, FaceRegion, Rule
from faceaccess.policies import Reason
from faceaccess.renditions import SIZES, dimensions
from faceaccess.seeing import View
from photos.models import Audience, Photo, Post
from socialnet.api import PersonSerializer
from socialnet.numbers import LARGEST, KeyField


class OwnCircleField(serializers.PrimaryKeyRelatedField):
    """One of the requester's circles; anybody else's does not exist for them."""

    def __init__(self, **kwargs: object) -> None:
        if not kwargs.get("read_only"):
            kwargs.setdefault("queryset", Circle.objects.none())
        super().__init__(**kwargs)

    def get_queryset(self):
        return Circle.objects.filter(owner=self.context["request"].user)

    def to_internal_value(self, data: object) -> Circle:
        return super().to_internal_value(KeyField().run_validation(data))


class ImageSerializer(serializers.Serializer):
    """Where the viewer's own image of the photo is, and how large. Ask with the same credentials."""

    url = serializers.URLField(read_only=True)
    width = serializers.IntegerField(read_only=True)
    height = serializers.IntegerField(read_only=True)


def images_of(photo: Photo, request, name: str, *arguments: str) -> dict[str, dict[str, object]]:
    """Address and size in px of the photo at every size, by the URL ``name`` that takes photo, arguments and size."""
    images = {}
    for size in SIZES:
        width, height = dimensions(photo, size)
        url = request.build_absolute_uri(reverse(name, args=[photo.pk, *arguments, size]))
        images[size] = {"url": url, "width": width, "height": height}
    return images


class PhotoSerializer(serializers.ModelSerializer):
    """A photo as one viewer gets it. ``stand_ins`` says that some faces were replaced: not whose, which or how many."""

    images = serializers.SerializerMethodField()
    stand_ins = serializers.SerializerMethodField()

    class Meta:
        model = Photo
        fields = ("id", "post", "position", "state", "width", "height", "alt_text", "images", "stand_ins")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=ImageSerializer()))
    def get_images(self, photo: Photo) -> dict[str, dict[str, object]]:
        if not photo.is_ready:
            return {}
        return images_of(photo, self.context["request"], "photo-image")

    def get_stand_ins(self, photo: Photo) -> bool:
        return photo.pk in self.context["stand_ins"]


class PostSerializer(serializers.ModelSerializer):
    """A post out of ``community.selectors.counted``: ``likes`` and ``comments`` by whom the viewer may know of.

    ``circle``: the audience's, told to the author alone; null for everybody else.
    """

    author = PersonSerializer(read_only=True)
    photos = PhotoSerializer(many=True, read_only=True)
    likes = serializers.IntegerField(source="like_count", read_only=True)
    comments = serializers.IntegerField(source="comment_count", read_only=True)
    liked = serializers.BooleanField(read_only=True)
    bookmarked = serializers.BooleanField(source="kept", read_only=True)
    circle = serializers.SerializerMethodField()

    class Meta:
        model = Post
        fields = (
            "id", "author", "caption", "audience", "created_at", "photos",
            "likes", "comments", "liked", "bookmarked", "circle",
        )  # fmt: skip
        read_only_fields = fields

    def get_circle(self, post: Post) -> int | None:
        return post.circle_id if post.author_id == self.context["request"].user.pk else None


class PhotoEditSerializer(serializers.Serializer):
    alt_text = serializers.CharField(max_length=300, allow_blank=True)


class PostEditSerializer(serializers.Serializer):
    caption = serializers.CharField(max_length=500, allow_blank=True, required=False)
    audience = serializers.ChoiceField(Audience.choices, required=False)
    circle = OwnCircleField(required=False, allow_null=True)

    def validate(self, given: dict[str, object]) -> dict[str, object]:
        """A circle that would count for nothing is refused: the post would be seen by others than was meant."""
        if "circle" in given:
            before = self.instance.audience if self.instance else Audience.FRIENDS
            wanted = given.get("audience", before) == Audience.CIRCLE
            if wanted and given["circle"] is None:
                raise serializers.ValidationError({"circle": [_("Choose one of your circles.")]})
            if not wanted and given["circle"] is not None:
                raise serializers.ValidationError(
                    {"circle": [_("A circle goes with the audience “circle”.")]}
                )
        return given


class PostCreateSerializer(PostEditSerializer):
    """``photos``: one or more picture files; ``alt_texts``: their descriptions, in the same order."""

    # An empty file is refused where all others are looked at, and named there.
    photos = serializers.ListField(child=serializers.FileField(allow_empty_file=True), allow_empty=False)
    alt_texts = serializers.ListField(
        child=serializers.CharField(max_length=300, allow_blank=True), required=False
    )


class PlaceSerializer(serializers.ModelSerializer):
    """A face that may be tagged: where it is (x0, y0, x1, y1 px of the photo), and nothing else."""

    box = serializers.ListField(child=serializers.FloatField(), read_only=True)

    class Meta:
        model = FaceRegion
        fields = ("id", "box")
        read_only_fields = fields


class DecisionSerializer(serializers.Serializer):
    shown = serializers.BooleanField(read_only=True)
    reason = serializers.ChoiceField([reason.value for reason in Reason], read_only=True)
    rule = serializers.IntegerField(read_only=True, allow_null=True)


class ViewAsSerializer(serializers.Serializer):
    """``may_see``: whether they may see the photo at all; null where that is not the asker's to know."""

    may_see = serializers.BooleanField(read_only=True, allow_null=True)
    decision = DecisionSerializer(read_only=True)
    images = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(child=ImageSerializer()))
    def get_images(self, view: View) -> dict[str, dict[str, object]]:
        if not view.has_picture:
            return {}
        return images_of(
            self.context["photo"], self.context["request"], "photo-image-as", view.onlooker.value
        )


class TagSerializer(serializers.Serializer):
    """``tagger`` is null for one who is gone, or not there for oneself now: a block, a closed account."""

    tagger = serializers.CharField(source="tagger.username", read_only=True, allow_null=True)
    withdrawn = serializers.SerializerMethodField()

    def get_withdrawn(self, tag) -> bool:
        return tag.withdrawn_at is not None


class OwnFaceSerializer(serializers.ModelSerializer):
    """One's own face in one photo: what one said about it, and what follows for a given viewer."""

    box = serializers.ListField(child=serializers.FloatField(), read_only=True)
    tag = serializers.SerializerMethodField()
    answer = serializers.SerializerMethodField()
    override = serializers.SerializerMethodField()
    decision = serializers.SerializerMethodField()

    class Meta:
        model = FaceRegion
        fields = ("id", "photo", "box", "tag", "answer", "override", "decision")
        read_only_fields = fields

    @extend_schema_field(TagSerializer(allow_null=True))
    def get_tag(self, region: FaceRegion) -> dict[str, object] | None:
        tag = _own(region.tags, region)
        return TagSerializer(tag).data if tag else None

    @extend_schema_field(serializers.ChoiceField(Authorization.Answer.choices, allow_null=True))
    def get_answer(self, region: FaceRegion) -> str | None:
        answer = _own(region.authorizations, region)
        return answer.answer if answer else None

    @extend_schema_field(serializers.ChoiceField(Effect.choices, allow_null=True))
    def get_override(self, region: FaceRegion) -> str | None:
        override = _own(region.overrides, region)
        return override.effect if override else None

    @extend_schema_field(DecisionSerializer)
    def get_decision(self, region: FaceRegion) -> dict[str, object]:
        return DecisionSerializer(self.context["decisions"][region.photo_id].decisions[region.index]).data


def _own(statements, region: FaceRegion):
    """The present owner's statement out of the prefetched ones; of several tags the one that counts (tags.weighed)."""
    return next((row for row in statements.all() if row.owner_id == region.owner_id), None)


class AnswerSerializer(serializers.Serializer):
    answer = serializers.ChoiceField(Authorization.Answer.choices)


class EffectSerializer(serializers.Serializer):
    effect = serializers.ChoiceField(Effect.choices)


class EffectToldSerializer(serializers.Serializer):
    """What a change would do. ``people``: for whom one's own photos change; who may see others' photos is never told.

    ``others_photos``: how many of ``photos`` were posted by others; they change for whoever of those it concerns may
    see them. ``lower_bound``: there are more photos or people than were looked at.
    """

    photos = serializers.IntegerField(read_only=True)
    others_photos = serializers.IntegerField(read_only=True)
    people = serializers.SerializerMethodField()
    shows = serializers.BooleanField(read_only=True)
    hides = serializers.BooleanField(read_only=True)
    lower_bound = serializers.BooleanField(source="capped", read_only=True)

    def get_people(self, effect: effects.Effect) -> int:
        return len(effect.people)


class ModelSerializer(serializers.Serializer):
    """``model`` is in force, ``choice`` is one's own ("" follows the site); ``pinned``: one model for everybody."""

    model = serializers.ChoiceField(AccessModel.choices, read_only=True)
    choice = serializers.ChoiceField(AccessModel.choices, allow_blank=True)
    pinned = serializers.BooleanField(read_only=True)


class VisiblePersonField(serializers.SlugRelatedField):
    """Somebody whose existence the requester may know of, by handle."""

    def __init__(self, **kwargs: object) -> None:
        if not kwargs.get("read_only"):
            kwargs.setdefault("queryset", User.objects.none())
        super().__init__(slug_field="username", **kwargs)

    def get_queryset(self):
        return people_visible_to(self.context["request"].user)


class RuleSerializer(serializers.ModelSerializer):
    """A person is null, in a rule about "person", who is not there for oneself now: a block, a closed account."""

    subject_circle = OwnCircleField(required=False, allow_null=True)
    subject_person = VisiblePersonField(required=False, allow_null=True)
    uploader_circle = OwnCircleField(required=False, allow_null=True)
    uploader_person = VisiblePersonField(required=False, allow_null=True)

    class Meta:
        model = Rule
        fields = (
            "id", "position", "enabled", "effect", "subject", "subject_circle", "subject_person",
            "uploader", "uploader_circle", "uploader_person",
        )  # fmt: skip
        read_only_fields = ("position",)


class MoveSerializer(serializers.Serializer):
    up = serializers.BooleanField()


class PlaceInListSerializer(serializers.Serializer):
    place = serializers.IntegerField(
        min_value=0, max_value=LARGEST, help_text="Counted from 0; beyond the end is at the end."
    )


class BoxSerializer(serializers.Serializer):
    """Where a head is that was missed: x0, y0, x1, y1 px of the photo."""

    box = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)


class ReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=200)


class AnswersSerializer(serializers.Serializer):
    """The same answer for several of one's faces."""

    faces = serializers.ListField(child=KeyField(), allow_empty=False, max_length=200)
    answer = serializers.ChoiceField([*Authorization.Answer.choices, ("later", "later")])


class ClaimSerializer(serializers.ModelSerializer):
    """Somebody says that a face in one's photo is theirs."""

    claimant = PersonSerializer(read_only=True)
    photo = serializers.UUIDField(source="region.photo_id", read_only=True)
    box = serializers.ListField(source="region.box", child=serializers.FloatField(), read_only=True)

    class Meta:
        model = Claim
        fields = ("id", "photo", "box", "claimant", "created_at")
        read_only_fields = fields


class AcceptSerializer(serializers.Serializer):
    accept = serializers.BooleanField()
