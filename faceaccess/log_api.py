"""Reminders, questions, and the log of who could see one's face, over the API: all of it one's own."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from faceaccess import exposures, hiding, questions, reminders
from faceaccess.models import Exposure, Question
from photos.models import Photo
from socialnet.api import Pages, no_content


class RemindersSerializer(serializers.Serializer):
    on = serializers.BooleanField()


class RemindersView(generics.GenericAPIView):
    serializer_class = RemindersSerializer

    def get(self, request: Request) -> Response:
        """Whether one is reminded of photos that wait for an answer."""
        return Response({"on": reminders.are_on(request.user)})

    def put(self, request: Request) -> Response:
        """Switch reminders on or off."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        reminders.switch(owner=request.user, **given.validated_data)
        return self.get(request)


class QuestionSerializer(serializers.ModelSerializer):
    """``face``: one's own region; the other answer is its "not-me"."""

    face = serializers.IntegerField(source="region_id", read_only=True)
    photo = serializers.UUIDField(source="region.photo_id", read_only=True)

    class Meta:
        model = Question
        fields = ("id", "face", "photo", "created_at")


class QuestionsViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Faces recognised as one's own that somebody named as another person: "is this you?" """

    serializer_class = QuestionSerializer
    pagination_class = None
    queryset = Question.objects.none()

    def get_queryset(self) -> QuerySet[Question]:
        return questions.waiting_for(self.request.user)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="is-me")
    def is_me(self, request: Request, pk: int) -> Response:
        """Yes: nothing changes, and it is not asked again."""
        questions.answer_is_me(region=self.get_object().region, by=request.user)
        return no_content()


class ExposureSerializer(serializers.ModelSerializer):
    """To whom one's face was disclosed in a photo, why, since when and until when (null: still).

    ``people``: one's own friends, or members of one's own circle, who were so meanwhile; "somebody" for who is not
    there for oneself now. ``photo`` is null where it is gone, or not there for oneself any more; the face can be hidden
    there all the same ("hide").
    """

    photo = serializers.SerializerMethodField()
    words = serializers.SerializerMethodField()
    people = serializers.SerializerMethodField()

    class Meta:
        model = Exposure
        fields = ("id", "photo", "who", "words", "people", "reason", "since", "until")

    def get_photo(self, span: Exposure) -> str | None:
        return str(span.photo_id) if span.photo_id in self.context["visible"] else None

    def get_words(self, span: Exposure) -> str:
        return self.context["lines"][span.pk].who

    def get_people(self, span: Exposure) -> list[str]:
        return list(self.context["lines"][span.pk].people)


class LastFirst(Pages):
    ordering = ("-since", "-id")


class ExposuresViewSet(viewsets.GenericViewSet):
    serializer_class = ExposureSerializer
    pagination_class = LastFirst
    queryset = Exposure.objects.none()

    def get_queryset(self) -> QuerySet[Exposure]:
        return Exposure.objects.filter(owner=self.request.user).select_related("circle")

    def list(self, request: Request) -> Response:
        """The log of who could see one's face where, newest first."""
        exposures.keep(request.user.pk)
        page = self.paginate_queryset(self.get_queryset())
        photos = Photo.objects.visible_to(request.user).filter(pk__in={span.photo_id for span in page})
        context = {
            "lines": exposures.lines(request.user, page),
            "visible": set(photos.values_list("pk", flat=True)),
        }
        return self.get_paginated_response(ExposureSerializer(page, many=True, context=context).data)

    @extend_schema(
        request=None,
        responses={204: OpenApiResponse(description="Hidden; the same whatever became of the photo.")},
    )
    @action(detail=True, methods=["post"])
    def hide(self, request: Request, pk: int) -> Response:
        """Hide one's face in the photo of this line, by the word of the model in force; also where it is null."""
        hiding.hide_where_listed(span=self.get_object(), by=request.user)
        return no_content()
