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


Subsets = NDArray[np.intp]


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
    return _estimate(a, b, *_drawn(len(a), len(b), subsets, size, seed))


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
    return _estimate(a, b, *_dealt(fewest, block))


def standard_error_influence(
    held_out: Float64Array, generated: Float64Array, own: Subsets, other: Subsets
) -> Float64Array:
    """Returns the influence of each held-out image `[n]` on the standard error over subsets.

    Of S subsets of k images a side with the distances d_s, whose deviation is σ, it is by the chain
    rule from ψ_s, the influence of an image on the distance of a subset that has it:

        ψ(y) = n/k · Σ_s (d_s - d̄)/((S - 1)·√S·σ) · ψ_s(y)

    `own` and `other` `[S, k]` are the indices of each side. 0 where all distances are the same. To
    first order alone: what it says of a variance is too large where the subsets differ by little
    more than by chance, at most twice.

    References:
      Hampel, "The influence curve and its role in robust estimation", Journal of the American
      Statistical Association 69, 1974.
    """
    distances = _distances(generated, held_out, other, own)
    deviation = distances.std(ddof=1)
    if not deviation > 0:
        return np.zeros(len(held_out))
    count, size = len(distances), own.shape[1]
    slopes = (distances - distances.mean()) / ((count - 1) * np.sqrt(count) * deviation)
    member, others = _membership(own, len(held_out)), _membership(other, len(generated))
    within = member @ _off_diagonal(_kernel(held_out, held_out)) / (size - 1)
    each = 2.0 * (within - others @ _kernel(generated, held_out) / size)
    centred = member * (each - np.sum(member * each, axis=1, keepdims=True) / size)
    found: Float64Array = len(held_out) / size * (slopes @ centred)
    return found


def _drawn(n: int, m: int, subsets: int, size: int, seed: int) -> tuple[Subsets, Subsets]:
    return (
        random_orders(n, subsets, seed)[:, :size],
        random_orders(m, subsets, seed + 1)[:, :size],
    )


def _dealt(fewest: int, block: int) -> tuple[Subsets, Subsets]:
    blocks = np.arange(fewest // block * block).reshape(-1, block)
    return blocks, blocks


def _estimate(
    a: Float64Array, b: Float64Array, subsets_a: Subsets, subsets_b: Subsets
) -> KernelEstimate:
    distances = _distances(a, b, subsets_a, subsets_b)
    error = distances.std(ddof=1) / np.sqrt(len(distances))
    return KernelEstimate(float(distances.mean()), float(error))


def _distances(
    a: Float64Array, b: Float64Array, subsets_a: Subsets, subsets_b: Subsets
) -> Float64Array:
    """MMD² of each subset `[subsets]`, by index arrays `[subsets, size]`, a row for each."""
    # One kernel matrix over all samples and a product with the subsets' memberships: subsets of
    # half the samples would otherwise compute each of its entries dozens of times.
    member_a, member_b = _membership(subsets_a, len(a)), _membership(subsets_b, len(b))
    size = subsets_a.shape[1]
    within = _sums(_off_diagonal(_kernel(a, a)), member_a, member_a)
    within += _sums(_off_diagonal(_kernel(b, b)), member_b, member_b)
    between = _sums(_kernel(a, b), member_a, member_b)
    distances: Float64Array = within / (size * (size - 1)) - 2.0 * between / size**2
    return distances


def _kernel(a: Float64Array, b: Float64Array) -> Float64Array:
    base = a @ b.T / a.shape[1] + 1.0
    cube: Float64Array = base * base * base
    return cube


def _off_diagonal(kernel: Float64Array) -> Float64Array:
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _membership(subsets: Subsets, count: int) -> Float64Array:
    member = np.zeros((len(subsets), count))
    np.put_along_axis(member, subsets, 1.0, axis=1)
    return member


def _sums(kernel: Float64Array, left: Float64Array, right: Float64Array) -> Float64Array:
    """Returns Σᵢⱼ leftᵢ·kernelᵢⱼ·rightⱼ for each pair of rows."""
    sums: Float64Array = np.einsum("sm,sm->s", left @ kernel, right)
    return sums


def _held_out(samples: RealFeatures) -> Float64Array:
    return samples.held_out


def _size(held_out: Float64Array, features: Float64Array) -> int:
    # Subsets of all samples would be one and the same.
    return min(SUBSET_SIZE, min(len(held_out), len(features)) // 2)


def _block(features: Float64Array) -> int:
    # Zaremba et al. 2013, sec. 3: √n both keeps the power and makes enough blocks for an error.
    return int(np.sqrt(len(features)))


def _subsets(held_out: Float64Array, features: Float64Array) -> KernelEstimate:
    return kernel_distance_subsets(features, held_out, SUBSETS, _size(held_out, features))


def _blocks(held_out: Float64Array, features: Float64Array) -> KernelEstimate:
    return kernel_distance_blocks(features, held_out, _block(features))


def _influence_by_subsets(
    samples: RealFeatures, prepared: object, features: Float64Array
) -> Float64Array:
    del prepared
    held_out, size = samples.held_out, _size(samples.held_out, features)
    other, own = _drawn(len(features), len(held_out), SUBSETS, size, 0)
    return standard_error_influence(held_out, features, own, other)


def _influence_by_blocks(
    samples: RealFeatures, prepared: object, features: Float64Array
) -> Float64Array:
    del prepared
    fewest = min(len(samples.held_out), len(features))
    other, own = _dealt(fewest, _block(features))
    return standard_error_influence(samples.held_out, features, own, other)


def _entry(
    measure: Callable[[Float64Array, Float64Array], KernelEstimate],
    part: str,
    range_: str,
    summary: str,
    source: str,
    influence: Callable[..., Float64Array] = influence_of,
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
        influence=influence,
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
    _influence_by_subsets,
)

KID_BLOCKS = _entry(_blocks, "mean", ANY, "mean kid of disjoint blocks of √n samples", _OF_BLOCKS)

KID_BLOCKS_ERROR = _entry(
    _blocks,
    "standard_error",
    FROM_ZERO,
    "standard error of kid_blocks over its blocks",
    _OF_BLOCKS,
    _influence_by_blocks,
)
