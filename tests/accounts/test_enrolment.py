"""Enrolling a face with the real engine: what is taken, what is refused and why, what is kept and what goes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from skimage.data import astronaut

from accounts import consent, moderation, services
from accounts.capture_quality import aligned_crop, check_eyes, good_capture
from accounts.models import FaceCapture
from accounts.signals import enrolment_changed
from accounts.templates import TemplateError, capture_purpose, gallery, open_
from mfmc_engine import imaging
from mfmc_engine.parameters import CAPTURE_EYES, CAPTURE_SIDE
from socialnet.limits import TooOftenError
from tests.conftest import SHARED
from tests.factories import FaceCaptureFactory, UserFactory, picture, upload

PORTRAIT = np.ascontiguousarray(astronaut()[:320, 64:384])  # a face of 96 px
EYES = ((140, 102), (183, 104))  # where the engine finds them in it

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def group(six_people) -> np.ndarray:
    return imaging.decode(six_people)


@pytest.fixture(scope="session")
def people_of(group, six_found) -> list[np.ndarray]:
    """The six people of the group photo, each alone, from the left."""
    boxes = [face.box for face in six_found.faces]
    boxes = sorted((box.astype(int) for box in boxes), key=lambda box: box[0])
    assert len(boxes) == 6
    margin = 75  # px, about half a face
    return [
        group[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]
        for x0, y0, x1, y1 in boxes
    ]


@pytest.fixture
def mara():
    return UserFactory(username="mara")


@pytest.fixture
def changed():
    """Whose enrolment was announced as changed."""
    heard = []

    def note(user, **kwargs):
        heard.append(user)

    enrolment_changed.connect(note)
    yield heard
    enrolment_changed.disconnect(note)


def enroll(user, image, **options) -> FaceCapture:
    return services.capture_enroll(
        user=user, upload=upload(image, name="me.png"), **{"consented": True} | options
    )


def refusal(user, image) -> str:
    with pytest.raises(services.EnrolmentRejected) as caught:
        enroll(user, image)
    (message,) = caught.value.messages
    return message


def test_each_of_six_people_enrolls_and_is_recognised_as_themselves(
    people_of, six_found, real_engine
) -> None:
    users = [UserFactory() for _ in people_of]
    for user, image in zip(users, people_of, strict=True):
        enroll(user, image)
    faces = sorted(six_found.faces, key=lambda f: f.box[0])
    assert [match.person for match in real_engine.match(faces, gallery())] == [str(user.pk) for user in users]


def test_a_capture_records_the_consent_and_opens_for_its_owner_only(mara) -> None:
    capture = enroll(mara, PORTRAIT)
    assert (capture.user, capture.pack, capture.consent_version) == (mara, "builtin", consent.VERSION)
    template = open_(FaceCapture.objects.get().template, purpose=capture_purpose(mara.pk))
    assert template.shape == (128,)
    with pytest.raises(TemplateError):
        open_(capture.template, purpose=capture_purpose(mara.pk + 1))


def test_only_an_aligned_crop_of_the_upload_is_kept(mara, real_engine, private_root) -> None:
    exif = Image.Exif()
    exif[0x010E] = "EXIF-SECRET"
    file = upload(PORTRAIT, name="mara.png", exif=exif.tobytes())
    capture = services.capture_enroll(user=mara, upload=file, consented=True)
    (stored,) = [path for path in private_root.rglob("*") if path.is_file()]
    assert b"SECRET" not in stored.read_bytes()
    assert "mara" not in stored.name
    crop = np.asarray(Image.open(capture.picture))
    assert crop.shape == (CAPTURE_SIDE, CAPTURE_SIDE, 3)
    (face,) = real_engine.analyze(crop).faces
    eyes = np.stack([face.landmarks[36:42].mean(0), face.landmarks[42:48].mean(0)])
    np.testing.assert_allclose(eyes, np.array(CAPTURE_EYES) * CAPTURE_SIDE, atol=0.03 * CAPTURE_SIDE)
    template = open_(capture.template, purpose=capture_purpose(mara.pk))
    assert np.linalg.norm(face.embedding - template) < 0.35, "the crop shows the enrolled face"


@pytest.mark.parametrize("turn", [0, 90, 180])
def test_the_crop_of_a_turned_or_large_picture_is_upright_and_alike(turn, real_engine) -> None:
    def crop_of(image):
        return aligned_crop(image, max(real_engine.analyze(image).faces, key=lambda face: face.quality.size))

    head = PORTRAIT[20:260, 46:276]
    reference = crop_of(head).astype(float)
    large = cv2.resize(head, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    crop = crop_of(np.ascontiguousarray(np.rot90(large, turn // 90))).astype(float)
    shift = np.abs(crop - reference)[32:-32, 32:-32].mean()
    mirrored = np.abs(crop[::-1] - reference)[32:-32, 32:-32].mean()
    assert shift < 12
    assert mirrored > 30


def small(image, scale):
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def over_the_eyes(colour_at) -> np.ndarray:
    """The portrait with an ellipse over each eye, of the colour that ``colour_at`` finds for it."""
    image = PORTRAIT.copy()
    for x, y in EYES:
        cv2.ellipse(image, (x, y), (17, 12), 0, 0, 360, colour_at((x, y)), -1)
    return image


def cheek_below(eye) -> tuple[int, ...]:
    x, y = eye
    return tuple(int(value) for value in np.median(PORTRAIT[y + 20 : y + 28, x - 8 : x + 8], (0, 1)))


POOR = {
    "no face": (lambda: picture(400, 300), "No face was found"),
    "a small face": (lambda: small(PORTRAIT, 0.5), "too small"),
    "a blurred face": (lambda: cv2.GaussianBlur(PORTRAIT, (0, 0), 2), "blurred"),
    "a dark picture": (lambda: (PORTRAIT * 0.15).astype(np.uint8), "too dark"),
    "a glaring picture": (
        lambda: (255 - (255 - PORTRAIT.astype(float)) * 0.3).astype(np.uint8),
        "too bright",
    ),
    "a turned picture": (lambda: np.rot90(PORTRAIT), "not upright"),
    "half a face": (lambda: PORTRAIT[:, 162:], "cut off|No face"),
    "dark glasses": (lambda: over_the_eyes(lambda eye: (28, 25, 25)), "eyes cannot be seen"),
    "closed or covered eyes": (lambda: over_the_eyes(cheek_below), "eyes cannot be seen"),
    "two faces": (lambda: np.hstack([PORTRAIT, PORTRAIT]), "2 faces were found"),
}


@pytest.mark.parametrize("kind", POOR)
def test_a_poor_picture_is_refused_with_what_to_do_about_it(kind, mara, private_files) -> None:
    make, reason = POOR[kind]
    with pytest.raises(services.EnrolmentRejected, match=reason):
        enroll(mara, np.ascontiguousarray(make()))
    assert (FaceCapture.objects.count(), private_files()) == (0, [])


def test_people_who_look_a_quarter_aside_may_and_who_look_further_may_not(group, six_found) -> None:
    aside = min(six_found.faces, key=lambda face: face.quality.yaw)
    assert -45 < aside.quality.yaw < -35
    alone = replace(six_found, faces=(aside,))
    assert good_capture(group, alone)[0] is aside
    further = replace(aside, quality=replace(aside.quality, yaw=-50.0))
    with pytest.raises(services.EnrolmentRejected, match="turned too far"):
        good_capture(group, replace(alone, faces=(further,)))


@pytest.mark.shared
def test_somebody_with_real_sunglasses_is_asked_to_take_them_off(real_engine) -> None:
    image = imaging.decode(SHARED / "lfw" / "Hootie_Johnson_0001.jpg")
    face = max(real_engine.analyze(image).faces, key=lambda face: face.quality.size)
    with pytest.raises(services.EnrolmentRejected, match="dark glasses"):
        check_eyes(image, face)


def test_a_group_photo_enrolls_nobody(mara, group) -> None:
    assert refusal(mara, group).startswith("6 faces were found")


def test_somebody_small_in_the_background_does_not_matter(mara, people_of) -> None:
    image = cv2.copyMakeBorder(PORTRAIT, 0, 0, 0, 200, cv2.BORDER_REPLICATE)
    passer_by = small(people_of[3], 0.3)
    height, width = passer_by.shape[:2]
    image[100 : 100 + height, 380 : 380 + width] = passer_by
    assert enroll(mara, image).pk


def test_a_file_that_is_no_picture_is_refused_by_name(mara) -> None:
    file = SimpleUploadedFile("me.png", b"not a picture")
    with pytest.raises(services.EnrolmentRejected, match=r"me\.png: "):
        services.capture_enroll(user=mara, upload=file, consented=True)


def test_nothing_is_looked_at_without_consent(mara, monkeypatch) -> None:
    monkeypatch.setattr(
        "accounts.enrolment.decode_upload", lambda upload: pytest.fail("the upload was opened")
    )
    with pytest.raises(ValidationError, match="agree"):
        enroll(mara, PORTRAIT, consented=False)
    assert not FaceCapture.objects.exists()


def test_a_closed_account_does_not_enroll() -> None:
    with pytest.raises(PermissionDenied):
        enroll(UserFactory(is_active=False), PORTRAIT)


def test_a_face_like_anothers_is_held_for_a_look_and_counts_for_nothing_meanwhile(mara, people_of) -> None:
    other = UserFactory(username="theo", display_name="Theo Brandt", email="theo@mail.example")
    assert not enroll(other, people_of[1]).is_held
    held = enroll(mara, cv2.flip(people_of[1], 1))
    assert held.is_held
    assert gallery().people == (str(other.pk),)
    assert gallery(only=mara.pk).people == ()
    assert list(FaceCapture.objects.in_force()) == [other.captures.get()]


def test_what_is_like_a_held_face_is_held_too(mara, people_of) -> None:
    FaceCaptureFactory(embedding=None)
    enroll(UserFactory(), people_of[1])
    enroll(mara, people_of[1])
    FaceCapture.objects.in_force().delete()
    assert enroll(UserFactory(), people_of[1]).is_held
    assert "does not look like" in refusal(mara, people_of[2]), "one account, one person: also while held"


def test_a_good_picture_takes_the_place_of_another_and_a_poor_one_does_not(
    mara, settings, private_files, django_capture_on_commit_callbacks
) -> None:
    settings.CAPTURES_PER_PERSON = 1
    old = enroll(mara, PORTRAIT)
    with pytest.raises(services.EnrolmentRejected):
        enroll(mara, picture(400, 300), replaces=old)
    assert FaceCapture.objects.get() == old
    with pytest.raises(PermissionDenied):
        enroll(UserFactory(), PORTRAIT, replaces=old)
    with django_capture_on_commit_callbacks(execute=True):
        new = enroll(mara, cv2.flip(PORTRAIT, 1), replaces=old)
    assert FaceCapture.objects.get() == new
    assert private_files() == [new.picture.name]


class TestReplacedByOneThatIsHeld:
    """Nobody loses their enrolment, or a shared face to a look-alike, because their new picture waits for a look."""

    @pytest.fixture
    def twin(self, people_of):
        twin = UserFactory()
        enroll(twin, people_of[1])
        return twin

    @pytest.fixture
    def old(self, mara, twin, people_of) -> FaceCapture:
        old = enroll(mara, people_of[1])
        self.decide(old, allow=True)
        return FaceCapture.objects.get(pk=old.pk)

    def decide(self, capture: FaceCapture, *, allow: bool) -> None:
        moderation.capture_decide(capture=capture, by=UserFactory(is_staff=True), allow=allow)

    def test_the_old_one_stays_until_the_new_one_counts(
        self, mara, old, people_of, private_files, django_capture_on_commit_callbacks
    ) -> None:
        new = enroll(mara, cv2.flip(people_of[1], 1), replaces=old)
        assert new.is_held
        assert set(mara.captures.all()) == {old, new}
        assert list(mara.captures.in_force()) == [old]
        with django_capture_on_commit_callbacks(execute=True):
            self.decide(new, allow=True)
        assert list(mara.captures.in_force()) == list(mara.captures.all()) == [new]
        assert old.picture.name not in private_files()

    def test_the_old_one_stays_if_the_new_one_is_refused(self, mara, old, people_of) -> None:
        self.decide(enroll(mara, cv2.flip(people_of[1], 1), replaces=old), allow=False)
        assert list(mara.captures.in_force()) == list(mara.captures.all()) == [old]

    def test_they_can_both_be_deleted_meanwhile(self, mara, old, people_of) -> None:
        new = enroll(mara, cv2.flip(people_of[1], 1), replaces=old)
        services.capture_delete(capture=old, by=mara)
        self.decide(FaceCapture.objects.get(pk=new.pk), allow=True)
        assert list(mara.captures.in_force()) == [new]

    def test_replacing_again_and_again_makes_no_room(self, mara, old, people_of, settings) -> None:
        settings.CAPTURES_PER_PERSON = 1
        enroll(mara, cv2.flip(people_of[1], 1), replaces=old)
        with pytest.raises(services.EnrolmentRejected, match="Delete one"):
            enroll(mara, people_of[1], replaces=old)
        assert mara.captures.count() == 2

    def test_the_person_is_told_so(self, mara, old, people_of, client) -> None:
        client.force_login(mara)
        form = {"uploads": upload(people_of[1], name="me.png"), "consent": "on"}
        page = client.post(f"/face/enrol?replace={old.pk}", form, follow=True)
        (message,) = page.context["messages"]
        assert "nobody is recognised by it, and a picture that it is to replace stays" in str(message)
        assert old in mara.captures.in_force()


def test_more_pictures_must_show_the_same_person(mara, people_of) -> None:
    enroll(mara, PORTRAIT)
    assert "does not look like" in refusal(mara, people_of[1])
    enroll(mara, cv2.flip(PORTRAIT, 1))
    assert gallery().people == (str(mara.pk),) * 2


def test_there_is_room_for_so_many_pictures_only(mara, settings) -> None:
    settings.CAPTURES_PER_PERSON = 1
    enroll(mara, PORTRAIT)
    assert "Delete one" in refusal(mara, PORTRAIT)


def test_trying_picture_after_picture_is_stopped(mara, settings) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"enrol": (1, 3600)}
    refusal(mara, picture())
    with pytest.raises(TooOftenError, match="in an hour"):
        enroll(mara, PORTRAIT)
    assert enroll(UserFactory(), PORTRAIT).pk, "another person is not held up"


def test_the_change_is_announced_once_and_after_the_commit(
    mara, changed, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        capture = enroll(mara, PORTRAIT)
        assert changed == []
    assert changed == [mara]
    with django_capture_on_commit_callbacks(execute=True):
        services.capture_delete(capture=capture, by=mara)
    assert changed == [mara, mara]


def test_a_deleted_capture_leaves_no_row_and_no_file(
    mara, private_files, django_capture_on_commit_callbacks
) -> None:
    capture, other = FaceCaptureFactory(user=mara), FaceCaptureFactory()
    with pytest.raises(PermissionDenied):
        services.capture_delete(capture=capture, by=UserFactory(is_staff=True, is_superuser=True))
    assert len(private_files()) == 2
    with django_capture_on_commit_callbacks(execute=True):
        services.capture_delete(capture=capture, by=mara)
        assert len(private_files()) == 2, "not before the commit"
    assert list(FaceCapture.objects.all()) == [other]
    assert private_files() == [other.picture.name]


def test_deleting_the_enrolment_deletes_all_of_it_and_nobody_elses(
    mara, private_files, changed, django_capture_on_commit_callbacks
) -> None:
    FaceCaptureFactory(user=mara)
    FaceCaptureFactory(user=mara, pack="another")
    other = FaceCaptureFactory()
    with django_capture_on_commit_callbacks(execute=True):
        services.enrolment_delete(user=mara)
    assert list(FaceCapture.objects.all()) == [other]
    assert private_files() == [other.picture.name]
    assert gallery().people == (str(other.user.pk),)
    assert changed == [mara]


def test_a_failure_while_saving_leaves_no_file(mara, monkeypatch, private_files) -> None:
    def fail(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(FaceCapture, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        enroll(mara, PORTRAIT)
    assert private_files() == []
