"""Members of several methods in one program: each trains as it would alone."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.models import (
    Data,
    Hyperparameters,
    MemberState,
    Method,
    NetworkPenalty,
    Program,
    init,
    member_key,
    penalty_entry,
    train_chunk,
)
from normsweep.objectives.constraints import constraint
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES
from tests.gans import make_gan, make_numbers
from tests.haste import IN_HASTE

IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, 3, 2, 1)).astype(np.float32)
DATA = Data(
    *map(jnp.asarray, (IMAGES, np.arange(20, dtype=np.int32), np.arange(20, 30, dtype=np.int32)))
)
KEY = member_key(np.uint32(3), np.int32(1))
METHODS = {
    "none": Method(),
    "power": Method(penalty_entry("power", 1.5)),
    "proximal": Method(coupling="proximal", schedule="cosine"),
    "bounded": Method(
        constraint=constraint("spectral_ball"), gradient_penalty=GRADIENT_PENALTIES["wgan_gp"]
    ),
    "adaptive": Method(
        PENALTIES["spectral"],
        "decoupled",
        schedule="adaptive",
        signal="held_out",
        augmentation=("translation", "cutout"),
        dropout=True,
    ),
}
NAMES = list(METHODS)
PENALTY_OF = {
    "none": NetworkPenalty(),
    "power": NetworkPenalty(strength=np.float32(0.02), order=np.float32(1.5)),
    "proximal": NetworkPenalty(l1=np.float32(3)),
    "bounded": NetworkPenalty(radius=np.float32(0.7)),
    "adaptive": NetworkPenalty(strength=np.float32(0.1)),
}


def program(*names: str, chunk_steps: int = 4) -> Program:
    return Program(
        architecture=make_gan(
            (3, 2, 1), latent=4, generator_hidden=(7,), discriminator_hidden=(5,)
        ),
        batch=8,
        steps=8,
        chunk_steps=chunk_steps,
        samples=2,
        methods=tuple(METHODS[name] for name in names),
    )


ALL = program(*NAMES)


def scalars(name: str, given: Program = ALL, rate: float = 0.01) -> Hyperparameters:
    return make_numbers(
        method=np.int32(given.methods.index(METHODS[name])),
        generator_penalty=PENALTY_OF[name],
        discriminator_penalty=PENALTY_OF[name],
        adaptive_target=np.float32(0.1),
        adaptive_speed=np.float32(0.2),
        gradient_penalty_strength=np.float32(0.3),
        gradient_penalty_every=np.int32(2),
        augment_strength=np.float32(0.5),
        generator_dropout=np.float32(0.2),
        discriminator_dropout=np.float32(0.3),
        generator_learning_rate=np.float32(rate),
        discriminator_learning_rate=np.float32(rate),
    )


init_member = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
one_chunk = jax.jit(train_chunk, static_argnums=0, compiler_options=IN_HASTE)


def trained(given: Program, name: str, chunks: int = 2) -> tuple[MemberState, Any]:
    h = scalars(name, given)
    state = init_member(given, h, KEY)
    for _ in range(chunks):
        state, metrics = one_chunk(given, state, h, DATA, KEY)
    return state, metrics


@pytest.fixture(scope="module")
def in_program() -> dict[str, tuple[MemberState, Any]]:
    return {name: trained(ALL, name) for name in NAMES}


def networks_of(state: MemberState) -> Any:
    return state.networks["generator"], state.networks["discriminator"], state.log_factor


def bits_of(tree: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def test_each_method_trains_in_its_own_way(in_program: Any) -> None:
    assert len(
        {tuple(bits_of(state.networks["generator"])) for state, _ in in_program.values()}
    ) == len(NAMES)
    assert all(metrics.finite for _, metrics in in_program.values())
    # 8 steps have changed the strength, and thresholds have made zeros, where they should.
    assert in_program["adaptive"][1].strength_factor != 1
    assert {name for name in NAMES if in_program[name][1].zeros["discriminator"] > 0} == {
        "proximal"
    }


def test_a_power_iteration_among_others_finds_the_singular_value_in_the_end() -> None:
    state, _ = trained(ALL, "bounded", chunks=10)
    kernel = state.networks["discriminator"].params["network"]["layers"][0]["kernel"]
    assert np.linalg.svd(kernel, compute_uv=False)[0] == pytest.approx(0.7, rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_a_method_among_others_trains_as_it_does_alone(name: str, in_program: Any) -> None:
    """That the compiled population gives the same bits is tested with the population."""
    alone, metrics = trained(program(name), name)
    found = networks_of(in_program[name][0]), in_program[name][1]
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6),
        (networks_of(alone), metrics),
        found,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_member_advances_the_state_of_its_own_method_alone(name: str, in_program: Any) -> None:
    begun, after = init_member(ALL, scalars(name), KEY), in_program[name][0]
    for network in ("generator", "discriminator"):
        states = (each.regularisers[network] for each in (begun, after))
        for other, before, now in zip(NAMES, *states, strict=True):
            moved = other == name and name in ("bounded", "adaptive")
            assert (bits_of(before) != bits_of(now)) == moved


@pytest.mark.parametrize("name", ["proximal", "adaptive"])
def test_a_chunk_is_two_chunks_of_half_its_steps(name: str) -> None:
    whole, metrics = trained(program(name), name)
    halves, last = trained(program(name, chunk_steps=2), name, chunks=4)
    assert bits_of(halves) == bits_of(whole)
    assert halves.step == 8
    assert metrics.strength_factor == last.strength_factor
    # A mean over the steps of a chunk, of which the last has fewer.
    assert metrics.losses["discriminator"] != last.losses["discriminator"]


def stacked(members: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *members)


BESIDE = program("power", "bounded", "adaptive")


@pytest.fixture(scope="module")
def together() -> Any:
    """Trains members of these hyperparameters side by side, as on an accelerator."""

    @partial(jax.jit, compiler_options=IN_HASTE)
    @jax.vmap
    def side_by_side(h: Hyperparameters) -> Any:
        return train_chunk(BESIDE, init(BESIDE, h, KEY), h, DATA, KEY)

    return side_by_side


def member(states: Any, place: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[place], networks_of(states))


def test_under_vmap_members_of_all_methods_train_as_they_do_alone(together: Any) -> None:
    names = ("adaptive", "power", "bounded")
    states, metrics = together(stacked([scalars(name, BESIDE) for name in names]))
    assert metrics.finite.all()
    for place, name in enumerate(names):
        alone, _ = trained(ALL, name, chunks=1)
        jax.tree.map(
            partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
            member(states, place),
            networks_of(alone),
        )


def test_under_vmap_a_member_that_blows_up_disturbs_nobody(together: Any) -> None:
    bounded, adaptive = scalars("bounded", BESIDE), scalars("adaptive", BESIDE)
    power, endless = (scalars("power", BESIDE, rate) for rate in (0.01, float("inf")))
    states, _ = together(stacked([bounded, power, adaptive]))
    beside, metrics = together(stacked([bounded, endless, adaptive]))
    assert list(metrics.finite) == [True, False, True]
    for place in (0, 2):
        assert bits_of(member(states, place)) == bits_of(member(beside, place))


def test_whatever_is_traced_a_program_is_traced_once() -> None:
    traces, given = [], program("none", "power")

    @partial(jax.jit, compiler_options=IN_HASTE)
    def counted(state: MemberState, h: Hyperparameters, key: jax.Array) -> Any:
        traces.append(None)
        return train_chunk(given, state, h, DATA, key)

    draw = np.random.default_rng(0)
    state = init_member(given, scalars("none", given), KEY)
    for fold in range(6):
        changed = jax.tree.map(
            lambda leaf: np.float32(draw.uniform(0, 0.5)) if leaf.dtype == np.float32 else leaf,
            scalars(("none", "power")[fold % 2], given),
        )
        state, metrics = counted(state, changed, member_key(np.uint32(1), np.int32(fold)))
        assert metrics.finite
    assert len(traces) == 1
