"""A population of members: who shares the devices with whom must not change a bit."""

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.engine.devices import local_devices
from normsweep.engine.population import (
    Chunk,
    Population,
    Shared,
    _rows,
    training_programs,
)
from normsweep.models import (
    Hyperparameters,
    Method,
    NetworkPenalty,
    Program,
    init,
    member_key,
    network_penalty,
    penalty_entry,
)
from normsweep.objectives.constraints import constraint
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES
from tests.gans import changed_gan, make_gan, make_numbers

# Bits are compared across programs.
pytestmark = pytest.mark.usefixtures("compiled_with_care")

FOLDS, CHUNKS, SEED = 3, 3, 5
METHODS = {
    "none": Method(),
    "power": Method(penalty_entry("power", 1.5)),
    "bounded": Method(constraint=constraint("max_norm"), gradient_penalty=GRADIENT_PENALTIES["r1"]),
    "adaptive": Method(
        PENALTIES["spectral"],
        "decoupled",
        schedule="adaptive",
        signal="held_out",
        augmentation=("brightness",),
        dropout=True,
    ),
}
"""A member of method "none" may have the elastic net too."""


def program(*names: str, chunk_steps: int = 4) -> Program:
    return Program(
        architecture=make_gan(
            (3, 2, 1), latent=4, generator_hidden=(7,), discriminator_hidden=(5,)
        ),
        batch=8,
        steps=12,
        chunk_steps=chunk_steps,
        samples=6,
        methods=tuple(METHODS[name] for name in names),
    )


PROGRAM = program(*METHODS)
DRAW = np.random.default_rng(0)
SHARED = Shared(
    images=DRAW.uniform(-1, 1, (36, 3, 2, 1)).astype(np.float32),
    train=np.arange(30, dtype=np.int32).reshape(FOLDS, 10),
    validation=np.arange(30, 36, dtype=np.int32),
    feature_params=DRAW.normal(size=(6, 3)).astype(np.float32),
    seed=np.uint32(SEED),
)


def features(params: Any, images: jax.Array) -> jax.Array:
    return images.reshape(images.shape[0], -1) @ params


def scalars(
    name: str, penalty: NetworkPenalty | None = None, rate: float = 0.01, given: Program = PROGRAM
) -> Hyperparameters:
    penalty = penalty or NetworkPenalty()
    return make_numbers(
        method=np.int32(given.methods.index(METHODS[name])),
        generator_penalty=penalty,
        discriminator_penalty=penalty,
        adaptive_target=np.float32(0.1),
        adaptive_speed=np.float32(0.2),
        gradient_penalty_strength=np.float32(0.3),
        gradient_penalty_every=np.int32(2),
        augment_strength=np.float32(0.5),
        generator_dropout=np.float32(0.2),
        discriminator_dropout=np.float32(0.3),
        generator_learning_rate=np.float32(rate),
        discriminator_learning_rate=np.float32(rate),
        beta2=np.float32(0.9),
    )


PENALTIES_OF = {
    "none": NetworkPenalty(),
    "power": network_penalty("power", strength=0.02, order=1.5),
    "elastic": network_penalty("elastic", l1=0.01, l2=0.02),
    "bounded": network_penalty("max_norm", radius=0.8),
    "adaptive": network_penalty("spectral", strength=0.1),
}
TRIALS = {
    name: scalars("none" if name == "elastic" else name, penalty)
    for name, penalty in PENALTIES_OF.items()
}
NONE, POWER, ELASTIC, BOUNDED, ADAPTIVE = TRIALS.values()
BROKEN = scalars("power", PENALTIES_OF["power"], rate=float("nan"))


def population(slots: int, devices: int = 2, given: Program = PROGRAM) -> Population:
    return Population(given, features, SHARED, slots, local_devices()[:devices])


def run(members: Population, schedule: Sequence[Sequence[Hyperparameters | None]]) -> list[Chunk]:
    """Advances chunk by chunk; a slot starts anew where it holds another trial than before."""
    before: Sequence[Hyperparameters | None] = [None] * members.slots
    chunks = []
    for now in schedule:
        fresh = [new is not None and new is not old for new, old in zip(now, before, strict=True)]
        chunks.append(members.advance(now, fresh))
        before = now
    return chunks


