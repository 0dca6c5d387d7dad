"""The contract of an architecture: one network, described by its settings, as pure functions."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol

import jax
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.objectives.aliases import PyTree

Shape = tuple[int, ...]


class Variables(NamedTuple):
    """Those of one network, as plain dicts of arrays: parameters, and all that is not trained.

    `stats` holds averages of batch statistics and vectors of power iterations; {} without any.
    """

    params: PyTree
    stats: PyTree


class Apply(Protocol):
    """Maps a batch of inputs to one of outputs; also returns the stats after the call."""

    def __call__(
        self, variables: Variables, inputs: jax.Array, mode: Mode = EVALUATION
    ) -> tuple[jax.Array, PyTree]: ...


class PureNetwork(NamedTuple):
    """A network as pure functions of its variables.

    `init(rngs, units)` draws the variables from the stream `params`, which the networks of a member
    share in their order; with `units`, int32, so many units of each hidden layer are in use, and
    what belongs to the others is 0. None: all.
    """

    init: Callable[[nnx.Rngs, ArrayLike | None], Variables]
    apply: Apply


class Network(ABC):
    """A description of one network: a frozen dataclass whose fields are its settings, all static.

    It says nothing of what the network is for. That follows from the shapes of one input and one
    output, which the family gives: from a vector to an image, from an image to one number, `()`.
    A network may judge an image by its parts, and then gives as many numbers as they are.
    The first line of a subclass's docstring says what it is and, in brackets, where it is from.
    """

    positions: ClassVar[bool] = False
    """Whether all hidden layers have positions, over which `instance` normalisation averages."""

    @property
    def widest(self) -> int | None:
        """The units of its widest hidden layer, or more: so many are all. None: unknown."""
        return None

    @abstractmethod
    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The network from batches [n, *inputs] to [n, *outputs], both float32.

        Raises `ValueError` for shapes that the architecture does not map.
        """
