"""What the networks of a member measure themselves on held-out images, without a feature map.

A family says which of these it measures, and how; adding one is a line in `FIGURES`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Figure(NamedTuple):
    """A number that a family measures: `better` is "lower", "higher" or "zero"; its range."""

    better: str
    range: str
    summary: str
    source: str


FIGURES: Mapping[str, Figure] = MappingProxyType({})
"""Every figure by its name."""
