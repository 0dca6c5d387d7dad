"""The CycleGAN: its losses on linear networks in NumPy, what it carries, samples and measures."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.models import (
    MLP,
    Architecture,
    CycleGAN,
    Data,
    Hyperparameters,
    MemberState,
    Method,
    Program,
    Variables,
    hyperparameters,
    init,
    member_key,
    sample,
    train_step,
)
from normsweep.models.families.contract import Turn
from normsweep.models.training import measured, sampled_labels
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from tests.haste import IN_HASTE

SHAPE, BATCH, COUNT = (2, 1, 1), 6, 24
IMAGES = np.random.default_rng(0).uniform(-1, 1, (COUNT, *SHAPE)).astype(np.float32)
LABELS = (np.arange(COUNT) % 3 == 0).astype(np.int32)
PAIRS = np.where(np.arange(COUNT) < 9, (np.arange(COUNT) + 1) % 9, -1).astype(np.int32)
TRAIN, UNSEEN = np.split(np.random.default_rng(1).permutation(COUNT).astype(np.int32), [17])
DATA = Data(IMAGES, TRAIN, UNSEEN, LABELS, PAIRS)
KEY = member_key(np.uint32(3), np.int32(1))
RATES = {"generator": 0.25, "discriminator": 0.5}
FLAT = IMAGES.reshape(COUNT, 2).astype(np.float64)
AB, BA, D_A, D_B = CycleGAN.networks()

init_member = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
one_step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)


def program(method: Method | None = None, **family: Any) -> Program:
    linear = tuple((name, MLP(())) for name in CycleGAN.networks())
    made = CycleGAN(**({"loss": "least_squares", "image_pool": 8} | family))
    return Program(
        Architecture(made, SHAPE, linear),
        batch=BATCH,
        steps=4,
        chunk_steps=2,
        samples=5,
        optimizer="sgd",
        methods=(method or Method(),),
    )


def numbers(**changed: Any) -> Hyperparameters:
    return hyperparameters(CycleGAN(), learning_rates=RATES, **changed)


def stepped(
    given: Program, h: Hyperparameters, data: Data = DATA
) -> tuple[MemberState, MemberState, Any]:
    state = init_member(given, h, KEY)
    return state, *one_step(given, 0, state, h, data, KEY)


def linear(state: MemberState) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias of each network in float64."""
    layers = {name: each.params["network"]["layers"][0] for name, each in state.networks.items()}
    return {
        name: (np.float64(layer["kernel"]), np.float64(layer["bias"]))
        for name, layer in layers.items()
    }


def drawn_batches(turn: int) -> tuple[np.ndarray, np.ndarray]:
    """The real images of both sets in a turn of the first step, as the family draws them."""
    step_key = jax.random.fold_in(jax.random.fold_in(KEY, 1), 0)
    by_set = jax.random.split(jax.random.split(step_key, 2)[turn])
    found = []
    for label, key in enumerate(by_set):
        of_set = TRAIN[LABELS[TRAIN] == label]
        places = jax.random.randint(
            jax.random.split(key, (8, 6)[turn])[0], (BATCH,), 0, np.int32(len(of_set)), np.int32
        )
        found.append(FLAT[of_set[np.asarray(places)]])
    return found[0], found[1]


def through(network: tuple[Any, Any], x: Any) -> Any:
    return x @ network[0] + network[1][None]


def discriminators_loss(nets: Any, a: Any, b: Any, generators: Any) -> Any:
    """½E[(D(real) − 1)²] + ½E[D(fake)²], of both sets."""
    pairs = ((D_A, a, through(generators[BA], b)), (D_B, b, through(generators[AB], a)))
    return sum(
        jnp.mean((through(nets[judge], real) - 1) ** 2) / 2
        + jnp.mean(through(nets[judge], fake) ** 2) / 2
        for judge, real, fake in pairs
    )


def generators_loss(nets: Any, a: Any, b: Any, judges: Any, weights: dict[str, float]) -> Any:
    """½E[(D(fake) − 1)²] + cycle·E|x'' − x| + identity·E|x' − x|, of both sets."""
    total = 0.0
    for name, x, out, into, judge in (("a", a, AB, BA, D_B), ("b", b, BA, AB, D_A)):
        fake = through(nets[out], x)
        total += jnp.mean((through(judges[judge], fake) - 1) ** 2) / 2
        total += weights[f"cycle_{name}"] * jnp.mean(jnp.abs(through(nets[into], fake) - x))
        total += weights[f"identity_{name}"] * jnp.mean(jnp.abs(through(nets[into], x) - x))
    return total


WEIGHTS = {"cycle_a": 3.0, "cycle_b": 0.5, "identity_a": 0.25, "identity_b": 2.0}


@pytest.mark.parametrize("without", ["", "identity_b"])
def test_a_step_is_the_formula_on_linear_networks(without: str) -> None:
    weights = WEIGHTS | ({without: 0.0} if without else {})
    before, after, losses = stepped(program(), numbers(coefficients=weights))
    now, found = linear(before), linear(after)
    with jax.enable_x64(True):
        judges = {name: now[name] for name in (D_A, D_B)}
        loss = partial(discriminators_loss, generators=now)
        value, slope = jax.value_and_grad(loss)(judges, *drawn_batches(0))
        assert losses.players["discriminator"] == pytest.approx(float(value), rel=1e-5)
        for name, wanted in jax.tree.map(lambda w, g: w - 0.5 * g, judges, slope).items():
            for part, expected in zip(found[name], wanted, strict=True):
                np.testing.assert_allclose(part, expected, rtol=1e-4, atol=1e-6)
        generators = {name: now[name] for name in (AB, BA)}
        loss = partial(generators_loss, judges=found, weights=weights)
        value, slope = jax.value_and_grad(loss)(generators, *drawn_batches(1))
        assert losses.players["generator"] == pytest.approx(float(value), rel=1e-5)
        for name, wanted in jax.tree.map(lambda w, g: w - 0.25 * g, generators, slope).items():
            for part, expected in zip(found[name], wanted, strict=True):
                np.testing.assert_allclose(part, expected, rtol=1e-4, atol=1e-6)


