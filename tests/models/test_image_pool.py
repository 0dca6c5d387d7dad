"""The pool of generated images: by hand, against the published program, and its chances."""

from typing import Any

import jax
import numpy as np
import pytest

from normsweep.models.image_pool import Pool, empty_pool, exchanged, passed_through
from tests.haste import IN_HASTE

exchange = jax.jit(exchanged, compiler_options=IN_HASTE)


def images(*values: float) -> np.ndarray:
    """Images of one pixel."""
    return np.array(values, np.float32).reshape(-1, 1, 1, 1)


def values(found: Any) -> list[float]:
    return np.asarray(found).reshape(-1).tolist()


def test_a_pool_of_two_by_hand() -> None:
    """Five images: two fill it, the third swaps with the first, the fourth passes, the fifth swaps
    with the third, which lies where the first was."""
    swapped = np.array([True, False, True, False, True])
    places = np.array([1, 0, 0, 0, 0], np.int32)
    back, pool = exchange(empty_pool(2, (1, 1, 1)), images(1, 2, 3, 4, 5), swapped, places)
    assert values(back) == [1, 2, 1, 4, 3]
    assert values(pool.images) == [5, 2]
    assert pool.filled == 2
    back, pool = exchange(pool, images(6, 7, 8, 9, 10), ~swapped, places)
    assert values(back) == [6, 5, 8, 7, 10]
    assert values(pool.images) == [9, 2]


def as_published(
    held: list[float], size: int, batch: list[float], swapped: np.ndarray, places: np.ndarray
) -> list[float]:
    """`util/image_pool.py` of the paper's program, image after image; changes what is held."""
    back = []
    for image, swap, place in zip(batch, swapped, places, strict=True):
        if len(held) < size:
            held.append(image)
            back.append(image)
        elif swap:
            back.append(held[place])
            held[place] = image
        else:
            back.append(image)
    return back


@pytest.mark.parametrize(("size", "batch"), [(1, 3), (5, 4), (7, 16)])
def test_it_holds_and_hands_back_what_the_published_program_does(size: int, batch: int) -> None:
    draw = np.random.default_rng(size)
    pool, held = empty_pool(size, (1, 1, 1)), list[float]()
    for begin in range(0, 6 * batch, batch):
        swapped = draw.random(batch) < 0.5
        places = draw.integers(0, size, batch, np.int32)
        new = list(map(float, range(begin, begin + batch)))
        back, pool = exchange(pool, images(*new), swapped, places)
        assert values(back) == as_published(held, size, new, swapped, places)
        assert values(pool.images)[: len(held)] == held
        assert pool.filled == len(held)


def test_a_full_pool_hands_back_half_of_the_new_images_and_else_each_place_alike() -> None:
    full = Pool(images(*range(4)), np.int32(4))
    keys = jax.random.split(jax.random.key(0), 4000)
    once = jax.vmap(lambda key: passed_through(full, key, images(9))[0])
    found = np.asarray(jax.jit(once, compiler_options=IN_HASTE)(keys)).reshape(-1)
    shares = [np.mean(found == value) for value in (0, 1, 2, 3, 9)]
    assert shares == pytest.approx([0.125] * 4 + [0.5], abs=0.03)
