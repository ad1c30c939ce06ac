"""Claims over the API: what people say about faces in one's own photos."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from faceaccess import claims
from faceaccess.models import Claim
from faceaccess.serializers import AcceptSerializer, ClaimSerializer
from socialnet.api import no_content


class ClaimsViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Open claims about faces in one's own photos."""

    serializer_class = ClaimSerializer
    pagination_class = None
    queryset = Claim.objects.none()

    def get_queryset(self) -> QuerySet[Claim]:
        return claims.waiting_for(self.request.user)

    @extend_schema(request=AcceptSerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, pk: int) -> Response:
        """Yes or no. A yes counts only if nobody else is recognised there; the answer does not tell."""
        given = AcceptSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        claims.claim_answer(claim=self.get_object(), by=request.user, **given.validated_data)
        return no_content()
