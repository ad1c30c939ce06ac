"""A person's own photos in their export, as they may see them, and what they decided about their face."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from accounts.exporting import Part, Read
from accounts.models import User
from faceaccess import renditions, selectors
from faceaccess.models import Authorization, DecisionLog, PhotoOverride, Rule, Tag
from faceaccess.snapshot import snapshot
from photos.exporting import photo_name
from photos.models import Photo

SIZE = "full"


def photos_of(user: User) -> list[Photo]:
    return list(Photo.objects.visible_to(user).filter(post__author=user).ready().order_by("created_at", "pk"))


def files(user: User) -> Iterator[tuple[str, Read]]:
    for photo in photos_of(user):

        def read(photo=photo) -> bytes | None:
            with snapshot():
                seen = selectors.visible_set(photo, user)
            try:
                return renditions.rendition(photo, seen, SIZE).read()
            except (renditions.UnavailableError, OSError):
                return None  # never the original instead

        yield photo_name(photo.pk), read


def disclosed(user: User) -> str:
    """The keys of all pictures: they name everything the pixels depend on."""
    with snapshot():
        photos = photos_of(user)
        seen = selectors.visible_sets(photos, user)
    return ",".join(renditions.key(photo, seen[photo.pk], SIZE) for photo in photos)


def _rule(rule: Rule) -> dict[str, Any]:
    """A person who is hidden from the owner now (a block, a closed account) is null."""
    told: dict[str, Any] = {name: getattr(rule, name) for name in ("position", "enabled", "effect")}
    for who in ("subject", "uploader"):
        circle, person = getattr(rule, f"{who}_circle"), getattr(rule, f"{who}_person")
        told[who] = getattr(rule, who)
        told[f"{who}_circle__name"] = circle.name if circle else None
        told[f"{who}_person__username"] = person.username if person else None
    return told


def named(user: User) -> Iterator[tuple[int, str]]:
    """The people of the rules."""
    for rule in selectors.own_rules(user):
        people = (rule.subject_person, rule.uploader_person)
        yield from ((person.pk, person.username) for person in people if person)


def _tags(tags: QuerySet[Tag]) -> list[dict[str, Any]]:
    """As which face they were named, once however many said so."""
    told: dict[int, dict[str, Any]] = {}
    for row in tags.order_by("region", "pk").values("region", "region__photo", "created_at", "withdrawn_at"):
        told.setdefault(row.pop("region"), row)
    return list(told.values())


def decisions(user: User) -> dict[str, Any]:
    """A photo out of sight is told like a deleted one: by no row, and by null in the history, which outlives photos."""
    seen = Photo.objects.visible_to(user)
    own = {"owner": user, "region__photo__in": seen}
    return {
        "access_model": selectors.effective_model(user),
        "rules": [_rule(rule) for rule in selectors.own_rules(user)],
        "tags": _tags(Tag.objects.filter(**own)),
        "answers": list(Authorization.objects.filter(**own).values("region__photo", "answer", "answered_at")),
        "words_on_photos": list(
            PhotoOverride.objects.filter(**own).values("region__photo", "effect", "changed_at")
        ),
        "history": _history(user),
    }


def _history(user: User) -> list[dict[str, Any]]:
    lines = DecisionLog.objects.filter(owner=user)
    seen = Photo.objects.visible_to(user).filter(pk__in=lines.values("photo"))
    known = set(seen.values_list("pk", flat=True))
    return [line if line["photo_id"] in known else line | {"photo_id": None} for line in lines.values()]


PARTS = (Part("face", decisions, files, disclosed, named),)
