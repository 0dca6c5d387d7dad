"""The programs of a population: which are kept, and what they say of a family that is no GAN."""

import gc
import weakref
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.engine import population as engine
from normsweep.engine.devices import local_devices
from normsweep.engine.population import Population, Shared, forget_programs, training_programs
from normsweep.models import Program, hyperparameters
from tests.families import autoencoder
from tests.gans import make_gan, make_numbers

CHUNKS = 3
SHAPE = (3, 2, 1)
DRAW = np.random.default_rng(0)
SHARED = Shared(
    images=DRAW.uniform(-1, 1, (36, *SHAPE)).astype(np.float32),
    train=np.arange(30, dtype=np.int32).reshape(3, 10),
    validation=np.arange(30, 36, dtype=np.int32),
    feature_params=DRAW.normal(size=(6, 3)).astype(np.float32),
    seed=np.uint32(5),
)


def program(architecture: Any, batch: int) -> Program:
    return Program(architecture=architecture, batch=batch, steps=12, chunk_steps=4, samples=6)


def features(params: Any, images: jax.Array) -> jax.Array:
    return images.reshape(images.shape[0], -1) @ params


def population(given: Program, slots: int = 1) -> Population:
    return Population(given, features, SHARED, slots, local_devices()[:2])


def test_programs_that_are_forgotten_are_compiled_again_and_the_others_not() -> None:
    gan = make_gan(SHAPE, latent=4, generator_hidden=(7,), discriminator_hidden=(5,))
    one, other = program(gan, batch=3), program(gan, batch=5)
    trial = make_numbers()
    for given in (one, other):
        population(given).advance([trial], [True])
    function = weakref.ref(population(other)._advance)
    forget_programs(but=[one])
    gc.collect()
    assert function() is None
    before = training_programs()
    population(one).advance([trial], [True])
    assert training_programs() == before
    population(other).advance([trial], [True])
    assert training_programs() == before + 1


def test_a_chunk_is_traced_once_though_there_are_members_that_are_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced = []

    def train_chunk(*arguments: Any) -> Any:
        traced.append(arguments)
        return trained(*arguments)

    trained = engine.train_chunk
    monkeypatch.setattr(engine, "train_chunk", train_chunk)
    given = program(make_gan(SHAPE, latent=3, generator_hidden=(4,)), batch=2)
    assert engine.memory_of(given, features, SHARED, 1, local_devices()[:2]) > 0
    assert len(traced) == 1


def test_a_family_that_is_no_gan_trains_and_says_so_by_its_names() -> None:
    given = program(autoencoder(SHAPE, (4,)), batch=8)
    trial = hyperparameters(given.family, learning_rates={"reconstruction": 0.05})
    members = population(given, slots=2)
    chunks = [members.advance([trial, None], [chunk == 0, False]) for chunk in range(CHUNKS)]
    assert [list(chunk.losses) for chunk in chunks] == [["reconstruction", "prior"]] * CHUNKS
    names = given.family.networks()
    by_network = [f"{name}_{what}" for what in ("zeros", "norm") for name in names]
    assert list(chunks[0].extras) == ["strength_factor", *by_network]
    assert chunks[-1].finite[0].all()
    first, *_, last = (chunk.losses["reconstruction"][0] for chunk in chunks)
    assert (last < first).all()
