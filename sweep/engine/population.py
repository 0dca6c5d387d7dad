"""A population of members that trains chunk by chunk, sharded over the local devices.

One program is compiled per `Program` and population size, whatever the number of trials. Members
are independent: on CPU each runs by `lax.map` on one device, so that its bits do not depend on
who its neighbours are; on an accelerator `vmap` runs a shard's members together.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from normsweep.engine.collection import uncollected
from normsweep.models.data import Data
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.member import MemberState, init, member_key
from normsweep.models.program import Program, hyperparameters
from normsweep.models.training import measured, sample, sampled_labels, train_chunk
from normsweep.objectives.aliases import PyTree

# The penalty's powers are the one part of a step that is bound by arithmetic outside the matrix
# products, and gain a third from the full width of AVX-512 where the processor has it.
_CPU_OPTIONS = {"xla_cpu_prefer_vector_width": 512}

SHOWN = 24
"""Of the samples that a member is scored by, so many are kept to be looked at."""

Features = Callable[[PyTree, jax.Array], jax.Array]


class Shared(NamedTuple):
    """What all members read, as arrays of NumPy on the way in and of JAX inside the program.

    `images` are those of `Data`; `train` [folds, m] int32, each fold's training images;
    `validation` [v] int32, images that no member trains on and none is judged by; the
    parameters of the feature map; `seed`, a uint32. `held_out` [folds, s] int32 are the images that
    judge each fold, `labels` [n] int32 the classes of the images, if they have any, and `pairs` [n]
    int32 their counterparts in other classes, if these are known. `initial` are variables of
    networks, by name, that members begin with.
    """

    images: Any
    train: Any
    validation: Any
    feature_params: PyTree
    seed: Any
    held_out: Any = None
    labels: Any = None
    pairs: Any = None
    initial: Any = None

    def data(self, fold: Any) -> Data:
        """What a member on a fold may see."""
        return Data(self.images, self.train[fold], self.validation, self.labels, self.pairs)


class _Member(NamedTuple):
    """What sets one member apart in a call; leaves have a leading axis of members."""

    hyperparameters: Hyperparameters
    fold: Any
    active: Any
    fresh: Any


@dataclass(frozen=True)
class Chunk:
    """What a chunk gave: NumPy arrays with the leading axes [slots, folds].

    `features` are those of the generated samples, [slots, folds, n, d] float32, and `images` the
    first `SHOWN` of these samples. `losses` are by player; `extras` are the other scalars of
    `ChunkMetrics`, of which those by network are called by it, such as `generator_norm`, and the
    family's figures. `labels` [slots, folds, n] int32 are the classes that the samples were asked
    for; None where the family has none. Entries of slots that were not active are zero.
    """

    features: np.ndarray
    images: np.ndarray
    losses: dict[str, np.ndarray]
    finite: np.ndarray
    extras: dict[str, np.ndarray]
    labels: np.ndarray | None = None


def on_devices(shared: Shared, devices: Sequence[jax.Device]) -> Shared:
    """What is shared, where a population on these devices reads it; there already, it stays.

    CPU devices read an array of the host that is aligned (see `data.pixels.empty`) where it lies.
    """
    mesh = Mesh(np.array(devices), ("members",))
    placed: Shared = jax.device_put(shared, NamedSharding(mesh, PartitionSpec()))
    return placed


class Population:
    """`slots` trials in flight with a member on each fold."""

    def __init__(
        self,
        program: Program,
        features: Features,
        shared: Shared,
        slots: int,
        devices: Sequence[jax.Device],
    ) -> None:
        self.slots = slots
        self._family = program.family
        self.folds = len(shared.train)
        mesh = Mesh(np.array(devices), ("members",))
        self._on_cpu = devices[0].platform == "cpu"
        self._advance, state = _compiled(program, features, mesh)
        self._sharded = NamedSharding(mesh, PartitionSpec("members"))
        self._shared = on_devices(shared, devices)
        count = slots * self.folds
        rows = -(-count // len(devices))
        # Members are dealt out to the devices in turn, so that a few active slots still use all of
        # them; the padding of the last round is never active.
        order = np.arange(rows * len(devices)).reshape(rows, len(devices)).T.reshape(-1)
        self._order = np.where(order < count, order, count)
        self._members = np.argsort(order)[:count].reshape(slots, self.folds)
        self._state = jax.device_put(
            jax.tree.map(lambda leaf: np.zeros((order.size, *leaf.shape), leaf.dtype), state),
            self._sharded,
        )

    def advance(
        self, hyperparameters: Sequence[Hyperparameters | None], fresh: Sequence[bool]
    ) -> Chunk:
        """Trains every slot that has hyperparameters for one chunk, and waits for it.

        A `fresh` slot starts anew; the others go on from where they were.
        """
        filled = next(h for h in hyperparameters if h is not None)
        stacked = jax.tree.map(
            lambda *leaves: np.stack(leaves), *(filled if h is None else h for h in hyperparameters)
        )
        active = np.array([h is not None for h in hyperparameters])
        members = _Member(
            hyperparameters=jax.tree.map(self._deal, stacked),
            fold=np.append(np.tile(np.arange(self.folds, dtype=np.int32), self.slots), 0)[
                self._order
            ].astype(np.int32),
            active=self._deal(active),
            fresh=self._deal(np.array(fresh)),
        )
        # The keys that JAX derives depend on this setting, which is the user's to choose.
        with jax.threefry_partitionable(True):
            self._state, features, images, found, labels, figures = self._advance(
                self._state, jax.device_put(members, self._sharded), self._shared
            )
        features = self._collect(features)
        # `ChunkMetrics`, of arrays of NumPy.
        metrics: Any = jax.tree.map(self._collect, found)
        # Large weights are finite still when the samples that they generate no longer are.
        finite = metrics.finite & np.isfinite(features).all(axis=(-2, -1))
        # The order is the family's, which JAX forgets.
        losses = {player: metrics.losses[player] for player in self._family.players}
        extras = {"strength_factor": metrics.strength_factor}
        for what, numbers in (("zeros", metrics.zeros), ("norm", metrics.norms)):
            extras |= {f"{name}_{what}": numbers[name] for name in self._family.networks()}
        names = [name for name in self._family.figures if name in figures]
        extras |= {name: self._collect(figures[name]) for name in names}
        labels = None if labels is None else self._collect(labels)
        return Chunk(features, self._collect(images), losses, finite, extras, labels)

    def states(self) -> MemberState:
        """The members' states on the host, with the leading axes [slots, folds]."""
        states: MemberState = jax.tree.map(self._collect, self._state)
        return states

    def like(self) -> MemberState:
        """What `state_of` gives, as shapes and dtypes."""
        shapes: MemberState = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((self.folds, *leaf.shape[1:]), leaf.dtype),
            self._state,
        )
        return shapes

    def state_of(self, slot: int) -> MemberState:
        """The states of one slot's members on the host, with the leading axis [folds]."""
        members = self._members[slot]
        state: MemberState
        if self._on_cpu:
            # The host sees its devices' memory: nothing is copied but these rows, or compiled.
            state = jax.tree.map(partial(_seen, members), self._state)
        else:
            state = jax.device_get(_rows(self._state, members))
        return state

    def put_state(self, slot: int, state: MemberState) -> None:
        """Sets the states of one slot's members, as `state_of` gave them."""
        self._state = _with_rows(self._state, self._members[slot], state)

    def _deal(self, per_slot: np.ndarray) -> np.ndarray:
        per_member = np.repeat(per_slot, self.folds, axis=0)
        return np.append(per_member, np.zeros_like(per_member[:1]), axis=0)[self._order]

    def _collect(self, sharded: jax.Array) -> np.ndarray:
        return np.asarray(sharded)[self._members]


