"""An array that stays on the host: its rows are those of the array, in every kind of program."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from normsweep.models.data import ByteImages, HostArray, images_at

ARRAY = np.random.default_rng(0).integers(0, 256, (9, 2, 3, 1), np.uint8)
TABLE = np.linspace(-1, 1, 256, dtype=np.float32)
ROWS = np.array([[8, 0, 0], [1, 7, 8]], np.int32)


def on_host(array: np.ndarray = ARRAY) -> HostArray:
    return HostArray(array.__getitem__, array.shape, array.dtype)


IMAGES = {
    "bytes": (ByteImages(on_host(), TABLE), TABLE[ARRAY]),
    "floats": (on_host(TABLE[ARRAY]), TABLE[ARRAY]),
}
"""What a program is given, and what it is to find."""


@pytest.mark.parametrize(("images", "expected"), IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize(
    "mapped",
    [
        images_at,
        jax.vmap(images_at, in_axes=(0, None)),
        lambda rows, images: lax.map(lambda some: images_at(some, images), rows),
        lambda rows, images: lax.cond(rows[0, 0] > 0, images_at, images_at, rows, images),
    ],
    ids=["at once", "vmap", "map", "cond"],
)
def test_rows_are_those_of_the_array(mapped: Any, images: Any, expected: np.ndarray) -> None:
    images = jax.tree.map(jnp.asarray, images)
    np.testing.assert_array_equal(jax.jit(mapped)(ROWS, images), expected[ROWS])
    np.testing.assert_array_equal(mapped(jnp.asarray(ROWS), images), expected[ROWS])


def test_they_are_read_within_what_is_differentiated() -> None:
    """As the losses of a user's own are."""

    def loss(scale: jax.Array, images: Any) -> jax.Array:
        return jnp.sum(scale * images_at(ROWS[0], images))

    images, expected = IMAGES["bytes"]
    found = jax.jit(jax.grad(loss))(jnp.float32(2), jax.tree.map(jnp.asarray, images))
    np.testing.assert_allclose(found, expected[ROWS[0]].sum(), rtol=1e-5)


def test_one_array_is_one_program_and_another_another() -> None:
    traced = []

    @jax.jit
    def program(rows: jax.Array, images: Any) -> jax.Array:
        traced.append(images)
        return images_at(rows, images)

    other = np.ascontiguousarray(ARRAY[::-1])
    for array in (ARRAY, ARRAY, other):
        np.testing.assert_array_equal(program(ROWS, on_host(array)), array[ROWS])
    assert len(traced) == 2
