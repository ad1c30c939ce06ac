"""Untrusted files: every one is a picture of upright 8-bit RGB, or one clear line."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage
from PIL import ImageCms

from mfmc_engine.errors import ImageRejectedError, InvalidInputError, InvalidTypeError
from mfmc_engine.imaging import decode, encode, resize_to_fit
from mfmc_engine.parameters import MAX_PIXELS


def saved(picture: PILImage.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def scene() -> PILImage.Image:
    """40 x 30, red on the left, blue on the right."""
    picture = PILImage.new("RGB", (40, 30), (200, 30, 30))
    picture.paste((30, 30, 200), (20, 0, 40, 30))
    return picture


def png_header(width: int, height: int) -> bytes:
    """A PNG that only claims its size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def assert_is_scene(image: np.ndarray) -> None:
    assert image.dtype == np.uint8
    assert image.shape == (30, 40, 3)
    assert np.abs(image[15, 5].astype(int) - (200, 30, 30)).max() < 25
    assert np.abs(image[15, 35].astype(int) - (30, 30, 200)).max() < 25


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_every_accepted_format_opens(scene, kind) -> None:
    assert_is_scene(decode(saved(scene, kind)))


def test_a_path_its_bytes_and_an_open_file_give_the_same_picture(scene, tmp_path) -> None:
    path = tmp_path / "scene.png"
    scene.save(path)
    with path.open("rb") as file:
        data = path.read_bytes()
        pictures = [decode(path), decode(str(path)), decode(data), decode(file)]
        pictures += [decode(bytearray(data)), decode(memoryview(data))]
    for picture in pictures:
        assert np.array_equal(picture, pictures[0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(scene, orientation) -> None:
    stored = {  # how a camera held that way stores the upright scene: the inverse of what the tag asks for
        1: lambda p: p,
        2: lambda p: p.transpose(PILImage.Transpose.FLIP_LEFT_RIGHT),
        3: lambda p: p.transpose(PILImage.Transpose.ROTATE_180),
        4: lambda p: p.transpose(PILImage.Transpose.FLIP_TOP_BOTTOM),
        5: lambda p: p.transpose(PILImage.Transpose.TRANSPOSE),
        6: lambda p: p.transpose(PILImage.Transpose.ROTATE_90),
        7: lambda p: p.transpose(PILImage.Transpose.TRANSVERSE),
        8: lambda p: p.transpose(PILImage.Transpose.ROTATE_270),
    }[orientation](scene)
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    assert_is_scene(decode(saved(stored, "PNG", exif=exif)))


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "1", "LA", "RGBA", "YCbCr", "I;16"])
def test_every_pixel_mode_becomes_rgb(mode) -> None:
    grey = PILImage.new("L", (40, 30), 255)
    if mode == "I;16":
        picture = PILImage.fromarray(np.full((30, 40), 65535, np.uint16))
    else:
        picture = (grey.convert("RGB") if mode in ("P", "CMYK", "YCbCr") else grey).convert(mode)
    image = decode(saved(picture, "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"))
    assert image.shape == (30, 40, 3)
    assert image.min() >= 250