def in_slot(chunks: Sequence[Chunk], slot: int) -> list[bytes]:
    """Every bit that a trial in this slot has left, chunk by chunk."""
    return [
        b"".join(
            np.ascontiguousarray(part[slot]).tobytes()
            for part in (
                chunk.features,
                chunk.losses["generator"],
                chunk.losses["discriminator"],
                chunk.finite,
                *chunk.extras.values(),
            )
        )
        for chunk in chunks
    ]


@pytest.fixture(scope="module")
def alone() -> dict[str, list[bytes]]:
    """Each trial in a population of its own, for some chunks."""
    members = population(1)
    return {name: in_slot(run(members, [[trial]] * CHUNKS), 0) for name, trial in TRIALS.items()}


@pytest.fixture(scope="module")
def three() -> Population:
    return population(3)


def test_trials_alone_differ_from_each_other_and_from_chunk_to_chunk(
    alone: dict[str, list[bytes]],
) -> None:
    seen = [bits for chunks in alone.values() for bits in chunks]
    assert len(set(seen)) == len(TRIALS) * CHUNKS


@pytest.mark.parametrize("name", ["power", "bounded"])
def test_a_method_has_the_same_bits_among_others_and_in_a_program_of_its_own(
    name: str, alone: dict[str, list[bytes]]
) -> None:
    given = program(name)
    trial = scalars(name, PENALTIES_OF[name], given=given)
    chunks = run(population(1, given=given), [[trial]] * CHUNKS)
    assert in_slot(chunks, 0) == alone[name]


def test_a_chunk_has_the_bits_of_two_of_half_its_steps(alone: dict[str, list[bytes]]) -> None:
    given = program("bounded", chunk_steps=2)
    trial = scalars("bounded", PENALTIES_OF["bounded"], given=given)
    chunks = run(population(1, given=given), [[trial]] * 2 * CHUNKS)
    for half, whole in zip(chunks[1::2], alone["bounded"], strict=True):
        assert whole.startswith(half.features[0].tobytes())


def test_a_trial_trains_alike_on_one_device_and_on_two(alone: dict[str, list[bytes]]) -> None:
    """Not to the bit: XLA fuses a program for several devices in another way."""
    given = program("adaptive")
    trial = scalars("adaptive", PENALTIES_OF["adaptive"], given=given)
    chunks = run(population(1, devices=1, given=given), [[trial]] * CHUNKS)
    for chunk, bits in zip(chunks, alone["adaptive"], strict=True):
        found = chunk.features[0]
        whole = np.frombuffer(bits[: found.nbytes], np.float32).reshape(found.shape)
        np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "names",
    [
        ("none", "power", "bounded"),
        ("bounded", "adaptive", "power"),
        ("elastic", "bounded", "none"),
    ],
)
def test_a_trial_has_the_same_bits_alone_and_in_any_slot_beside_any_others(
    names: Sequence[str], three: Population, alone: dict[str, list[bytes]]
) -> None:
    chunks = run(three, [[TRIALS[name] for name in names]] * CHUNKS)
    for slot, name in enumerate(names):
        assert in_slot(chunks, slot) == alone[name]


def test_a_neighbour_that_is_not_a_number_disturbs_nobody(
    three: Population, alone: dict[str, list[bytes]]
) -> None:
    chunks = run(three, [[POWER, BROKEN, BOUNDED]] * CHUNKS)
    assert in_slot(chunks, 0) == alone["power"]
    assert in_slot(chunks, 2) == alone["bounded"]
    for chunk in chunks:
        assert not chunk.finite[1].any()
        assert chunk.finite[[0, 2]].all()


