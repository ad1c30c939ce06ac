"""What the pages of a post, of a photo and of an album need besides the pictures."""

from __future__ import annotations

from accounts.models import User
from community import selectors
from photos.models import Post

COMMENTS_SHOWN = 30  # the latest; the others are one press away


def conversation(post: Post, viewer: User, *, everything: bool = False) -> dict[str, object]:
    """The comments as the viewer may know them, oldest first, and whom they mention: in two queries.

    ``post`` comes out of ``selectors.counted``. ``everything``: not only the latest.
    """
    rows = selectors.comments_on(post, viewer)
    shown = list(rows) if everything else list(rows.reverse()[:COMMENTS_SHOWN])[::-1]
    mentioned = selectors.mentioned_in(
        [(post.author_id, post.caption), *((comment.author_id, comment.body) for comment in shown)], viewer
    )
    return {
        "post": post,
        "comments": shown,
        "earlier": max(0, post.comment_count - len(shown)),
        "mentioned": mentioned,
    }
