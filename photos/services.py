"""Writes about posts. Each service checks permission itself; a post is stored whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Circle, User
from accounts.uploads import decode_upload
from mfmc_engine.imaging import encode
from photos.models import Audience, Photo, Post
from photos.signals import photo_stored, post_written

NARROWING = (Audience.MEMBERS, Audience.FRIENDS, Audience.CIRCLE, Audience.ONLY_ME)


def post_create(
    *,
    author: User,
    uploads: Sequence[BinaryIO],
    caption: str = "",
    audience: str = Audience.FRIENDS,
    circle: Circle | None = None,
    alt_texts: Sequence[str] = (),
    kind: str = Post.Kind.POST,
    token: str = "",
) -> Post:
    """Store a post with one photo per upload; faces are looked for afterwards, by whoever hears photo_stored.

    Every upload is decoded first and re-encoded from its pixels, so nothing else of the file is kept. Raises
    ValidationError, naming the file, if one of them is not a usable picture: then nothing at all is stored.

    ``token``: whatever its author will not send with another post. The same photos with the same token again (an
    answer that was lost, a second click) are the post there is, with the last words and the narrower audience.
    """
    if not author.is_active:
        raise PermissionDenied(_("This account is closed."))
    if not uploads:
        raise ValidationError({"photos": _("Choose at least one photo.")})
    if len(uploads) > settings.PHOTOS_PER_POST:
        raise ValidationError({"photos": _("At most %d photos fit in one post.") % settings.PHOTOS_PER_POST})
    post = Post(kind=kind, author=author, caption=caption.strip(), audience=audience, circle=circle)
    post.sent_as = _sent_as(token, uploads) if token else None
    post.full_clean(exclude={"sent_as"})  # before the expensive part
    if earlier := _sent_before(post):
        return _say_again(earlier, post, alt_texts)
    try:
        _save_whole(post, uploads, alt_texts)
    except IntegrityError:
        earlier = _sent_before(post)
        if earlier is None:
            raise
        return _say_again(earlier, post, alt_texts)  # sent twice at once: the other one was stored meanwhile
    return post


def _sent_as(token: str, uploads: Sequence[BinaryIO]) -> UUID:
    """Of the photos too: a page that was gone back to sends its token with others, and those are not there yet.

    It tells nothing of them: the token is kept nowhere.
    """
    digest = hashlib.sha256(hashlib.sha256(token.encode()).digest())
    for upload in uploads:
        upload.seek(0)
        digest.update(hashlib.file_digest(upload, "sha256").digest())
    return UUID(bytes=digest.digest()[:16])


def _sent_before(post: Post) -> Post | None:
    if post.sent_as is None:
        return None
    return Post.objects.filter(author=post.author, sent_as=post.sent_as).first()


def _say_again(earlier: Post, post: Post, alt_texts: Sequence[str]) -> Post:
    """The post there is, as it was sent now: whoever saw no answer may have chosen fewer people to see it.

    Never more of them: what comes late may be older than a choice that was made since.
    """
    photos = earlier.photos.all()
    wider = NARROWING.index(post.audience) < NARROWING.index(earlier.audience)
    return post_update(
        post=earlier,
        by=post.author,
        caption=post.caption,
        audience=None if wider else post.audience,
        circle=None if wider else post.circle,
        alt_texts={photo.pk: text for photo, text in zip(photos, alt_texts, strict=False)},
    )


def _save_whole(post: Post, uploads: Sequence[BinaryIO], alt_texts: Sequence[str]) -> None:
    """The rows and the files, or neither."""
    stored: list[Photo] = []
    try:
        for position, upload in enumerate(uploads):
            alt_text = alt_texts[position] if position < len(alt_texts) else ""
            stored.append(_store(post, position, upload, alt_text))
        with transaction.atomic():
            post.save()
            for photo in stored:
                photo.save()
                send = partial(photo_stored.send_robust, sender=Photo, photo=photo)
                transaction.on_commit(send, robust=True)
            post_written.send(sender=Post, post=post)
    except BaseException:  # whatever it was, even a killed request: no file without a row
        for photo in stored:
            photo.original.storage.delete(photo.original.name)
        raise


def _store(post: Post, position: int, upload: BinaryIO, alt_text: str) -> Photo:
    """One upload as an unsaved photo whose file is already in private storage. Raises ValidationError."""
    try:
        image = decode_upload(upload)
    except ValidationError as error:
        raise ValidationError({"photos": error.messages}) from error
    height, width = image.shape[:2]
    photo = Photo(post=post, position=position, width=width, height=height, alt_text=alt_text.strip())
    photo.full_clean(exclude={"post", "original"})
    photo.original.save("original.png", ContentFile(encode(image, ".png")), save=False)
    return photo


@transaction.atomic
def post_update(
    *,
    post: Post,
    by: User,
    caption: str | None = None,
    audience: str | None = None,
    circle: Circle | None = None,
    alt_texts: Mapping[UUID, str] | None = None,
) -> Post:
    """Change the words or audience of one's post. None leaves a part as it is; only the audience "circle" has one.

    Goes by the post as it is now and writes what is given: ``post`` was read earlier, and who corrects a caption must
    not put back an audience that was narrowed meanwhile.
    """
    _check_author(post, by)
    post = _held(post)
    given = []
    if caption is not None:
        post.caption = caption.strip()
        given.append("caption")
    if audience is not None:
        post.audience = audience
        given += ["audience", "circle"]
    if circle is not None:
        post.circle = circle
        given.append("circle")
    post.full_clean()
    post.save(update_fields=given)
    post_written.send(sender=Post, post=post)
    for photo in post.photos.filter(pk__in=alt_texts or {}):
        photo.alt_text = alt_texts[photo.pk].strip()
        photo.full_clean(exclude={"post", "original"})
        photo.save(update_fields=["alt_text"])
    return post


@transaction.atomic
def post_delete(*, post: Post, by: User) -> None:
    """The post, its photos and everything known about their faces; the files follow after the commit."""
    _check_author(post, by)
    Post.objects.filter(pk=post.pk).delete()


def _held(post: Post) -> Post:
    current = Post.objects.select_for_update(of=("self",)).filter(pk=post.pk).first()
    if current is None:
        raise ValidationError(_("This post is gone."))
    return current


def _check_author(post: Post, by: User) -> None:
    if post.author_id != by.pk:
        raise PermissionDenied(_("This is not your post."))
