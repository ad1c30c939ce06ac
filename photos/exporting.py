"""What a person's export tells of their posts. Their pictures come from faceaccess, which knows what they may see."""

from __future__ import annotations

from typing import Any

from accounts.exporting import Part
from accounts.models import User


def posts(user: User) -> list[dict[str, Any]]:
    return [
        {
            "id": post.pk,
            "kind": post.kind,
            "caption": post.caption,
            "audience": post.audience,
            "circle": post.circle.name if post.circle else None,
            "created_at": post.created_at,
            "taken_down_at": post.taken_down_at,
            "photos": [
                {"file": photo_name(photo.pk), "description": photo.alt_text} for photo in post.photos.all()
            ],
        }
        for post in user.posts.select_related("circle").prefetch_related("photos")
    ]


def photo_name(pk: object) -> str:
    return f"photos/{pk}.jpg"


PART = Part("posts", posts)
