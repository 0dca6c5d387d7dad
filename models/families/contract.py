"""The contract of a model family: which networks there are, who trains them, and on what."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from normsweep.models.data import Data
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.method import Method
from normsweep.models.networks.contract import Shape, Variables
from normsweep.objectives.aliases import PyTree

Params = dict[str, PyTree]
"""The parameters of networks by name."""


class Shapes(NamedTuple):
    """Of one input and of one output of a network, without the batch; () is one number."""

    inputs: Shape
    outputs: Shape


class Train(Protocol):
    """Calls a network as it is in training; returns outputs, and its stats after the call.

    The units in use and the dropout are the member's; `key` draws the dropout. `labels` [n] int32
    are the classes of the batch, for networks with layers that depend on them.
    """

    def __call__(
        self,
        network: str,
        variables: Variables,
        inputs: jax.Array,
        key: jax.Array,
        labels: jax.Array | None = None,
    ) -> tuple[jax.Array, PyTree]: ...


class Stored(Protocol):
    """Calls a network with its stored statistics; `labels` as in training."""

    def __call__(
        self, network: str, inputs: jax.Array, labels: jax.Array | None = None
    ) -> jax.Array: ...


class Turn(NamedTuple):
    """What a family may read in a player's turn.

    `networks` and `carried` are the member's before the turn, `step` counts its training steps, of
    which there are `steps` in all, `batch` is the number of examples to draw.
    """

    method: Method
    hyperparameters: Hyperparameters
    batch: int
    step: jax.Array
    steps: int
    networks: dict[str, Variables]
    carried: PyTree
    apply: Train


class Outcome(NamedTuple):
    """What a loss leaves beside its value.

    `stats` are those of the networks that it advances, by name. `carried` is what the family hands
    to the next turn, None where that stays. `seen` is what `Objective.overfitting` looks at.
    """

    stats: dict[str, PyTree]
    carried: PyTree | None = None
    seen: Any = ()


class Objective(NamedTuple):
    """What a player descends in one turn, its batch drawn already.

    `loss(params)` takes the parameters of the player's networks by name; it is pure, and
    differentiated in them. `gradient(params)` is that of a further term, which is not part of the
    loss that is recorded and may be left out in some steps. `overfitting(seen)` is a signal of
    `OVERFITTING_SIGNALS`, by which an adaptive strength moves; None where the turn has none.
    """

    loss: Callable[[Params], tuple[jax.Array, Outcome]]
    gradient: Callable[[Params], Params] | None = None
    overfitting: Callable[[Any], jax.Array] | None = None


class Measured(NamedTuple):
    """A figure of held-out images, a float32 scalar, and what it is of each of them, float32 [n].

    The figure is a mean over images: that of `each` but for rounding, without those that are NaN,
    for which an image has no number. How much it owes to which images judge follows from these.
    """

    value: jax.Array
    each: jax.Array

    @classmethod
    def mean_of(cls, values: jax.Array) -> "Measured":
        """The mean of values [n, ...], as many of each image."""
        return cls(jnp.mean(values), jnp.mean(values, axis=range(1, values.ndim)))


class Labelled(NamedTuple):
    """What labels add to the shapes of a network: in words, which are empty where it is nothing.

    `bare` is the shape of one input without them, None where they add nothing to it.
    """

    inputs: str = ""
    outputs: str = ""
    bare: Shape | None = None


class Family(ABC):
    """A family of models: a frozen dataclass whose fields are its settings, all static.

    Adding one is a file with a subclass, and one line in `FAMILIES`. Nothing outside that file
    knows its names; states, penalties, optimisers, learning rates and losses are dicts by them. The
    first line of the docstring says what the family is and, in brackets, where it is from.

    `players` names who trains which networks, each network by one player. The order counts: in it
    initial weights are drawn, and numbers are shown. Random numbers come from the keys that a turn
    is given and from nothing else.

    `sampled` names the networks that `sample` calls, of which an average is kept if one is asked
    for. `coefficients` are the scalars of the family's own losses with their defaults: they are
    traced, so that a study may search them. `roles` are the names under which a spec speaks of
    networks, where these are others: networks of one role are described and penalised alike.
    `figures` are the names in `FIGURES` of what `measured` gives. `needs_labels` says that the
    images must have labels; the field `classes` of a family is how many these name. `by_class` says
    that samples are asked for as of classes, which `sampled_labels` gives, and that the networks
    are told labels. Where `sets` is above 0 the labels must name so many, each of them a set of
    images. `translates` says that `sample` makes its images of those of the data, and cannot do
    without. A field whose metadata name a `coefficient` says whether that is not 0.
    """

    players: ClassVar[Mapping[str, tuple[str, ...]]]
    sampled: ClassVar[tuple[str, ...]]
    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType({})
    roles: ClassVar[Mapping[str, str]] = MappingProxyType({})
    figures: ClassVar[tuple[str, ...]] = ()
    needs_labels: ClassVar[bool] = False
    by_class: ClassVar[bool] = False
    sets: ClassVar[int] = 0
    translates: ClassVar[bool] = False

    @classmethod
    def role(cls, network: str) -> str:
        """The name under which a spec speaks of a network."""
        return cls.roles.get(network, network)

    @classmethod
    def networks(cls) -> tuple[str, ...]:
        """The names of all networks, in their order."""
        return tuple(network for networks in cls.players.values() for network in networks)

    @abstractmethod
    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """What each network maps to what, for images of this height, width and channels."""

    def labelled(self, network: str, image_shape: Shape) -> Labelled:
        """What labels add to the input and the output of a network, in words for messages."""
        del network, image_shape
        return Labelled()

    @abstractmethod
    def turns(self) -> tuple[str, ...]:
        """The players in the order of their turns in one training step; a player may have many."""

    @abstractmethod
    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        """Draws the batch of a player's turn, and says what the player descends on it."""

    @abstractmethod
    def sample(
        self,
        apply: Stored,
        key: jax.Array,
        count: int,
        data: Data | PyTree,
    ) -> jax.Array:
        """`count` images [count, h, w, c] float32 in [−1, 1], which depend on the key alone.

        `apply(network, inputs)` calls one of the networks in `sampled` with its stored statistics,
        and with the averages of these and of its weights if they are kept. `data` are the member's;
        where a trained model is sampled without any, what `fitted` made of them.
        """

    def fitted(self, apply: Stored, key: jax.Array, data: Data) -> PyTree:
        """What `sample` has to know of the training images, to be kept with a trained model.

        A dict of arrays, None where that is nothing. `apply` is that of `sample`.
        """
        del apply, key, data

    def sampled_labels(self, key: jax.Array, count: int, data: Data | None) -> jax.Array | None:
        """The classes [count] int32 that the images of `sample` were asked for with this key."""
        del key, count, data
        return None

    def sample_of(self, apply: Stored, key: jax.Array, labels: jax.Array) -> jax.Array:
        """Images of the classes `labels` [n] int32, as `sample` gives them.

        Raises `ValueError` where the family asks for no classes.
        """
        del apply, key, labels
        raise ValueError("labels: samples of this family are of no class")

    def measured(
        self,
        apply: Stored,
        coefficients: Mapping[str, ArrayLike],
        key: jax.Array,
        data: Data,
    ) -> dict[str, Measured]:
        """The `figures` by name, on held-out images: those of `data.train`.

        Those may be missing that need what the data have not. `apply` is that of `sample`, for any
        network.
        """
        del apply, coefficients, key, data
        return {}

    def carried(self, image_shape: Shape, batch: int) -> PyTree:
        """What the family carries from turn to turn beside the networks, as it begins."""
        del image_shape, batch
        return {}
