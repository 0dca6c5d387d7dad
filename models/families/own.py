"""A model of the user's own: networks, and perhaps losses, in the place of a family's."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from normsweep.models.data import Data, drawn_rows, images_at
from normsweep.models.families.contract import (
    Family,
    Measured,
    Objective,
    Outcome,
    Params,
    Shapes,
    Stored,
    Turn,
)
from normsweep.models.networks.contract import Shape, Variables
from normsweep.models.networks.own import ANY, OwnNetwork
from normsweep.objectives.aliases import PyTree


class OwnTurn(NamedTuple):
    """What a loss of the user's own is given, in one turn of its player.

    `call(name, x, y=None, key=None, remember=True)` calls a network as in training; its state moves
    on with each call, and at the end of the turn is kept of the networks that the player trains.
    With `remember=False` it stays: so inside of a `jax.grad`, `vmap` or loop of one's own.

    `images` [batch, h, w, c] are drawn from those to train on, `labels` [batch] int32 are theirs,
    None without labels. `coefficients` are the model's numbers by name, as scalars; `carried` is
    what the turn before left; `step` counts training steps; `key` is the turn's.
    """

    call: Callable[..., jax.Array]
    images: jax.Array
    labels: jax.Array | None
    coefficients: dict[str, ArrayLike]
    carried: PyTree
    step: jax.Array
    key: jax.Array


Loss = Callable[[OwnTurn], Any]
"""A scalar to descend; where the model carries something, a pair of that and what is carried on."""

Sample = Callable[[Callable[..., jax.Array], jax.Array, int], jax.Array]
"""(call, key, count) → images [count, h, w, c] in [−1, 1]; `call(name, x, y=None)`."""


@dataclass(frozen=True, eq=False)
class OwnModel:
    """What `bring(image_shape, classes, settings)` of a user's file returns.

    `networks` are by name. By default they train as the spec's `model.family` does: then they bear
    the names of its networks. `players` names who trains which networks, where that is another
    way; the players are the family's, and a network whose name the family has not goes, in a spec,
    under that of its player. `turns` are the players in the order of their turns in one step.

    `losses` are of players; those of the others are the family's. `sample` makes the images that
    are scored. `coefficients` are numbers of the losses with their defaults, which a spec can set
    and search in `[coefficients]`. `carried`, a tree of arrays, goes from turn to turn, beginning
    as given.
    """

    networks: Mapping[str, OwnNetwork]
    players: Mapping[str, tuple[str, ...]] | None = None
    turns: tuple[str, ...] | None = None
    losses: Mapping[str, Loss] = field(default_factory=dict)
    sample: Sample | None = None
    coefficients: Mapping[str, float] = field(default_factory=dict)
    carried: PyTree | None = None


@cache
def own_family(base: Family, model: OwnModel) -> Family:
    """The family that trains a model of the user's own: `base` in all that the model leaves out.

    Equal arguments give the same object. Raises `ValueError` for what does not fit together.
    """
    players = base.players if model.players is None else _players(base, model.players)
    names = tuple(name for own in players.values() for name in own)
    if sorted(names) != sorted(model.networks):
        raise ValueError(
            f"networks: got {_listed(model.networks)}; accepted: {_listed(names)}, each of which a "
            "player trains"
        )
    for what, given, known in (
        ("losses", model.losses, players),
        ("turns", model.turns or (), players),
    ):
        if unknown := set(given) - set(known):
            raise ValueError(f"{what}: got {_listed(unknown)}; accepted: {_listed(known)}")
    if alike := model.coefficients.keys() & base.coefficients.keys():
        raise ValueError(f"coefficients: the family has its own {_listed(alike)}")
    for name, value in model.coefficients.items():
        if not isinstance(value, Real) or not math.isfinite(value):
            raise ValueError(f"coefficients: {name}: got {value!r}; accepted: a finite number")
    alone = set(players) <= set(model.losses) and model.sample is not None
    if players != base.players and not alone:
        left = [player for player in players if player not in model.losses]
        missing = [f"losses of {_listed(left)}"] if left else []
        missing += ["a sample"] if model.sample is None else []
        raise ValueError(
            "players: other networks than the family's need losses and a sample of their own; "
            f"missing: {' and '.join(missing)}"
        )
    facts = {
        "__doc__": OwnFamily.__doc__,
        "players": MappingProxyType(dict(players)),
        "sampled": base.sampled if model.sample is None else names,
        "coefficients": MappingProxyType({**base.coefficients, **model.coefficients}),
        "roles": MappingProxyType(_roles(base, players)),
        "figures": () if model.losses else base.figures,
        "needs_labels": base.needs_labels,
        "by_class": base.by_class and model.sample is None,
        "sets": base.sets,
        "translates": base.translates and model.sample is None,
    }
    made: Any = type("OwnFamily", (OwnFamily,), facts)
    return cast(Family, made(base, model))


def _players(base: Family, players: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    if unknown := set(players) - set(base.players):
        raise ValueError(
            f"players: got {_listed(unknown)}; accepted: {_listed(base.players)}, for whom a spec "
            "has learning rates"
        )
    return {player: tuple(players[player]) for player in base.players if player in players}


def _roles(base: Family, players: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    known = base.networks()
    own = {name: player for player, names in players.items() for name in names if name not in known}
    return {**base.roles, **own}


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"


@dataclass(frozen=True)
class OwnFamily(Family):
    """A model of the user's own, which trains as a family does in what it leaves out.

    What it carries is a pair: the family's, and the model's.
    """

    base: Family
    model: OwnModel

    players: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    sampled: ClassVar[tuple[str, ...]] = ()

    @property
    def alone(self) -> bool:
        """Whether nothing of the family's is called."""
        return set(self.players) <= set(self.model.losses) and self.model.sample is not None

    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """Those of the family's networks; any where it has no say."""
        known = self.base.shapes(image_shape)
        found = {name: known.get(name, Shapes(ANY, ANY)) for name in self.networks()}
        if self.alone:
            return {name: each._replace(outputs=ANY) for name, each in found.items()}
        return found

    def turns(self) -> tuple[str, ...]:
        """The model's, or the family's."""
        if self.model.turns is not None:
            return self.model.turns
        return tuple(player for player in self.base.turns() if player in self.players)

    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        """The model's loss of a player, or the family's."""
        if player in self.model.losses:
            return self._own_objective(player, turn, data, key)
        of_family, own = turn.carried
        found = self.base.objective(player, turn._replace(carried=of_family), data, key)

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            value, outcome = found.loss(params)
            if outcome.carried is not None:
                outcome = outcome._replace(carried=(outcome.carried, own))
            return value, outcome

        return found._replace(loss=loss)

    def sample(
        self,
        apply: Stored,
        key: jax.Array,
        count: int,
        data: Data | PyTree,
    ) -> jax.Array:
        """The model's, or the family's."""
        if self.model.sample is None:
            return self.base.sample(apply, key, count, data)

        def call(name: str, x: jax.Array, y: jax.Array | None = None) -> jax.Array:
            return apply(name, _with_labels(x, y))

        return jnp.asarray(self.model.sample(call, key, count)).astype(np.float32)

    def fitted(self, apply: Stored, key: jax.Array, data: Data) -> PyTree:
        """The family's, where it samples."""
        return None if self.model.sample is not None else self.base.fitted(apply, key, data)

    def sample_of(self, apply: Stored, key: jax.Array, labels: jax.Array) -> jax.Array:
        """The family's, where it samples."""
        if self.model.sample is not None:
            return super().sample_of(apply, key, labels)
        return self.base.sample_of(apply, key, labels)

    def sampled_labels(self, key: jax.Array, count: int, data: Data | None) -> jax.Array | None:
        """The family's, where it samples."""
        own = self.model.sample is not None
        return None if own else self.base.sampled_labels(key, count, data)

    def measured(
        self,
        apply: Stored,
        coefficients: Mapping[str, ArrayLike],
        key: jax.Array,
        data: Data,
    ) -> dict[str, Measured]:
        """The family's."""
        return self.base.measured(apply, coefficients, key, data)

    def carried(self, image_shape: Shape, batch: int) -> PyTree:
        """The family's, and the model's."""
        own = jax.tree.map(jnp.asarray, self.model.carried)
        return self.base.carried(image_shape, batch), own

    def _own_objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        names, of_loss = self.players[player], self.model.losses[player]
        draw_key, own_key, call_key = jax.random.split(key, 3)
        rows = drawn_rows(draw_key, turn.batch, data.train)
        labels = None if data.labels is None else data.labels[rows]
        of_family, carried = turn.carried
        coefficients = turn.hyperparameters.coefficients

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            calls = _Calls(turn, params, call_key)
            own = {name: coefficients[name] for name in self.model.coefficients}
            images = images_at(rows, data.images)
            given = OwnTurn(calls.call, images, labels, own, carried, turn.step, own_key)
            found = of_loss(given)
            value, after = found if isinstance(found, tuple) else (found, carried)
            stats = {name: calls.variables[name].stats for name in names}
            return value, Outcome(stats, carried=(of_family, after))

        return Objective(loss)


class _Calls:
    """The networks in one turn, with the states that their calls leave."""

    def __init__(self, turn: Turn, params: Params, key: jax.Array) -> None:
        self._turn, self._key, self._count = turn, key, 0
        self.variables = {
            name: Variables(params.get(name, each.params), each.stats)
            for name, each in turn.networks.items()
        }

    def call(
        self,
        name: str,
        x: jax.Array,
        y: jax.Array | None = None,
        key: jax.Array | None = None,
        remember: bool = True,
    ) -> jax.Array:
        if key is None:
            key, self._count = jax.random.fold_in(self._key, self._count), self._count + 1
        before = self.variables[name]
        out, stats = self._turn.apply(name, before, _with_labels(x, y), key)
        if remember:
            self.variables[name] = before._replace(stats=stats)
        return out


def _with_labels(x: jax.Array, y: jax.Array | None) -> Any:
    return x if y is None else (x, y)