def _seen(members: np.ndarray, leaf: jax.Array) -> np.ndarray:
    """Some rows of an array that lies spread over CPU devices."""
    rows = leaf.addressable_data(0).shape[0]
    shards = {each: np.asarray(leaf.addressable_data(each)) for each in set(members // rows)}
    return np.stack([shards[member // rows][member % rows] for member in members])


@jax.jit
def _rows(state: MemberState, members: jax.Array) -> MemberState:
    """Some members of a population, of which nothing else leaves its device."""
    rows: MemberState = jax.tree.map(lambda leaf: leaf[members], state)
    return rows


@partial(jax.jit, donate_argnums=0)
def _with_rows(state: MemberState, members: jax.Array, new: MemberState) -> MemberState:
    """A population with other members in some of its rows, written where it lies."""
    changed: MemberState = jax.tree.map(lambda leaf, rows: leaf.at[members].set(rows), state, new)
    return changed


def memory_of(
    program: Program, features: Features, shared: Shared, slots: int, devices: Sequence[jax.Device]
) -> int:
    """Bytes that a chunk of a population takes of each device, by XLA's analysis of its program."""
    found = compile_chunk(program, features, shared, slots, devices).memory_analysis()
    # The state is written where it lies.
    return int(
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        - found.alias_size_in_bytes
        + found.temp_size_in_bytes
    )


def compile_chunk(
    program: Program, features: Features, shared: Shared, slots: int, devices: Sequence[jax.Device]
) -> Any:
    """Compiles the chunk of a population, which JAX then has when one is advanced.

    Of what is shared, shapes and dtypes will do: any leaf may be a `jax.ShapeDtypeStruct`.
    """
    mesh = Mesh(np.array(devices), ("members",))
    advance, state = _compiled(program, features, mesh)
    count = -(-slots * len(shared.train) // len(devices)) * len(devices)
    split, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("members",), ()))

    def rows(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((count, *np.shape(leaf)), leaf.dtype, sharding=split)

    def as_it_is(leaf: Any) -> jax.ShapeDtypeStruct:
        dtype = jax.dtypes.canonicalize_dtype(leaf.dtype)
        return jax.ShapeDtypeStruct(np.shape(leaf), dtype, sharding=whole)

    number = np.zeros((), np.int32)
    member = _Member(hyperparameters(program.family), number, np.True_, np.True_)
    given = jax.tree.map(rows, state), jax.tree.map(rows, member), jax.tree.map(as_it_is, shared)
    with uncollected(), jax.threefry_partitionable(True):
        return advance.lower(*given).compile()


def training_programs() -> int:
    """How many training programs this process has compiled so far."""
    return len(_TRACED)


def forget_programs(but: Collection[Program] = ()) -> None:
    """Drops the compiled programs, but for some: for a worker that has left the studies of these.

    A population that exists keeps its own.
    """
    for key in [key for key in _COMPILED if key[0] not in but]:
        del _COMPILED[key]


# Programs by the order in which JAX traced them, which it does once for each compilation.
_TRACED: list[Program] = []

# All that a study needs: one more combination of static settings must not push another one out.
_COMPILED: dict[tuple[Program, Features, Mesh], tuple[Any, PyTree]] = {}


def _compiled(program: Program, features: Features, mesh: Mesh) -> tuple[Any, PyTree]:
    """What `_compile` gives, made when it is first asked for."""
    key = (program, features, mesh)
    if key not in _COMPILED:
        _COMPILED[key] = _compile(*key)
    return _COMPILED[key]


def _compile(program: Program, features: Features, mesh: Mesh) -> tuple[Any, PyTree]:
    """The jitted chunk of a population, and the abstract state of one member."""

    def member(state: MemberState, member: _Member, shared: Shared) -> Any:
        key = member_key(shared.seed, member.fold)

        # Traced once for both branches, which takes a second; it leaves no trace in the program.
        @partial(jax.jit, inline=True)
        def train(state: MemberState) -> Any:
            state = lax.cond(
                member.fresh,
                lambda state: init(program, member.hyperparameters, key, shared.initial),
                lambda state: state,
                state,
            )
            data = shared.data(member.fold)
            state, metrics = train_chunk(program, state, member.hyperparameters, data, key)
            images = sample(program, state, member.hyperparameters, data, key, program.samples)
            found = features(shared.feature_params, images)
            labels = sampled_labels(program, data, key, program.samples)
            figures = {}
            if program.family.figures:
                unseen = data._replace(train=shared.held_out[member.fold])
                seen = measured(program, state, member.hyperparameters, unseen, key)
                # What it is of each image is left to `figures_of`: here it would change bits.
                figures = {name: figure.value for name, figure in seen.items()}
            return state, found, images[:SHOWN], metrics, labels, figures

        def skip(state: MemberState) -> Any:
            _, *rest = jax.eval_shape(train, state)
            return state, *jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), rest)

        return lax.cond(member.active, train, skip, state)

    def shard(states: MemberState, members: _Member, shared: Shared) -> Any:
        _TRACED.append(program)
        if mesh.devices.flat[0].platform == "cpu":
            return lax.map(lambda pair: member(pair[0], pair[1], shared), (states, members))
        return jax.vmap(partial(member, shared=shared))(states, members)

    def abstract_state() -> PyTree:
        numbers = hyperparameters(program.family)
        return jax.eval_shape(lambda h: init(program, h, member_key(0, 0)), numbers)

    split = PartitionSpec("members")
    advance = jax.jit(
        jax.shard_map(
            shard,
            mesh=mesh,
            in_specs=(split, split, PartitionSpec()),
            out_specs=split,
            check_vma=False,
        ),
        donate_argnums=0,
        compiler_options=_CPU_OPTIONS if mesh.devices.flat[0].platform == "cpu" else None,
    )
    return advance, abstract_state()