def test_each_weight_moves_only_what_it_weighs() -> None:
    h = numbers(coefficients=dict.fromkeys(WEIGHTS, 0.0))
    plain = stepped(program(), h)[2].players["generator"]
    for name in WEIGHTS:
        one = dict.fromkeys(WEIGHTS, 0.0) | {name: 2.0}
        found = stepped(program(), numbers(coefficients=one))[2].players["generator"]
        assert found > plain


def test_a_gradient_penalty_is_on_both_discriminators() -> None:
    """R1 of a linear network is strength/2·|w|², whatever the images."""
    method = Method(gradient_penalty=GRADIENT_PENALTIES["r1"])
    before, plain, _ = stepped(program(), numbers())
    h = numbers(gradient_penalty_strength=np.float32(0.5))
    _, after, _ = stepped(program(method), h)
    begun, one, other = linear(before), linear(plain), linear(after)
    for name in (D_A, D_B):
        moved = 0.5 * 0.5 * begun[name][0]
        np.testing.assert_allclose(one[name][0] - other[name][0], moved, rtol=1e-3, atol=1e-5)


def test_the_pools_are_carried_from_step_to_step() -> None:
    given, h = program(), numbers()
    before, after, _ = stepped(given, h)
    a, b = drawn_batches(0)
    generators = linear(before)
    for judge, fake in ((D_A, through(generators[BA], b)), (D_B, through(generators[AB], a))):
        assert before.carried[judge].filled == 0
        assert after.carried[judge].filled == BATCH
        held = np.asarray(after.carried[judge].images).reshape(8, 2)
        np.testing.assert_allclose(held[:BATCH], fake, rtol=1e-5, atol=1e-6)
        assert not held[BATCH:].any()
    again, _ = one_step(given, 0, after, h, DATA, KEY)
    assert all(pool.filled == 8 for pool in again.carried.values())
    assert stepped(program(image_pool=0), h)[1].carried == {}


def test_an_adaptive_strength_looks_at_held_out_images_of_each_set() -> None:
    """Where validation images score as training images of their set, nothing is overfitted."""
    level = np.where(LABELS == 0, 0.75, -0.25).astype(np.float32)
    data = DATA._replace(images=np.broadcast_to(level.reshape(-1, 1, 1, 1), IMAGES.shape))

    def apply(network: str, _: Any, inputs: jax.Array, key: jax.Array) -> tuple[jax.Array, Any]:
        judges = network in (D_A, D_B)
        return (inputs.mean(axis=(1, 2, 3)) if judges else inputs), {}

    networks = dict.fromkeys(CycleGAN.networks(), Variables({}, {}))
    step = np.int32(0)
    turn = Turn(Method(signal="held_out"), numbers(), BATCH, step, 10, networks, {}, apply)
    found = CycleGAN(image_pool=0).objective("discriminator", turn, data, KEY)
    assert found.overfitting is not None
    real = {D_A: np.float32([0.75]), D_B: np.float32([-0.25])}
    seen = {name: (logits, np.float32([0.125])) for name, logits in real.items()}
    assert found.overfitting(seen) == 0


def test_samples_are_translations_of_training_images_by_turns() -> None:
    given, h = program(), numbers()
    state = init_member(given, h, KEY)
    images = np.asarray(sample(given, state, h, DATA, KEY, 5)).reshape(5, 2)
    labels = sampled_labels(given, DATA, KEY, 5)
    assert labels is not None
    assert labels.tolist() == [1, 0, 1, 0, 1]
    nets = linear(state)
    for image, label in zip(images, labels.tolist(), strict=True):
        of_other = FLAT[TRAIN[LABELS[TRAIN] == 1 - label]]
        translated = through(nets[AB if label else BA], of_other)
        assert np.abs(translated - image).max(axis=1).min() < 1e-5
    assert len(np.unique(images, axis=0)) == 5
    with pytest.raises(ValueError, match="a translation needs images"):
        given.family.sample(lambda network, x: x, KEY, 4, None)


def test_errors_of_cycles_and_pairs_are_means_over_held_out_images() -> None:
    given, h = program(), numbers()
    state = init_member(given, h, KEY)
    unseen = DATA._replace(train=UNSEEN)
    found = measured(given, state, h, unseen, KEY)
    nets, cycles, pairs = linear(state), [], []
    for row in UNSEEN:
        out, into = (AB, BA) if LABELS[row] == 0 else (BA, AB)
        there = through(nets[out], FLAT[row][None])
        cycles.append(np.abs(through(nets[into], there) - FLAT[row]).mean())
        known = PAIRS[row] >= 0
        pairs.append(np.abs(there - FLAT[PAIRS[row]]).mean() if known else np.nan)
    assert 0 < np.isnan(pairs).sum() < len(UNSEEN)
    for name, each in (("cycle_error", cycles), ("pair_error", pairs)):
        assert found[name].value == pytest.approx(np.nanmean(each), rel=1e-5)
        np.testing.assert_allclose(found[name].each, each, rtol=1e-5)
    assert set(measured(given, state, h, unseen._replace(pairs=None), KEY)) == {"cycle_error"}
