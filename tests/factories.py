"""People, posts and photos for tests, shared by every area. All rows are valid; pictures are real small PNGs."""

from __future__ import annotations

import io

import factory
import numpy as np
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from factory.django import DjangoModelFactory, Password
from PIL import Image

from accounts import consent, templates
from accounts.models import Block, Circle, CircleMembership, FaceCapture, Friendship, User
from accounts.selectors import is_hidden_from
from photos.models import Audience, Photo, Post

PASSWORD = "a long and good passphrase"


def picture(width: int = 64, height: int = 48, seed: int = 0) -> np.ndarray:
    """(height, width, 3) uint8 RGB, smooth and different for every seed: no face, but not one flat colour either."""
    corners = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), np.uint8)
    return np.asarray(Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR))


def file_bytes(image: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    quick = {"compress_level": 1} if kind == "PNG" else {}
    Image.fromarray(image).save(stream, kind, **{**quick, **options})
    return stream.getvalue()


def upload(image: np.ndarray | None = None, name: str = "photo.png", kind: str = "PNG", **options: object):
    """What a form hands to a service. ``options`` go to Pillow's save (exif=, quality=, ...)."""
    content = file_bytes(picture() if image is None else image, kind, **options)
    return SimpleUploadedFile(name, content, f"image/{kind.lower()}")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    display_name = factory.Sequence(lambda n: f"Person {n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@mail.example")
    password = Password(PASSWORD)

    @factory.post_generation
    def verified(self, create: bool, extracted: bool | None, **kwargs: object) -> None:
        """Their address is confirmed, as everybody's who gets in is; ``verified=False``: not yet."""
        if create and extracted is not False and self.email:
            EmailAddress.objects.create(user=self, email=self.email, verified=True, primary=True)


class FriendshipFactory(DjangoModelFactory):
    """A request; ``accepted=True`` makes it a friendship."""

    class Meta:
        model = Friendship

    class Params:
        accepted = factory.Trait(accepted_at=factory.LazyFunction(timezone.now))

    requester = factory.SubFactory(UserFactory)
    addressee = factory.SubFactory(UserFactory)


class BlockFactory(DjangoModelFactory):
    class Meta:
        model = Block

    blocker = factory.SubFactory(UserFactory)
    blocked = factory.SubFactory(UserFactory)


class CircleFactory(DjangoModelFactory):
    """``members=[...]`` are put in without asking whether they are friends."""

    class Meta:
        model = Circle
        skip_postgeneration_save = True

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Circle {n}")

    @factory.post_generation
    def members(self, create: bool, extracted: list[User] | None, **kwargs: object) -> None:
        for person in extracted or ():
            CircleMembership.objects.create(circle=self, person=person)


class FaceCaptureFactory(DjangoModelFactory):
    """An enrolled face; ``embedding=`` (128,) float32 is its template (random, of length 1, if not given)."""

    class Meta:
        model = FaceCapture

    class Params:
        embedding = None

    user = factory.SubFactory(UserFactory)
    pack = factory.LazyFunction(lambda: settings.ENGINE_PACK)
    consent_version = consent.VERSION
    consented_at = factory.LazyFunction(timezone.now)

    @factory.lazy_attribute
    def template(self) -> bytes:
        embedding = unit_vector(self.user.pk) if self.embedding is None else self.embedding
        return templates.seal(embedding, purpose=templates.capture_purpose(self.user.pk))

    @factory.lazy_attribute
    def picture(self) -> ContentFile:
        return ContentFile(file_bytes(picture(32, 32)), "face.png")


class PostFactory(DjangoModelFactory):
    class Meta:
        model = Post

    author = factory.SubFactory(UserFactory)
    caption = "A caption"
    audience = Audience.FRIENDS


class PhotoFactory(DjangoModelFactory):
    """A ready photo; ``image=`` (H, W, 3) are its pixels. ``author=`` and ``audience=`` reach its post."""

    class Meta:
        model = Photo

    class Params:
        image = factory.Sequence(lambda n: picture(seed=n))
        author = factory.SubFactory(UserFactory)
        audience = Audience.FRIENDS

    post = factory.SubFactory(
        PostFactory,
        author=factory.SelfAttribute("..author"),
        audience=factory.SelfAttribute("..audience"),
    )
    width = factory.LazyAttribute(lambda photo: photo.image.shape[1])
    height = factory.LazyAttribute(lambda photo: photo.image.shape[0])
    original = factory.LazyAttribute(lambda photo: ContentFile(file_bytes(photo.image), "original.png"))
    alt_text = ""
    state = Photo.State.READY


def hidden_from(user: User) -> set[int]:
    """The keys of the people a block stands between ``user`` and, in either direction."""
    return set(User.objects.filter(is_hidden_from(user)).values_list("pk", flat=True))


def befriend(one: User, other: User) -> Friendship:
    return FriendshipFactory(requester=one, addressee=other, accepted=True)


def unit_vector(seed: int, size: int = 128) -> np.ndarray:
    """A point of the embedding space: (size,) float32 of length 1, far from that of any other seed."""
    vector = np.random.default_rng(seed).standard_normal(size)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
