"""Faces over the API: one's own in others' photos, tags, rules, the access model.

A face that is not one's own, or in a photo one may not see, does not exist here (404), so that no answer tells whose
a face is. Only a word that hides one's own is taken also where the photo is out of one's sight (faceaccess.hiding).
"""

from __future__ import annotations

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import person_for, seen_by
from accounts.serializers import HandleSerializer
from faceaccess import claims, hiding, marks, seeing, selectors, services
from faceaccess.effects import CHANGES_OF_ONE, WORDS, rule_effect, scene, statement_effect
from faceaccess.facts import model_of
from faceaccess.models import AccessModel, Authorization, Effect, FacePreference, FaceRegion, Rule, Tag
from faceaccess.serializers import (
    AnswerSerializer,
    AnswersSerializer,
    DecisionSerializer,
    EffectSerializer,
    EffectToldSerializer,
    ModelSerializer,
    MoveSerializer,
    OwnFaceSerializer,
    PlaceInListSerializer,
    ReasonSerializer,
    RuleSerializer,
)
from faceaccess.tags import weighed
from photos.models import Photo
from socialnet import limits
from socialnet.api import Pages, no_content
from socialnet.numbers import number

AS = OpenApiParameter(
    "as", str, description="Handle of the viewer `decision` is for. Without it: somebody unrelated."
)

OUT_OF_SIGHT = OpenApiResponse(description="Done, in a photo that one may not see: nothing is told about it.")
LATER = OpenApiParameter("later", bool, description="Those that were put off, instead of the others.")


class LastFoundFirst(Pages):
    ordering = "-id"


