"""The convolution of layers that are not ours, as matrix products."""

from typing import Any

import jax
from jax import lax
from jax.typing import ArrayLike

from normsweep.models.layers.convolution import convolve, convolve_transposed


def fast_convolution(
    lhs: jax.Array,
    rhs: jax.Array,
    window_strides: Any,
    padding: Any,
    lhs_dilation: Any = None,
    rhs_dilation: Any = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> jax.Array:
    """What `lax.conv_general_dilated` gives, whose gradient in a loop is slow on a CPU.

    For `conv_general_dilated=` of Flax's `Conv`. Fast are images [n, h, w, c] with one stride for
    both axes, or with one dilation of the images and no stride, which is a transposed convolution;
    whatever else is asked goes to `lax`.
    """
    strides = _one(window_strides, 1)
    dilation = _one(lhs_dilation, 1)
    layout = lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    ours = lax.conv_dimension_numbers(lhs.shape, rhs.shape, ("NHWC", "HWIO", "NHWC"))
    plain = (
        lhs.ndim == 4
        and layout == ours
        and _one(rhs_dilation, 1) == 1
        and feature_group_count == batch_group_count == 1
        and preferred_element_type is None
    )
    if plain and strides is not None and dilation == 1:
        return convolve(lhs, rhs, stride=strides, padding=padding)
    # Of dilated images JAX takes no padding by name.
    if plain and strides == 1 and dilation is not None and not isinstance(padding, str):
        return convolve_transposed(lhs, rhs, stride=dilation, padding=padding)
    return lax.conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        dimension_numbers=dimension_numbers,
        feature_group_count=feature_group_count,
        batch_group_count=batch_group_count,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def _one(numbers: ArrayLike | None, default: int) -> int | None:
    """The number of all axes; None where they differ."""
    each = {default} if numbers is None else {int(number) for number in tuple(numbers)}  # type: ignore[arg-type]
    return each.pop() if len(each) == 1 else None
