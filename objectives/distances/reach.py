"""How far samples reach, in units of how far the real ones do: whether a distance says anything.

    multiple = max |x - μ| / max |y - μ|

over generated x and real y, with μ the mean of the real ones. The kernel distance is an estimate
whose error grows faster than itself: of d features of N(0, s²) and n of N(0, 1) it is on average
3(s² - 1)²/d, and its standard deviation, for large s, √30·s⁶/(n·d^1.5). From some s on its sign is
chance, and a search that minimises it would find those who drew a large negative number. Of 100
samples of 32 features no draw in 1,000 is below 0 at s = 6, and a third of them at s = 30.

References:
  Bińkowski et al. 2018, arXiv:1801.01401, eq. 4 (the kernel distance).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from normsweep.objectives.distances.samples import Float64Array, as_features, check_alike

FARTHEST = 6.0
"""The largest multiple at which samples are scored. Whatever images a generator makes in [−1, 1],
black, white or noise, were found within 3 in all of our feature maps, and an untrained generator
without an output function within 4."""


class Reach(NamedTuple):
    """The mean of a real sample, `[d]`, and the distance of its farthest point from that."""

    centre: Float64Array
    radius: float


def reach(features: ArrayLike) -> Reach:
    """Returns the reach of real features `[n, d]`.

    Raises `ValueError` for another shape, fewer than 2 samples, and entries that are not finite.
    """
    array = as_features("features", features)
    centre = array.mean(axis=0)
    return Reach(centre, _farthest(array, centre))


def multiple(real: Reach, generated: ArrayLike) -> float:
    """Returns how many times as far generated features `[n, d]` reach as the real ones.

    It is 0 where all real ones are equal: they are no measure. Raises `ValueError` as `reach`.
    """
    array = as_features("generated", generated)
    check_alike(len(real.centre), array.shape[1])
    return _farthest(array, real.centre) / real.radius if real.radius else 0.0


def _farthest(points: Float64Array, centre: Float64Array) -> float:
    return float(np.linalg.norm(points - centre, axis=1).max())
