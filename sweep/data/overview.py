"""What a source was understood to hold, for people to look at before a study trains on it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from normsweep.data.apportion import apportion
from normsweep.data.cache import cache_folder
from normsweep.data.dataset import Dataset
from normsweep.data.decoding import Watch, unwatched
from normsweep.data.faults import error_of
from normsweep.data.kept import KIND, key_of, read_kept
from normsweep.data.limit import limit_dataset
from normsweep.data.listing import Listing
from normsweep.data.look import Seen, look_at
from normsweep.data.pictures import load_pictures
from normsweep.data.pixels import Range
from normsweep.data.treatment import PictureError, Treatment, pixels_of, strictly
from normsweep.errors import UserError

DECODED = 5000
"""Of more pictures the pixels are looked at only where they were kept: to decode them takes longer
than a look is worth."""

ROWS = COLUMNS = 10
"""Of the sheet: so many classes, and so many images of each."""
LARGEST = 128
"""Pixels of a side of an image on the sheet."""

_BYTES = (0.0, 255.0)


@dataclass(frozen=True)
class Class:
    """A label, what it is called, and how many images have it; it may have no name."""

    label: int
    name: str | None
    count: int


@dataclass(frozen=True)
class Overview:
    """What a source holds.

    Attributes:
        name: of the data set.
        count: how many images a study gets.
        shape: height, width and channels of each; None where pictures have several sizes.
        pixel_range: the numbers that become -1 and 1.
        classes: the labels; None of images without.
        sizes: how many pictures have which height and width before they are treated, most first;
            None of what is no pictures.
        copies: how many images are copies of others, to the last pixel, or to the last byte of the
            file where no pixel was looked at.
        decoded: whether the pixels were looked at.
        fingerprint: of the data set, where it is known.
        told: what was assumed, left out, and what looks wrong.
        fault: why no study can be trained on it; None where one can.
        file: where the decoded images are kept.
        sheet: images to show, [rows, columns, h, w, c] uint8; rows are classes where there are any.
            White where there is none.
    """

    name: str
    count: int
    shape: tuple[int, int, int] | None
    pixel_range: Range
    classes: tuple[Class, ...] | None
    sizes: tuple[tuple[int, int, int], ...] | None
    copies: int
    decoded: bool
    fingerprint: str | None
    told: tuple[str, ...]
    fault: UserError | None
    file: Path | None
    sheet: np.ndarray


def of_dataset(dataset: Dataset) -> Overview:
    """Of images that are loaded."""
    height, width, channels = dataset.images.shape[1:]
    count, groups = len(dataset.images), dataset.groups
    chosen = _chosen(dataset.labels, count)
    places = np.concatenate(chosen)
    images = (np.asarray(dataset.images[places]) + 1) * 127.5
    shown = dict(zip(places.tolist(), np.round(images).astype(np.uint8), strict=True))
    return Overview(
        name=dataset.name,
        count=count,
        shape=(height, width, channels),
        pixel_range=dataset.pixel_range,
        classes=_classes(dataset.labels, dataset.classes),
        sizes=None,
        copies=0 if groups is None else int((groups != np.arange(count)).sum()),
        decoded=True,
        fingerprint=dataset.fingerprint,
        told=(*dataset.guesses, *dataset.warnings),
        fault=None,
        file=dataset.file,
        sheet=_sheet(chosen, shown),
    )


def of_pictures(
    listing: Listing, treatment: Treatment, limit: int | None = None, watch: Watch = unwatched
) -> Overview:
    """Of pictures, all of which are looked at by their headers.

    If they are few or were kept, so are their pixels, and what is found there counts.
    """
    chosen = _chosen(listing.labels, len(listing.names))
    seen = look_at(listing, np.concatenate(chosen).tolist())
    sizes = Counter[tuple[int, int]]()
    for header, count in seen.headers.items():
        sizes[header.height, header.width] += count
    ordered = tuple((*size, count) for size, count in sizes.most_common())
    fault = None
    if len(listing.names) <= DECODED or _are_kept(listing, treatment):
        try:
            dataset = limit_dataset(load_pictures(listing, treatment, watch), limit)
            return replace(of_dataset(dataset), sizes=ordered)
        except UserError as error:
            fault = error
    elif seen.faults:
        named = [f"{listing.names[place]} {seen.faults[place]}" for place in sorted(seen.faults)]
        fault = error_of(listing.origin, named, "accepted are whole pictures")
    elif len(sizes) > 1 and treatment.size is None:
        fault = UserError(
            f"{listing.origin}: pictures are of {len(sizes)} sizes; accepted is one, or data.size, "
            "which cuts a square out of the middle of each and resizes it"
        )
    return _of_headers(listing, treatment, limit, seen, chosen, ordered, fault)


def _of_headers(
    listing: Listing,
    treatment: Treatment,
    limit: int | None,
    seen: Seen,
    chosen: list[np.ndarray],
    sizes: tuple[tuple[int, int, int], ...],
    fault: UserError | None,
) -> Overview:
    coloured = any(header.coloured for header in seen.headers)
    channels = {"grey": 1, "rgb": 3}.get(treatment.colour or "", 3 if coloured else 1)
    side = treatment.size
    if side is None and len(sizes) > 1:
        side = min(LARGEST, *sizes[0][:2])
    shown = {}
    with strictly():
        for place, content in seen.wanted.items():
            with suppress(PictureError):
                shown[place] = pixels_of(
                    content, Treatment(side, "rgb" if channels == 3 else "grey")
                )
    shape = None
    if treatment.size is not None:
        shape = (treatment.size, treatment.size, channels)
    elif len(sizes) == 1:
        shape = (*sizes[0][:2], channels)
    classes = _classes(listing.labels, listing.classes)
    count = len(listing.names)
    if limit is not None and limit < count:
        if classes is not None:
            shares = apportion(np.array([each.count for each in classes]), limit)
            classes = tuple(
                replace(each, count=int(share)) for each, share in zip(classes, shares, strict=True)
            )
        count = limit
    return Overview(
        name=listing.name,
        count=count,
        shape=shape,
        pixel_range=_BYTES,
        classes=classes,
        sizes=sizes,
        copies=seen.copies,
        decoded=False,
        fingerprint=None,
        told=listing.told,
        fault=fault,
        file=None,
        sheet=_sheet(chosen, shown),
    )


def _are_kept(listing: Listing, treatment: Treatment) -> bool:
    folder = cache_folder(KIND)
    return folder is not None and read_kept(folder, key_of(listing, treatment)) is not None


def _classes(labels: np.ndarray | None, names: Sequence[str] | np.ndarray | None) -> Any:
    if labels is None:
        return None
    counts = zip(*(each.tolist() for each in np.unique(labels, return_counts=True)), strict=True)
    return tuple(
        Class(label, None if names is None else str(names[label]), count) for label, count in counts
    )


def _chosen(labels: np.ndarray | None, count: int) -> list[np.ndarray]:
    """The places of the images of each row of the sheet."""
    known = [np.arange(count)]
    if labels is not None:
        known = [np.flatnonzero(labels == label) for label in np.unique(labels)[:ROWS]]
    most = ROWS // len(known) * COLUMNS
    return [row for places in known for row in _rows(places, most)]


def _rows(places: np.ndarray, most: int) -> list[np.ndarray]:
    """At most so many of some places, from all over them, in rows."""
    spread = np.linspace(0, len(places) - 1, min(most, len(places))).astype(np.int64)
    return np.split(places[spread], range(COLUMNS, len(spread), COLUMNS))


def _sheet(rows: list[np.ndarray], images: Mapping[int, np.ndarray]) -> np.ndarray:
    small = {place: _small(image) for place, image in images.items()}
    shape = next(iter(small.values())).shape if small else (1, 1, 1)
    sheet = np.full((len(rows), max(map(len, rows)), *shape), 255, np.uint8)
    for line, row in zip(sheet, rows, strict=True):
        for into, place in zip(line, row.tolist(), strict=False):
            if place in small and small[place].shape == shape:
                into[:] = small[place]
    return sheet


def _small(image: np.ndarray) -> np.ndarray:
    """At most `LARGEST` on a side; channels beyond three are left out."""
    kept = image[..., :3] if image.shape[2] >= 3 else image[..., :1]
    if max(kept.shape[:2]) <= LARGEST:
        return kept
    picture = Image.fromarray(kept[..., 0] if kept.shape[2] == 1 else kept)
    picture.thumbnail((LARGEST, LARGEST))
    return np.atleast_3d(np.asarray(picture))
