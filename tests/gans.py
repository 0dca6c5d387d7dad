"""GANs of fully connected networks for tests, with the settings of both networks in one line."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from normsweep.models import (
    GAN,
    MLP,
    NORMALISATIONS,
    Architecture,
    Hyperparameters,
    Variables,
    hyperparameters,
    networks,
)

NAMES = ("generator", "discriminator")
OF_VECTORS = tuple(
    name for name, entry in NORMALISATIONS.items() if not (entry.positions or entry.labelled)
)
"""The normalisations that fully connected networks can have, without labels."""


def make_gan(image_shape: tuple[int, ...], **settings: Any) -> Architecture:
    """A GAN by its settings, those of a network behind its name, such as `generator_hidden`."""
    bare = tuple((name, MLP(output="tanh" if name == "generator" else "linear")) for name in NAMES)
    return changed_gan(Architecture(GAN(), image_shape, bare), **settings)


def changed_gan(gan: Architecture, **settings: Any) -> Architecture:
    """The GAN with other settings."""
    own, rest = _by_network(settings)
    described = tuple((name, replace(each, **own[name])) for name, each in gan.networks)  # type: ignore[type-var]
    return replace(gan, family=replace(gan.family, **rest), networks=described)  # type: ignore[type-var]


def make_numbers(**numbers: Any) -> Hyperparameters:
    """The hyperparameters of a member of a GAN, those of a network or player behind its name."""
    own, rest = _by_network(numbers)
    fields = {"penalty": "penalties", "learning_rate": "learning_rates"}
    named: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        for what, value in own[name].items():
            named.setdefault(fields.get(what, what), {})[name] = value
    if "label_smoothing" in rest:
        named["coefficients"] = {"label_smoothing": rest.pop("label_smoothing")}
    return hyperparameters(GAN(), **named, **rest)


class Pair(NamedTuple):
    """The pure functions of a GAN, and the initial variables of both networks in their order."""

    init: Callable[..., tuple[Variables, Variables]]
    generator: Callable[..., Any]
    discriminator: Callable[..., Any]


def pair_of(gan: Architecture) -> Pair:
    """The two networks of a GAN; `init` takes a key, and the units of each in use."""
    functions = networks(gan)

    def init(key: jax.Array, *units: ArrayLike) -> tuple[Variables, Variables]:
        made = functions.init(key, dict(zip(NAMES, units, strict=True)) if units else None)
        return made["generator"], made["discriminator"]

    return Pair(init, functions.apply["generator"], functions.apply["discriminator"])


def _by_network(settings: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    own: dict[str, dict[str, Any]] = {name: {} for name in NAMES}
    rest = {}
    for key, value in settings.items():
        name, _, what = key.partition("_")
        # The number of D's turns is the family's.
        if name in NAMES and key != "discriminator_steps":
            own[name][what] = value
        else:
            rest[key] = np.int32(value) if key == "method" else value
    return own, rest
