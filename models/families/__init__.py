"""Model families by name: which networks there are, and how they train."""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.models.families.autoencoder import Autoencoder
from normsweep.models.families.conditional import Conditional
from normsweep.models.families.contract import Family
from normsweep.models.families.cyclegan import CycleGAN
from normsweep.models.families.gan import GAN
from normsweep.models.families.rae import RAE
from normsweep.models.families.vae import VAE

FAMILIES: Mapping[str, type[Family]] = MappingProxyType(
    {
        "gan": GAN,
        "conditional": Conditional,
        "vae": VAE,
        "rae": RAE,
        "autoencoder": Autoencoder,
        "cyclegan": CycleGAN,
    }
)
"""Families by name; the fields of an entry are its settings."""
