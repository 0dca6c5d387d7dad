"""Likelihoods of images under what a decoder gives, and the divergence of codes from their prior.

All are float32, in nats, for pixels in [−1, 1].
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.objectives.aliases import Scalar

SURE = 1e-6
"""A Bernoulli probability is this much away from 0 and from 1 at least."""
_HALF_A_LEVEL = np.float32(1 / 255)

LogDensity = Callable[[jax.Array, jax.Array, Scalar], jax.Array]
"""(images, decoded, scale) → the log density of each pixel, in their shape."""


def bernoulli(images: jax.Array, decoded: jax.Array, scale: Scalar) -> jax.Array:
    """Returns x·log p + (1 − x)·log(1 − p) of x = (image + 1)/2, p = (decoded + 1)/2.

    p is moved into [10⁻⁶, 1 − 10⁻⁶] by a linear map, which leaves every pixel a gradient; what lies
    beyond [−1, 1] is cut off. Of pixels between black and white it is a cross entropy, and no
    density. `scale` has no part in it.
    """
    del scale
    on = (images + 1) / 2
    p = SURE + (1 - 2 * SURE) * (jnp.clip(decoded, -1, 1) + 1) / 2
    return on * jnp.log(p) + (1 - on) * jnp.log1p(-p)


def gaussian(images: jax.Array, decoded: jax.Array, scale: Scalar) -> jax.Array:
    """Returns log N(image; decoded, scale²), a density of pixels on [−1, 1]."""
    deviation = jnp.asarray(scale, np.float32)
    constant = np.float32(0.5 * np.log(2 * np.pi))
    return -0.5 * ((images - decoded) / deviation) ** 2 - jnp.log(deviation) - constant


def logistic(images: jax.Array, decoded: jax.Array, scale: Scalar) -> jax.Array:
    """Returns log P(the pixel's level), a logistic law of 256 levels from −1 to 1.

    P = σ((x − m + 1/255)/s) − σ((x − m − 1/255)/s), m = decoded, s = scale; the lowest level has
    all below it, the highest all above. Written as σ(a)·σ(−b)·(1 − exp(b − a)), no difference of
    near numbers is left.
    """
    s = jnp.asarray(scale, np.float32)
    above = (images - decoded + _HALF_A_LEVEL) / s
    below = (images - decoded - _HALF_A_LEVEL) / s
    up_to, beyond = jax.nn.log_sigmoid(above), jax.nn.log_sigmoid(-below)
    inside = up_to + beyond + jnp.log(-jnp.expm1(-2 * _HALF_A_LEVEL / s))
    lowest, highest = images < _HALF_A_LEVEL - 1, images > 1 - _HALF_A_LEVEL
    return jnp.where(lowest, up_to, jnp.where(highest, beyond, inside))


class Likelihood(NamedTuple):
    """The density of a pixel given what is decoded; `settings` are those that it takes."""

    log_density: LogDensity
    settings: tuple[str, ...]
    summary: str
    source: str


_SCALE = ("likelihood_scale",)

LIKELIHOODS: Mapping[str, Likelihood] = MappingProxyType(
    {
        "bernoulli": Likelihood(
            bernoulli,
            (),
            "x·log p + (1 − x)·log(1 − p), x and p on [0, 1]",
            "Kingma and Welling 2013, arXiv:1312.6114, appendix C.1",
        ),
        "gaussian": Likelihood(
            gaussian,
            _SCALE,
            "log N(x; decoded, scale²), x on [−1, 1]",
            "Kingma and Welling 2013, arXiv:1312.6114, appendix C.2",
        ),
        "logistic": Likelihood(
            logistic,
            _SCALE,
            "log P of a logistic law of that scale on 256 levels",
            "Kingma et al. 2016, arXiv:1606.04934, sec. 5.2",
        ),
    }
)
"""Every likelihood by its name."""


def log_likelihood(
    name: str, images: jax.Array, decoded: jax.Array, scale: Scalar = 1.0
) -> jax.Array:
    """Returns log p(image | decoded), summed over pixels: [n, h, w, c] → [n], in nats."""
    pixels = LIKELIHOODS[name].log_density(images, decoded, scale)
    return jnp.sum(pixels, axis=tuple(range(1, images.ndim)))


def divergence(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """Returns KL(N(mean, variance) ‖ N(0, 1)) of each number, in nats and in their shape.

    ½·(mean² + variance − 1 − log variance) (Kingma and Welling 2013, arXiv:1312.6114, appendix B),
    which is 0 for a mean and a log variance of 0 to the last bit, and never below.
    """
    return 0.5 * (mean**2 + (jnp.expm1(log_variance) - log_variance))
