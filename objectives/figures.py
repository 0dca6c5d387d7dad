"""What the networks of a member measure themselves on held-out images, without a feature map.

A family says which of these it measures, and how; adding one is a line in `FIGURES`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Figure(NamedTuple):
    """A number that a family measures: `better` is "lower", "higher" or "zero"; its range.

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