def test_sixteen_bit_grey_keeps_its_scale() -> None:
    ramp = np.linspace(0, 65535, 40).astype(np.uint16)
    image = decode(saved(PILImage.fromarray(np.tile(ramp, (30, 1))), "PNG"))
    assert np.array_equal(image[0, :, 0], ramp >> 8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_told_by_the_file_and_not_by_its_values(kind) -> None:
    dark = np.full((30, 40), 300, np.uint16)
    assert np.unique(decode(saved(PILImage.fromarray(dark), kind))).tolist() == [1]
    black = np.zeros((30, 40), np.uint16)
    assert decode(saved(PILImage.fromarray(black), kind)).max() == 0
    with pytest.raises(ImageRejectedError, match="below 256"):  # nothing of it would be seen
        decode(saved(PILImage.fromarray(dark - 100), kind))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_values_of_an_unknown_range_are_refused(dtype) -> None:
    with pytest.raises(ImageRejectedError, match="not supported"):
        decode(saved(PILImage.fromarray(np.ones((30, 40), dtype)), "TIFF"))


@pytest.mark.parametrize("source", [None, 5, np.zeros(9)])
def test_what_cannot_be_opened_at_all_is_told_in_one_line(source) -> None:
    with pytest.raises(InvalidTypeError, match="a path, its bytes or a binary file"):
        decode(source)


@pytest.mark.parametrize("quality", [0, -5, 101])
def test_a_quality_is_from_1_to_100(scene, quality) -> None:
    with pytest.raises(InvalidInputError, match="from 1 to 100"):
        encode(np.asarray(scene), ".jpg", quality)
    assert len(encode(np.asarray(scene), ".jpg", 1)) < len(encode(np.asarray(scene), ".jpg"))


def test_transparency_is_flattened_on_white(scene) -> None:
    scene.putalpha(0)  # the hidden colours must not come back as visible pixels
    assert decode(saved(scene, "PNG")).min() == 255


def test_of_an_animation_the_first_frame_is_taken(scene) -> None:
    other = PILImage.new("RGB", scene.size, "white")
    assert_is_scene(decode(saved(scene, "GIF", save_all=True, append_images=[other])))


def test_an_embedded_profile_is_converted_to_srgb(scene) -> None:
    """A made-up profile whose red primary is sRGB's blue one, and the other way round."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "BGRs".encode("utf-16-be"))
    assert_is_scene(decode(saved(scene, "PNG", icc_profile=swapped))[:, ::-1])
    assert_is_scene(decode(saved(scene, "PNG", icc_profile=srgb)))


@pytest.mark.parametrize("profile", [b"no profile at all", "XYZ", "LAB"])
def test_a_broken_or_mismatched_profile_is_ignored(scene, profile) -> None:
    if isinstance(profile, str):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(profile)).tobytes()
    assert_is_scene(decode(saved(scene, "PNG", icc_profile=profile)))


@pytest.mark.parametrize("side", [20_000, 10_001])
def test_a_bomb_is_refused_by_its_header(side) -> None:
    assert side * side > MAX_PIXELS
    with pytest.raises(ImageRejectedError, match="megapixels"):
        decode(png_header(side, side))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind, share) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = saved(PILImage.fromarray(noise), kind)
    with pytest.raises(ImageRejectedError):
        decode(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 15)])
def test_a_tiny_picture_is_refused(size) -> None:
    with pytest.raises(ImageRejectedError, match="too small"):
        decode(saved(PILImage.new("RGB", size), "PNG"))


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg/>", b"%PDF-1.7", b"\xff\xd8\xff\xe0", bytes(5000)])
def test_what_is_no_picture_is_refused_in_one_line(content) -> None:
    with pytest.raises(ImageRejectedError) as refusal:
        decode(content)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(ImageRejectedError):
            decode(path)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_bytes_never_raise_anything_else(data) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (20, 20, 3), np.uint8)
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"]))
    content = bytearray(saved(PILImage.fromarray(noise), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    refusal = ""
    try:
        image = decode(bytes(content))
    except ImageRejectedError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
    else:
        assert image.ndim == 3
        assert image.dtype == np.uint8


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".webp", ".tif", ".bmp"])
def test_a_written_file_holds_the_pixels_and_no_metadata(scene, suffix) -> None:
    content = encode(np.asarray(scene), suffix)
    assert_is_scene(decode(content))
    written = PILImage.open(io.BytesIO(content))
    assert not written.getexif() or suffix == ".tif"  # a TIFF's own tags (size, ...) count as EXIF
    assert "icc_profile" not in written.info
    assert not {"comment", "xmp", "XML:com.adobe.xmp"} & set(written.info)


def test_lossless_formats_return_the_same_pixels() -> None:
    noise = np.random.default_rng(2).integers(0, 255, (33, 47, 3), np.uint8)
    for suffix in (".png", ".tif", ".bmp"):
        assert np.array_equal(decode(encode(noise, suffix)), noise)


def test_an_unknown_suffix_is_refused(scene) -> None:
    for suffix in (".gif", "", ".exe"):
        with pytest.raises(ImageRejectedError, match="cannot write"):
            encode(np.asarray(scene), suffix)


def test_shrinking_keeps_the_ratio_and_never_enlarges() -> None:
    image = np.zeros((300, 400, 3), np.uint8)
    assert resize_to_fit(image, 200).shape == (150, 200, 3)
    assert resize_to_fit(image, 1000).shape == image.shape
    assert resize_to_fit(np.zeros((16, 5000, 3), np.uint8), 100).shape == (1, 100, 3)


class TestHeic:
    """``data/turned.heic``: 96 x 64, red on the left, stored as a phone held upright does, with a place in its EXIF."""

    FILE = (Path(__file__).parent / "data" / "turned.heic").read_bytes()

    def test_it_is_decoded_upright_and_only_once(self):
        image = decode(self.FILE)
        assert image.shape == (96, 64, 3)
        assert np.abs(image[8, 32].astype(int) - (200, 30, 30)).max() < 12
        assert np.abs(image[-8, 32].astype(int) - (30, 30, 200)).max() < 12

    def test_nothing_but_pixels_goes_on(self):
        again = encode(decode(self.FILE), ".png")
        assert b"A camera" in self.FILE
        assert b"A camera" not in again
        assert not PILImage.open(io.BytesIO(again)).getexif()

    @pytest.mark.parametrize("size", [40, 200, 400, 640])
    def test_a_truncated_one_is_refused(self, size):
        with pytest.raises(ImageRejectedError):
            decode(self.FILE[:size])

    def test_metadata_of_a_type_that_is_no_text_do_not_end_the_process(self):
        before, after = self.FILE.split(b"Exif", 1)  # its first place is the item's type
        image = decode(before + b"\x81xif" + after)
        assert image.shape == (96, 64, 3)

    @given(st.integers(0, len(FILE) - 1), st.integers(0, 255))
    @settings(max_examples=60, deadline=None)
    def test_a_damaged_one_is_a_picture_or_refused(self, at, value):
        damaged = self.FILE[:at] + bytes([value]) + self.FILE[at + 1 :]
        try:
            image = decode(damaged)
        except ImageRejectedError:
            return
        assert image.ndim == 3
        assert image.shape[2] == 3
        assert image.dtype == np.uint8
