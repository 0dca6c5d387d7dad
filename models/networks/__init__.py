"""Architectures by name. Adding one is a file with a `Network`, and one line in `NETWORKS`."""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.models.networks.contract import Network
from normsweep.models.networks.dcgan import DCGAN
from normsweep.models.networks.mlp import MLP
from normsweep.models.networks.resnet import ResNet
from normsweep.models.networks.translation import PatchGAN

NETWORKS: Mapping[str, type[Network]] = MappingProxyType(
    {"mlp": MLP, "dcgan": DCGAN, "resnet": ResNet, "patchgan": PatchGAN}
)
"""Kinds of network by name; the fields of an entry are its settings."""
