"""Each mode, orientation and size of a picture, against values computed by hand."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from normsweep.data.treatment import FORMATS, PictureError, Treatment, header_of, pixels_of
from tests.data.pictures import drawn, encoded

GREY = drawn(1, 5, 4)[0]
RGB = drawn(1, 5, 4, 3)[0]
ALPHA = drawn(1, 5, 4, seed=1)[0]


def on_white(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(a x + (255 - a) 255) / 255, rounded half up."""
    exact = (values * alpha.astype(float) + (255 - alpha.astype(float)) * 255) / 255
    return np.floor(exact + 0.5).astype(np.uint8)


def palette(transparent: int | None = None) -> bytes:
    picture = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8)).convert("P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    return encoded(picture, **({} if transparent is None else {"transparency": transparent}))


COLOURS = np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [10, 20, 30]]])


def sixteen(values: np.ndarray, form: str = "PNG") -> bytes:
    return encoded(Image.fromarray(values.astype(np.uint16)), form)


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def with_key(png: bytes, key: bytes) -> bytes:
    """A PNG of which one grey or colour is transparent: a tRNS chunk behind the header."""
    return png[:33] + chunk(b"tRNS", key) + png[33:]


CMYK = np.array([[[0, 0, 0, 0], [255, 0, 0, 0]], [[0, 255, 255, 51], [9, 9, 9, 255]]], np.uint8)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(encoded(GREY), GREY[..., None], id="L"),
        pytest.param(encoded(RGB), RGB, id="RGB"),
        pytest.param(
            encoded(Image.fromarray(GREY > 99)), np.where(GREY > 99, 255, 0)[..., None], id="1"
        ),
        pytest.param(encoded(np.dstack([GREY, ALPHA])), on_white(GREY, ALPHA)[..., None], id="LA"),
        pytest.param(encoded(np.dstack([RGB, ALPHA])), on_white(RGB, ALPHA[..., None]), id="RGBA"),
        pytest.param(palette(), COLOURS, id="P"),
        pytest.param(
            palette(transparent=1),
            np.where(np.array([[0, 1], [0, 0]])[..., None], 255, COLOURS),
            id="P, one transparent",
        ),
        pytest.param(
            sixteen(np.array([[0, 128, 129, 257], [32768, 65278, 65406, 65535]])),
            np.array([[0, 0, 1, 1], [128, 254, 254, 255]])[..., None],
            id="I;16",
        ),
        pytest.param(
            sixteen(np.array([[0, 385, 386], [65535, 40000, 257]]), "TIFF"),
            np.array([[0, 1, 2], [255, 156, 1]])[..., None],
            id="I;16 in TIFF",
        ),
        pytest.param(
            with_key(sixteen(np.array([[0, 257, 65535]])), struct.pack(">H", 257)),
            np.array([[0, 255, 255]])[..., None],
            id="I;16, one transparent",
        ),
        pytest.param(
            with_key(encoded(np.array([[3, 4, 5]], np.uint8)), struct.pack(">H", 4)),
            np.array([[3, 255, 5]])[..., None],
            id="L, one transparent",
        ),
        pytest.param(
            with_key(encoded(Image.fromarray(np.array([[True, False]]))), struct.pack(">H", 0)),
            np.array([[255, 255]])[..., None],
            id="1, one transparent",
        ),
        pytest.param(
            with_key(encoded(COLOURS.astype(np.uint8)), struct.pack(">HHH", 40, 50, 60)),
            np.where(np.array([[0, 1], [0, 0]])[..., None], 255, COLOURS),
            id="RGB, one transparent",
        ),
        pytest.param(
            encoded(Image.fromarray(CMYK, "CMYK"), "TIFF"),
            # (255 - C) (255 - K) / 255 and so on.
            np.array([[[255, 255, 255], [0, 255, 255]], [[204, 0, 0], [0, 0, 0]]]),
            id="CMYK",
        ),
        pytest.param(
            encoded(
                Image.fromarray(np.array([[[128, 128, 128], [76, 85, 255]]], np.uint8), "YCbCr"),
                "TIFF",
            ),
            # R = Y + 1.402 (Cr - 128), G = Y - 0.344136 (Cb - 128) - 0.714136 (Cr - 128),
            # B = Y + 1.772 (Cb - 128), of JFIF.
            np.array([[[128, 128, 128], [254, 0, 0]]]),
            id="YCbCr",
        ),
    ],
)
def test_a_mode_becomes_grey_or_rgb(content: bytes, expected: np.ndarray) -> None:
    found = pixels_of(content)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


@pytest.mark.filterwarnings("ignore:.*mode.*parameter:DeprecationWarning")
@pytest.mark.parametrize(
    ("picture", "form", "mode"),
    [
        (Image.fromarray(np.zeros((2, 2), np.float32)), "TIFF", "F"),
        (Image.fromarray(np.zeros((2, 2), np.int32)), "TIFF", "I"),
        (Image.new("LAB", (2, 2)), "TIFF", "LAB"),
    ],
)
def test_numbers_of_32_bits_and_unknown_modes_are_refused_by_name(
    picture: Image.Image, form: str, mode: str
) -> None:
    with pytest.raises(PictureError, match=rf"has the mode {mode}; accepted are 1 to 16 bits"):
        pixels_of(encoded(picture, form))


