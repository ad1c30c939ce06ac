"""``manage.py demo_seed``: builds the demo network of socialnet/demo_network.py, once."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import BaseCommand, CommandError
from PIL import Image

from accounts import services as accounts
from accounts.engine import get_engine
from accounts.models import Circle, Report, User
from community import albums
from community import services as community
from faceaccess import pipeline
from faceaccess import services as faces
from faceaccess.models import FaceRegion
from mfmc_engine import imaging
from photos import services as photos
from photos.models import Photo, Post
from socialnet import demo_network as demo

ENROLMENT_MARGIN = 0.6  # of the face box's longer side, around the crop somebody enrols with
POST_MARGIN = 0.6  # the same around the faces of a cropped post
DEMO_MAIL = "@demo.example"  # no such host exists: demo accounts can be told from real ones, and get no mail


class Command(BaseCommand):
    help = "Build the demo network from a group photo of six people. Does nothing where it was built before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--photo", type=Path, help="a group photo with six faces instead of the bundled one"
        )

    def handle(self, *, photo: Path | None = None, **options: object) -> None:
        demo_accounts = User.objects.filter(email__endswith=DEMO_MAIL)
        if demo_accounts.filter(username=demo.PEOPLE[-1].handle, is_active=True).exists():
            return
        demo_accounts.delete()  # the remains of a start that was interrupted
        self.stdout.write("Building the demo network (once; about a minute) ...")
        picture = imaging.decode(photo or demo.bundled_photo())
        boxes = boxes_from_left(picture)
        people = self._people(picture, boxes)
        self._relations(people)
        posts = {post.key: self._post(post, people, picture, boxes) for post in demo.POSTS}
        for post in demo.POSTS:
            self._talk(post, posts[post.key], people)
        self._collect(posts, people)
        # Only now: the last person being able to sign in says that the network is complete.
        User.objects.filter(pk=people[demo.PEOPLE[-1].handle].pk).update(is_active=True)
        self.stdout.write("The demo network is ready.")

    def _people(self, picture: np.ndarray, boxes: np.ndarray) -> dict[str, User]:
        people = {}
        password = make_password(demo.PASSWORD)  # once: it is slow on purpose
        for person in demo.PEOPLE:
            user = User.objects.create(
                username=person.handle,
                email=f"{person.handle}{DEMO_MAIL}",
                password=password,
                display_name=person.name,
                bio=person.bio,
                is_active=person is not demo.PEOPLE[-1],
                is_staff=person.is_staff,
            )
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
            if person.model:
                faces.model_choose(owner=user, model=person.model)
            if person.face is not None:
                crop = _crop(picture, boxes, [person.face], ENROLMENT_MARGIN)
                accounts.capture_enroll(user=user, upload=_as_upload(crop, "me.png"), consented=True)
            people[person.handle] = user
        return people

    def _relations(self, people: dict[str, User]) -> None:
        for one, other in demo.FRIENDS:
            friendship = accounts.friendship_request(requester=people[one], addressee=people[other])
            accounts.friendship_accept(friendship=friendship, by=people[other])
        for one, other in demo.REQUESTS:
            accounts.friendship_request(requester=people[one], addressee=people[other])
        for reporter, about, reason, note in demo.REPORTS:
            Report.objects.create(
                reporter=people[reporter],
                about=people[about],
                kind="person",
                target=str(people[about].pk),
                reason=reason,
                note=note,
            )
        for one, other in demo.BLOCKS:
            accounts.block_create(blocker=people[one], blocked=people[other])
        for owner, name, members in demo.CIRCLES:
            circle = accounts.circle_create(owner=people[owner], name=name)
            for member in members:
                accounts.circle_add(circle=circle, by=people[owner], person=people[member])
        for rule in demo.RULES:
            owner = people[rule.owner]
            faces.rule_create(
                owner=owner,
                effect=rule.effect,
                **_whom("subject", rule.subject, owner, people),
                **_whom("uploader", rule.uploader, owner, people),
            )

    def _post(
        self, post: demo.DemoPost, people: dict[str, User], picture: np.ndarray, boxes: np.ndarray
    ) -> Post:
        self.stdout.write(f"  {people[post.author].name}: {post.caption}")
        shown = post_picture(post, picture, boxes)
        created = photos.post_create(
            author=people[post.author],
            uploads=[_as_upload(shown, "table.png")],
            caption=post.caption,
            audience=post.audience,
            alt_texts=[post.alt],
        )
        photo = created.photos.get()
        pipeline.protect(photo.pk)
        photo.refresh_from_db()
        if photo.state != Photo.State.READY:
            raise CommandError(f"The photo of {post.author} could not be protected: {photo.state}.")
        self._statements(post, people, photo)
        return created

    def _talk(self, post: demo.DemoPost, created: Post, people: dict[str, User]) -> None:
        for handle in post.likes:
            community.like_set(post=created, by=people[handle])
        for handle, words in post.comments:
            community.comment_create(post=created, author=people[handle], body=words)

    def _collect(self, posts: dict[str, Post], people: dict[str, User]) -> None:
        for handle, title, keys in demo.ALBUMS:
            album = albums.album_create(owner=people[handle], title=title)
            for key in keys:
                albums.album_add(album=album, by=people[handle], photo=posts[key].photos.get())
        for handle, key in demo.BOOKMARKS:
            community.bookmark_set(post=posts[key], by=people[handle])

    def _statements(self, post: demo.DemoPost, people: dict[str, User], photo: Photo) -> None:
        def face_of(handle: str) -> FaceRegion:
            return FaceRegion.objects.get(photo=photo, owner=people[handle])

        for tagger, owner in post.tags:
            faces.tag_create(region=face_of(owner), tagger=people[tagger], owner=people[owner])
        for owner in post.withdrawn:
            faces.tag_withdraw(region=face_of(owner), by=people[owner])
        for owner in post.approved:
            faces.authorization_answer(region=face_of(owner), by=people[owner], answer="approved")
        for owner in post.denied:
            faces.authorization_answer(region=face_of(owner), by=people[owner], answer="denied")
        for owner, effect in post.overrides.items():
            faces.override_set(region=face_of(owner), by=people[owner], effect=effect)


def boxes_from_left(picture: np.ndarray) -> np.ndarray:
    """The boxes of the six faces, (6, 4), ordered from the left of the picture."""
    boxes = np.array([face.box for face in get_engine().analyze(picture).faces])
    expected = sum(person.face is not None for person in demo.PEOPLE)
    if len(boxes) != expected:
        raise CommandError(
            f"The demo needs a photo of {expected} people; {len(boxes)} faces were found in this one."
        )
    return boxes[np.argsort(boxes[:, 0] + boxes[:, 2])]


def post_picture(post: demo.DemoPost, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """What a post shows of the group photo: all of it, or the part around its faces."""
    whole = len(post.faces) == len(boxes)
    return picture if whole else _crop(picture, boxes, post.faces, POST_MARGIN)


def _crop(picture: np.ndarray, boxes: np.ndarray, faces: Sequence[int], margin: float) -> np.ndarray:
    """The part of the picture around ``faces``, not cutting into the box of any other face."""
    height, width = picture.shape[:2]
    wanted = boxes[list(faces)]
    x0, y0 = wanted[:, :2].min(0)
    x1, y1 = wanted[:, 2:].max(0)
    reach = margin * (wanted[:, 2:] - wanted[:, :2]).max()
    left, top, right, bottom = x0 - reach, y0 - reach, x1 + reach, y1 + reach
    for other in np.delete(boxes, list(faces), axis=0):
        if other[2] <= x0 and other[3] > top:
            left = max(left, other[2])
        elif other[0] >= x1 and other[3] > top:
            right = min(right, other[0])
    rows = slice(max(0, int(top)), min(height, int(bottom)))
    columns = slice(max(0, int(np.ceil(left))), min(width, int(right)))
    return picture[rows, columns]


def _as_upload(picture: np.ndarray, name: str) -> SimpleUploadedFile:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return SimpleUploadedFile(name, stream.getvalue(), "image/png")


def _whom(part: str, text: str, owner: User, people: dict[str, User]) -> dict[str, object]:
    """``"circle:Family"`` as the keyword arguments of ``rule_create``."""
    kind, _, name = text.partition(":")
    arguments: dict[str, object] = {part: kind}
    if kind == "circle":
        arguments[f"{part}_circle"] = Circle.objects.get(owner=owner, name=name)
    if kind == "person":
        arguments[f"{part}_person"] = people[name]
    return arguments
