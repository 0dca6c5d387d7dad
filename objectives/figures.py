"""What the networks of a member measure themselves on held-out images, without a feature map.

A family says which of these it measures, and how; adding one is a line in `FIGURES`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


def influence_on_mean(values: ArrayLike) -> NDArray[np.float64]:
    """Returns the influence of each of `n` images on the mean of their `values` `[n]`.

        ψᵢ = n/k · (vᵢ - mean)    of the k images that have a value, 0 of those whose value is NaN

    It is the derivative of Σ wᵢvᵢ / Σ wᵢ, over those that have one, by the weight of an image:
    which of the images have one is as much by chance as what it is. Float64; the mean is 0. Raises
    `ValueError` for another shape, and where none has a value.

    References:
      Hampel, "The influence curve and its role in robust estimation", Journal of the American
      Statistical Association 69, 1974.
    """
    array = np.asarray(values, np.float64)
    there = ~np.isnan(array)
    if array.ndim != 1 or not there.any():
        raise ValueError(f"values must be [n], some of them numbers, got {array.shape} without")
    deviations = array - array[there].mean()
    return np.where(there, deviations * (len(array) / there.sum()), 0.0)


class Figure(NamedTuple):
    """A mean over images that a family measures: `better` is "lower" or "higher"; its range.

    `needs` is what the data must have beside images and labels.
    """

    better: str
    range: str
    summary: str
    source: str
    needs: tuple[str, ...] = ()


PAIRS = "pairs"
"""Known counterparts of images in another set."""

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        "elbo": Figure(
            "higher",
            "nats an image",
            "E[log p(x | z)] − KL, the lower bound on log p(x), by one code an image",
            "Kingma and Welling 2013, arXiv:1312.6114, eq. 3",
        ),
        "reconstruction_error": Figure(
            "lower",
            "≥ 0",
            "mean squared error of a pixel on [−1, 1], decoded from the code, or from its mean",
            "Ghosh et al. 2019, arXiv:1903.12436, eq. 3",
        ),
        "kl": Figure(
            "lower",
            "≥ 0 nats an image",
            "the divergence of the law of an image's code from that of all codes",
            "Kingma and Welling 2013, arXiv:1312.6114, appendix B",
        ),
        "cycle_error": Figure(
            "lower",
            "0 to 2",
            "mean |x - x''| of pixels in [-1, 1], x'' the image x translated there and back",
            "Zhu et al. 2017, arXiv:1703.10593, eq. 2",
        ),
        "pair_error": Figure(
            "lower",
            "0 to 2",
            "mean |x' - y| of pixels in [-1, 1], x' an image translated, y its true counterpart",
            "mean absolute error, on pairs as in Zhu et al. 2017, arXiv:1703.10593, sec. 5.1",
            needs=(PAIRS,),
        ),
    }
)
"""Every figure by its name."""