# What stands at the upper left, upper right, lower left and lower right of what is seen, by the
# places 0 1 / 2 3 in what is stored (EXIF 2.3, 4.6.4 A).
SEEN = {
    1: [[0, 1], [2, 3]],
    2: [[1, 0], [3, 2]],
    3: [[3, 2], [1, 0]],
    4: [[2, 3], [0, 1]],
    5: [[0, 2], [1, 3]],
    6: [[2, 0], [3, 1]],
    7: [[3, 1], [2, 0]],
    8: [[1, 3], [0, 2]],
}


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_a_picture_is_turned_as_its_exif_says(orientation: int, form: str) -> None:
    stored = np.array([[10, 20], [30, 40]], np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    found = pixels_of(encoded(stored, form, exif=exif, **options))[..., 0]
    np.testing.assert_array_equal(found, stored.ravel()[np.array(SEEN[orientation])])


def test_a_picture_that_is_turned_has_the_sides_that_are_seen() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert pixels_of(encoded(RGB, "JPEG", exif=exif)).shape == (4, 5, 3)


def test_an_exif_block_that_is_damaged_turns_nothing() -> None:
    content = encoded(RGB, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff")
    np.testing.assert_array_equal(pixels_of(content), RGB)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_picture_is_taken(form: str) -> None:
    frames = [Image.fromarray(np.full((4, 4, 3), value, np.uint8)) for value in (0, 255)]
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    content = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(pixels_of(content), np.zeros((4, 4, 3)))


def test_grey_is_the_weighted_sum_of_bt_601() -> None:
    pure = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    found = pixels_of(encoded(pure), Treatment(colour="grey"))
    np.testing.assert_array_equal(found[0, :, 0], [76, 150, 29, 255])
    three = pixels_of(encoded(GREY), Treatment(colour="rgb"))
    np.testing.assert_array_equal(three, np.repeat(GREY[..., None], 3, 2))


@pytest.mark.parametrize(("height", "width", "top", "left"), [(7, 4, 1, 0), (4, 9, 0, 2)])
def test_a_square_is_cut_out_of_the_middle(height: int, width: int, top: int, left: int) -> None:
    image = drawn(1, height, width, 3)[0]
    found = pixels_of(encoded(image), Treatment(size=4))
    np.testing.assert_array_equal(found, image[top : top + 4, left : left + 4])


def lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


@pytest.mark.parametrize("size", [3, 5, 14])
def test_resizing_is_lanczos_filter_widened_where_it_shrinks(size: int) -> None:
    image = drawn(1, 10, 10, 1)[0]
    scale = 10 / size
    centres = (np.arange(size) + 0.5) * scale - 0.5
    weights = lanczos((np.arange(10)[None] - centres[:, None]) / max(scale, 1))
    weights /= weights.sum(axis=1, keepdims=True)
    across = np.clip(image[..., 0] @ weights.T, 0, 255)
    expected = np.clip(weights @ across, 0, 255)
    found = pixels_of(encoded(image[..., 0]), Treatment(size=size))[..., 0]
    # Pillow rounds after each of the two passes.
    assert np.abs(found - expected).max() <= 1.5


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "PNG"])
def test_every_format_is_read(form: str) -> None:
    smooth = np.add.outer(np.arange(16), np.arange(16)).astype(np.uint8) * 4
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    found = pixels_of(encoded(smooth, form, **options), Treatment(colour="grey"))
    assert np.abs(found[..., 0].astype(int) - smooth).max() <= (3 if form == "JPEG" else 0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"no picture at all", "is none of PNG, JPEG, GIF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is none of PNG"),
        (encoded(RGB)[:60], "is damaged: .*truncated"),
        (encoded(drawn(1, 40, 40, 3)[0], "JPEG")[:400], "is damaged: Truncated"),
        (encoded(drawn(1, 40, 40, 3)[0], "JPEG")[:900], "is damaged: .*truncated"),
        (encoded(RGB).replace(b"IDAT", b"IDAX"), "damaged at its beginning"),
    ],
)
def test_what_is_no_picture_is_told(content: bytes, told: str) -> None:
    with pytest.raises(PictureError, match=told):
        pixels_of(content)


SAMPLES = [encoded(RGB, form) for form in FORMATS] + [palette(1), sixteen(GREY)]


@given(data=st.data())
def test_no_damage_raises_anything_but_that_it_is_no_picture(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = pixels_of(bytes(content))
    except PictureError:
        return
    assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] in (1, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_header_has_the_sides_of_a_picture_once_it_is_turned(form: str, orientation: int) -> None:
    picture = Image.fromarray(np.zeros((3, 5, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = orientation
    content = encoded(picture, form, exif=exif)
    found = header_of(content)
    assert (found.height, found.width, found.coloured) == (*pixels_of(content).shape[:2], True)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "P", "RGB", "RGBA"])
def test_a_header_has_the_colour_of_each_mode(mode: str) -> None:
    content = encoded(Image.new(mode, (5, 3)))
    expected = (3, 5, pixels_of(content).shape[2] == 3)
    assert header_of(content) == expected


@pytest.mark.parametrize("content", [b"", b"nothing", encoded(GREY)[:20], encoded(GREY)[:25]])
def test_a_header_that_is_none_is_told(content: bytes) -> None:
    with pytest.raises(PictureError, match=r"is empty|is none of PNG|is damaged"):
        header_of(content)
