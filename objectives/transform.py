"""A norm penalty as an Optax gradient transformation.

Adding the penalty's gradient to the updates, in front of the optimiser, is the same as adding the
penalty to the loss, without a second backward pass through the model. It is not decoupled weight
decay: under Adam the two differ (Loshchilov and Hutter, arXiv:1711.05101).
"""

from collections.abc import Callable
from typing import Any

import jax
import optax

from objectives.aliases import PyTree, Scalar
from objectives.penalties import penalty

# Optax keeps its own constant in a private module; a test holds the two equal.
NO_PARAMS_MESSAGE = (
    "You are using a transformation that requires the current value of parameters, but you are "
    "not passing `params` when calling `update`."
)


def add_norm_penalty(
    form: str,
    *,
    mask: PyTree | Callable[[PyTree], PyTree] | None = None,
    **coefficients: Scalar,
) -> optax.GradientTransformation:
    """Returns a transformation that adds the gradient of a norm penalty to the updates.

    `updates + penalty.gradient(params, **coefficients)`, with the penalty called `form` in
    `objectives.penalties.PENALTIES`. The coefficients are the ones that it names, all required,
    Python numbers or scalars that may be traced. It has no state. Put it before the optimiser:
    `optax.chain(add_norm_penalty("power", strength=1e-4, order=1.5), optax.adam(1e-3))`.

    `mask` is as in `optax.add_decayed_weights`: a tree of bools like the parameters or a prefix of
    it, or a function that makes one from them. Leaves where it is False are left alone, and do not
    count in a norm taken over all leaves.

    Raises `ValueError` for an unknown form, for a coefficient that is missing or that the form
    does not have, and, at `update`, where no parameters are given.
    """
    chosen = penalty(form)
    if set(coefficients) != set(chosen.coefficients):
        raise ValueError(
            f"penalty form {form!r} takes the coefficients {', '.join(chosen.coefficients)}; "
            f"got {', '.join(coefficients) or 'none'}"
        )

    def init(params: PyTree) -> optax.EmptyState:
        del params
        return optax.EmptyState()

    def update(updates: PyTree, state: Any, params: PyTree | None = None) -> tuple[PyTree, Any]:
        if params is None:
            raise ValueError(NO_PARAMS_MESSAGE)
        return add_where_given(updates, chosen.gradient(params, **coefficients)), state

    transformation = optax.GradientTransformation(init, update)
    return transformation if mask is None else optax.masked(transformation, mask)


def add_where_given(updates: PyTree, gradient: PyTree) -> PyTree:
    """`updates + gradient`, and `updates` alone where the gradient has `None` for a leaf."""
    return jax.tree.map(_add, updates, gradient, is_leaf=_is_none)


def _is_none(node: object) -> bool:
    return node is None


def _add(update: jax.Array | None, gradient: jax.Array | None) -> jax.Array | None:
    return update if update is None or gradient is None else update + gradient
