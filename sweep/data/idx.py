"""IDX, the file format of MNIST and its relatives, plain or gzip-compressed."""

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from normsweep.data.dataset import Dataset, make_dataset
from normsweep.data.memory import check_room
from normsweep.data.pixels import Range
from normsweep.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
MAX_DIMS = 4
CHUNK_BYTES = 1 << 20

# The third byte of the magic number; multi-byte types are big-endian.
IDX_DTYPES: Mapping[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}

SPLIT_PREFIXES: Mapping[str, str] = {"train": "train", "test": "t10k"}
# Both spellings are in circulation; where several files are there, the first named here is read.
IMAGE_ENDINGS = ("-images-idx3-ubyte.gz", "-images-idx3-ubyte",
                 "-images.idx3-ubyte.gz", "-images.idx3-ubyte")  # fmt: skip
LABEL_ENDINGS = tuple(e.replace("images", "labels").replace("3", "1") for e in IMAGE_ENDINGS)


def read_idx(path: Path) -> np.ndarray:
    """Reads one IDX file of 1 to 4 dimensions, in native byte order.

    Compression is told by content, not by name. The data must have exactly the length that the
    header declares, and no more than that (and one byte) is ever read or unpacked, so neither a
    false header nor a gzip bomb costs memory.

    Raises:
        UserError: the file is absent or unreadable, its magic number, type code or dimensions are
            not IDX, it is too short or too long, or the gzip stream is damaged.

    References:
        LeCun, Cortes, Burges: The MNIST database, section on file formats.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            if not packed:
                return _parse(file, path)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _parse(unpacked, path)
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: damaged gzip data ({error}); expected an IDX file") from error
    except EOFError as error:
        raise UserError(f"{path}: the gzip data end too early; expected a whole file") from error
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{path}: cannot be read ({reason}); expected an IDX file") from error


def idx_files(folder: Path, split: str) -> tuple[Path | None, Path | None]:
    """Where the images and the labels of a split ("train" or "test") are; None for absent.

    Raises:
        UserError: no such split.
    """
    if split not in SPLIT_PREFIXES:
        raise UserError(f"data.split = {split!r}: accepted are {', '.join(SPLIT_PREFIXES)}")
    prefix = SPLIT_PREFIXES[split]

    def first(endings: tuple[str, ...]) -> Path | None:
        paths = (folder / (prefix + ending) for ending in endings)
        return next((path for path in paths if path.is_file()), None)

    return first(IMAGE_ENDINGS), first(LABEL_ENDINGS)


def load_idx_folder(
    folder: Path,
    split: str = "train",
    *,
    name: str = "idx",
    otherwise: str = "",
    pixel_range: Range | None = None,
) -> Dataset:
    """The images of a split and, where their file is there, the labels.

    Args:
        folder: holds files named as MNIST's are: "train-..." and, for the split "test", "t10k-...".
        split: "train" or "test".
        name: the data set's name.
        pixel_range: the numbers of black and white, see `make_dataset`.
        otherwise: said where there are no images, of what else can be done.

    Raises:
        UserError: folder or images are absent (the message lists the accepted names), or a file
            is not what `read_idx` and `make_dataset` accept.
    """
    images, labels = idx_files(folder, split)
    if images is None:
        missing = "no images in this folder" if folder.is_dir() else "no such folder"
        prefix = SPLIT_PREFIXES[split]
        raise UserError(
            f"{folder}: {missing}; put into it one of "
            f"{', '.join(prefix + ending for ending in IMAGE_ENDINGS)}, and for labels one of "
            f"{', '.join(prefix + ending for ending in LABEL_ENDINGS)}{otherwise}"
        )
    return make_dataset(
        name,
        read_idx(images),
        None if labels is None else read_idx(labels),
        origin=str(images) if labels is None else f"{images} with {labels.name}",
        pixel_range=pixel_range,
    )


def _parse(stream: BinaryIO | gzip.GzipFile, path: Path) -> np.ndarray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_DTYPES:
        codes = ", ".join(f"{code:02x}" for code in IDX_DTYPES)
        raise UserError(
            f"{path}: not an IDX file: expected the bytes 00 00, a type code ({codes}) and the "
            f"number of dimensions, found {magic.hex(' ') or 'an empty file'}"
        )
    dtype, ndim = IDX_DTYPES[magic[2]], magic[3]
    if not 1 <= ndim <= MAX_DIMS:
        raise UserError(f"{path}: expected 1 to {MAX_DIMS} dimensions, found {ndim}")
    header = stream.read(4 * ndim)
    if len(header) < 4 * ndim:
        raise UserError(
            f"{path}: truncated: expected {4 * ndim} bytes of dimensions, found {len(header)}"
        )
    shape = struct.unpack(f">{ndim}I", header)
    if 0 in shape:
        raise UserError(f"{path}: expected dimensions >= 1, found {list(shape)}")

    expected = math.prod(shape) * dtype.itemsize
    if Path(path).stat().st_size > expected:
        check_room(expected, f"{path}: the array")
    data = _read_at_most(stream, expected + 1)
    if len(data) != expected:
        fault, found = "truncated", str(len(data))
        if len(data) > expected:
            fault, found = "trailing bytes", "more"
        raise UserError(
            f"{path}: {fault}: expected {expected} bytes of data for the shape {list(shape)}, "
            f"found {found}"
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_at_most(stream: BinaryIO | gzip.GzipFile, limit: int) -> bytearray:
    """All that the stream holds, up to `limit` bytes, growing only with what is there.

    One `read(limit)` would allocate `limit` bytes first, whatever the file holds.
    """
    data = bytearray()
    while len(data) < limit and (chunk := stream.read(min(CHUNK_BYTES, limit - len(data)))):
        data += chunk
    return data
