"""What a person's export tells of what they did around posts: their own words and choices, nobody else's."""

from __future__ import annotations

from typing import Any

from accounts.exporting import Part
from accounts.models import User
from community.notifications import switched_off
from photos.exporting import photo_name


def data(user: User) -> dict[str, Any]:
    return {
        "comments": list(
            user.comments.values("post", "body", "created_at", "edited_at", "taken_down_at").order_by(
                "created_at"
            )
        ),
        "likes": list(user.likes.values("post", "created_at")),
        "bookmarks": list(user.bookmarks.values("post", "created_at")),
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


PART = Part("community", data)
