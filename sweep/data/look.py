"""A look at the pictures of a source by their headers alone: not one pixel is decoded."""

import hashlib
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

from PIL import Image

from normsweep.data.decoding import Watch, contents, cores, reason, unwatched
from normsweep.data.listing import Listing, Part
from normsweep.data.treatment import Header, PictureError, header_of, strictly

_DIGEST = 16


@dataclass(frozen=True)
class Seen:
    """What headers say.

    Attributes:
        headers: how many pictures have which.
        faults: why pictures cannot be used, by their place in the listing.
        copies: how many are the same bytes as one before.
        wanted: the encoded pictures that were asked for, by their place.
    """

    headers: Counter[Header]
    faults: dict[int, str]
    copies: int
    wanted: dict[int, bytes]


def look_at(listing: Listing, wanted: Collection[int] = (), watch: Watch = unwatched) -> Seen:
    """Reads each picture of a listing once, in threads, and keeps those that are `wanted`."""
    count = len(listing.names)
    begins = [0, *accumulate(map(len, listing.parts))]
    keep = set(wanted)
    headers: Counter[Header] = Counter()
    faults: dict[int, str] = {}
    kept: dict[int, bytes] = {}
    digests: set[bytes] = set()
    with strictly(), ThreadPoolExecutor(cores()) as pool:
        done = 0
        for found in pool.map(_look, listing.parts, begins[:-1], [keep] * len(listing.parts)):
            headers += found.headers
            faults |= found.faults
            kept |= found.wanted
            digests |= found.digests
            done += found.count
            watch(done, count)
    return Seen(headers, faults, count - len(faults) - len(digests), kept)


@dataclass(frozen=True)
class _Found:
    count: int
    headers: Counter[Header]
    faults: dict[int, str]
    wanted: dict[int, bytes]
    digests: set[bytes]


def _look(part: Part, begin: int, wanted: set[int]) -> _Found:
    found = _Found(len(part), Counter(), {}, {}, set())
    for place, content in enumerate(contents(part), begin):
        assert not isinstance(content, Image.Image)
        if isinstance(content, Exception):
            found.faults[place] = f"cannot be read ({reason(content)})"
            continue
        try:
            found.headers[header_of(content)] += 1
        except PictureError as error:
            found.faults[place] = str(error)
            continue
        found.digests.add(hashlib.sha256(content).digest()[:_DIGEST])
        if place in wanted:
            found.wanted[place] = content
    return found
