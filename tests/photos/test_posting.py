"""Posting, changing and deleting: what is stored of an upload, and that it is stored whole or not at all."""

import io
import stat
from pathlib import Path

import numpy as np
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin

from photos import services
from photos.models import Audience, Photo, Post
from photos.signals import photo_deleted, photo_stored
from tests.factories import CircleFactory, PhotoFactory, PostFactory, UserFactory, file_bytes, picture, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """Every signal of the photos app: (its name, its arguments)."""
    events = []

    def stored(photo, **kwargs):
        events.append(("stored", photo.pk))

    def deleted(photo_id, **kwargs):
        events.append(("deleted", photo_id))

    photo_stored.connect(stored)
    photo_deleted.connect(deleted)
    yield events
    photo_stored.disconnect(stored)
    photo_deleted.disconnect(deleted)


def test_a_post_keeps_pixels_words_and_order(private_files) -> None:
    author = UserFactory()
    images = [picture(40, 30, seed=1), picture(30, 50, seed=2)]
    post = services.post_create(
        author=author,
        uploads=[upload(image) for image in images],
        caption="  Two  ",
        audience=Audience.MEMBERS,
        alt_texts=["a gradient"],
    )
    photos = list(post.photos.all())
    assert (post.caption, post.audience, post.author) == ("Two", Audience.MEMBERS, author)
    assert [(photo.width, photo.height, photo.alt_text) for photo in photos] == [
        (40, 30, "a gradient"),
        (30, 50, ""),
    ]
    assert all(photo.state == Photo.State.WAITING for photo in photos)
    for photo, image in zip(photos, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(photo.original)), image)
    assert len(private_files()) == 2


HEIC = Path(__file__).parents[1] / "engine" / "data" / "turned.heic"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIC"])
def test_every_format_that_phones_and_browsers_store_is_taken(kind, private_files) -> None:
    """Each comes out as the same pixels (as far as its own compression keeps them), upright, in a PNG of ours."""
    if kind == "HEIC":
        file = SimpleUploadedFile("photo.heic", HEIC.read_bytes())
        size, colours = (64, 96), {(32, 8): (200, 30, 30), (32, 88): (30, 30, 200)}
    else:
        image = np.zeros((60, 80, 3), np.uint8)
        image[:, :40] = (200, 40, 40)
        file = upload(image, kind=kind, name=f"photo.{kind.lower()}")
        size, colours = (80, 60), {(20, 30): (200, 40, 40), (60, 30): (0, 0, 0)}
    photo = services.post_create(author=UserFactory(), uploads=[file]).photos.get()
    stored = Image.open(photo.original)
    assert (photo.width, photo.height) == stored.size == size
    assert stored.format == "PNG"
    for place, colour in colours.items():
        np.testing.assert_allclose(stored.getpixel(place), colour, atol=12)
    assert len(private_files()) == 1


def test_originals_are_readable_by_the_site_alone_and_their_names_tell_nothing(private_root: Path) -> None:
    services.post_create(author=UserFactory(username="mara"), uploads=[upload(name="mara-at-home.png")])
    (file,) = [path for path in private_root.rglob("*") if path.is_file()]
    assert "mara" not in str(file.relative_to(private_root))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_no_metadata_thumbnail_or_trailing_data_survives(private_root: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "EXIF-SECRET"
    exif[0x0112] = 1
    exif.get_ifd(0x8825)[0x001D] = "GPS-SECRET"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "TEXT-SECRET")
    text.add_itxt("XML:com.adobe.xmp", "XMP-SECRET")
    uploads = [
        upload(kind="JPEG", name="a.jpg", exif=exif.tobytes(), comment=b"COMMENT-SECRET"),
        upload(kind="PNG", exif=exif.tobytes(), pnginfo=text),
    ]
    for each in uploads:
        assert b"-SECRET" in each.read(), "the test's own file must carry what is to be removed"
    thumbnail = file_bytes(picture(), "JPEG")
    uploads.append(
        SimpleUploadedFile("b.jpg", file_bytes(picture(), "JPEG") + thumbnail + b"TRAILING-SECRET")
    )
    services.post_create(author=UserFactory(), uploads=uploads)
    files = [path for path in private_root.rglob("*") if path.is_file()]
    assert len(files) == 3
    for file in files:
        content = file.read_bytes()
        assert b"SECRET" not in content
        assert b"\xff\xd8\xff" not in content, "a JPEG inside"
        chunks = set(_png_chunks(content))
        assert chunks == {b"IHDR", b"IDAT", b"IEND"}