def test_a_slot_refilled_starts_anew_and_its_neighbours_go_on(
    three: Population, alone: dict[str, list[bytes]]
) -> None:
    chunks = run(
        three,
        [[POWER, BROKEN, BOUNDED], [POWER, ELASTIC, BOUNDED], [POWER, ELASTIC, NONE]],
    )
    assert in_slot(chunks, 0) == alone["power"]
    assert in_slot(chunks[1:], 1) == alone["elastic"][:2]
    assert in_slot(chunks[:2], 2) == alone["bounded"][:2]
    assert in_slot(chunks[2:], 2) == alone["none"][:1]


def test_a_slot_that_is_skipped_gives_zeros_and_keeps_its_state(
    three: Population, alone: dict[str, list[bytes]]
) -> None:
    first = three.advance([POWER, None, BOUNDED], [True, False, True])
    skipped = three.advance([None, NONE, BOUNDED], [False, True, False])
    resumed = three.advance([POWER, NONE, None], [False, False, False])
    for chunk, slot in [(first, 1), (skipped, 0), (resumed, 2)]:
        assert chunk.features[slot].shape == (FOLDS, 6, 3)
        assert not chunk.features[slot].any()
        assert not chunk.losses["generator"][slot].any()
        assert not chunk.losses["discriminator"][slot].any()
        assert not any(extra[slot].any() for extra in chunk.extras.values())
        assert not chunk.finite[slot].any()
    assert in_slot([first], 0) + in_slot([resumed], 0) == alone["power"][:2]
    assert in_slot([skipped, resumed], 1) == alone["none"][:2]
    assert in_slot([first, skipped], 2) == alone["bounded"][:2]


def test_a_member_has_the_key_of_its_fold_whatever_its_slot(three: Population) -> None:
    """At a learning rate of 0 its weights stay as they began, and its samples come from those."""
    still = scalars("none", rate=0.0)
    (chunk,) = run(three, [[POWER, still, still]])
    states = three.states()
    for fold in range(FOLDS):
        key = member_key(np.uint32(SEED), np.int32(fold))
        begin = jax.device_get(jax.jit(init, static_argnums=0)(PROGRAM, still, key))
        x = np.asarray(jax.random.normal(jax.random.fold_in(key, 2), (6, 4)), np.float64)
        first, last = (
            begin.networks["generator"].params["network"]["layers"][index] for index in (0, 1)
        )
        x = x @ first["kernel"] + first["bias"]
        images = np.tanh(np.where(x > 0, x, 0.2 * x) @ last["kernel"] + last["bias"])
        expected = images @ SHARED.feature_params
        for slot in (1, 2):
            for found, weights in [
                (states.networks[name], begin.networks[name])
                for name in ("generator", "discriminator")
            ]:
                jax.tree.map(
                    lambda one, other, slot=slot, fold=fold: np.testing.assert_allclose(
                        one[slot, fold], other, rtol=1e-6
                    ),
                    found,
                    weights,
                )
            np.testing.assert_allclose(chunk.features[slot, fold], expected, rtol=1e-4, atol=1e-5)


def test_a_member_sees_the_training_images_of_its_fold_and_no_others(
    alone: dict[str, list[bytes]],
) -> None:
    for fold in range(FOLDS):
        images = SHARED.images.copy()
        images[np.delete(SHARED.train, fold, axis=0)] = np.nan
        images[SHARED.validation] = np.nan
        shared = SHARED._replace(images=images)
        members = Population(PROGRAM, features, shared, 1, local_devices()[:2])
        (chunk,) = run(members, [[POWER]])
        whole = np.frombuffer(alone["power"][0][: chunk.features.nbytes], np.float32)
        np.testing.assert_array_equal(
            chunk.features[0, fold], whole.reshape(chunk.features.shape[1:])[fold]
        )
        assert list(chunk.finite[0]) == [other == fold for other in range(FOLDS)]


def test_what_else_a_chunk_says_is_there_for_each_trial_by_name(three: Population) -> None:
    (chunk,) = run(three, [[ADAPTIVE, BOUNDED, ELASTIC]])
    assert set(chunk.extras) == {
        "strength_factor",
        *("generator_zeros", "discriminator_zeros", "generator_norm", "discriminator_norm"),
    }
    for extra in chunk.extras.values():
        assert extra.shape == (3, FOLDS)
    assert (chunk.extras["strength_factor"][0] != 1).all()
    assert (chunk.extras["strength_factor"][1:] == 1).all()


