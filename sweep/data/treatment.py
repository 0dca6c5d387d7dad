"""What an encoded picture becomes: bytes of one size and colour, by one treatment of every mode."""

import io
import math
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

VERSION = 1
"""Grows whenever the same picture comes to other pixels by our doing: what was kept is of no use
then."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""The formats that are read, as Pillow calls them; others may start programs of their own."""
ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""What the name of a file of these formats ends in, in small letters."""

COLOURS: Mapping[str, str] = {
    "grey": "one channel: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)",
    "rgb": "three channels; those of a grey picture are equal",
}
"""What `data.colour` may be."""

MOST_BYTES = 2**28
"""Encoded bytes of one picture."""

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_IHDR_END = 33
_SIXTEEN = ("I;16", "I;16B", "I;16L", "I;16N")
_GREY = ("1", "L", "LA", "La", *_SIXTEEN)
_COLOURED = ("P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr")
_ORIENTATION = 0x0112
# What turns a picture upright that was stored as the key says (EXIF 2.3, 4.6.4 A).
_UPRIGHT: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Treatment:
    """What pictures become.

    Attributes:
        size: the sides in pixels, of a square cut out of the middle and resized; None: as they are.
        colour: one of `COLOURS`; None: as they are.
    """

    size: int | None = None
    colour: str | None = None


AS_THEY_ARE = Treatment()


class PictureError(ValueError):
    """Why some bytes are no picture that can be used."""


def pixels_of(content: bytes | Image.Image, treatment: Treatment = AS_THEY_ARE) -> np.ndarray:
    """The pixels of a picture, encoded or of Pillow's, [h, w, c] uint8 with 1 channel of grey or 3
    of RGB.

    In this order:

    - of several pictures in a file, such as an animation, the first is taken;
    - 16 bits become 8: x / 257, rounded (of 16-bit colour Pillow gives the upper 8 alone);
    - a palette becomes its colours, 1 bit becomes 0 and 255, CMYK and YCbCr become RGB by Pillow's
      formulas, without colour profiles;
    - alpha, a transparent colour, or one of a palette, is laid onto white: (a x + (255 - a) 255) /
      255, rounded;
    - it is turned as EXIF or XMP say; an EXIF block that cannot be read turns nothing;
    - to `colour`, where it is another (`COLOURS`);
    - to `size`: a square is cut out of the middle, of the shorter side, from the upper left of two
      middles, and resized by Lanczos' filter of three lobes, which averages where it shrinks.

    Raises:
        PictureError: the bytes are none of `FORMATS`, damaged, too many, or too many pixels
            (`PIL.Image.MAX_IMAGE_PIXELS`); the mode is one of 32-bit numbers, or another that is
            not known.
    """
    with _telling(), _opened(content) as opened:
        _check(opened)
        # Pillow turns a TIFF while it loads it, and then says so.
        opened.load()
        upright = _UPRIGHT.get(_orientation(opened))
        picture = _flat(opened)
        if upright is not None:
            picture = picture.transpose(upright)
        picture = _sized(_coloured(picture, treatment.colour), treatment.size)
        found = np.asarray(picture)
    return found[..., None] if found.ndim == 2 else found


class Header(NamedTuple):
    """What a picture says of itself: its sides, as `pixels_of` finds them, and if it has colour."""

    height: int
    width: int
    coloured: bool


def header_of(content: bytes) -> Header:
    """The header of an encoded picture, decoded only if it must be; raises as `pixels_of` does."""
    if (found := _of_png(content)) is not None:
        return found
    with _telling(), _opened(content) as opened:
        _check(opened)
        turned = _says_how(opened.format, content) and _orientation(opened) >= 5
        width, height = opened.size[::-1] if turned else opened.size
        return Header(height, width, opened.mode in _COLOURED)


def _of_png(content: bytes) -> Header | None:
    """The header of a PNG without what may turn it; in an eighth of the time that Pillow takes."""
    if (
        len(content) <= _IHDR_END
        or content[:16] != _PNG
        or b"eXIf" in content
        or b"adobe.xmp" in content
    ):
        return None
    width, height, _, kind = struct.unpack_from(">IIBB", content, 16)
    # Grey is 0, and 4 with alpha (ISO/IEC 15948, 11.2.2); the rest is Pillow's to judge.
    if kind not in (0, 2, 3, 4, 6) or not 0 < width * height <= (Image.MAX_IMAGE_PIXELS or 0):
        return None
    return Header(height, width, kind not in (0, 4))


def _says_how(form: str | None, content: bytes) -> bool:
    """Whether the sides of a picture that is not loaded yet may be those before it is turned."""
    # Pillow has turned the sides of a TIFF by now, and decodes a PNG to look behind its pixels.
    return form != "TIFF" and (form != "PNG" or b"eXIf" in content or b"adobe.xmp" in content)


@contextmanager
def strictly() -> Iterator[None]:
    """Pillow says nothing to the user, and refuses bombs that it would warn of; in all threads."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def _telling() -> Iterator[None]:
    """Raises `PictureError` in place of whatever Pillow raises."""
    try:
        yield
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise PictureError(f"is none of {known}, or damaged at its beginning") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(_too_large()) from error
    # What a damaged file raises is whatever the codec trips over.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"is damaged: {reason}") from error