def _png_chunks(content: bytes):
    offset = 8
    while offset < len(content):
        length = int.from_bytes(content[offset : offset + 4], "big")
        yield content[offset + 4 : offset + 8]
        offset += 12 + length


def test_a_picture_marked_as_turned_is_stored_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown rotated by 90 degrees
    post = services.post_create(
        author=UserFactory(), uploads=[upload(picture(40, 30), exif=exif.tobytes(), kind="PNG")]
    )
    photo = post.photos.get()
    assert (photo.width, photo.height) == (30, 40)
    np.testing.assert_array_equal(np.asarray(Image.open(photo.original)), np.rot90(picture(40, 30), -1))


def test_a_very_large_picture_is_shrunk(settings) -> None:
    settings.PHOTO_MAX_SIDE = 100
    photo = services.post_create(author=UserFactory(), uploads=[upload(picture(400, 200))]).photos.get()
    assert (photo.width, photo.height) == (100, 50)
    assert Image.open(photo.original).size == (100, 50)


def truncated() -> SimpleUploadedFile:
    return SimpleUploadedFile("half.png", file_bytes(picture(200, 200))[:-2000])


BAD = {
    "half.png": truncated,
    "note.txt": lambda: SimpleUploadedFile("note.txt", b"not a picture"),
    "empty.png": lambda: SimpleUploadedFile("empty.png", b""),
    "dot.png": lambda: upload(picture(1, 1), name="dot.png"),
    "drawing.svg": lambda: SimpleUploadedFile("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_file_among_good_ones_is_named_and_nothing_is_stored(name, private_files, heard) -> None:
    uploads = [upload(name="good.png"), BAD[name](), upload(name="also-good.png")]
    with pytest.raises(ValidationError) as caught:
        services.post_create(author=UserFactory(), uploads=uploads)
    (message,) = caught.value.message_dict["photos"]
    assert message.startswith(f"{name}: ")
    assert "good.png" not in message
    assert "\n" not in message
    assert (Post.objects.count(), Photo.objects.count(), private_files(), heard) == (0, 0, [], [])


def test_a_file_too_large_is_named_before_it_is_read(settings) -> None:
    settings.PHOTO_MAX_BYTES = 100
    with pytest.raises(ValidationError, match=r"big\.png: larger than"):
        services.post_create(author=UserFactory(), uploads=[upload(name="big.png")])


def test_a_failure_while_saving_leaves_no_row_and_no_file(monkeypatch, private_files, heard) -> None:
    saves = []

    def fail_at_the_second(photo, *args, **kwargs):
        saves.append(photo)
        if len(saves) == 2:
            raise OSError("no space left")
        super(Photo, photo).save(*args, **kwargs)

    monkeypatch.setattr(Photo, "save", fail_at_the_second)
    with pytest.raises(OSError, match="no space left"):
        services.post_create(author=UserFactory(), uploads=[upload(), upload()])
    assert len(saves) == 2
    assert (Post.objects.count(), Photo.objects.count(), private_files(), heard) == (0, 0, [], [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"uploads": []}, "photos"),
        ({"uploads": "too many"}, "photos"),
        ({"caption": "x" * 501}, "caption"),
        ({"audience": "the press"}, "audience"),
        ({"audience": Audience.CIRCLE}, "circle"),
        ({"audience": Audience.CIRCLE, "circle": "somebody else's"}, "circle"),
        ({"alt_texts": ["x" * 301]}, "alt_text"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(changes, field, settings, private_files) -> None:
    if changes.get("uploads") == "too many":
        changes = {"uploads": [upload() for _ in range(settings.PHOTOS_PER_POST + 1)]}
    if "circle" in changes:
        changes = changes | {"circle": CircleFactory()}
    with pytest.raises(ValidationError) as caught:
        services.post_create(**{"author": UserFactory(), "uploads": [upload()]} | changes)
    assert list(caught.value.message_dict) == [field]
    assert (Post.objects.count(), private_files()) == (0, [])


def test_a_circle_is_forgotten_when_the_audience_is_another(django_capture_on_commit_callbacks) -> None:
    circle = CircleFactory()
    post = services.post_create(
        author=circle.owner, uploads=[upload()], audience=Audience.ONLY_ME, circle=circle
    )
    post.refresh_from_db()
    assert post.circle is None


def test_who_listens_hears_of_each_photo_only_after_the_commit(
    heard, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        post = services.post_create(author=UserFactory(), uploads=[upload(), upload()])
        assert heard == []
    assert len(callbacks) == 2
    assert heard == [("stored", photo.pk) for photo in post.photos.all()]


def test_a_broken_listener_does_not_lose_the_post(django_capture_on_commit_callbacks, caplog) -> None:
    def broken(**kwargs):
        raise ConnectionError("no broker")

    photo_stored.connect(broken)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            post = services.post_create(author=UserFactory(), uploads=[upload()])
    finally:
        photo_stored.disconnect(broken)
    assert Photo.objects.get(post=post).state == Photo.State.WAITING
    assert "no broker" in caplog.text


def test_deleting_a_post_deletes_its_rows_and_files_but_not_before_the_commit(
    heard, private_files, django_capture_on_commit_callbacks
) -> None:
    post = PostFactory()
    photos = [PhotoFactory(post=post), PhotoFactory(post=post)]
    keys = [photo.pk for photo in photos]
    kept = PhotoFactory()
    with django_capture_on_commit_callbacks(execute=True):
        services.post_delete(post=post, by=post.author)
        assert len(private_files()) == 3
        assert heard == []
    assert list(Photo.objects.all()) == [kept]
    assert private_files() == [kept.original.name]
    assert sorted(heard) == sorted(("deleted", key) for key in keys)


@pytest.mark.parametrize("how", ["photo", "query set", "author"])
def test_files_go_however_the_rows_were_deleted(
    how, private_files, django_capture_on_commit_callbacks
) -> None:
    photo = PhotoFactory()
    with django_capture_on_commit_callbacks(execute=True):
        if how == "photo":
            photo.delete()
        elif how == "query set":
            Post.objects.all().delete()
        else:
            photo.post.author.delete()
    assert (Photo.objects.count(), private_files()) == (0, [])


def test_an_author_changes_words_and_audience() -> None:
    photo = PhotoFactory(audience=Audience.MEMBERS)
    circle = CircleFactory(owner=photo.post.author)
    services.post_update(
        post=photo.post,
        by=photo.post.author,
        caption=" New ",
        audience=Audience.CIRCLE,
        circle=circle,
        alt_texts={photo.pk: "A hill"},
    )
    photo.refresh_from_db()
    post = Post.objects.get()
    assert (post.caption, post.audience, post.circle) == ("New", Audience.CIRCLE, circle)
    assert photo.alt_text == "A hill"
    services.post_update(post=post, by=post.author, caption="Newer")
    post.refresh_from_db()
    assert (post.caption, post.audience, post.circle) == ("Newer", Audience.CIRCLE, circle)


@pytest.mark.parametrize("what", ["caption", "description"])
def test_correcting_words_puts_back_no_audience_that_was_narrowed_meanwhile(what) -> None:
    photo = PhotoFactory(audience=Audience.MEMBERS)
    author = photo.post.author
    read_before = Post.objects.get()
    services.post_update(post=Post.objects.get(), by=author, audience=Audience.ONLY_ME, caption="Mine")
    words = {"caption": "A comma"} if what == "caption" else {"alt_texts": {photo.pk: "us"}}
    services.post_update(post=read_before, by=author, **words)
    post = Post.objects.get()
    assert post.audience == Audience.ONLY_ME
    assert post.caption == ("A comma" if what == "caption" else "Mine")


def test_a_post_that_is_gone_is_not_changed_nor_brought_back() -> None:
    post = PostFactory()
    Post.objects.all().delete()
    with pytest.raises(ValidationError):
        services.post_update(post=Post(pk=post.pk, author=post.author), by=post.author, caption="Hello")
    assert not Post.objects.exists()


def test_alt_texts_reach_photos_of_the_same_post_only() -> None:
    mine, other = PhotoFactory(), PhotoFactory()
    services.post_update(post=mine.post, by=mine.post.author, alt_texts={other.pk: "mine now"})
    other.refresh_from_db()
    assert other.alt_text == ""


def test_nobody_but_the_author_changes_or_deletes_a_post() -> None:
    post = PostFactory()
    staff = UserFactory(is_staff=True, is_superuser=True)
    for other in (UserFactory(), staff):
        with pytest.raises(PermissionDenied):
            services.post_update(post=post, by=other, caption="Hello")
        with pytest.raises(PermissionDenied):
            services.post_delete(post=post, by=other)
    assert Post.objects.get().caption == post.caption


def test_a_closed_account_does_not_post() -> None:
    with pytest.raises(PermissionDenied):
        services.post_create(author=UserFactory(is_active=False), uploads=[upload()])


def test_a_hostile_file_name_becomes_one_short_line() -> None:
    file = io.BytesIO(b"no picture")
    file.name = "../../etc/" + "a\nb\x00" + "x" * 500
    with pytest.raises(ValidationError) as caught:
        services.post_create(author=UserFactory(), uploads=[file])
    (message,) = caught.value.message_dict["photos"]
    assert message.startswith("abxxx")
    assert len(message) < 200
    assert message.isprintable()


def test_the_same_form_sent_again_is_the_post_there_is(private_files) -> None:
    author, images = UserFactory(), [picture(seed=1), picture(seed=2)]

    def send(by=author, token="a", images=images, **words):
        return services.post_create(
            author=by, uploads=[upload(image) for image in images], token=token, **words
        )

    post = send(caption="Two", audience=Audience.MEMBERS, alt_texts=["One", "Other"])
    again = send(caption="The two", audience=Audience.ONLY_ME, alt_texts=["One", "The other"])
    assert again.pk == post.pk
    post.refresh_from_db()
    assert (post.caption, post.audience) == ("The two", Audience.ONLY_ME), "as it was sent last"
    assert send(caption="The two", audience=Audience.FRIENDS, alt_texts=["One", "The other"]).pk == post.pk
    post.refresh_from_db()
    assert post.audience == Audience.ONLY_ME, "what comes late takes no narrowing back"
    assert [photo.alt_text for photo in post.photos.all()] == ["One", "The other"]
    assert len(private_files()) == 2
    others = [
        send(token="b"),
        send(by=UserFactory()),
        send(images=images[:1]),
        send(token=""),
        send(token=""),
    ]
    assert len({post.pk, *(other.pk for other in others)}) == 6
    services.post_delete(post=post, by=author)
    assert send().pk != post.pk, "one that was deleted may be posted again"


def test_of_two_that_are_sent_at_once_one_is_stored(
    monkeypatch, private_files, heard, django_capture_on_commit_callbacks
) -> None:
    """The second comes while the photos of the first are still being decoded, and is through before it."""
    author, decode, posts = UserFactory(), services.decode_upload, []

    def send():
        return services.post_create(author=author, uploads=[upload(picture(seed=1))], token="a")

    def meanwhile(file):
        monkeypatch.setattr(services, "decode_upload", decode)
        posts.append(send())
        return decode(file)

    monkeypatch.setattr(services, "decode_upload", meanwhile)
    with django_capture_on_commit_callbacks(execute=True):
        posts.append(send())
    assert len(posts) == 2
    assert {post.pk for post in posts} == {Post.objects.get().pk}
    assert private_files() == [Photo.objects.get().original.name]
    assert heard == [("stored", Photo.objects.get().pk)]