def test_another_seed_trains_other_members(alone: dict[str, list[bytes]]) -> None:
    other = Population(
        PROGRAM, features, SHARED._replace(seed=np.uint32(6)), 1, local_devices()[:2]
    )
    assert in_slot(run(other, [[POWER]]), 0) != alone["power"][:1]


def test_folds_differ(three: Population) -> None:
    (chunk,) = run(three, [[NONE, POWER, BOUNDED]])
    assert not np.array_equal(chunk.features[:, 0], chunk.features[:, 1])


def test_refills_and_new_populations_compile_no_further_program(three: Population) -> None:
    run(three, [[NONE, None, None]])
    before = training_programs()
    run(three, [[NONE, POWER, None], [BOUNDED, POWER, ELASTIC], [None, None, BROKEN]] * 3)
    run(population(3), [[POWER, None, None]] * 2)
    assert training_programs() == before


def test_features_that_are_not_finite_are_told() -> None:
    """Weights may be finite when what is made of them no longer is."""
    endless = SHARED._replace(feature_params=np.full((6, 3), np.float32(3e38)))
    members = Population(PROGRAM, features, endless, 1, local_devices()[:2])
    (chunk,) = run(members, [[NONE]])
    assert not np.isfinite(chunk.features).all()
    assert not chunk.finite.any()


def rows_of(states: Any, slot: int) -> list[bytes]:
    return [np.ascontiguousarray(leaf[slot]).tobytes() for leaf in jax.tree.leaves(states)]


def test_a_state_put_into_another_slot_goes_on_there_and_disturbs_nobody(
    three: Population, alone: dict[str, list[bytes]]
) -> None:
    first = run(three, [[POWER, BOUNDED, None]])
    kept = three.state_of(0)
    run(three, [[NONE, BOUNDED, ELASTIC]])
    before = three.states()
    three.put_state(2, kept)
    after = three.states()
    assert rows_of(after, 2) == [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(kept)]
    for slot in (0, 1):
        assert rows_of(after, slot) == rows_of(before, slot)
    resumed = [three.advance([NONE, None, POWER], [False] * 3) for _ in range(CHUNKS - 1)]
    assert in_slot(first, 0) + in_slot(resumed, 2) == alone["power"]


def test_a_slot_s_states_are_alike_as_an_accelerator_gathers_them(three: Population) -> None:
    run(three, [[POWER, BOUNDED, NONE]])
    gathered = jax.device_get(_rows(three._state, three._members[1]))
    jax.tree.map(np.testing.assert_array_equal, gathered, three.state_of(1))
    like = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), three.like())
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), three.state_of(1)) == like


def in_memory(members: Population) -> list[int]:
    """Where the states lie, array by array, on the first device."""
    leaves = jax.tree.leaves(members._state)
    return [leaf.addressable_data(0).unsafe_buffer_pointer() for leaf in leaves]


def test_of_a_large_population_one_slot_is_read_and_written() -> None:
    wide = changed_gan(PROGRAM.architecture, generator_hidden=(256,), discriminator_hidden=(256,))
    members = population(32, given=replace(PROGRAM, architecture=wide, methods=(Method(),)))
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(members.state_of(0)))
    tracemalloc.start()
    state = members.state_of(5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * size
    members.put_state(6, jax.tree.map(lambda leaf: np.ones_like(leaf), state))
    places = in_memory(members)
    members.put_state(7, state)
    assert in_memory(members) == places
    for slot, value in ((5, 0), (6, 1), (7, 0)):
        assert all((leaf == value).all() for leaf in jax.tree.leaves(members.state_of(slot)))


def test_however_many_programs_a_study_has_each_is_compiled_once(three: Population) -> None:
    run(three, [[NONE, None, None]])
    before = training_programs()
    for batch in range(9, 49):
        population(1, given=replace(PROGRAM, batch=batch))
    run(population(3), [[NONE, POWER, None]])
    assert training_programs() == before
