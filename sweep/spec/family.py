"""The names of the families' networks and players, as fields and targets of a spec bear them.

They stand here too, beside `FAMILIES` of `models/families/`, so that a stored spec is read without
JAX; a test holds the two together.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
ENCODER, DECODER, AUTOENCODER = "encoder", "decoder", "autoencoder"

CONDITIONS = (f"model.{GENERATOR}_condition", f"model.{DISCRIMINATOR}_condition")
"""The fields that say how networks are given the labels, of a family that has any."""

BOTH, ALL = "both", "all"
"""The targets that are every network of the family."""


class Names(NamedTuple):
    """Of a family: its networks in their order, and its players, which have a learning rate each.

    A name may stand for several networks of a kind, which are described and penalised alike.
    """

    networks: tuple[str, ...]
    players: tuple[str, ...]


GAN, VAE, RAE, CYCLEGAN = "gan", "vae", "rae", "cyclegan"
"""The first is the family where a spec names none."""
FAMILIES: Mapping[str, Names] = MappingProxyType(
    {
        GAN: Names((GENERATOR, DISCRIMINATOR), (GENERATOR, DISCRIMINATOR)),
        "conditional": Names((GENERATOR, DISCRIMINATOR), (GENERATOR, DISCRIMINATOR)),
        VAE: Names((ENCODER, DECODER), (AUTOENCODER,)),
        RAE: Names((ENCODER, DECODER), (AUTOENCODER,)),
        AUTOENCODER: Names((ENCODER, GENERATOR, DISCRIMINATOR), (AUTOENCODER, DISCRIMINATOR)),
        CYCLEGAN: Names((GENERATOR, DISCRIMINATOR), (GENERATOR, DISCRIMINATOR)),
    }
)
"""The names of every family."""


def _each(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


WITH_LATENTS = tuple(family for family in FAMILIES if family != CYCLEGAN)
"""The families in which images come from latent vectors or codes."""

NETWORKS = _each(names.networks for names in FAMILIES.values())
"""What is said of networks is said in this order."""
PLAYERS = _each(names.players for names in FAMILIES.values())


def families_with(name: str) -> tuple[str, ...]:
    """The families that have a network or a player of this name."""
    return tuple(f for f, names in FAMILIES.items() if name in names.networks + names.players)


def networks_of(target: str, family: str = GAN) -> tuple[str, ...]:
    """The networks of a family that a target names."""
    return FAMILIES[family].networks if target in (BOTH, ALL) else (target,)
