"""The range of pixels: said where it is guessed, warned of where it is hardly used, or given."""

from pathlib import Path

import numpy as np
import pytest

from normsweep.data import dataset as datasets
from normsweep.data import load_dataset, make_dataset, pixels
from normsweep.data.fingerprint import fingerprint
from normsweep.data.pixels import BytePixels
from normsweep.errors import UserError

BYTES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1), np.uint8)
BYTES[0, 0, 0], BYTES[0, 0, 1] = 0, 255
UNIT = (BYTES / 255).astype(np.float32)


@pytest.mark.parametrize("error", [-1e-7, -4e-4, 1e-7, 4e-4])
def test_a_rounding_error_at_one_pixel_changes_that_pixel_alone(error: float) -> None:
    off = UNIT.copy()
    off[0, 0, 0 if error < 0 else 1] += error
    np.testing.assert_array_equal(make_dataset("x", off).images, make_dataset("x", UNIT).images)
    signed = UNIT * 2 - 1
    off = signed.copy()
    off[0, 0, 0 if error < 0 else 1] += error
    np.testing.assert_array_equal(make_dataset("x", off).images, signed)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (UNIT, "taken as 0 to 1 (data.range says otherwise)"),
        (UNIT * 2 - 1, "taken as -1 to 1 (data.range says otherwise)"),
        (BYTES, None),
    ],
)
def test_a_guess_is_said(images: np.ndarray, said: str | None) -> None:
    found = make_dataset("x", images)
    assert [guess.partition("pixels are ")[2] for guess in found.guesses] == (
        [said] if said else []
    )
    assert found.warnings == ()
    assert make_dataset("x", images, pixel_range=(-1, 255)).guesses == ()


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (BYTES // 16, "pixels are 0 to 15, and are scaled as 0 to 255"),
        (UNIT / 255, "pixels are 0 to 0.00392"),
        (UNIT - 1e-3, "pixels are -0.001 to 0.999, and are scaled as -1 to 1"),
    ],
)
def test_a_range_that_is_hardly_used_is_warned_of(images: np.ndarray, told: str) -> None:
    (warning,) = make_dataset("x", images).warnings
    assert told in warning
    assert "data.range = [" in warning
    low, high = float(images.min()), float(images.max())
    assert make_dataset("x", images, pixel_range=(low, high)).warnings == ()


@pytest.mark.parametrize(
    ("images", "given"),
    [
        (BYTES, (0, 255)),
        (BYTES.astype(np.int16), (0, 255)),
        (BYTES.astype(np.float64), (0, 255)),
        (BYTES.astype(np.int64) - 128, (-128, 127)),
    ],
)
def test_the_same_pictures_are_the_same_images_whatever_their_numbers(
    images: np.ndarray, given: tuple[float, float]
) -> None:
    found = make_dataset("x", images, pixel_range=given)
    np.testing.assert_array_equal(found.images, make_dataset("x", BYTES).images)


def test_bits_of_ranges_that_were_guessed_stay() -> None:
    for images, given in ((UNIT, (0, 1)), (UNIT * 2 - 1, (-1, 1)), (BYTES, (0, 255))):
        assert make_dataset("x", images, pixel_range=given) == make_dataset("x", images)
    np.testing.assert_array_equal(make_dataset("x", UNIT).images, UNIT * 2 - 1)
    expected = BYTES.astype(np.float32) / np.float32(127.5) - np.float32(1)
    np.testing.assert_array_equal(make_dataset("x", BYTES).images, expected)


def test_masks_of_true_and_false_need_a_range() -> None:
    masks = BYTES > 127
    with pytest.raises(UserError, match=r"images are bool; accepted are .*data\.range"):
        make_dataset("x", masks)
    found = make_dataset("x", masks, pixel_range=(0, 1))
    np.testing.assert_array_equal(found.images, masks * np.float32(2) - 1)


def test_numbers_outside_of_a_given_range_are_refused() -> None:
    with pytest.raises(UserError, match=r"range 0 to 255; accepted are data\.range = \[0, 200\]"):
        make_dataset("x", BYTES, pixel_range=(0, 200))


def test_arrays_of_one_s_own_take_a_range_and_data_sets_with_a_name_do_not(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=BYTES.astype(np.int32))
    found = load_dataset("npz", path=tmp_path / "a.npz", pixel_range=(0, 255))
    np.testing.assert_array_equal(found.images, make_dataset("a", BYTES).images)
    with pytest.raises(UserError, match=r"data\.range: .* accepted with idx, npz"):
        load_dataset("digits", pixel_range=(0, 16))


def test_many_images_of_bytes_stay_bytes_and_read_as_the_same_numbers(monkeypatch) -> None:
    labels = np.arange(6) % 2
    small = make_dataset("x", BYTES, labels)
    monkeypatch.setattr(pixels, "LARGE", 0)
    monkeypatch.setattr(pixels, "_BLOCK", 32)
    large = make_dataset("x", BYTES, labels)
    assert isinstance(large.images, BytePixels)
    assert large.images.bytes.base is not None and large == small
    assert (large.images.shape, large.images.ndim, len(large.images)) == ((6, 4, 4, 1), 4, 6)
    np.testing.assert_array_equal(large.images, small.images)
    np.testing.assert_array_equal(large.images[[3, 1]], small.images[[3, 1]])
    part = datasets.take(large, np.array([4, 2]))
    assert isinstance(part.images, BytePixels)
    assert part.fingerprint == datasets.take(small, np.array([4, 2])).fingerprint
    assert fingerprint(a=large.images) == fingerprint(a=np.asarray(small.images))
