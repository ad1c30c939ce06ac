"""A group photo whose faces are coloured squares, the people in it, and ways to look at what they are served."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from accounts.models import User
from faceaccess import matching, pipeline
from faceaccess.models import FacePreference, FaceRegion
from photos.models import Audience, Photo
from tests.faceaccess.engine import PALETTE, STAND_IN, SquareEngine, box_of, embedding_of, group_photo
from tests.factories import FaceCaptureFactory, PhotoFactory, UserFactory

USERS_OF_THE_ENGINE = (
    "accounts.engine",
    "accounts.reembedding",
    "faceaccess.pipeline",
    "faceaccess.marks",
) + ("faceaccess.reembedding",)


@pytest.fixture
def engine(monkeypatch) -> SquareEngine:
    engine = SquareEngine()
    for module in USERS_OF_THE_ENGINE:
        monkeypatch.setattr(f"{module}.get_engine", lambda: engine)
    return engine


def rematch(user_id: int | None = None) -> int:
    """What the background does after ``user_id`` enrolled or left, at once for every photo; how many faces changed."""
    if user_id is not None:
        matching.forget(user_id)
    return sum(matching.rematch_photo(pk) for pk in Photo.objects.ready().values_list("pk", flat=True))


def enrol(user: User, face: int) -> User:
    FaceCaptureFactory(user=user, embedding=embedding_of(face))
    return user


def person(face: int | None = None, model: str = "", **fields: object) -> User:
    user = UserFactory(**fields)
    if face is not None:
        enrol(user, face)
    if model:
        FacePreference.objects.create(owner=user, model=model)
    return user


def posted(author: User, faces: int = 3, audience: str = Audience.MEMBERS, **fields: object) -> Photo:
    """A photo that went through the whole pipeline (needs the ``engine`` fixture)."""
    waiting = {"state": Photo.State.WAITING, "image": group_photo(faces)}
    photo = PhotoFactory(author=author, audience=audience, **(waiting | fields))
    assert pipeline.protect(photo.pk)
    photo.refresh_from_db()
    return photo


def face_of(photo: Photo, owner: User) -> FaceRegion:
    return photo.regions.get(owner=owner)


def client_of(user: User | None) -> Client:
    """A browser signed in as ``user``, the same one each time (signing in costs more than most requests)."""
    if user is None:
        return Client()
    if not hasattr(user, "browser"):
        user.browser = Client()
        user.browser.force_login(user)
    return user.browser


def fetch(user: User | None, photo: Photo, size: str = "full", headers: dict[str, str] | None = None):
    return client_of(user).get(f"/photos/{photo.pk}/image/{size}", headers=headers)


def pixels(response) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"))


def shows(image: np.ndarray, index: int, faces: int = 3) -> bool:
    """Whether the picture shows face ``index`` itself (True) or its stand-in (False); anything else is an error."""
    scale = image.shape[1] / (20 + 60 * faces)
    x0, y0, x1, y1 = box_of(index)
    middle = image[int((y0 + y1) / 2 * scale), int((x0 + x1) / 2 * scale)].astype(int)
    distances = [np.abs(middle - colour).max() for colour in (PALETTE[index], STAND_IN)]
    assert min(distances) < 40, f"neither the face nor its stand-in: {middle}"
    return distances[0] < distances[1]


def shown_to(user: User | None, photo: Photo, size: str = "full") -> set[int]:
    """The faces that the image served to ``user`` shows."""
    response = fetch(user, photo, size)
    assert response.status_code == 200, response.status_code
    faces = photo.regions.count()
    image = pixels(response)
    return {index for index in range(faces) if shows(image, index, faces)}
