"""``manage.py rotate_face_key``: seal every template with the present FACE_SECRET.

Set FACE_SECRET to the new secret and FACE_SECRETS_OLD to the one before, restart, run this, then drop the old one. The
site stays up: what is not sealed anew yet opens with the old secret. Interrupted, it goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import models

from accounts import templates
from accounts.management.rotation import RotationCommand
from accounts.models import FaceCapture, FormerTemplate
from faceaccess.decoys import embedding_purpose
from faceaccess.models import FaceRegion

BATCH = 500  # rows read at a time


class Command(RotationCommand):
    help = "Seal every stored face template with the present FACE_SECRET (old ones: FACE_SECRETS_OLD)."
    key = "secret"

    def rotate(self, *, check: bool) -> tuple[int, str]:
        captures = self._rotate(
            FaceCapture, "template", lambda row: templates.capture_purpose(row.user_id), check=check
        )
        former = self._rotate(
            FormerTemplate,
            "template",
            lambda row: templates.capture_purpose(row.capture.user_id),
            check=check,
        )
        regions = self._rotate(
            FaceRegion, "embedding", lambda row: embedding_purpose(row.photo_id, row.index), check=check
        )
        left, lost = (sum(counts) for counts in zip(captures, former, regions, strict=True))
        told = f"{lost} do not open with any secret given: nobody is recognised by them."
        return left, told if lost else ""

    def _rotate(
        self, model: type[models.Model], field: str, purpose: Callable[[models.Model], str], *, check: bool
    ) -> tuple[int, int]:
        """How many were (or, with ``check``, have to be) sealed anew, and how many do not open."""
        old = lost = last = 0
        while rows := list(model._default_manager.filter(pk__gt=last).order_by("pk")[:BATCH]):
            last = rows[-1].pk
            for row in rows:
                sealed = bytes(getattr(row, field))
                if not sealed or templates.is_current(sealed, purpose=purpose(row)):
                    continue
                try:
                    array = templates.open_(sealed, purpose=purpose(row))
                except templates.TemplateError:
                    lost += 1
                    continue
                old += 1
                if not check:
                    anew = templates.seal(array, purpose=purpose(row))
                    # Only over what was read: a face that was analysed again meanwhile keeps its newer template.
                    model._default_manager.filter(pk=row.pk, **{field: sealed}).update(**{field: anew})
        return old, lost
