"""What becomes a data set, what is refused, and where each source is looked for."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from normsweep.data import DATASETS, load_dataset, make_dataset
from normsweep.data.apportion import apportion
from normsweep.data.fingerprint import fingerprint
from normsweep.errors import UserError


def random_uint8(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_uint8_images_are_scaled_from_0_to_255_onto_minus_1_to_1() -> None:
    images = make_dataset("x", np.array([[[0, 255], [51, 204]]], np.uint8)).images
    assert images.shape == (1, 2, 2, 1)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images.ravel(), [-1, 1, -0.6, 0.6], rtol=1e-6)
    assert images.min() == -1 and images.max() == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_without_a_negative_value_are_read_as_0_to_1(dtype: str) -> None:
    images = make_dataset("x", np.array([[[0, 0.25], [0.5, 0.75]]], dtype)).images
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images.ravel(), [-1, -0.5, 0, 0.5])


def test_floats_with_a_negative_value_are_left_as_they_are() -> None:
    given = np.array([[[-0.5, 0.25], [0.5, 1]]], np.float32)
    np.testing.assert_array_equal(make_dataset("x", given).images[..., 0], given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((5, 4, 3), (5, 4, 3, 1)),
        ((5, 16), (5, 4, 4, 1)),
        ((5, 4, 3, 1), (5, 4, 3, 1)),
        ((5, 4, 3, 3), (5, 4, 3, 3)),
        ((5, 4, 3, 4), (5, 4, 3, 4)),
    ],
)
def test_every_accepted_shape_becomes_images_with_channels_last(
    given: tuple[int, ...], kept: tuple[int, ...]
) -> None:
    raw = random_uint8(*given)
    images = make_dataset("x", raw).images
    assert images.shape == kept
    np.testing.assert_allclose(images.ravel(), raw.ravel() / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize(
    "shape", [(), (4,), (0, 4, 4), (4, 0, 4), (4, 15), (2, 3, 8, 8), (2, 3, 4, 1, 1)]
)
def test_any_other_shape_is_refused_with_the_shape_found(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError) as caught:
        make_dataset("mine", random_uint8(*shape) if shape else np.array(3, np.uint8))
    assert "'mine'" in str(caught.value)
    assert str(list(shape)) in str(caught.value)
    assert "[n, h, w, c]" in str(caught.value)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 255), (-1, 1.5), (-1.001, 1), (-128, 127), (0, 1.001)]
)
def test_floats_out_of_range_are_refused_with_the_range_found(low: float, high: float) -> None:
    with pytest.raises(UserError, match=f"range {low:g} to {high:g}; accepted"):
        make_dataset("x", np.linspace(low, high, 16).reshape(1, 4, 4))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused(bad: float) -> None:
    images = np.linspace(-1, 1, 32).reshape(2, 4, 4)
    images[1, 2, 3] = bad
    with pytest.raises(UserError, match="not finite"):
        make_dataset("x", images)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, bool, complex, object, "U1"])
def test_an_image_dtype_without_a_known_scale_is_refused(dtype: str) -> None:
    with pytest.raises(UserError, match="accepted are uint8"):
        make_dataset("x", np.arange(16).reshape(1, 4, 4).astype(dtype))


@pytest.mark.parametrize("value", [np.uint8(7), np.float32(0), np.float32(-1)])
def test_images_of_one_constant_value_are_refused(value: np.generic) -> None:
    with pytest.raises(UserError, match="every value of the images is"):
        make_dataset("x", np.full((3, 4, 4), value))


def test_labels_become_int32() -> None:
    labels = make_dataset("x", random_uint8(3, 4, 4), np.array([2, 0, 2], np.uint64)).labels
    assert labels is not None
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, [2, 0, 2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 1]), r"shape \[2\]; accepted is \[3\]"),
        (np.array([[0], [1], [2]]), r"shape \[3, 1\]"),
        (np.array([0.0, 1.0, 2.0]), "labels are float64"),
        (np.array([True, False, True]), "labels are bool"),
        (np.array([0, -1, 2]), "range -1 to 2"),
    ],
)
def test_labels_that_are_no_class_indices_are_refused(labels: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_dataset("x", random_uint8(3, 4, 4), labels)


def test_an_error_starts_with_the_origin_where_one_is_given() -> None:
    with pytest.raises(UserError, match=r"^some/file: "):
        make_dataset("x", np.zeros((1, 2, 2)), origin="some/file")


def test_the_arrays_are_read_only_and_the_caller_keeps_a_writable_one() -> None:
    given = np.linspace(-1, 1, 32, dtype=np.float32).reshape(2, 4, 4)
    dataset = make_dataset("x", given)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 0
    given[0] = 0
    assert dataset.images[0, 0, 0, 0] == -1


def test_the_fingerprint_is_sha256_over_shape_dtype_and_bytes() -> None:
    dataset = make_dataset("x", random_uint8(2, 2, 2), np.array([0, 1]))
    assert dataset.labels is not None
    content = b"images <f4 (2, 2, 2, 1)\n" + dataset.images.tobytes()
    content += b"labels <i4 (2,)\n" + dataset.labels.tobytes()
    assert dataset.fingerprint == hashlib.sha256(content).hexdigest()


def test_the_fingerprint_tells_content_dtype_shape_and_absence_apart() -> None:
    zeros = np.zeros((2, 3), np.int32)
    variants = [zeros, zeros + 1, zeros.T, zeros.astype(np.float32), zeros[:0], None]
    assert len({fingerprint(a=variant) for variant in variants}) == len(variants)
    assert fingerprint(a=zeros) != fingerprint(b=zeros)


def test_data_sets_are_equal_when_name_and_content_are() -> None:
    one, same = (make_dataset("x", random_uint8(3, 4, 4)) for _ in range(2))
    labelled = make_dataset("x", random_uint8(3, 4, 4), np.arange(3))
    assert one == same and hash(one) == hash(same)
    assert one != labelled


def test_the_digits_are_those_of_scikit_learn_on_minus_1_to_1() -> None:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    dataset = load_dataset("digits")
    assert dataset.images.shape == (1797, 8, 8, 1)
    np.testing.assert_array_equal(dataset.images[..., 0], load_digits().images / 8 - 1)
    assert dataset.labels is not None
    np.testing.assert_array_equal(dataset.labels, load_digits().target)


@pytest.mark.parametrize("limit", [1, 7, 100, 1000, 1796])
def test_a_limit_keeps_the_mix_of_classes_and_the_first_images_of_each(limit: int) -> None:
    whole, part = load_dataset("digits"), load_dataset("digits", limit=limit)
    assert whole.labels is not None and part.labels is not None
    assert len(part.images) == len(part.labels) == limit
    for label in range(10):
        of_class = whole.images[whole.labels == label]
        kept = part.images[part.labels == label]
        assert abs(len(kept) - len(of_class) * limit / 1797) < 1
        np.testing.assert_array_equal(kept, of_class[: len(kept)])
    assert part.fingerprint != whole.fingerprint
    assert part == load_dataset("digits", limit=limit)


def test_a_limit_without_labels_keeps_the_first_images(tmp_path: Path) -> None:
    images = random_uint8(9, 4, 4)
    np.savez(tmp_path / "a.npz", images=images)
    part = load_dataset("npz", path=tmp_path / "a.npz", limit=4)
    assert part == make_dataset("a", images[:4])


def test_a_limit_does_not_change_how_the_images_are_scaled(tmp_path: Path) -> None:
    images = np.linspace(1, -1, 32).reshape(2, 4, 4)
    np.savez(tmp_path / "a.npz", images=images)
    part = load_dataset("npz", path=tmp_path / "a.npz", limit=1)
    np.testing.assert_array_equal(part.images[0, ..., 0], images[0].astype(np.float32))


@pytest.mark.parametrize("limit", [None, 1797, 5000])
def test_a_limit_that_is_not_below_the_count_changes_nothing(limit: int | None) -> None:
    assert load_dataset("digits", limit=limit) == load_dataset("digits")


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_1_is_refused(limit: int) -> None:
    with pytest.raises(UserError, match=f"data.limit = {limit}: accepted"):
        load_dataset("digits", limit=limit)


def test_apportioning_is_exact_and_gives_what_is_left_to_the_largest_remainders() -> None:
    np.testing.assert_array_equal(apportion(np.array([53, 24, 23]), 10), [5, 3, 2])
    np.testing.assert_array_equal(apportion(np.array([1, 1, 1]), 2), [1, 1, 0])
    np.testing.assert_array_equal(apportion(np.array([4, 2]), 6), [4, 2])
    with pytest.raises(ValueError, match="cannot share 7"):
        apportion(np.array([4, 2]), 7)


def test_an_unknown_source_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(UserError) as caught:
        load_dataset("imagenet")
    assert "data.source = 'imagenet'" in str(caught.value)
    assert all(name in str(caught.value) for name in DATASETS)


@pytest.mark.parametrize("source", ["idx", "npz"])
def test_a_source_that_needs_a_path_says_so(source: str) -> None:
    with pytest.raises(UserError, match=r"data\.path is missing"):
        load_dataset(source)


@pytest.mark.parametrize("source", ["digits", "digits_pairs"])
def test_the_digits_take_neither_a_path_nor_another_split(source: str) -> None:
    with pytest.raises(UserError, match=rf"data\.path = 'somewhere': '{source}' takes none"):
        load_dataset(source, path="somewhere")
    with pytest.raises(UserError, match=rf"data\.split = 'test': '{source}' has only"):
        load_dataset(source, split="test")


@pytest.mark.parametrize("limit", [None, 100, 101])
def test_pairs_of_digits_show_the_same_digit_changed_in_a_limited_set_too(
    limit: int | None,
) -> None:
    dataset = load_dataset("digits_pairs", limit=limit)
    labels, pairs = dataset.labels, dataset.pairs
    assert labels is not None and pairs is not None
    assert len(labels) == (limit or 2 * 1797)
    plain = load_dataset("digits").images
    in_a = np.flatnonzero(labels == 0)
    np.testing.assert_array_equal(dataset.images[in_a], plain[: len(in_a)])
    known = np.flatnonzero(pairs >= 0)
    assert len(known) >= len(labels) - 1
    assert np.array_equal(pairs[pairs[known]], known)
    for row in known[labels[known] == 0]:
        image, other = dataset.images[row, ..., 0], dataset.images[pairs[row], ..., 0]
        assert labels[pairs[row]] == 1
        # The column on the right comes to the top, the row at the top to the left.
        np.testing.assert_array_equal(other[0], -image[:, -1])
        np.testing.assert_array_equal(other[:, 0], -image[0, ::-1])
