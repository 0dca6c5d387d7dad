"""Images of a user's own object: arrays, or anything that has a length and items by number."""

import operator
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from normsweep.data.dataset import Dataset, make_dataset
from normsweep.data.decoding import Watch, unwatched
from normsweep.data.faults import error_of
from normsweep.data.listing import Listing
from normsweep.data.pictures import load_pictures
from normsweep.data.pixels import Range
from normsweep.data.treatment import AS_THEY_ARE, Treatment
from normsweep.errors import UserError, in_one_line

IMAGE_KEYS = ("image", "img", "images")
LABEL_KEYS = ("label", "labels", "fine_label")

ACCEPTED = (
    "accepted are arrays (images, or images and labels), or what has a length and items by number, "
    "each a PIL image, encoded bytes or an array [h, w] or [h, w, c], or (image, label), or "
    '{"image": …, "label": …}'
)
_A_PART = 64


def load_own(
    found: Any,
    name: str,
    *,
    origin: str,
    treatment: Treatment = AS_THEY_ARE,
    pixel_range: Range | None = None,
    watch: Watch = unwatched,
    told: Callable[[BaseException], str] = in_one_line,
) -> Dataset:
    """The data set of an object.

    Arrays are what those of an `.npz` archive are: an array, `(images, labels)`, or a mapping with
    "images" and, where wanted, "labels" and "pairs". So are items that are arrays of other numbers
    than uint8, stacked. All other items are pictures, and are treated as those of files are; they
    are asked for one at a time, twice at the most, and nothing of them is kept for the next time,
    since nobody but the object knows when they change.

    Args:
        found: the object.
        name: the data set's name.
        origin: what messages start with.
        treatment: what pictures become.
        pixel_range: the numbers of black and white, of arrays.
        watch: told how many pictures are decoded.
        told: an exception of the object's in one line.

    Raises:
        UserError: it is none of these, or empty; items fail or are none of these, all of which are
            named; arrays that `make_dataset` refuses; a treatment of numbers that are no bytes, or
            a range of pictures.
    """
    try:
        arrays = _arrays(found)
    except Exception as error:
        raise UserError(f"{origin}: {told(error)}; {ACCEPTED}") from error
    if arrays is not None:
        pictures = arrays["images"].dtype == np.uint8 and pixel_range is None
        if treatment == AS_THEY_ARE or not pictures or arrays.get("pairs") is not None:
            _check_treatment(treatment, origin)
            return make_dataset(name, **arrays, origin=origin, pixel_range=pixel_range)
        found = _Pairs(arrays["images"], arrays["labels"])
    items = _Items(found, origin, told)
    first = items.first()
    if isinstance(first.image, np.ndarray):
        _check_treatment(treatment, origin)
        images, labels = items.stacked(first)
        return make_dataset(name, images, labels, origin=origin, pixel_range=pixel_range)
    if pixel_range is not None:
        raise UserError(
            f"data.range: the range of the pictures of {origin} is known; accepted with arrays of "
            "numbers"
        )
    return load_pictures(items.listing(name, first), treatment, watch)


@dataclass(frozen=True)
class _Item:
    """A picture, or an array of numbers that are no bytes, and its label."""

    image: bytes | Image.Image | np.ndarray
    label: int | None


@dataclass
class _Items:
    """The items of an object, one at a time: it need not be made for threads."""

    source: Any
    origin: str
    told: Callable[[BaseException], str]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        if not (hasattr(self.source, "__len__") and hasattr(self.source, "__getitem__")):
            raise UserError(f"{self.origin}: is of type {type(self.source).__name__}; {ACCEPTED}")
        try:
            return len(self.source)
        except Exception as error:
            raise UserError(f"{self.origin}: {self.told(error)}; {ACCEPTED}") from error

    def at(self, place: int) -> _Item | Exception:
        """An item, or what is wrong with it."""
        with self.lock:
            try:
                item = self.source[place]
            # One that calls sys.exit is as much at fault as one that raises anything else.
            except (Exception, SystemExit) as error:
                fault = ValueError(self.told(error))
                fault.__cause__ = error
                return fault
            try:
                return _item(item)
            except Exception as error:
                return error

    def first(self) -> _Item:
        """The first item that is one."""
        faults: list[Exception] = []
        for place in range(len(self)):
            item = self.at(place)
            if isinstance(item, _Item):
                return item
            faults.append(item)
        if not faults:
            raise UserError(f"{self.origin}: is empty; {ACCEPTED}")
        lines = [f"item {place}: {fault}" for place, fault in enumerate(faults)]
        raise error_of(self.origin, lines, ACCEPTED) from faults[0]

    def listing(self, name: str, first: _Item) -> Listing:
        """Its pictures; the labels are known when all of them have been read."""
        count = len(self)
        labels = None if first.label is None else np.zeros(count, np.int64)
        return Listing(
            name=name,
            origin=self.origin,
            names=tuple(f"item {place}" for place in range(count)),
            parts=tuple(
                _Run(self, range(begin, min(begin + _A_PART, count)), labels)
                for begin in range(0, count, _A_PART)
            ),
            labels=labels,
            classes=None,
            stamp=None,
        )

    def stacked(self, first: _Item) -> tuple[np.ndarray, np.ndarray | None]:
        """Its arrays of numbers [n, …] and labels [n], if it has only such, all of one shape."""
        assert isinstance(first.image, np.ndarray)
        kind = f"an array {first.image.dtype}{list(first.image.shape)}"
        images = np.empty((len(self), *first.image.shape), first.image.dtype)
        labels = None if first.label is None else np.zeros(len(self), np.int64)
        faults, cause = [], None
        for place in range(len(self)):
            item = self.at(place)
            fault = item if isinstance(item, Exception) else _unlike(item, labels is not None)
            if fault is None and isinstance(item, _Item):
                image = item.image
                if isinstance(image, np.ndarray) and image.shape == first.image.shape:
                    images[place] = image
                    if labels is not None and item.label is not None:
                        labels[place] = item.label
                    continue
                shape = f" {list(image.shape)}" if isinstance(image, np.ndarray) else ""
                fault = ValueError(f"is of type {type(image).__name__}{shape}, not {kind}")
            faults.append(f"item {place}: {fault}")
            cause = cause or fault
        if faults:
            raise error_of(self.origin, faults, "accepted are items that are alike") from cause
        return images, labels


