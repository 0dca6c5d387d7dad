"""The networks of a member: how they are described, and what they are as pure functions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import jax
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.families.contract import Family
from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.layers.precision import FLOAT32
from normsweep.models.networks.contract import Apply, Network, Shape, Variables
from normsweep.objectives.aliases import PyTree


@dataclass(frozen=True)
class Architecture:
    """A family with a description of each of its networks, for images of one shape. Static.

    `networks` are pairs of name and description, in the family's order; they compute in
    `precision`, a name in `PRECISIONS`. Raises `ValueError` where the names are not the family's.
    """

    family: Family
    image_shape: Shape
    networks: tuple[tuple[str, Network], ...]
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        names = tuple(name for name, _ in self.networks)
        if names != self.family.networks():
            raise ValueError(
                f"networks: got {', '.join(names) or 'none'}; "
                f"accepted: {', '.join(self.family.networks())}, in this order"
            )


class Networks(NamedTuple):
    """The networks of an architecture as pure functions.

    `init(key, units)` gives the `Variables` of each by name; `units` are by name, those in use of
    each hidden layer, and None means all. `apply` holds the function of each.
    """

    init: Callable[..., dict[str, Variables]]
    apply: dict[str, Apply]


@lru_cache(maxsize=64)
def networks(architecture: Architecture) -> Networks:
    """Makes the pure functions, once for equal architectures."""
    shapes = architecture.family.shapes(architecture.image_shape)
    pure = {name: network.pure(*shapes[name]) for name, network in architecture.networks}

    def init(key: jax.Array, units: dict[str, ArrayLike] | None = None) -> dict[str, Variables]:
        # One stream for all networks, each drawing after those before it.
        rngs = nnx.Rngs(params=key)
        return {
            name: network.init(rngs, None if units is None else units[name])
            for name, network in pure.items()
        }

    apply = {name: network.apply for name, network in pure.items()}
    if architecture.precision != FLOAT32:
        apply = {name: _in(architecture.precision, each) for name, each in apply.items()}
    return Networks(init, apply)


@lru_cache(maxsize=64)
def abstract_variables(architecture: Architecture) -> dict[str, Variables]:
    """The `Variables` of each network by name, as shapes and dtypes: what `init` would draw."""
    found: dict[str, Variables] = jax.eval_shape(networks(architecture).init, jax.random.key(0))
    return found


def _in(precision: str, apply: Apply) -> Apply:
    def computed(
        variables: Variables, inputs: jax.Array, mode: Mode = EVALUATION
    ) -> tuple[jax.Array, PyTree]:
        return apply(variables, inputs, mode._replace(precision=precision))

    return computed