@contextmanager
def _opened(content: bytes | Image.Image) -> Iterator[Image.Image]:
    if isinstance(content, Image.Image):
        # It is its owner's to close.
        yield content
        return
    if not content:
        raise PictureError("is empty")
    if len(content) > MOST_BYTES:
        raise PictureError(f"has more than {MOST_BYTES} bytes")
    with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
        yield opened


def _check(opened: Image.Image) -> None:
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and math.prod(opened.size) > most:
        raise PictureError(_too_large())
    if opened.mode not in (*_GREY, *_COLOURED):
        raise PictureError(
            f"has the mode {opened.mode}; accepted are 1 to 16 bits of grey, and 8 of a palette, "
            "of RGB, YCbCr or CMYK, with alpha or without"
        )


def _too_large() -> str:
    return f"unpacks to more than {Image.MAX_IMAGE_PIXELS} pixels, as a bomb does"


def _orientation(opened: Image.Image) -> int:
    """1 to 8, where it is known."""
    # `ImageOps.exif_transpose` fails on blocks that are damaged elsewhere.
    try:
        return int(opened.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1


def _flat(opened: Image.Image) -> Image.Image:
    """In the mode L or RGB, without alpha."""
    if opened.mode in _SIXTEEN:
        values = np.asarray(opened).astype(np.uint32)
        grey = ((values + 128) // 257).astype(np.uint8)
        transparent = opened.info.get("transparency")
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return Image.fromarray(grey)
    plain = "L" if opened.mode in _GREY else "RGB"
    if opened.has_transparency_data:
        return _on_white(opened.convert(f"{plain}A"))
    return opened if opened.mode == plain else opened.convert(plain)


def _on_white(picture: Image.Image) -> Image.Image:
    layers = np.asarray(picture).astype(np.uint32)
    alpha = layers[..., -1:]
    mixed = ((layers[..., :-1] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return Image.fromarray(mixed[..., 0] if mixed.shape[2] == 1 else mixed)


def _coloured(picture: Image.Image, colour: str | None) -> Image.Image:
    wanted = {None: picture.mode, "grey": "L", "rgb": "RGB"}[colour]
    return picture if picture.mode == wanted else picture.convert(wanted)


def _sized(picture: Image.Image, size: int | None) -> Image.Image:
    if size is None or picture.size == (size, size):
        return picture
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    middle = picture.crop((left, top, left + side, top + side))
    if side == size:
        return middle
    return middle.resize((size, size), Image.Resampling.LANCZOS)
