"""What every penalty shares: the dtype of a tree, and sums over it.

A penalty is a function of *all* leaves of a tree together. Leaves may have any shape, scalar and
empty ones included; `None` subtrees hold no leaf and are skipped.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar


def value_dtype(params: PyTree) -> jnp.dtype:
    """Returns the dtype of a penalty's value: that of the leaves, the widest where they differ.

    A tree without leaves has JAX's default float type. Raises `TypeError` for a leaf that is not
    real floating point: a penalty on a counter or on a random key is a mistake of selection.
    """
    leaves = jax.tree.leaves(params)
    for leaf in leaves:
        if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            raise TypeError(
                f"a penalty needs leaves of a real floating type, got {jnp.result_type(leaf)}"
            )
    if not leaves:
        return jnp.dtype(jnp.result_type(float))
    with jax.numpy_dtype_promotion("standard"):
        return jnp.dtype(jnp.result_type(*leaves))


def as_scalar(name: str, number: Scalar, dtype: jnp.dtype) -> jax.Array:
    """Returns `number` as an array of shape `()` and of type `dtype`.

    Raises `ValueError` for any other shape, so that a vector never broadcasts over a leaf unseen.
    """
    refuse_schedule(name, number)
    array = jnp.asarray(number)
    if array.shape != ():
        raise ValueError(f"{name} must be a scalar, got an array of shape {array.shape}")
    return array.astype(dtype)


def refuse_schedule(name: str, number: object) -> None:
    """Raises `ValueError` for a function, such as a schedule of Optax, with the way to use one."""
    if callable(number):
        raise ValueError(
            f"{name} must be a number, got a function; a schedule is given by "
            f"optax.inject_hyperparams(lambda {name}: …)({name}=schedule), with the transformation "
            f"of that {name} in place of the dots"
        )


def prepare(params: PyTree, **coefficients: Scalar) -> tuple[Any, ...]:
    """Returns the tree, and each coefficient as a scalar of the tree's dtype, in one device type.

    Inside `jax.shard_map` arrays of one value per device and arrays of one value for all differ in
    type. The branches of a choice and a hand-written derivative must agree on it, so all are cast
    to vary over every mesh axis that any of them varies over; elsewhere nothing is cast.
    """
    dtype = value_dtype(params)
    scalars = [as_scalar(name, number, dtype) for name, number in coefficients.items()]
    arrays, structure = jax.tree.flatten((params, *scalars))
    axes = frozenset[Any]().union(*map(_varying_axes, arrays))

    def vary(array: jax.Array) -> jax.Array:
        missing = axes - _varying_axes(array)
        return jax.lax.pcast(array, tuple(missing), to="varying") if missing else array

    prepared: tuple[Any, ...] = jax.tree.unflatten(structure, map(vary, arrays))
    return prepared


def _varying_axes(array: jax.Array) -> frozenset[Any]:
    axes: frozenset[Any] = jax.typeof(array).manual_axis_type.varying
    return axes


def total(term: Callable[[jax.Array], jax.Array], params: PyTree, like: jax.Array) -> jax.Array:
    """Returns Σ term(w) over all entries of all leaves, a scalar of the type of `like`."""
    sums = [jnp.sum(term(leaf)).astype(like.dtype) for leaf in jax.tree.leaves(params)]
    return sum(sums, start=jnp.zeros_like(like))


def largest_magnitude(params: PyTree, like: jax.Array) -> jax.Array:
    """Returns max |w| over all leaves, a scalar of the type of `like`.

    It is 0 for a tree without entries, and NaN if any entry is NaN.
    """
    largest = jnp.zeros_like(like)
    for leaf in jax.tree.leaves(params):
        largest = jnp.maximum(largest, jnp.max(jnp.abs(leaf), initial=0).astype(like.dtype))
    return largest


def magnitude_power(magnitude: jax.Array, exponent: jax.Array) -> jax.Array:
    """Returns magnitude^exponent entry by entry, with 0 for an entry of 0 whatever the exponent.

    `jnp.power` with a traced exponent takes three times as long on a CPU as exp(exponent·log).
    The inner `where` keeps log 0 out of derivatives of this function; NaN entries stay NaN.
    """
    is_zero = magnitude == 0
    logarithm = jnp.log(jnp.where(is_zero, jnp.ones_like(magnitude), magnitude))
    powered = jnp.exp(exponent.astype(magnitude.dtype) * logarithm)
    return jnp.where(is_zero, jnp.zeros_like(magnitude), powered)


def zero_like(params: PyTree) -> jax.Array:
    """Returns the scalar 0 of the type of a penalty's value on `params`."""
    zero: jax.Array = prepare(params, zero=0)[1]
    return zero


def as_matrix(w: jax.Array) -> jax.Array:
    """Returns a leaf of two axes or more as a matrix [incoming weights, output units]."""
    return w.reshape(math.prod(w.shape[:-1]), w.shape[-1])


def unless_off(strength: jax.Array, slope: jax.Array) -> jax.Array:
    """Returns `slope`, and 0 where the strength is 0, so that it never meets 0·inf."""
    return jnp.where(strength == 0, jnp.zeros_like(slope), slope)


@jax.custom_jvp
def weighted(strength: jax.Array, term: jax.Array) -> jax.Array:
    """Returns strength · term of two scalars, exactly 0 at strength 0 even for an infinite term.

    Its derivative in the strength is the term, at strength 0 too.
    """
    return unless_off(strength, strength * term)


@weighted.defjvp
def _weighted_jvp(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    (strength, term), (strength_tangent, term_tangent) = primals, tangents
    along = unless_off(strength, strength * term_tangent)
    return weighted(strength, term), strength_tangent * term + along
