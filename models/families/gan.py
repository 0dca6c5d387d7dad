"""A GAN as a pair of networks: what a spec says of them, and the pair as pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.conditions import EVALUATION, Conditions
from normsweep.models.layers.normalisation import normalisation
from normsweep.models.networks.mlp import MLPDiscriminator, MLPGenerator
from normsweep.objectives.aliases import PyTree


@dataclass(frozen=True)
class GAN:
    """The static description of a pair: everything that fixes shapes and structure.

    `*_layers` uses only the first so many widths of `*_hidden`, None: all. Raises `ValueError` for
    more than there are, and for a normalisation that is not in `NORMALISATIONS`.
    """

    image_shape: tuple[int, int, int]
    kind: str = "mlp"
    latent: int = 64
    latent_distribution: str = "normal"
    generator_hidden: tuple[int, ...] = (128, 128)
    generator_activation: str = "leaky_relu"
    generator_output: str = "tanh"
    discriminator_hidden: tuple[int, ...] = (128, 128)
    discriminator_activation: str = "leaky_relu"
    generator_normalisation: str = "none"
    discriminator_normalisation: str = "none"
    generator_layers: int | None = None
    discriminator_layers: int | None = None

    def __post_init__(self) -> None:
        for network in ("generator", "discriminator"):
            normalisation(getattr(self, f"{network}_normalisation"))
            layers, hidden = (getattr(self, f"{network}_{field}") for field in ("layers", "hidden"))
            if layers is not None and not 0 <= layers <= len(hidden):
                raise ValueError(
                    f"{network}_layers = {layers} does not fit {network}_hidden = {hidden}; "
                    f"accepted: 0 to {len(hidden)}"
                )

    @property
    def generator_widths(self) -> tuple[int, ...]:
        """The widths of the generator's hidden layers, as many as `generator_layers` says."""
        return self.generator_hidden[: self.generator_layers]

    @property
    def discriminator_widths(self) -> tuple[int, ...]:
        """The widths of the discriminator's hidden layers, as `discriminator_layers` says."""
        return self.discriminator_hidden[: self.discriminator_layers]


class Build(Protocol):
    """Makes the modules of a pair, with so many units of each hidden layer in use (None: all)."""

    def __call__(
        self,
        gan: GAN,
        rngs: nnx.Rngs,
        generator_units: ArrayLike | None = None,
        discriminator_units: ArrayLike | None = None,
    ) -> tuple[nnx.Module, nnx.Module]: ...


def mlp_pair(
    gan: GAN,
    rngs: nnx.Rngs,
    generator_units: ArrayLike | None = None,
    discriminator_units: ArrayLike | None = None,
) -> tuple[nnx.Module, nnx.Module]:
    """Fully connected networks, as in the first GANs (arXiv:1406.2661)."""
    generator = MLPGenerator(
        gan.latent,
        gan.generator_widths,
        gan.generator_activation,
        gan.generator_output,
        gan.image_shape,
        gan.generator_normalisation,
        generator_units,
        rngs=rngs,
    )
    discriminator = MLPDiscriminator(
        gan.discriminator_widths,
        gan.discriminator_activation,
        gan.image_shape,
        gan.discriminator_normalisation,
        discriminator_units,
        rngs=rngs,
    )
    return generator, discriminator


GAN_KINDS: Mapping[str, Build] = MappingProxyType({"mlp": mlp_pair})
"""Pairs of modules by name. Called with `Conditions` as second argument, the generator maps latents
to images, the discriminator images to logits."""


class Variables(NamedTuple):
    """Those of one network, as plain dicts of arrays: parameters, and all that is not trained.

    `stats` holds averages of batch statistics and vectors of power iterations; {} without any.
    """

    params: PyTree
    stats: PyTree


Apply = Callable[..., tuple[jax.Array, PyTree]]


class Networks(NamedTuple):
    """A pair as pure functions of its variables.

    `init(key, generator_units=None, discriminator_units=None)` gives the `Variables` of generator
    and discriminator; with so many units in use, those of the others are 0. `generator(variables,
    latent, conditions=EVALUATION)` maps [n, latent] to images [n, h, w, c], `discriminator` maps
    images to logits [n]; each also returns its stats after the call.
    """

    init: Callable[..., tuple[Variables, Variables]]
    generator: Apply
    discriminator: Apply


def _variables(network: nnx.Module) -> Variables:
    params, stats = nnx.state(network, nnx.Param, ...)
    return Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))


def _pure(network: nnx.Module) -> Apply:
    graph = nnx.graphdef(network)

    def apply(
        variables: Variables, inputs: jax.Array, conditions: Conditions = EVALUATION
    ) -> tuple[jax.Array, PyTree]:
        # NumPy's arrays would be written in place, which the variables of a module must not be.
        params, stats = jax.tree.map(jnp.asarray, variables)
        module = nnx.merge(graph, nnx.State(params), nnx.State(stats))
        if not conditions.training:
            module.eval()
            return module(inputs, conditions), stats
        module.train()
        outputs: jax.Array = module(inputs, conditions)
        # Not the parameters: weight and spectral norm write the normalised kernels over them.
        return outputs, _variables(module).stats

    return apply


@lru_cache(maxsize=64)
def networks(gan: GAN) -> Networks:
    """Splits the modules of a GAN once into graph definitions, and returns the pure functions.

    A plain pytree of arrays travels through the transforms of JAX, and the module is put together
    again inside the traced function.
    """
    build = GAN_KINDS[gan.kind]

    def init(
        key: jax.Array,
        generator_units: ArrayLike | None = None,
        discriminator_units: ArrayLike | None = None,
    ) -> tuple[Variables, Variables]:
        pair = build(gan, nnx.Rngs(params=key), generator_units, discriminator_units)
        return _variables(pair[0]), _variables(pair[1])

    abstract = nnx.eval_shape(lambda: build(gan, nnx.Rngs(params=jax.random.key(0))))
    return Networks(init, _pure(abstract[0]), _pure(abstract[1]))