@dataclass(frozen=True)
class _Run:
    """A part of a listing: some items, one after the other."""

    items: _Items
    places: range
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.places)

    def read(self) -> Iterator[bytes | Image.Image | Exception]:
        for place in self.places:
            item = self.items.at(place)
            if isinstance(item, Exception):
                yield item
            elif fault := _unlike(item, self.labels is not None):
                yield fault
            elif isinstance(item.image, np.ndarray):
                yield ValueError(f"is an array {item.image.dtype}, and others are pictures")
            else:
                if self.labels is not None and item.label is not None:
                    self.labels[place] = item.label
                yield item.image


@dataclass(frozen=True)
class _Pairs:
    """Arrays as items."""

    images: np.ndarray
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> Any:
        return (
            self.images[place] if self.labels is None else (self.images[place], self.labels[place])
        )


def _unlike(item: _Item, labelled: bool) -> Exception | None:
    if (item.label is not None) == labelled:
        return None
    return ValueError("has no label, and others have" if labelled else "has a label, others none")


def _arrays(found: Any) -> dict[str, Any] | None:
    """The arrays of an object that is or holds some; None of another."""
    if isinstance(found, Mapping) and "images" in found:
        further = {key: found.get(key) for key in ("labels", "pairs")}
        arrays = {
            key: None if value is None else np.asarray(value) for key, value in further.items()
        }
        return {"images": np.asarray(found["images"])} | arrays
    if isinstance(found, tuple) and len(found) == 2 and all(map(_is_array, found)):
        images, labels = map(np.asarray, found)
        if labels.ndim == 1 and images.ndim > 1:
            return {"images": images, "labels": labels}
    return {"images": np.asarray(found), "labels": None} if _is_array(found) else None


def _is_array(found: Any) -> bool:
    return hasattr(found, "__array__") and hasattr(found, "ndim") and hasattr(found, "dtype")


def _item(given: Any) -> _Item:
    image, label = given, None
    if isinstance(given, Mapping):
        keys = [[key for key in known if key in given] for known in (IMAGE_KEYS, LABEL_KEYS)]
        if not keys[0]:
            there = ", ".join(map(str, given)) or "none"
            raise ValueError(f"has no image among its keys ({there}); {ACCEPTED}")
        image, label = given[keys[0][0]], given[keys[1][0]] if keys[1] else None
    elif isinstance(given, tuple | list) and len(given) == 2:
        image, label = given
    return _Item(_image(image), None if label is None else _label(label))


def _label(given: Any) -> int:
    try:
        label = operator.index(given)
    except TypeError:
        label = -1
    if not 0 <= label < 2**31:
        raise ValueError(f"has the label {given!r}; accepted are integers >= 0")
    return label


def _image(given: Any) -> bytes | Image.Image | np.ndarray:
    if isinstance(given, Image.Image):
        # One that several items share must not be read from its file by several threads.
        given.load()
        return given
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    if not hasattr(given, "__array__"):
        raise ValueError(f"is of type {type(given).__name__}; {ACCEPTED}")
    array = np.asarray(given)
    if array.dtype != np.uint8:
        return array
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and 2 <= array.shape[2] <= 4)) or not array.size:
        raise ValueError(f"is an array of the shape {list(np.shape(given))}; {ACCEPTED}")
    return Image.fromarray(np.ascontiguousarray(array))


def _check_treatment(treatment: Treatment, origin: str) -> None:
    for name in ("size", "colour"):
        if getattr(treatment, name) is not None:
            raise UserError(
                f"data.{name} = {getattr(treatment, name)!r}: {origin} holds arrays that are taken "
                "as they are; accepted with pictures (PIL images, encoded bytes, arrays of uint8) "
                "and without data.range"
            )
