"""Words to hide are about a photo: somebody may be in it twice, and which of its faces is theirs may change.

Statements are kept by face. One to show stays with the face it was said of; one to hide goes along.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from faceaccess.models import Authorization, Effect, FaceRegion, PhotoOverride, Tag

# Kind of statement, which of them hide, and the column that says so
HIDING = (
    (Tag, Q(withdrawn_at__isnull=False), "withdrawn_at"),
    (Authorization, Q(answer=Authorization.Answer.DENIED), "answer"),
    (PhotoOverride, Q(effect=Effect.HIDE), "effect"),
)


def hide_as_before(regions: Sequence[FaceRegion]) -> None:
    """Repeat for ``regions`` what their owners said to hide themselves in another face of the photo.

    ``regions``: faces of one photo that were just given to somebody or taken from them. A word to show undoes nothing
    here, even if it is the later one: in doubt a face is hidden, and its owner can say so again.
    """
    taken = {region.owner_id: region for region in regions if region.owner_id is not None}
    if not taken:
        return
    for kind, hides, column in HIDING:
        for word in kind.objects.filter(hides, region__photo=regions[0].photo_id, owner__in=taken):
            if word.region_id == taken[word.owner_id].pk:
                continue
            here = {"region": taken[word.owner_id], "owner_id": word.owner_id}
            for own in list(kind.objects.filter(**here)) or [kind(**here)]:  # tags: one of every tagger
                setattr(own, column, getattr(word, column))
                own.save()
