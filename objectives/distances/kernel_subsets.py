"""Kernel distances of many small subsets: their mean, and how sure it is.

Each subset gives an unbiased estimate of the squared maximum mean discrepancy under the cubic
kernel (⟨x, y⟩/d + 1)³; so is their mean.

References:
  Bińkowski et al. 2018, arXiv:1801.01401, sec. 4 (subsets); Zaremba et al. 2013, arXiv:1307.1954,
  eq. 4 (blocks).
"""

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normsweep.objectives.distances.contract import ANY, FROM_ZERO, LOWER, Distance, RealFeatures
from normsweep.objectives.distances.kernel import influence_of
from normsweep.objectives.distances.samples import Float64Array, feature_pair
from normsweep.objectives.distances.subsets import random_orders

SUBSETS = 100
SUBSET_SIZE = 1000


class KernelEstimate(NamedTuple):
    """The mean over subsets, and its standard error: sample deviation over √subsets."""

    mean: float
    standard_error: float


def kernel_distance_subsets(
    features_a: ArrayLike, features_b: ArrayLike, subsets: int, size: int, seed: int = 0
) -> KernelEstimate:
    """Returns MMD² over random subsets of `size` samples a side, drawn without replacement.

    Samples have shapes `[n, d]` and `[m, d]`. Subsets share samples, so the standard error tells
    what the drawing of subsets adds, not how far another sample's distance would be; blocks tell
    that. Equal arguments give equal numbers. Raises `ValueError` for fewer than 2 subsets, a size
    below 2 or above n or m, other shapes, and entries that are not finite.
    """
    a, b = feature_pair(features_a, features_b)
    fewest = min(len(a), len(b))
    if subsets < 2:
        raise ValueError(f"subsets must be at least 2, got {subsets}")
    if not 2 <= size <= fewest:
        raise ValueError(f"size must be between 2 and {fewest}, the samples there are, got {size}")
    orders = (random_orders(len(a), subsets, seed), random_orders(len(b), subsets, seed + 1))
    return _estimate(a, b, orders[0][:, :size], orders[1][:, :size])


def kernel_distance_blocks(
    features_a: ArrayLike, features_b: ArrayLike, block: int
) -> KernelEstimate:
    """Returns MMD² over disjoint blocks of `block` samples a side, in the order given.

    Samples have shapes `[n, d]` and `[m, d]`, in random order; a remainder too small for a block is
    left out. Blocks are independent, so the standard error is that over new samples. Raises
    `ValueError` for a block below 2, for fewer than 2 blocks, for other shapes, and for entries
    that are not finite.
    """
    a, b = feature_pair(features_a, features_b)
    fewest = min(len(a), len(b))
    if not 2 <= block <= fewest // 2:
        raise ValueError(
            f"block must be between 2 and {fewest // 2}, half of the samples there are, got {block}"
        )
    blocks = np.arange(fewest // block * block).reshape(-1, block)
    return _estimate(a, b, blocks, blocks)


def _estimate(
    a: Float64Array, b: Float64Array, subsets_a: NDArray[np.intp], subsets_b: NDArray[np.intp]
) -> KernelEstimate:
    """Estimates from index arrays `[subsets, size]`, a row for each subset."""
    # One kernel matrix over all samples and a product with the subsets' memberships: subsets of
    # half the samples would otherwise compute each of its entries dozens of times.
    member_a, member_b = _membership(subsets_a, len(a)), _membership(subsets_b, len(b))
    size = subsets_a.shape[1]
    within = _sums(_off_diagonal(_kernel(a, a)), member_a, member_a)
    within += _sums(_off_diagonal(_kernel(b, b)), member_b, member_b)
    between = _sums(_kernel(a, b), member_a, member_b)
    distances = within / (size * (size - 1)) - 2.0 * between / size**2
    error = distances.std(ddof=1) / np.sqrt(len(distances))
    return KernelEstimate(float(distances.mean()), float(error))


def _kernel(a: Float64Array, b: Float64Array) -> Float64Array:
    base = a @ b.T / a.shape[1] + 1.0
    cube: Float64Array = base * base * base
    return cube


def _off_diagonal(kernel: Float64Array) -> Float64Array:
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _membership(subsets: NDArray[np.intp], count: int) -> Float64Array:
    member = np.zeros((len(subsets), count))
    np.put_along_axis(member, subsets, 1.0, axis=1)
    return member


def _sums(kernel: Float64Array, left: Float64Array, right: Float64Array) -> Float64Array:
    """Returns Σᵢⱼ leftᵢ·kernelᵢⱼ·rightⱼ for each pair of rows."""
    sums: Float64Array = np.einsum("sm,sm->s", left @ kernel, right)
    return sums


def _held_out(samples: RealFeatures) -> Float64Array:
    return samples.held_out


def _subsets(held_out: Float64Array, features: Float64Array) -> KernelEstimate:
    # Subsets of all samples would be one and the same.
    size = min(SUBSET_SIZE, min(len(held_out), len(features)) // 2)
    return kernel_distance_subsets(features, held_out, SUBSETS, size)


def _blocks(held_out: Float64Array, features: Float64Array) -> KernelEstimate:
    # Zaremba et al. 2013, sec. 3: √n both keeps the power and makes enough blocks for an error.
    return kernel_distance_blocks(features, held_out, int(np.sqrt(len(features))))


def _entry(
    measure: Callable[[Float64Array, Float64Array], KernelEstimate],
    part: str,
    range_: str,
    summary: str,
    source: str,
) -> Distance:
    return Distance(
        _held_out,
        measure,
        attrgetter(part),
        LOWER,
        range_,
        summary,
        source,
        fewest=4,
        # Of the error there is none.
        influence=influence_of if part == "mean" else None,
    )


_OF_SUBSETS = "Bińkowski et al. 2018, arXiv:1801.01401, sec. 4"
_OF_BLOCKS = "Zaremba et al. 2013, arXiv:1307.1954, eq. 4"

KID_SUBSETS = _entry(
    _subsets,
    "mean",
    ANY,
    "mean kid of 100 random subsets of 1000 samples, or of half of them if fewer",
    _OF_SUBSETS,
)

KID_SUBSETS_ERROR = _entry(
    _subsets,
    "standard_error",
    FROM_ZERO,
    "standard error of kid_subsets over its subsets",
    _OF_SUBSETS,
)

KID_BLOCKS = _entry(_blocks, "mean", ANY, "mean kid of disjoint blocks of √n samples", _OF_BLOCKS)

KID_BLOCKS_ERROR = _entry(
    _blocks,
    "standard_error",
    FROM_ZERO,
    "standard error of kid_blocks over its blocks",
    _OF_BLOCKS,
)
