"""A program that is compiled in a thread is there when it is called, and otherwise as ever."""

import threading
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.engine.ahead import Ahead, is_ahead, is_compiling
from normsweep.engine.compiling import compiling_seconds, wait_for
from normsweep.engine.devices import local_devices
from normsweep.engine.population import (
    Population,
    Shared,
    compile_chunk,
    forget_programs,
    training_programs,
)
from normsweep.models import Program, hyperparameters
from tests.gans import make_gan

PROGRAM = Program(
    make_gan((3, 2, 1), latent=3, generator_hidden=(5,), discriminator_hidden=(4,)),
    batch=2,
    steps=2,
    chunk_steps=1,
    samples=2,
)
SHARED = Shared(
    images=np.zeros((8, 3, 2, 1), np.float32),
    train=np.tile(np.arange(6, dtype=np.int32), (2, 1)),
    validation=np.arange(2, dtype=np.int32),
    feature_params={"scale": np.ones(6, np.float32)},
    seed=np.uint32(0),
    # As data have them: on a device they are int32.
    labels=np.arange(8, dtype=np.int64),
)


def features(params: Any, images: jax.Array) -> jax.Array:
    return images.reshape(images.shape[0], -1) * params["scale"][None]


def only_shapes(shared: Shared) -> Shared:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), shared)


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """The names of what is compiled from here on."""
    forget_programs()
    found: list[str] = []

    def note(event: str, start: float, end: float, fun_name: str = "", **_: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(fun_name)

    jax.monitoring.register_event_time_span_listener(note)
    yield found
    jax.monitoring.unregister_event_time_span_listener(note)


def advance(slots: int = 3) -> np.ndarray:
    population = Population(PROGRAM, features, SHARED, slots, local_devices())
    numbers = [hyperparameters(PROGRAM.family)] * slots
    return population.advance(numbers, [True] * slots).features


def test_what_was_compiled_ahead_from_shapes_alone_is_what_a_population_calls(
    compiled: list[str],
) -> None:
    expected = advance()
    assert len([name for name in compiled if "shard" in name]) == 1
    forget_programs()
    before = training_programs()
    ahead = Ahead()
    shapes = only_shapes(SHARED)
    ahead.begin(PROGRAM, lambda: compile_chunk(PROGRAM, features, shapes, 3, local_devices()))
    ahead.wait(PROGRAM)
    assert training_programs() == before + 1
    compiled.clear()
    np.testing.assert_array_equal(advance(), expected)
    assert training_programs() == before + 1
    assert not [name for name in compiled if "shard" in name]


def test_other_settings_than_those_of_the_thread_are_heeded(compiled: list[str]) -> None:
    compile_chunk(PROGRAM, features, SHARED, 3, local_devices())
    before = training_programs()
    with jax.default_matmul_precision("highest"):
        advance()
    assert training_programs() == before + 1


def test_an_error_of_the_thread_is_left_to_the_call(compiled: list[str]) -> None:
    def broken(params: Any, images: jax.Array) -> jax.Array:
        raise RuntimeError("cannot be traced")

    def call() -> None:
        Population(PROGRAM, broken, SHARED, 3, local_devices()).advance(
            [hyperparameters(PROGRAM.family)] * 3, [True] * 3
        )

    ahead = Ahead()
    ahead.begin(PROGRAM, lambda: compile_chunk(PROGRAM, broken, SHARED, 3, local_devices()))
    ahead.wait(PROGRAM)
    with pytest.raises(RuntimeError, match="cannot be traced"):
        call()


def test_only_what_is_compiled_is_waited_for() -> None:
    ahead, go_on = Ahead(), threading.Event()
    assert not ahead.begun
    ahead.wait(PROGRAM)
    inside: list[bool] = []

    def compile() -> None:
        inside.append(is_ahead())
        go_on.wait()

    ahead.begin(PROGRAM, compile)
    assert ahead.begun and is_compiling() and not is_ahead()
    ahead.wait("another")
    assert is_compiling()
    go_on.set()
    ahead.wait(PROGRAM)
    assert inside == [True] and not is_compiling()


def test_time_of_compilation_is_that_for_which_somebody_waits() -> None:
    ahead, begun = Ahead(), threading.Event()
    before = compiling_seconds()

    def compile() -> None:
        jax.jit(lambda x: x * 7.5)(np.float32(1))
        begun.set()
        threading.Event().wait(0.3)

    ahead.begin(PROGRAM, compile)
    begun.wait()
    assert compiling_seconds() == before
    wait_for(ahead, PROGRAM)
    assert 0.1 < compiling_seconds() - before < 5
    # Whoever asks again, chunk after chunk, no longer waits.
    passed = compiling_seconds()
    for _ in range(100):
        wait_for(ahead, PROGRAM)
    assert compiling_seconds() == passed
