"""Images of a user's own object: of each kind of item, as arrays, and each fault."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from normsweep.data.dataset import Dataset, make_dataset
from normsweep.data.own import load_own
from normsweep.data.treatment import Treatment
from normsweep.errors import UserError
from tests.data.pictures import drawn, encoded, listing

IMAGES = drawn(9, 6, 6, 3)
LABELS = np.arange(9) % 3


class Source:
    """Grain's protocol, and nothing else."""

    def __init__(self, *items: Any) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, place: int) -> Any:
        if isinstance(self._items[place], Exception):
            raise self._items[place]
        return self._items[place]


def load(found: Any, **options: Any) -> Dataset:
    return load_own(found, "mine", origin="here", **options)


def from_pictures(images: np.ndarray, labels: Any = LABELS, **treatment: Any) -> Dataset:
    """What the same pictures make as files."""
    from normsweep.data.pictures import load_pictures

    files = listing([encoded(image) for image in images], labels, stamp=f"{images.sum()} {labels}")
    return load_pictures(files, Treatment(**treatment))


@pytest.mark.parametrize(
    "make",
    [
        Image.fromarray,
        encoded,
        lambda image: bytearray(encoded(image)),
        np.asarray,
        lambda image: Image.open(io.BytesIO(encoded(image))),
    ],
)
@pytest.mark.parametrize(
    "pack", [lambda *it: it, list, lambda image, label: {"image": image, "label": label}]
)
def test_items_of_each_kind_are_what_the_same_pictures_as_files_are(
    make: Callable[[Any], Any], pack: Callable[..., Any]
) -> None:
    if pack is list:
        items: list[Any] = [[make(i), np.int32(k)] for i, k in zip(IMAGES, LABELS, strict=True)]
    else:
        items = [pack(make(i), int(k)) for i, k in zip(IMAGES, LABELS, strict=True)]
    found = load(Source(*items))
    assert found == from_pictures(IMAGES)
    assert found.labels is not None


def test_items_without_labels_and_a_plain_list_will_do() -> None:
    assert load(list(IMAGES)) == from_pictures(IMAGES, None)
    assert load(Source(*({"img": image, "other": None} for image in IMAGES))).labels is None


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 1), (6, 6, 2), (6, 6, 4)])
def test_arrays_of_uint8_are_pictures_of_as_many_channels(shape: tuple[int, ...]) -> None:
    images = drawn(4, *shape)
    pictures = [np.squeeze(image) for image in images]
    assert load(Source(*images)) == from_pictures(np.stack(pictures), None)


def test_pictures_are_treated_and_arrays_of_bytes_with_them() -> None:
    expected = from_pictures(IMAGES, size=4, colour="grey")
    treatment = Treatment(size=4, colour="grey")
    items = list(zip(IMAGES, LABELS, strict=True))
    for found in (items, (IMAGES, LABELS), {"images": IMAGES, "labels": LABELS}):
        assert load(found, treatment=treatment) == expected


@pytest.mark.parametrize(
    ("found", "labels"),
    [
        (IMAGES, None),
        ((IMAGES, LABELS), LABELS),
        ({"images": IMAGES, "labels": LABELS}, LABELS),
        ({"images": IMAGES, "other": 3}, None),
    ],
)
def test_arrays_are_those_of_an_archive_in_their_order(found: Any, labels: Any) -> None:
    assert load(found) == make_dataset("mine", IMAGES, labels)


def test_arrays_may_have_a_range_and_pairs() -> None:
    numbers, pairs = IMAGES.astype(np.int64) * 4, np.array([1, 0, 4, -1, 2, -1, -1, -1, -1])
    found = load({"images": numbers, "labels": LABELS, "pairs": pairs}, pixel_range=(0, 1020))
    assert found == make_dataset("mine", numbers, LABELS, pairs=pairs, pixel_range=(0, 1020))


def test_items_of_other_numbers_are_stacked_and_scaled_as_those_of_an_archive() -> None:
    floats = IMAGES.astype(np.float32) / 255
    assert load(Source(*floats)) == make_dataset("mine", floats)
    items = [{"image": image * 2, "label": k} for image, k in zip(floats, LABELS, strict=True)]
    expected = make_dataset("mine", floats * 2, LABELS, pixel_range=(0, 2))
    assert load(items, pixel_range=(0, 2)) == expected


def test_nothing_of_it_is_kept_for_the_next_time() -> None:
    assert load(list(IMAGES)).file is None
    assert load(list(IMAGES[:5])) != load(list(IMAGES))


def test_all_items_that_fail_or_are_no_picture_are_named_in_one_message() -> None:
    failing = KeyError("gone")
    items = [
        (IMAGES[0], 0), failing, (IMAGES[1], "cat"), (IMAGES[1], -1), IMAGES[1], ("a.png", 1),
        (b"", 1), (encoded(IMAGES[1])[:60], 1), (IMAGES[1][0, 0], 1), {"picture": 3},
        (IMAGES[1] / 255, 1), (IMAGES[0], 0),
    ]  # fmt: skip
    with pytest.raises(UserError) as caught:
        load(Source(*items))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("here: 10 of 12 pictures cannot be used; accepted are")
    told = [
        "KeyError: 'gone'", "has the label 'cat'", "has the label -1", "has no label, and others",
        "is of type str; accepted are arrays", "is empty", "is damaged", "array of the shape [3]",
        "has no image among its keys (picture)", "is an array float64, and others are pictures",
    ]  # fmt: skip
    assert len(lines) == 11
    for place, (line, part) in enumerate(zip(lines[1:], told, strict=True), 1):
        assert line.startswith(f"  item {place} ")
        assert part in line
    # The user's own traceback.
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__cause__ is failing


def test_all_numbers_that_are_unlike_the_first_are_named_in_one_message() -> None:
    first = np.zeros((4, 4))
    with pytest.raises(UserError) as caught:
        load(Source(first, IMAGES[0], np.zeros((5, 4)), ValueError("no"), (first, 1)))
    assert re.findall(r"\n  item (\d): (.{7})", str(caught.value)) == [
        ("1", "is of t"),
        ("2", "is of t"),
        ("3", "test_ow"),
        ("4", "has a l"),
    ]


@pytest.mark.parametrize(
    ("found", "options", "told"),
    [
        (3, {}, "here: is of type int; accepted are arrays (images, or images and labels), or"),
        ("a.png", {}, "item 0: is of type str"),
        ([], {}, "here: is empty"),
        (Source(OSError("a"), OSError("b")), {}, "2 faults"),
        (list(IMAGES), {"pixel_range": (0, 1)}, "data.range: the range of the pictures of here is"),
        (list(IMAGES / 255), {"treatment": Treatment(size=4)}, "data.size = 4: here holds arrays"),
        (IMAGES / 255, {"treatment": Treatment(colour="rgb")}, "data.colour = 'rgb': here holds"),
        ((IMAGES, LABELS[:4]), {}, "here: labels have the shape [4]; accepted is [9]"),
        ({"images": None}, {}, "here: images have the shape []"),
    ],
)
def test_what_holds_no_images_is_told(found: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        load(found, **options)


def test_an_object_that_is_not_made_for_threads_is_asked_by_one_at_a_time() -> None:
    class Fragile(Source):
        asked = 0

        def __getitem__(self, place: int) -> Any:
            assert self.asked == 0
            self.asked += 1
            found = super().__getitem__(place)
            self.asked -= 1
            return found

    images = drawn(300, 3, 3)
    assert len(load(Fragile(*images)).images) == 300
