"""The whole way with the real engine: six people in a photo, enrolled from crops of it, and what is then served."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accounts import templates
from accounts.engine import get_engine
from accounts.models import User
from accounts.services import capture_enroll
from faceaccess import decoys, marks, pipeline, renditions, services
from faceaccess.models import FacePreference
from mfmc_engine import imaging
from photos.models import Photo
from photos.services import post_create
from tests.faceaccess.conftest import fetch, pixels
from tests.factories import UserFactory, befriend, upload

# With real transactions: the engine may take long enough for the lease to be renewed from another thread.
pytestmark = pytest.mark.django_db(transaction=True)

SAME_PERSON = 0.6  # dlib's distance under which two pictures are taken for one person
MODELS = ("proxy", "proxy", "authorization", "authorization", "rules", "rules")


@pytest.fixture(scope="module")
def picture(six_people) -> np.ndarray:
    return imaging.decode(six_people)


@pytest.fixture(scope="module")
def faces(picture):
    return sorted(get_engine().analyze(picture).faces, key=lambda face: face.box[0])


@pytest.fixture
def six(picture, faces):
    """Six people, two under each model, each enrolled from a crop of the photo."""
    people = []
    for face, model in zip(faces, MODELS, strict=True):
        user = UserFactory()
        FacePreference.objects.create(owner=user, model=model)
        x0, y0, x1, y1 = face.box.astype(int)
        reach = int(0.6 * max(x1 - x0, y1 - y0))
        crop = picture[max(0, y0 - reach) : y1 + reach, max(0, x0 - reach) : x1 + reach]
        capture_enroll(user=user, upload=upload(crop), consented=True)
        people.append(user)
    return people


def disclosed(served: np.ndarray, picture: np.ndarray, faces, owners: dict[tuple, User]) -> set[User]:
    """Whose faces the picture shows. Asked twice, of the pixels and of the recogniser, and both must agree."""
    found = get_engine().analyze(served, [face.box for face in faces]).faces
    shown = set()
    for face in faces:
        x0, y0, x1, y1 = face.box.astype(int)
        dx, dy = (x1 - x0) // 4, (y1 - y0) // 4
        inner = np.s_[y0 + dy : y1 - dy, x0 + dx : x1 - dx]
        difference = np.abs(served[inner].astype(int) - picture[inner]).mean()
        there = min(found, key=lambda other: np.abs(other.box - face.box).sum())
        distance = float(np.linalg.norm(there.embedding - face.embedding))
        assert (difference < 6) == (distance < SAME_PERSON), (difference, distance)
        if difference < 6:
            shown.add(owners[tuple(face.box.round())])
    return shown


def test_six_people_one_photo_and_each_viewer_their_own_image(picture, faces, six):
    proxy, tagged, silent, approving, ruled, _ = six
    author = UserFactory()
    befriend(tagged, author)
    post = post_create(author=author, uploads=[upload(picture)], audience="members")
    photo = post.photos.get()
    assert fetch(author, photo).status_code == 503
    assert pipeline.protect(photo.pk)
    photo.refresh_from_db()
    assert photo.state == Photo.State.READY
    regions = {user.pk: photo.regions.select_related("decoy").get(owner=user) for user in six}
    assert photo.regions.count() == 6
    for region in regions.values():
        assert region.decoy.kind == "swap"
        assert region.decoy.distance_to_original > region.decoy.threshold

    services.tag_create(region=regions[tagged.pk], tagger=author, owner=tagged)
    services.authorization_answer(region=regions[approving.pk], by=approving, answer="approved")
    services.rule_create(owner=ruled, effect="show", subject="person", subject_person=silent)
    expected = {
        author: {tagged, approving},
        silent: {tagged, approving, ruled, silent},
        proxy: {tagged, approving, proxy},
    }
    owners = {tuple(np.round(region.box)): region.owner for region in photo.regions.all()}
    for viewer, people in expected.items():
        assert disclosed(pixels(fetch(viewer, photo)), picture, faces, owners) == people, viewer
    thumb = pixels(fetch(author, photo, "thumb"))
    assert max(thumb.shape[:2]) == renditions.SIZES["thumb"]


def test_a_face_the_detector_missed_is_marked_and_hidden_at_once_and_gets_its_stand_in(picture, faces, six):
    author, marker = UserFactory(), UserFactory()
    photo = post_create(author=author, uploads=[upload(picture)], audience="members").photos.get()
    assert pipeline.protect(photo.pk)
    photo.refresh_from_db()
    region = photo.regions.get(owner=six[2])
    box, owner, index = region.box, region.owner, region.index
    region.delete()  # as if it had not been found
    for later in photo.regions.filter(index__gt=index):
        decoys.renumber(later, later.index - 1)
        later.save()
    photo.version += 1
    photo.save()
    owners = {tuple(face.box.round()): number for number, face in enumerate(faces)}
    (missed,) = [owners[key] for key in owners if np.abs(np.array(key) - box).max() < 2]
    assert disclosed(pixels(fetch(author, photo)), picture, faces, owners) == {missed}

    by_hand = [box[0] - 6, box[1] - 4, box[2] + 5, box[3] + 7]
    mark = marks.mark_create(photo=photo, by=marker, box=by_hand)
    assert mark.decoy.kind == "redaction"
    assert disclosed(pixels(fetch(author, photo)), picture, faces, owners) == set()
    assert marks.analyse(mark.pk)
    mark = photo.regions.get(pk=mark.pk)
    assert (mark.owner, mark.is_face, mark.decoy.kind) == (owner, True, "swap")
    assert decoys.keeps_clear(
        replace(decoys.decoy_of(mark.decoy), views=templates.open_(mark.decoy.views, purpose=decoys.VIEWS)),
        decoys.worn_beside(mark, 128),
    ), "unlike the photo's other stand-ins"
    assert disclosed(pixels(fetch(author, photo)), picture, faces, owners) == set()
    assert disclosed(pixels(fetch(owner, photo)), picture, faces, owners) == {missed}


def test_a_mark_on_a_wall_is_no_face_and_can_be_taken_out(picture):
    author = UserFactory()
    photo = post_create(author=author, uploads=[upload(picture)], audience="members").photos.get()
    assert pipeline.protect(photo.pk)
    photo.refresh_from_db()
    height, width = picture.shape[:2]
    mark = marks.mark_create(photo=photo, by=author, box=[0, 0, width * 0.06, height * 0.09])
    assert marks.analyse(mark.pk)
    mark = photo.regions.get(pk=mark.pk)
    assert (mark.is_face, mark.owner, mark.decoy.kind) == (False, None, "redaction")
    marks.mark_remove(region=mark, by=author, reason="the wall")
    assert photo.regions.count() == 6
