"""A population of members: who shares the devices with whom must not change a bit."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import pytest

from models import GAN, Hyperparameters, Program, formula_of, network_penalty
from models.training import init, member_key
from sweep.engine.devices import local_devices
from sweep.engine.population import Chunk, Population, Shared, training_programs

FOLDS, CHUNKS, SEED = 3, 3, 5
PROGRAM = Program(
    gan=GAN((3, 2, 1), latent=4, generator_hidden=(7,), discriminator_hidden=(5,)),
    batch=8,
    discriminator_steps=1,
    loss="non_saturating",
    ema=False,
    penalised="kernel$",
    chunk_steps=4,
    samples=6,
)
DRAW = np.random.default_rng(0)
SHARED = Shared(
    images=DRAW.uniform(-1, 1, (30, 3, 2, 1)).astype(np.float32),
    train=np.arange(30, dtype=np.int32).reshape(FOLDS, 10),
    feature_params=DRAW.normal(size=(6, 3)).astype(np.float32),
    seed=np.uint32(SEED),
)


def features(params: Any, images: jax.Array) -> jax.Array:
    return images.reshape(images.shape[0], -1) @ params


def scalars(form: str, rate: float = 0.01, **coefficients: float) -> Hyperparameters:
    penalty = network_penalty(form, **coefficients)
    return Hyperparameters(
        np.int32(formula_of(form, coefficients.get("order"))),
        penalty,
        penalty,
        *map(np.float32, (rate, rate, 0.5, 0.9, 0.0)),
    )


NONE = scalars("none")
POWER = scalars("power", strength=0.02, order=1.5)
NORM = scalars("norm", strength=0.05, order=3.0)
ELASTIC = scalars("elastic", l1=0.01, l2=0.02)
BROKEN = scalars("power", rate=float("nan"), strength=0.02, order=1.5)
TRIALS = {"none": NONE, "power": POWER, "norm": NORM, "elastic": ELASTIC}


def population(slots: int, devices: int = 2) -> Population:
    return Population(PROGRAM, features, SHARED, slots, local_devices()[:devices])


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
                chunk.generator_loss,
                chunk.discriminator_loss,
                chunk.finite,
            )
        )
        for chunk in chunks
    ]


@pytest.fixture(scope="module")
def alone() -> dict[str, list[bytes]]:
    """Each trial in a population of its own on one device, for some chunks."""
    members = population(1, devices=1)
    return {name: in_slot(run(members, [[trial]] * CHUNKS), 0) for name, trial in TRIALS.items()}


@pytest.fixture(scope="module")
def three() -> Population:
    return population(3)


def test_trials_alone_differ_from_each_other_and_from_chunk_to_chunk(
    alone: dict[str, list[bytes]],
) -> None:
    seen = [bits for chunks in alone.values() for bits in chunks]
    assert len(set(seen)) == len(TRIALS) * CHUNKS


@pytest.mark.parametrize(
    "names", [("none", "power", "norm"), ("norm", "none", "power"), ("elastic", "norm", "none")]
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
    chunks = run(three, [[POWER, BROKEN, NORM]] * CHUNKS)
    assert in_slot(chunks, 0) == alone["power"]
    assert in_slot(chunks, 2) == alone["norm"]
    for chunk in chunks:
        assert not chunk.finite[1].any()
        assert chunk.finite[[0, 2]].all()


def test_a_slot_refilled_starts_anew_and_its_neighbours_go_on(
    three: Population, alone: dict[str, list[bytes]]
) -> None:
    chunks = run(
        three,
        [[POWER, BROKEN, NORM], [POWER, ELASTIC, NORM], [POWER, ELASTIC, NONE]],
    )
    assert in_slot(chunks, 0) == alone["power"]
    assert in_slot(chunks[1:], 1) == alone["elastic"][:2]
    assert in_slot(chunks[:2], 2) == alone["norm"][:2]
    assert in_slot(chunks[2:], 2) == alone["none"][:1]


def test_a_slot_that_is_skipped_gives_zeros_and_keeps_its_place(
    three: Population, alone: dict[str, list[bytes]]
) -> None:
    first = three.advance([POWER, None, NORM], [True, False, True])
    skipped = three.advance([None, NONE, NORM], [False, True, False])
    resumed = three.advance([POWER, NONE, None], [False, False, False])
    for chunk, slot in [(first, 1), (skipped, 0), (resumed, 2)]:
        assert chunk.features[slot].shape == (FOLDS, 6, 3)
        assert not chunk.features[slot].any()
        assert not chunk.generator_loss[slot].any()
        assert not chunk.discriminator_loss[slot].any()
        assert not chunk.finite[slot].any()
    assert in_slot([first], 0) + in_slot([resumed], 0) == alone["power"][:2]
    assert in_slot([skipped, resumed], 1) == alone["none"][:2]
    assert in_slot([first, skipped], 2) == alone["norm"][:2]


def test_a_member_has_the_key_of_its_fold_whatever_its_slot(three: Population) -> None:
    """At a learning rate of 0 its weights stay as they began, and its samples come from those."""
    still = scalars("none", rate=0.0)
    (chunk,) = run(three, [[POWER, still, still]])
    states = three.states()
    for fold in range(FOLDS):
        key = member_key(np.uint32(SEED), np.int32(fold))
        begin = jax.device_get(jax.jit(init, static_argnums=0)(PROGRAM, still, key))
        with jax.threefry_partitionable(False):
            x = np.asarray(jax.random.normal(jax.random.fold_in(key, 2), (6, 4)), np.float64)
        first, last = (begin.generator["network"]["layers"][index] for index in (0, 1))
        x = x @ first["kernel"] + first["bias"]
        images = np.tanh(np.where(x > 0, x, 0.2 * x) @ last["kernel"] + last["bias"])
        expected = images @ SHARED.feature_params
        for slot in (1, 2):
            for found, weights in [
                (states.generator, begin.generator),
                (states.discriminator, begin.discriminator),
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
        shared = SHARED._replace(images=images)
        members = Population(PROGRAM, features, shared, 1, local_devices()[:1])
        (chunk,) = run(members, [[POWER]])
        whole = np.frombuffer(alone["power"][0][: chunk.features.nbytes], np.float32)
        np.testing.assert_array_equal(
            chunk.features[0, fold], whole.reshape(chunk.features.shape[1:])[fold]
        )
        assert list(chunk.finite[0]) == [other == fold for other in range(FOLDS)]


def test_another_seed_trains_other_members(alone: dict[str, list[bytes]]) -> None:
    other = Population(
        PROGRAM, features, SHARED._replace(seed=np.uint32(6)), 1, local_devices()[:1]
    )
    assert in_slot(run(other, [[POWER]]), 0) != alone["power"][:1]


def test_folds_differ(three: Population) -> None:
    (chunk,) = run(three, [[NONE, POWER, NORM]])
    assert not np.array_equal(chunk.features[:, 0], chunk.features[:, 1])


def test_refills_and_new_populations_compile_no_further_program(three: Population) -> None:
    run(three, [[NONE, None, None]])
    before = training_programs()
    run(three, [[NONE, POWER, None], [NORM, POWER, ELASTIC], [None, None, BROKEN]] * 3)
    run(population(3), [[POWER, None, None]] * 2)
    assert training_programs() == before


def test_features_that_are_not_finite_are_told() -> None:
    """Weights may be finite when what is made of them no longer is."""
    endless = SHARED._replace(feature_params=np.full((6, 3), np.float32(3e38)))
    members = Population(PROGRAM, features, endless, 1, local_devices()[:1])
    (chunk,) = run(members, [[NONE]])
    assert not np.isfinite(chunk.features).all()
    assert not chunk.finite.any()
