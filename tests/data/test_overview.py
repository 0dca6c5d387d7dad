"""What is understood of pictures, by their headers and by their pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normsweep.data import make_dataset, overview
from normsweep.data.cache import CACHE_VARIABLE
from normsweep.data.overview import Class, Overview, of_dataset, of_pictures
from normsweep.data.pictures import load_pictures
from normsweep.data.treatment import Treatment
from normsweep.errors import UserError
from tests.data.pictures import drawn, encoded, listing

IMAGES = drawn(30, 6, 4, 3)
PNGS = [encoded(image) for image in IMAGES]
LABELS = np.arange(30) % 3
LOOKED_AT = Treatment()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty pictures are too many to decode."""
    monkeypatch.setattr(overview, "DECODED", 29)


def shown(contents: Any = PNGS, labels: Any = LABELS, **options: Any) -> Overview:
    return of_pictures(listing(contents, labels, stamp=str(len(contents))), LOOKED_AT, **options)


def test_the_pixels_of_few_pictures_are_looked_at() -> None:
    found = shown()
    dataset = load_pictures(listing(PNGS, LABELS, stamp="30"))
    assert found.decoded and found.fault is None
    assert (found.count, found.shape, found.pixel_range) == (30, (6, 4, 3), (0, 255))
    assert (found.fingerprint, found.file) == (dataset.fingerprint, dataset.file)
    assert found.classes == tuple(Class(label, None, 10) for label in range(3))
    assert found.sizes == ((6, 4, 30),)


def test_headers_say_the_same_of_many(many: None) -> None:
    found = shown()
    assert not found.decoded and found.fault is None and found.fingerprint is None
    assert (found.count, found.shape) == (30, (6, 4, 3))
    assert found.classes == tuple(Class(label, None, 10) for label in range(3))
    assert (found.sizes, found.copies) == (((6, 4, 30),), 0)


def test_what_was_decoded_before_is_not_decoded_again(many: None) -> None:
    dataset = load_pictures(listing(PNGS, LABELS, stamp="30"))
    found = shown()
    assert found.decoded and found.fingerprint == dataset.fingerprint


@pytest.mark.parametrize("decoded", [True, False])
def test_copies_are_counted_by_pixels_or_by_bytes(
    monkeypatch: pytest.MonkeyPatch, decoded: bool
) -> None:
    monkeypatch.setattr(overview, "DECODED", 99 if decoded else 0)
    other = encoded(IMAGES[0], compress_level=0)
    found = shown([*PNGS, PNGS[0], other], None)
    assert found.copies == (2 if decoded else 1)


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize("labels", [LABELS, None])
def test_a_limit_counts(monkeypatch: pytest.MonkeyPatch, decoded: bool, labels: Any) -> None:
    monkeypatch.setattr(overview, "DECODED", 99 if decoded else 0)
    found = shown(labels=labels, limit=7)
    assert found.count == 7
    if labels is not None:
        assert found.classes is not None
        assert [each.count for each in found.classes] == [3, 2, 2]


@pytest.mark.parametrize("decoded", [True, False])
def test_pictures_of_several_sizes_are_told_and_shown(
    monkeypatch: pytest.MonkeyPatch, decoded: bool
) -> None:
    monkeypatch.setattr(overview, "DECODED", 99 if decoded else 0)
    found = shown([*PNGS[:20], *(encoded(image) for image in drawn(10, 5, 5))], None)
    assert (found.shape, found.sizes) == (None, ((6, 4, 20), (5, 5, 10)))
    assert isinstance(found.fault, UserError)
    assert "of 2 sizes" in str(found.fault)
    assert found.sheet.shape == (3, 10, 4, 4, 3)


@pytest.mark.parametrize("decoded", [True, False])
def test_pictures_that_cannot_be_used_are_among_what_is_found(
    monkeypatch: pytest.MonkeyPatch, decoded: bool
) -> None:
    monkeypatch.setattr(overview, "DECODED", 99 if decoded else 0)
    found = shown([*PNGS[:3], b"", OSError("gone"), *PNGS[3:]], None)
    assert found.count == 32
    assert found.sizes == ((6, 4, 30),)
    assert "3.png is empty" in str(found.fault)
    assert "4.png cannot be read (gone)" in str(found.fault)


def test_a_treatment_says_the_shape(many: None) -> None:
    listed = listing(PNGS, stamp="t")
    found = of_pictures(listed, Treatment(size=3, colour="grey"))
    assert found.shape == (3, 3, 1)
    assert found.sheet.shape == (3, 10, 3, 3, 1)


def test_the_sheet_shows_each_class_in_its_rows() -> None:
    images = np.zeros((40, 3, 3), np.uint8)
    labels = np.repeat([0, 1, 5], [30, 8, 2])
    images[:] = labels[:, None, None] * 40
    images[:, 0, 0] = np.arange(40)
    sheet = of_dataset(make_dataset("one", images, labels)).sheet
    assert sheet.shape == (5, 10, 3, 3, 1)
    middle = sheet[:, :, 1, 1, 0]
    assert (middle[:3] == 0).all()
    # Where there is no image it is white.
    assert set(np.unique(middle[3:4])) == {40, 255}
    assert set(np.unique(middle[4:])) == {200, 255}


def test_large_images_are_made_smaller_on_the_sheet_and_further_channels_left_out() -> None:
    images = drawn(3, 300, 200, 4)
    assert of_dataset(make_dataset("one", images)).sheet.shape == (1, 3, 128, 85, 3)
