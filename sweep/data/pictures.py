"""A data set of the pictures that a source lists."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from normsweep.data.cache import CACHE_VARIABLE, cache_folder
from normsweep.data.dataset import Dataset, Known, make_dataset
from normsweep.data.decoding import Watch, decode, unwatched
from normsweep.data.duplicates import order_of
from normsweep.data.kept import (
    KIND,
    Kept,
    cannot_be_written,
    key_of,
    new_place,
    pixels_file,
    read_kept,
    read_pixels,
    write_pixels,
)
from normsweep.data.listing import Listing
from normsweep.data.stored import StoredBytes
from normsweep.data.treatment import AS_THEY_ARE, Treatment
from normsweep.errors import UserError


def load_pictures(
    listing: Listing, treatment: Treatment = AS_THEY_ARE, watch: Watch = unwatched
) -> Dataset:
    """Decodes the pictures of a source, or takes what was kept of them when they were before.

    The order of the images follows from their pixels and labels alone (`order_of`), so that the
    same pictures make the same data set in whatever order and under whatever names a source has
    them. With `treatment.size` None all must be of one size, and with `treatment.colour` None the
    images are RGB where any picture has colour (a palette counts as such), else grey.

    Args:
        listing: what the source holds.
        treatment: what each picture becomes.
        watch: told how many are decoded; not called where all of them were before.

    Raises:
        UserError: pictures cannot be used, each of them named, or are of several sizes; there is no
            picture; there is not room enough in memory or on the disk.
    """
    if not listing.names:
        raise UserError(f"{listing.origin}: holds no picture")
    folder, key = cache_folder(KIND) if listing.stamp else None, key_of(listing, treatment)
    kept = None if folder is None else read_kept(folder, key)
    if folder is not None and kept is not None:
        path = pixels_file(folder, key)
        return replace(_from_file(path, listing, kept), file=path)
    told: tuple[str, ...] = ()
    if folder is not None and (reason := _not_writable(folder)):
        told = (
            f"{listing.origin}: {folder} cannot be written ({reason}), so its pictures are decoded "
            f"each time ({CACHE_VARIABLE} names another folder)",
        )
        folder = None
    try:
        made = _decoded(listing, treatment, watch, folder, key)
    except OSError as error:
        place = Path(tempfile.gettempdir()) if folder is None else folder
        raise cannot_be_written(place, error) from error
    return replace(made, guesses=(*told, *made.guesses))


def _from_file(path: Path, listing: Listing, kept: Kept) -> Dataset:
    with path.open("rb") as file:
        pixels = read_pixels(file, listing.origin, path)
        return _dataset(listing, pixels, kept.labels, kept.order, kept.known)


def _decoded(
    listing: Listing, treatment: Treatment, watch: Watch, folder: Path | None, key: str
) -> Dataset:
    with new_place(folder, key) as place:
        with tempfile.TemporaryFile(dir=place.folder) as file:
            found = decode(listing, treatment, file, watch)
            order = order_of(found.digests, listing.labels)
            write_pixels(place.file, found.shape, found.blocks(order))
        labels = None if listing.labels is None else listing.labels[order]
        path = None if folder is None else pixels_file(folder, key)
        pixels = read_pixels(place.file, listing.origin, path)
        made = _dataset(listing, pixels, labels, order, None)
        known = Known(made.groups, made.fingerprint)
        return replace(made, file=place.keep(Kept(labels, order, known)))


def _dataset(
    listing: Listing,
    pixels: np.ndarray | StoredBytes,
    labels: np.ndarray | None,
    order: np.ndarray,
    known: Known | None,
) -> Dataset:
    made = make_dataset(
        listing.name,
        pixels,
        labels,
        origin=listing.origin,
        classes=listing.classes,
        names=[listing.names[place] for place in order.tolist()],
        known=known,
    )
    return replace(made, guesses=(*listing.told, *made.guesses))


def _not_writable(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)
