"""Reads about comments, likes, bookmarks, tags and albums: always for one viewer."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser
from django.db.models import (
    Count,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.selectors import people_visible_to
from community.models import Album, AlbumPhoto, Bookmark, Comment, Like, SwitchedOff, TagUse
from community.querysets import CommentQuerySet, is_known_to, is_standing_for
from community.text import fold, handles_in
from community.told import MENTION
from photos.models import Photo, Post
from photos.querysets import PhotoQuerySet, PostQuerySet
from photos.selectors import photos_visible_to, posts_visible_to

Viewer = User | AnonymousUser


def _count(rows: QuerySet) -> Coalesce:
    """The number of rows of the outer post, as a column: no query of its own, no join that multiplies."""
    per_post = rows.order_by().values("post").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(per_post, output_field=IntegerField()), Value(0))


def counted(posts: PostQuerySet, viewer: User) -> PostQuerySet:
    """With ``like_count``, ``comment_count``, ``liked`` and ``kept`` as the viewer may know them.

    Likes and comments of people across a block, and of closed accounts, are not counted.
    """
    likes = Like.objects.filter(is_known_to(viewer, "person"), post=OuterRef("pk"))
    known = is_known_to(viewer, "author") & is_standing_for(viewer)
    comments = Comment.objects.filter(known, post=OuterRef("pk"))
    return posts.annotate(
        like_count=_count(likes),
        comment_count=_count(comments),
        liked=Exists(Like.objects.filter(post=OuterRef("pk"), person=viewer)),
        kept=Exists(Bookmark.objects.filter(post=OuterRef("pk"), person=viewer)),
    )


def comments_on(post: Post, viewer: Viewer) -> CommentQuerySet:
    """Oldest first."""
    return Comment.objects.visible_to(viewer).filter(post=post).for_display()


def own_or_visible_comments(viewer: User) -> CommentQuerySet:
    """What can be edited or deleted: a comment of one's own stays in reach where its post no longer is."""
    visible = Comment.objects.visible_to(viewer)
    return Comment.objects.filter(Q(author=viewer) | Q(pk__in=visible.values("pk"))).for_display()


def likers_of(post: Post, viewer: Viewer) -> QuerySet[Like]:
    """Who liked it, the latest first."""
    return Like.objects.visible_to(viewer).filter(post=post).select_related("person")


def bookmarked(viewer: User) -> PostQuerySet:
    """The posts the viewer keeps and may still see, the latest kept first."""
    kept_at = Bookmark.objects.filter(post=OuterRef("pk"), person=viewer).values("created_at")[:1]
    return (
        posts_visible_to(viewer).listed().filter(bookmarks__person=viewer).annotate(kept_at=Subquery(kept_at))
    )


def tagged(name: str, viewer: Viewer) -> PostQuerySet:
    """Posts the viewer may see whose caption, or whose author's comment, carries the tag; newest first."""
    uses = TagUse.objects.filter(name=fold(name), post=OuterRef("pk"), comment__taken_down_at=None)
    return posts_visible_to(viewer).listed().filter(Exists(uses))


def mentionable_by(writer: Viewer) -> QuerySet[User]:
    """Whom ``writer`` can mention: nobody across a block, and nobody who does not want to be mentioned."""
    refusing = SwitchedOff.objects.filter(kind=MENTION).values("owner")
    return people_visible_to(writer).exclude(pk__in=refusing)


def mentioned_in(texts: Iterable[tuple[int, str]], viewer: Viewer) -> dict[int, dict[str, User]]:
    """Whom the texts (each with its writer's key) mention, by writer and handle: in one query, or none without a name.

    Only whom the viewer may know of and that writer could mention: also not somebody across a block from the writer.
    """
    named: dict[int, set[str]] = {}
    for writer, text in texts:
        named.setdefault(writer, set()).update(handles_in(text))
    handles = set().union(*named.values())
    if not handles:
        return {}
    people = mentionable_by(viewer).filter(username__in=handles)
    blocks = {
        "across": FilteredRelation("blocks_made", condition=Q(blocks_made__blocked__in=list(named))),
        "against": FilteredRelation("blocks_received", condition=Q(blocks_received__blocker__in=list(named))),
    }
    found: dict[str, User] = {}
    barred: set[tuple[int, str]] = set()
    for person in people.annotate(**blocks, blocks=F("across__blocked"), blocked_by=F("against__blocker")):
        found[person.username] = person
        barred |= {(person.blocks, person.username), (person.blocked_by, person.username)}
    return {
        writer: {one: found[one] for one in wanted & found.keys() if (writer, one) not in barred}
        for writer, wanted in named.items()
    }


# --- albums ---


def albums_of(owner: User, viewer: Viewer) -> QuerySet[Album]:
    """The owner's albums as the viewer may know them."""
    return with_covers(Album.objects.visible_to(viewer).filter(owner=owner), viewer)


def with_covers(albums: QuerySet[Album], viewer: Viewer) -> QuerySet[Album]:
    """Each with ``cover_id`` and ``photo_count`` of the photos that the viewer sees in it."""
    seen = AlbumPhoto.objects.filter(
        album=OuterRef("pk"), photo__in=Photo.objects.visible_to(viewer).ready().values("pk")
    )
    number = seen.order_by().values("album").annotate(n=Count("pk")).values("n")
    return albums.select_related("owner").annotate(
        cover_id=Subquery(seen.values("photo")[:1], output_field=UUIDField()),
        photo_count=Coalesce(Subquery(number, output_field=IntegerField()), Value(0)),
    )


def photos_in(album: Album, viewer: Viewer) -> PhotoQuerySet:
    """In the album's order; photos in work are there for the owner alone."""
    photos = photos_visible_to(viewer).filter(album_places__album=album)
    if viewer != album.owner:
        photos = photos.ready()
    return photos.order_by("album_places__position", "album_places__pk")
