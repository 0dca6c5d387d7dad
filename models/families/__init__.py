"""Model families by name: which networks there are, and how they train."""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.models.families.conditional import Conditional
from normsweep.models.families.contract import Family
from normsweep.models.families.gan import GAN

FAMILIES: Mapping[str, type[Family]] = MappingProxyType({"gan": GAN, "conditional": Conditional})
"""Families by name; the fields of an entry are its settings."""
