"""What a person's export tells of what they did around posts: their own words and choices, nobody else's."""

from __future__ import annotations

from typing import Any

from accounts.exporting import Part
from accounts.models import User
from community.notifications import switched_off
from photos.exporting import photo_name
from photos.models import Post


def data(user: User) -> dict[str, Any]:
    """A post out of sight is not named: likes and bookmarks of it are left out, as if it had been deleted.

    Comments are words of one's own, which can be changed and deleted out of sight too (own_or_visible_comments).
    """
    seen = Post.objects.visible_to(user)
    return {
        "comments": _comments(user),
        "likes": list(user.likes.filter(post__in=seen).values("post", "created_at")),
        "bookmarks": list(user.bookmarks.filter(post__in=seen).values("post", "created_at")),
        "albums": [
            {
                "title": album.title,
                "created_at": album.created_at,
                "photos": [photo_name(place.photo_id) for place in album.places.all()],
            }
            for album in user.albums.prefetch_related("places")
        ],
        "notifications_off": sorted(switched_off(user)),
    }


def _comments(user: User) -> list[dict[str, Any]]:
    rows = user.comments.order_by("created_at")
    known = set(Post.objects.visible_to(user).filter(pk__in=rows.values("post")).values_list("pk", flat=True))
    told = rows.values("post", "body", "created_at", "edited_at", "taken_down_at")
    return [row if row["post"] in known else row | {"post": None} for row in told]


PART = Part("community", data)
