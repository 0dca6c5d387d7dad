"""Strength that follows the discriminator's overfitting, after adaptive augmentation (ADA).

A signal says how far the discriminator has learnt its training images by heart: 0 not at all, 1
entirely. The strength rises while the signal is above a target, and falls while it is below.

References:
  Karras et al., "Training Generative Adversarial Networks with Limited Data", 2020,
  arXiv:2006.06676, sec. 3, eq. 1.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.objectives.aliases import Scalar

LIMIT = math.log(1000.0)
"""How far a strength moves from where it began: by a factor of 1000, up or down."""


class OverfittingSignal(NamedTuple):
    """One signal: `value(real_logits, fake_logits, validation_logits)`, a scalar of their dtype.

    Logits may have any shape. Real ones are those of training images, validation ones those of
    real images that the discriminator never trained on; where `needs_validation` is False they are
    not looked at and may be None. Where `needs_boundary` is True it reads the sign of a logit, to
    which only a loss with a `boundary` gives a meaning (`normsweep.objectives.adversarial`).
    """

    value: Callable[[jax.Array, jax.Array, jax.Array | None], jax.Array]
    needs_validation: bool
    needs_boundary: bool
    summary: str
    source: str


def real_sign(
    real_logits: jax.Array, fake_logits: jax.Array, validation_logits: jax.Array | None = None
) -> jax.Array:
    """Returns r_t = E[sign(D(real))], in [−1, 1]."""
    del fake_logits, validation_logits
    return jnp.mean(jnp.sign(real_logits))


def held_out(
    real_logits: jax.Array, fake_logits: jax.Array, validation_logits: jax.Array | None
) -> jax.Array:
    """Returns r_v = (E[D(train)] − E[D(validation)]) / (E[D(train)] − E[D(generated)]).

    0 where the denominator is: a discriminator that tells nothing apart has learnt nothing. Not
    bounded, since means may lie in any order. Raises `ValueError` without validation logits.
    """
    if validation_logits is None:
        raise ValueError("the signal held_out needs the logits of validation images, got None")
    train = jnp.mean(real_logits)
    gap = train - jnp.mean(fake_logits)
    ratio = (train - jnp.mean(validation_logits)) / jnp.where(gap == 0, jnp.ones_like(gap), gap)
    return jnp.where(gap == 0, jnp.zeros_like(ratio), ratio)


OVERFITTING_SIGNALS: Mapping[str, OverfittingSignal] = MappingProxyType(
    {
        "real_sign": OverfittingSignal(
            real_sign,
            False,
            True,
            "E[sign(D(real))]",
            "Karras et al. 2020, arXiv:2006.06676, eq. 1 (r_t)",
        ),
        "held_out": OverfittingSignal(
            held_out,
            True,
            False,
            "(E[D(train)] − E[D(validation)]) / (E[D(train)] − E[D(generated)])",
            "Karras et al. 2020, arXiv:2006.06676, eq. 1 (r_v)",
        ),
    }
)
"""Every signal of overfitting by its name."""


def overfitting_signal(name: str) -> OverfittingSignal:
    """Returns the signal called `name`; raises `ValueError` with the accepted names."""
    if name not in OVERFITTING_SIGNALS:
        accepted = ", ".join(OVERFITTING_SIGNALS)
        raise ValueError(f"unknown overfitting signal {name!r}; accepted: {accepted}")
    return OVERFITTING_SIGNALS[name]


def adapt(log_factor: Scalar, signal: Scalar, target: Scalar, speed: Scalar) -> jax.Array:
    """Returns log_factor + speed·sign(signal − target), clipped to ±LIMIT, a float32 scalar.

    The strength is multiplied by exp(log_factor), which begins at 0. ADA steps a probability in
    [0, 1] up and down by a constant; a strength lives on a logarithmic scale, and so its constant
    step is a factor: exp(speed) for each call. A signal that is NaN changes nothing. Arguments are
    Python numbers or scalars that may be traced.
    """
    scalars = (log_factor, signal, target, speed)
    before, measured, aim, pace = (jnp.asarray(scalar, np.float32) for scalar in scalars)
    stepped = jnp.clip(before + pace * jnp.sign(measured - aim), -LIMIT, LIMIT)
    return jnp.where(jnp.isnan(measured), before, stepped)
