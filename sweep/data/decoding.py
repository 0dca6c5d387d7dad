"""Pictures decoded in threads, into a file: the memory that it takes does not grow with them."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import accumulate, islice
from threading import Event
from typing import IO

import numpy as np
from PIL import Image

from normsweep.data.duplicates import DIGEST, digest_of
from normsweep.data.listing import Listing, Part
from normsweep.data.memory import gigabytes
from normsweep.data.treatment import FORMATS, PictureError, Treatment, pixels_of, strictly
from normsweep.errors import UserError

Watch = Callable[[int, int], None]
"""Called with how many pictures are decoded, and how many there are."""

MOST_LINES = 100
"""Of a message; more pictures are counted."""
_MOST_SIZES = 8

BLOCK = 2**24
"""Bytes that are moved at a time."""


def unwatched(done: int, total: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Decoded:
    """Pictures in a file, [n, height, width, stored] bytes in the order of their listing.

    Attributes:
        file: holds them, from its beginning.
        shape: [n, height, width, channels]: of grey ones that are stored as RGB the first channel.
        stored: the channels of each pixel in the file.
        digests: [n, `DIGEST`] uint8, over [height, width, channels] each.
    """

    file: IO[bytes]
    shape: tuple[int, int, int, int]
    stored: int
    digests: np.ndarray

    def blocks(self, order: np.ndarray) -> Iterator[np.ndarray]:
        """The pictures in another order, [some, height, width, channels] at a time."""
        _, height, width, channels = self.shape
        row = height * width * self.stored
        some = max(1, BLOCK // row)
        for begin in range(0, len(order), some):
            block = np.empty((min(some, len(order) - begin), row), np.uint8)
            for into, place in zip(block, order[begin : begin + some].tolist(), strict=True):
                os.preadv(self.file.fileno(), [into.data], place * row)
            yield block.reshape(-1, height, width, self.stored)[..., :channels]


def decode(listing: Listing, treatment: Treatment, file: IO[bytes], watch: Watch) -> Decoded:
    """Decodes all pictures of a listing into an empty file.

    Raises `UserError` that names each picture that cannot be used, and each of another size than
    most where `treatment` gives them none.
    """
    with strictly():
        return _decoded(listing, treatment, file, watch)


def _decoded(listing: Listing, treatment: Treatment, file: IO[bytes], watch: Watch) -> Decoded:
    count = len(listing.names)
    height, width = _first_size(listing, treatment)
    of_all = f"{listing.origin}: the array of {count} pictures of {height}×{width}"
    stored = 1 if treatment.colour == "grey" else 3
    size = count * height * width * stored
    if size > (free := shutil.disk_usage(file.fileno()).free):
        raise UserError(
            f"{of_all} takes {gigabytes(size)} of disk while they are unpacked, and "
            f"{gigabytes(free)} is free; accepted is what fits: a smaller data.size, or another "
            "folder in SWEEP_CACHE"
        )
    work = _Work(listing, treatment, (height, width, stored), file.fileno())
    work.run(watch)
    _check(work)
    coloured = work.coloured if treatment.colour is None else treatment.colour == "rgb"
    channels = 3 if coloured else 1
    digests = work.digests if channels == stored else work.grey_digests
    return Decoded(file, (count, height, width, channels), stored, digests)


def _first_size(listing: Listing, treatment: Treatment) -> tuple[int, int]:
    """Height and width of the first picture that can be used; 1 and 1 where none can be."""
    if treatment.size is not None:
        return treatment.size, treatment.size
    for part in listing.parts:
        for content in contents(part):
            if not isinstance(content, Exception):
                try:
                    height, width, _ = pixels_of(content, treatment).shape
                except PictureError:
                    continue
                return height, width
    return 1, 1


def contents(part: Part) -> Iterator[bytes | Image.Image | Exception]:
    """As many as the part says that it has."""
    done, fault = 0, None
    try:
        for content in islice(part.read(), len(part)):
            yield content
            done += 1
    except Exception as error:
        fault = error
    for _ in range(done, len(part)):
        yield fault or EOFError("ends too early")


@dataclass
class _Work:
    """What the threads share: each writes in places of its own."""

    listing: Listing
    treatment: Treatment
    shape: tuple[int, int, int]
    file: int
    digests: np.ndarray = field(init=False)
    grey_digests: np.ndarray = field(init=False)
    faults: dict[int, str] = field(default_factory=dict)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    coloured: bool = False
    cause: Exception | None = None
    _stopping: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        count = len(self.listing.names)
        self.digests = np.zeros((count, DIGEST), np.uint8)
        self.grey_digests = np.zeros((count, DIGEST), np.uint8)

    def run(self, watch: Watch) -> None:
        parts, total = self.listing.parts, len(self.listing.names)
        begins = [0, *accumulate(map(len, parts))]
        # Pillow looks for its codecs when it is first used, and not in several threads.
        Image.init()
        watch(0, total)
        with ThreadPoolExecutor(cores()) as pool:
            futures = [
                pool.submit(self._decode, part, begin)
                for part, begin in zip(parts, begins[:-1], strict=True)
            ]
            done = 0
            try:
                for future in as_completed(futures):
                    done += future.result()
                    watch(done, total)
            finally:
                self._stopping.set()
                pool.shutdown(cancel_futures=True)

    def _decode(self, part: Part, begin: int) -> int:
        for place, content in enumerate(contents(part), begin):
            if self._stopping.is_set():
                break
            if not isinstance(content, Exception):
                try:
                    self._keep(place, pixels_of(content, self.treatment))
                except PictureError as error:
                    self.faults[place] = str(error)
            else:
                self.faults[place] = f"cannot be read ({reason(content)})"
                self.cause = self.cause or content
        return len(part)

    def _keep(self, place: int, pixels: np.ndarray) -> None:
        height, width, stored = self.shape
        if pixels.shape[:2] != (height, width):
            self.sizes[place] = (pixels.shape[0], pixels.shape[1])
            return
        kept = pixels
        if pixels.shape[2] < stored:
            self.grey_digests[place] = np.frombuffer(digest_of(pixels), np.uint8)
            kept = np.repeat(pixels, stored, axis=2)
        elif stored > 1:
            self.coloured = True
        self.digests[place] = np.frombuffer(digest_of(kept), np.uint8)
        _write(self.file, np.ascontiguousarray(kept).data.cast("B"), place * kept.size)


def _write(file: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(file, content, offset)
        content, offset = content[written:], offset + written


def cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _check(work: _Work) -> None:
    """Raises `UserError` for what cannot be used and what has another size than most."""
    listing, faults = work.listing, work.faults
    total = len(listing.names)
    told, unfit = [], {place: faults[place] for place in sorted(faults)}
    if faults:
        told.append(
            f"{listing.origin}: {len(faults)} of {total} pictures cannot be used; accepted are "
            f"whole pictures ({', '.join(FORMATS)}), or a "
            "source without these"
        )
    if work.sizes:
        first = work.shape[:2]
        sizes = {p: work.sizes.get(p, first) for p in range(total) if p not in faults}
        counts = Counter(sizes.values()).most_common()
        most = counts[0][0]
        shown = [f"{number} of {h}×{w}" for (h, w), number in counts[:_MOST_SIZES]]
        told.append(
            f"{listing.origin}: pictures are of {len(counts)} sizes (height × width: "
            f"{', '.join(shown)}{', …' if len(counts) > _MOST_SIZES else ''}); accepted is one, or "
            f"data.size = {min(most)}, which cuts a square out of the middle of each and resizes it"
        )
        unfit |= {place: f"is of {h}×{w}" for place, (h, w) in sizes.items() if (h, w) != most}
    if told:
        lines = [f"  {listing.names[place]} {reason}" for place, reason in unfit.items()]
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = [f"  … and {len(lines) - MOST_LINES} more"]
        raise UserError("\n".join((*told, *lines))) from work.cause
