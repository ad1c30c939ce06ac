"""From one pack to another with the real engine: real faces, a recogniser of other dimensions in the second pack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.core.files.base import ContentFile

from accounts import engine as engines
from accounts import templates
from accounts.capture_quality import aligned_crop
from accounts.models import FaceCapture
from faceaccess import decoys, pipeline, reembedding, services
from faceaccess.models import Decoy
from mfmc_engine import imaging
from mfmc_engine.engine import Engine
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition.space import ARCFACE, DLIB
from photos.models import Audience, Photo
from tests.faceaccess.conftest import USERS_OF_THE_ENGINE, face_of, fetch, person, pixels
from tests.factories import FaceCaptureFactory, PhotoFactory
from tests.packs import graphs

pytestmark = pytest.mark.django_db
AFTER = "builtin+recognizer=buffalo_s"


@pytest.fixture
def both_packs(real_engine, tmp_path, monkeypatch, settings):
    """The builtin pack, and the one whose recogniser is a small graph that knows people by their colours."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MFMC_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights" / "buffalo_s").mkdir(parents=True)
    graphs.recognizer(tmp_path / "weights" / "buffalo_s" / "w600k_mbf.onnx")
    # Distances as that graph has them: .05 for one face in two sizes, more than .1 for two people.
    near = replace(ARCFACE, original=0.02, preferred=0.03, match=0.08, margin=0.005, apart=0.02)
    known = {real_engine.pack.name: real_engine, AFTER: Engine(AFTER, threads=1)}
    monkeypatch.setattr(Pack, "space", property(lambda pack: near if pack.name == AFTER else DLIB))
    for module in USERS_OF_THE_ENGINE:
        monkeypatch.setattr(f"{module}.get_engine", lambda: known[settings.ENGINE_PACK])
    dlib = engines.space()
    monkeypatch.setattr("faceaccess.matching.space", lambda: near if settings.ENGINE_PACK == AFTER else dlib)
    return known


def test_real_people_keep_their_faces_and_get_decoys_of_the_new_space(both_packs, six_people, settings):
    image = imaging.decode(six_people)
    image = np.ascontiguousarray(image[:, : image.shape[1] // 2])
    builtin, other = both_packs["builtin"], both_packs[AFTER]
    faces = builtin.analyze(image).faces
    owner = person(model="authorization")
    crop = imaging.encode(aligned_crop(image, faces[2]), ".png")
    FaceCaptureFactory(user=owner, embedding=faces[2].embedding, picture=ContentFile(crop, "face.png"))
    photo = PhotoFactory(image=image, audience=Audience.MEMBERS, state=Photo.State.WAITING)
    assert pipeline.protect(photo.pk)
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    photo.refresh_from_db()
    stranger = person()
    shown = pixels(fetch(stranger, photo))
    index = face_of(photo, owner).index

    settings.ENGINE_PACK = AFTER
    while reembedding.embed_some(1):
        pass
    assert reembedding.status().is_done
    capture = FaceCapture.objects.get()
    assert capture.pack == AFTER
    assert templates.gallery().embeddings.shape == (1, 192)
    assert face_of(photo, owner).index == index
    for region, face in zip(photo.regions.all(), faces, strict=True):
        assert region.pack == AFTER
        again = decoys.face_of(region)
        assert again.embedding.shape == (192,)
        assert np.abs(again.box - face.box).max() < 1
        assert np.abs(again.landmarks - face.landmarks).max() < 0.1 * (face.box[2] - face.box[0])
    for decoy in Decoy.objects.filter(kind=Decoy.Kind.SWAP):
        assert decoy.distance_to_original > 0.02
        assert templates.open_(decoy.views, purpose=decoys.VIEWS).shape == (3, 192)
    assert Decoy.objects.filter(kind=Decoy.Kind.SWAP).exists()
    photo.refresh_from_db()
    after = pixels(fetch(stranger, photo))
    x0, y0, x1, y1 = (int(edge) for edge in face_of(photo, owner).box)
    assert np.abs(after[y0:y1, x0:x1].astype(int) - shown[y0:y1, x0:x1]).mean() < 2, (
        "shown before, shown after"
    )
    hidden = next(region for region in photo.regions.all() if region.owner is None)
    x0, y0, x1, y1 = (int(edge) for edge in hidden.box)
    original = image[y0:y1, x0:x1].astype(int)
    assert np.abs(after[y0:y1, x0:x1].astype(int) - original).mean() > 4, "hidden before, hidden after"
    assert len(other.analyze(after).faces) >= 2
