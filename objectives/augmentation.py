"""Differentiable augmentation: random changes to all that the discriminator sees, real or not.

Gradients reach the generator through the augmentation, so that what it learns is to look real
after the change, and not to draw the change itself (Zhao et al. 2020, arXiv:2006.10738). Images are
[n, h, w, c] on the pixel scale [−1, 1]; each gets a draw of its own, real and generated batches by
the caller's two keys. Strength 0 returns the images bit for bit, 1 is the paper's setting.
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from normsweep.objectives.aliases import Scalar


class Augmentation(NamedTuple):
    """One augmentation: `apply(key, images, strength)` returns images of the same shape and dtype.

    `key` is a typed JAX key, `strength` a Python number or a traced scalar in [0, 1].
    """

    apply: Callable[[jax.Array, jax.Array, Scalar], jax.Array]
    summary: str
    source: str


def translation(key: jax.Array, images: jax.Array, strength: Scalar) -> jax.Array:
    """Shifts each image by up to strength/8 of its height and of its width, uniformly.

    Shifts are continuous, with bilinear weights, so that the strength is too. What moves in at the
    border repeats the edge pixels, where the paper has zeros: on data whose background is not 0
    a grey border would give the augmentation away. Two small matrix products for each image:
    gathers are slow in XLA:CPU's backward pass.
    """
    n, height, width, _ = images.shape
    reach = jnp.asarray(strength, np.float32) / 8
    down, right = reach * jax.random.uniform(key, (2, n), np.float32, -1, 1)
    rows = _shift_weights(down * height, height).astype(images.dtype)
    columns = _shift_weights(right * width, width).astype(images.dtype)
    # An accelerator's default precision would round the pixels.
    exact = lax.Precision.HIGHEST
    moved = jnp.einsum("nij,njwc->niwc", rows, images, precision=exact)
    moved = jnp.einsum("nij,nhjc->nhic", columns, moved, precision=exact)
    return _unless_off(strength, images, moved)


def _shift_weights(shifts: jax.Array, side: int) -> jax.Array:
    """[n, side, side]: row i holds the bilinear weights of the position i − shift on the edge."""
    index = jnp.arange(side, dtype=np.float32)
    positions = jnp.clip(jnp.expand_dims(index, 0) - jnp.expand_dims(shifts, 1), 0, side - 1)
    distances = jnp.expand_dims(positions, 2) - jnp.expand_dims(index, (0, 1))
    return jax.nn.relu(1 - jnp.abs(distances))


def cutout(key: jax.Array, images: jax.Array, strength: Scalar) -> jax.Array:
    """Sets a rectangle of strength/2 of the height and of the width to 0, in each image.

    Its centre is uniform over the image, and the rectangle may stick out: 1 to ¼ of it is inside.
    A pixel is in it where its index lies within a quarter of strength·side of the centre.
    """
    n, height, width, _ = images.shape
    centre = jax.random.uniform(key, (2, n), np.float32)
    rows = _covered(centre[0], height, strength)
    columns = _covered(centre[1], width, strength)
    hole = jnp.expand_dims(rows, (2, 3)) & jnp.expand_dims(columns, (1, 3))
    return jnp.where(hole, jnp.zeros_like(images), images)


def _covered(centres: jax.Array, side: int, strength: Scalar) -> jax.Array:
    """[n, side] bool: which indices a stretch of strength·side/2 around each centre covers."""
    half = jnp.asarray(strength, np.float32) * side / 4
    index = jnp.expand_dims(jnp.arange(side, dtype=np.float32), 0)
    middle = jnp.expand_dims(centres * side - 0.5, 1)
    return jnp.abs(index - middle) < half


def brightness(key: jax.Array, images: jax.Array, strength: Scalar) -> jax.Array:
    """Adds one number to all of an image, uniform on ±strength/2; the result is not clipped."""
    amount = jax.random.uniform(key, (images.shape[0], 1, 1, 1), np.float32, -0.5, 0.5)
    brighter = images + (jnp.asarray(strength, np.float32) * amount).astype(images.dtype)
    return _unless_off(strength, images, brighter)


def _unless_off(strength: Scalar, images: jax.Array, changed: jax.Array) -> jax.Array:
    # Sums lose the sign of −0, and products with 0 the infinities.
    return jnp.where(jnp.asarray(strength) == 0, images, changed)


AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(
    {
        "brightness": Augmentation(
            brightness, "a number from ±strength/2 added", "arXiv:2006.10738, sec. 3.2"
        ),
        "translation": Augmentation(
            translation, "shift by up to strength/8 of each side", "arXiv:2006.10738, sec. 3.2"
        ),
        "cutout": Augmentation(
            cutout, "a rectangle of strength/2 of each side set to 0", "arXiv:2006.10738, sec. 3.2"
        ),
    }
)
"""Every augmentation by its name, in the order in which they are applied: the paper's, colour
before shape, so that what is cut out stays 0."""

POLICIES: tuple[str, ...] = tuple(
    "+".join(names)
    for count in range(1, len(AUGMENTATIONS) + 1)
    for names in combinations(AUGMENTATIONS, count)
)
"""Every choice of one or more augmentations, such as `translation+cutout`."""


def parse_policy(policy: str) -> tuple[str, ...]:
    """Returns the names in a policy such as `translation+cutout`, in the order of the table.

    Raises `ValueError` with the accepted names for one that is unknown or comes twice.
    """
    names = policy.split("+")
    if len(set(names)) < len(names) or not set(names) <= set(AUGMENTATIONS):
        accepted = ", ".join(AUGMENTATIONS)
        raise ValueError(
            f"unknown augmentation policy {policy!r}; accepted: any of {accepted}, each once, "
            "joined by +"
        )
    return tuple(name for name in AUGMENTATIONS if name in names)


def augment(
    policy: tuple[str, ...], key: jax.Array, images: jax.Array, strength: Scalar
) -> jax.Array:
    """Returns images [n, h, w, c] after every augmentation of `policy`, in the policy's order.

    All have the one `strength`. The draws of each depend on `key` and its own name, and not on
    which others are on. `parse_policy` makes the policy; an empty one changes nothing.
    """
    places = {name: place for place, name in enumerate(AUGMENTATIONS)}
    for name in policy:
        own_key = jax.random.fold_in(key, places[name])
        images = AUGMENTATIONS[name].apply(own_key, images, strength)
    return images