class FacesViewSet(viewsets.GenericViewSet):
    serializer_class = OwnFaceSerializer
    pagination_class = LastFoundFirst
    queryset = FaceRegion.objects.none()

    def get_queryset(self) -> QuerySet[FaceRegion]:
        return self._with_statements(selectors.regions_of(self.request.user))

    def _with_statements(self, regions: QuerySet[FaceRegion]) -> QuerySet[FaceRegion]:
        named = weighed(Tag.objects.all()).prefetch_related(seen_by(self.request.user, "tagger"))
        return regions.prefetch_related(Prefetch("tags", named), "authorizations", "overrides")

    @extend_schema(parameters=[AS])
    def list(self, request: Request) -> Response:
        """One's face in every photo one may see."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self._decided(page))

    @extend_schema(parameters=[AS])
    def retrieve(self, request: Request, pk: int) -> Response:
        """One's face in one photo, what one said about it, and whether a given viewer sees it, and why."""
        return Response(self._decided([self.get_object()])[0])

    @extend_schema(parameters=[AS, LATER], responses=OwnFaceSerializer(many=True))
    @action(detail=False)
    def inbox(self, request: Request) -> Response:
        """Photos that wait for one's answer (model "authorization")."""
        later = request.query_params.get("later") in ("1", "true")
        waiting = selectors.inbox_later(request.user) if later else selectors.inbox(request.user)
        page = self.paginate_queryset(self._with_statements(waiting))
        return self.get_paginated_response(self._decided(page))

    @extend_schema(
        methods=["put"], request=AnswerSerializer, responses={200: OwnFaceSerializer, 204: OUT_OF_SIGHT}
    )
    @extend_schema(methods=["delete"], request=None, responses={200: OwnFaceSerializer, 204: OUT_OF_SIGHT})
    @action(detail=True, methods=["put", "delete"])
    def answer(self, request: Request, pk: int) -> Response:
        """Approve or deny one's face in this photo (PUT), or go back to silence, which hides (DELETE).

        Denying and silence are taken also where one may not see the photo (any more), if one's log lists it.
        """
        if request.method == "DELETE":
            services.authorization_clear(region=self._to_hide(pk), by=request.user)
            return self._own_again(pk)
        given = self._given(AnswerSerializer)
        region = self._to_hide(pk) if given["answer"] == Authorization.Answer.DENIED else self.get_object()
        services.authorization_answer(region=region, by=request.user, **given)
        return self._own_again(pk)

    @extend_schema(
        methods=["put"], request=EffectSerializer, responses={200: OwnFaceSerializer, 204: OUT_OF_SIGHT}
    )
    @extend_schema(methods=["delete"], request=None, responses={200: OwnFaceSerializer, 204: OUT_OF_SIGHT})
    @action(detail=True, methods=["put", "delete"])
    def override(self, request: Request, pk: int) -> Response:
        """Show or hide one's face in this photo whatever the rules say (PUT), or go back to them (DELETE).

        Hiding, and going back after "show", are taken also where one may not see the photo (any more), if one's log
        lists it.
        """
        if request.method == "DELETE":
            services.override_clear(region=self._to_hide(pk, said_show=True), by=request.user)
            return self._own_again(pk)
        given = self._given(EffectSerializer)
        region = self._to_hide(pk) if given["effect"] == Effect.HIDE else self.get_object()
        services.override_set(region=region, by=request.user, **given)
        return self._own_again(pk)

    @extend_schema(
        parameters=[OpenApiParameter("word", str, required=True, enum=WORDS)], responses=EffectToldSerializer
    )
    @action(detail=True)
    def effect(self, request: Request, pk: int) -> Response:
        """What showing or hiding one's face in this photo, or taking one's word back, would change. Saves nothing."""
        word = request.query_params.get("word", "")
        if word not in WORDS:
            raise ValidationError({"word": [f"One of {', '.join(WORDS)}."]})
        told = statement_effect(request.user, [self.get_object().pk], word)
        return Response(EffectToldSerializer(told).data)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="not-me")
    def not_me(self, request: Request, pk: int) -> Response:
        """ "That's not me": the face is nobody's at once, and never matched to one again.

        Also where one may not see the photo (any more), if one's log lists it.
        """
        services.match_reject(region=self._to_hide(pk), by=request.user)
        return no_content()

    @extend_schema(request=AnswersSerializer, responses={204: None})
    @action(detail=False, methods=["post"])
    def answers(self, request: Request) -> Response:
        """One answer for several of one's faces, all of them or none. A denial also where one may not see the photo."""
        given = self._given(AnswersSerializer)
        regions = hiding.faces_to_answer(request.user, given["faces"], given["answer"])
        if len(regions) != len(set(given["faces"])):
            raise Http404
        services.authorizations_answer(regions=regions, by=request.user, answer=given["answer"])
        return no_content()

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post", "delete"])
    def later(self, request: Request, pk: int) -> Response:
        """Put an answer off (POST), or take the question up again (DELETE)."""
        change = services.authorization_put_off if request.method == "POST" else services.authorization_recall
        change(region=self.get_object(), by=request.user)
        return no_content()

    @extend_schema(
        request=None,
        responses={204: OpenApiResponse(description="Noted; the same whatever is known about the face.")},
    )
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: int) -> Response:
        """ "That's me", about a face nobody was recognised in. Shows it to nobody by itself."""
        limits.check(request, "naming")
        claims.claim_create(region=self._seen(pk), by=request.user)
        return no_content()

    @extend_schema(request=ReasonSerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def unmark(self, request: Request, pk: int) -> Response:
        """Take out a mark in which no face was made out: its maker can, and staff in photos of others."""
        marks.mark_remove(region=self._seen(pk), by=request.user, **self._given(ReasonSerializer))
        return no_content()

    @extend_schema(
        methods=["post"],
        request=HandleSerializer,
        responses={
            204: OpenApiResponse(description="Noted; the same whether or not the face is this person's.")
        },
    )
    @extend_schema(methods=["delete"], request=None, responses={204: None})
    @action(detail=True, methods=["post", "delete"])
    def tag(self, request: Request, pk: int) -> Response:
        """Name a face as a friend's or one's own (POST), or take back a tag one gave or got (DELETE).

        A tag of one's own face can be taken back also where one may not see the photo, if one's log lists it.
        """
        if request.method == "POST":
            region = self._seen(pk)
            limits.check(request, "naming")
            owner = person_for(request.user, self._given(HandleSerializer)["handle"])
            services.tag_create(region=region, tagger=request.user, owner=owner)
        else:
            services.tag_withdraw(region=self._seen_or_own(pk), by=request.user)
        return no_content()

    def _to_hide(self, pk: int, *, said_show: bool = False) -> FaceRegion:
        """One's own face, for a word that only hides: also in a photo out of one's sight."""
        try:
            return self.get_object()
        except Http404:
            return get_object_or_404(hiding.listed(self.request.user, said_show=said_show), pk=pk)

    def _own_again(self, pk: int) -> Response:
        """One's face after what was said about it; nothing where the photo is out of one's sight."""
        if self.get_queryset().filter(pk=pk).exists():
            return self.retrieve(self.request, pk)
        return no_content()

    def _seen(self, pk: int) -> FaceRegion:
        """Any face of a finished photo one may see, whoever's it is."""
        visible = Photo.objects.visible_to(self.request.user).ready()
        return get_object_or_404(FaceRegion.objects.select_related("photo").filter(photo__in=visible), pk=pk)

    def _seen_or_own(self, pk: int) -> FaceRegion:
        try:
            return self._seen(pk)
        except Http404:
            return self._to_hide(pk)

    def _given(self, serializer: type) -> dict[str, object]:
        given = serializer(data=self.request.data)
        given.is_valid(raise_exception=True)
        return given.validated_data

    def _decided(self, regions: list[FaceRegion]) -> list[dict[str, object]]:
        """Serialized, with the decision for the viewer that ``as`` names."""
        handle = self.request.query_params.get("as")
        viewer = person_for(self.request.user, handle) if handle else None
        decisions = selectors.visible_sets([region.photo for region in regions], viewer)
        return OwnFaceSerializer(regions, many=True, context={"decisions": decisions}).data


class RulesViewSet(viewsets.ModelViewSet):
    """One's ordered rules (model "rules"): the first that matches a viewer decides; if none does, hidden."""

    serializer_class = RuleSerializer
    pagination_class = None
    http_method_names = ("get", "post", "patch", "delete")
    queryset = Rule.objects.none()

    def get_queryset(self) -> QuerySet[Rule]:
        return selectors.own_rules(self.request.user)

    def perform_create(self, serializer: RuleSerializer) -> None:
        fields = dict(serializer.validated_data)
        enabled = fields.pop("enabled", True)
        serializer.instance = services.rule_create(owner=self.request.user, enabled=enabled, **fields)

    def perform_update(self, serializer: RuleSerializer) -> None:
        services.rule_update(rule=serializer.instance, by=self.request.user, **serializer.validated_data)
        serializer.instance = self.get_object()  # with its people as they are seen

    def perform_destroy(self, instance: Rule) -> None:
        services.rule_delete(rule=instance, by=self.request.user)

    @extend_schema(request=MoveSerializer, responses=RuleSerializer(many=True))
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: int) -> Response:
        """Swap a rule with the one before (``up``) or after it; answers with the list."""
        given = MoveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.rule_move(rule=self.get_object(), by=request.user, up=given.validated_data["up"])
        return Response(self.get_serializer(self.get_queryset(), many=True).data, status=status.HTTP_200_OK)

    @extend_schema(request=PlaceInListSerializer, responses=RuleSerializer(many=True))
    @action(detail=True, methods=["post"])
    def place(self, request: Request, pk: int) -> Response:
        """Put a rule at a place of the list; answers with the list."""
        given = PlaceInListSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.rule_place(rule=self.get_object(), by=request.user, **given.validated_data)
        return Response(self.get_serializer(self.get_queryset(), many=True).data)

    @extend_schema(request=RuleSerializer, responses=EffectToldSerializer)
    @action(detail=False, methods=["post"], url_path="effect")
    def effect_of_adding(self, request: Request) -> Response:
        """What adding this rule at the end would change. Saves nothing."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        rule = Rule(owner=request.user, **given.validated_data)
        rule.clean()
        return Response(EffectToldSerializer(rule_effect(request.user, "add", rule)).data)

    @extend_schema(
        parameters=[OpenApiParameter("change", str, required=True, enum=CHANGES_OF_ONE)],
        responses=EffectToldSerializer,
    )
    @action(detail=True, url_path="effect")
    def effect(self, request: Request, pk: int) -> Response:
        """What moving, switching or deleting this rule would change. Saves nothing."""
        change = request.query_params.get("change", "")
        if change not in CHANGES_OF_ONE:
            raise ValidationError({"change": [f"One of {', '.join(CHANGES_OF_ONE)}."]})
        return Response(EffectToldSerializer(rule_effect(request.user, change, self.get_object())).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("face", int, required=True, description="One's own face in a photo."),
            OpenApiParameter("as", str, required=True, description=seeing.VALUES),
        ],
        responses=DecisionSerializer,
    )
    @action(detail=False, url_path="try")
    def try_it(self, request: Request) -> Response:
        """What one's rules say about one person and one photo, and which rule decided; also while not in force."""
        face = number(request.query_params.get("face", ""))
        region = get_object_or_404(selectors.regions_of(request.user), pk=face)
        onlooker = seeing.onlooker_for(request.user, request.query_params.get("as", ""))
        decision = seeing.try_rules(region, onlooker)
        if decision is None:
            raise Http404
        return Response(DecisionSerializer(decision).data)


class ModelView(generics.GenericAPIView):
    serializer_class = ModelSerializer

    def get(self, request: Request) -> Response:
        """The access model of one's face."""
        preference = FacePreference.objects.filter(owner=request.user).first()
        state = {
            "model": selectors.effective_model(request.user),
            "choice": preference.model if preference else "",
            "pinned": bool(settings.FACE_PINNED_MODEL),
        }
        return Response(self.get_serializer(state).data)

    def put(self, request: Request) -> Response:
        """Choose it; takes effect on everybody's next request."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.model_choose(owner=request.user, model=given.validated_data["choice"])
        return self.get(request)


class ModelEffectView(generics.GenericAPIView):
    serializer_class = EffectToldSerializer

    @extend_schema(
        parameters=[OpenApiParameter("choice", str, required=True, enum=["", *AccessModel.values])]
    )
    def get(self, request: Request) -> Response:
        """What choosing another access model would change. Saves nothing."""
        choice = request.query_params.get("choice", "")
        if choice not in ("", *AccessModel.values):
            raise ValidationError({"choice": [f"One of {', '.join(AccessModel.values)}, or empty."]})
        told = scene(request.user).effect(model=model_of(choice))
        return Response(self.get_serializer(told).data)
