"""A family that is no GAN, for tests: what the contract promises must not hang on there being two
networks with a player each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.models import MLP, Architecture, Data, Family, Variables
from normsweep.models.data import drawn
from normsweep.models.families.contract import Objective, Outcome, Params, Shapes, Turn


@dataclass(frozen=True)
class Autoencoder(Family):
    """Encoder and decoder of one player, and a classifier of codes that takes two turns.

    It carries the batch of its last turn.
    """

    code: int = 3

    players: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {"reconstruction": ("encoder", "decoder"), "prior": ("classifier",)}
    )
    sampled: ClassVar[tuple[str, ...]] = ("decoder",)
    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType({"weight": 1.0})

    def shapes(self, image_shape: tuple[int, ...]) -> dict[str, Shapes]:
        return {
            "encoder": Shapes(image_shape, (self.code,)),
            "decoder": Shapes((self.code,), image_shape),
            "classifier": Shapes((self.code,), ()),
        }

    def turns(self) -> tuple[str, ...]:
        return ("reconstruction", "prior", "prior")

    def carried(self, image_shape: tuple[int, ...], batch: int) -> Any:
        return jnp.zeros((batch, *image_shape), np.float32)

    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        keys = jax.random.split(key, 3)
        images = drawn(keys[0], turn.batch, data.images, data.train)
        nets = turn.networks

        def reconstruction(params: Params) -> tuple[jax.Array, Outcome]:
            encoder, decoder = (Variables(params[n], nets[n].stats) for n in ("encoder", "decoder"))
            code, encoder_stats = turn.apply("encoder", encoder, images, keys[1])
            found, decoder_stats = turn.apply("decoder", decoder, code, keys[2])
            weight = turn.hyperparameters.coefficients["weight"]
            stats = {"encoder": encoder_stats, "decoder": decoder_stats}
            return weight * jnp.mean((found - images) ** 2), Outcome(stats, carried=images)

        def prior(params: Params) -> tuple[jax.Array, Outcome]:
            # The images of the turn before, which only `carried` has.
            code, _ = turn.apply("encoder", nets["encoder"], turn.carried, keys[1])
            own = Variables(params["classifier"], nets["classifier"].stats)
            logits, stats = turn.apply("classifier", own, code, keys[2])
            return jnp.mean(logits**2), Outcome({"classifier": stats})

        return Objective(reconstruction if player == "reconstruction" else prior)

    def sample(
        self,
        apply: Callable[[str, jax.Array], jax.Array],
        key: jax.Array,
        count: int,
        data: Data | None,
    ) -> jax.Array:
        return apply("decoder", jax.random.normal(key, (count, self.code), np.float32))


def autoencoder(image_shape: tuple[int, ...], hidden: tuple[int, ...] = ()) -> Architecture:
    """All three of fully connected layers."""
    names = Autoencoder.networks()
    return Architecture(Autoencoder(), image_shape, tuple((n, MLP(hidden)) for n in names))
