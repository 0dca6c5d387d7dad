"""The contract of a family, by one whose networks, players and turns are not a GAN's."""

from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from normsweep.models import (
    FAMILIES,
    GAN,
    MLP,
    NETWORKS,
    Architecture,
    Data,
    Hyperparameters,
    MemberState,
    NetworkPenalty,
    Program,
    hyperparameters,
    init,
    member_key,
    sample,
    train_step,
)
from tests.families import Autoencoder, autoencoder
from tests.haste import IN_HASTE

SHAPE = (3, 2, 1)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, *SHAPE)).astype(np.float32)
DATA = Data(IMAGES, np.arange(20, dtype=np.int32), np.arange(20, 30, dtype=np.int32))
KEY = member_key(np.uint32(3), np.int32(1))
NAMES = ("encoder", "decoder", "classifier")
RATES = {"reconstruction": 0.25, "prior": 0.125}
PROGRAM = Program(
    autoencoder(SHAPE), batch=8, steps=4, chunk_steps=2, samples=2, optimizer="sgd", ema=True
)

begin = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)


def numbers(**changed: Any) -> Hyperparameters:
    return hyperparameters(Autoencoder(), learning_rates=RATES, **changed)


def stepped(**changed: Any) -> tuple[MemberState, MemberState, Any]:
    h = numbers(ema_decay=np.float32(0.75), **changed)
    state = begin(PROGRAM, h, KEY)
    return state, *step(PROGRAM, 0, state, h, DATA, KEY)


def kernels(state: MemberState) -> dict[str, np.ndarray]:
    nets = {name: state.networks[name].params["network"]["layers"][0] for name in NAMES}
    return {name: np.asarray(layer["kernel"], np.float64) for name, layer in nets.items()}


def test_states_and_numbers_are_by_the_family_s_names() -> None:
    before, after, losses = stepped()
    for state in (before, after):
        assert set(state.networks) == set(state.regularisers) == set(NAMES)
        assert set(state.optimizers) == set(RATES)
        assert set(state.averages) == {"decoder"}
        assert state.in_use == {}
    assert set(losses.players) == set(RATES)
    assert after.step == 1


def test_a_step_is_the_turns_of_all_players_each_on_all_of_its_networks() -> None:
    """Linear networks without biases at the start: both gradients written down in NumPy."""
    before, after, losses = stepped(coefficients={"weight": 0.5})
    now, found = kernels(before), kernels(after)
    key = jax.random.split(jax.random.fold_in(jax.random.fold_in(KEY, 1), 0), 3)[0]
    drawn = jax.random.randint(jax.random.split(key, 3)[0], (8,), 0, 20, np.int32)
    x = IMAGES[np.asarray(drawn)].reshape(8, 6).astype(np.float64)
    code = x @ now["encoder"]
    slope = 0.5 * 2 * (code @ now["decoder"] - x) / x.size
    decoder = now["decoder"] - RATES["reconstruction"] * code.T @ slope
    encoder = now["encoder"] - RATES["reconstruction"] * x.T @ (slope @ now["decoder"].T)
    np.testing.assert_allclose(found["decoder"], decoder, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["encoder"], encoder, rtol=1e-5, atol=1e-6)
    assert losses.players["reconstruction"] == pytest.approx(
        0.5 * np.mean((code @ now["decoder"] - x) ** 2), rel=1e-5
    )
    np.testing.assert_array_equal(after.carried.reshape(8, 6), x)
    # Two turns of the other player, on codes of the encoder after its step and a bias from 0.
    code = x @ found["encoder"] + np.asarray(
        after.networks["encoder"].params["network"]["layers"][0]["bias"], np.float64
    )
    w, bias = now["classifier"], np.zeros(1)
    for _ in range(2):
        logits = code @ w + bias
        loss = np.mean(logits**2)
        w = w - RATES["prior"] * code.T @ (2 * logits / 8)
        bias = bias - RATES["prior"] * (2 * logits / 8).sum(axis=0)
    np.testing.assert_allclose(found["classifier"], w, rtol=1e-5, atol=1e-6)
    assert losses.players["prior"] == pytest.approx(loss, rel=1e-5)


def test_a_penalty_is_of_one_network_also_where_a_player_has_two() -> None:
    penalty = {"decoder": NetworkPenalty(l2=np.float32(0.5))}
    _, plain, _ = stepped()
    before, after, _ = stepped(penalties=penalty)
    one, other, begun = kernels(plain), kernels(after), kernels(before)
    np.testing.assert_array_equal(one["encoder"], other["encoder"])
    moved = RATES["reconstruction"] * 2 * 0.5 * begun["decoder"]
    np.testing.assert_allclose(one["decoder"] - other["decoder"], moved, rtol=1e-4, atol=1e-6)


def test_samples_come_from_the_average_of_the_sampled_network() -> None:
    before, after, _ = stepped()
    average = after.averages["decoder"].params["network"]["layers"][0]["kernel"]
    expected = 0.75 * kernels(before)["decoder"] + 0.25 * kernels(after)["decoder"]
    np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-6)
    images = sample(PROGRAM, after, numbers(), DATA, KEY, 5)
    code = np.asarray(jax.random.normal(jax.random.fold_in(KEY, 2), (5, 3)), np.float64)
    bias = np.asarray(after.averages["decoder"].params["network"]["layers"][0]["bias"], np.float64)
    np.testing.assert_allclose(images.reshape(5, 6), code @ expected + bias, rtol=1e-4, atol=1e-5)


def test_networks_draw_after_each_other_in_the_family_s_order() -> None:
    """No two begin alike though they share a key, and the order of a dict says nothing."""
    sizes = {"encoder": (6, 3), "decoder": (3, 6), "classifier": (3, 1)}
    begun = kernels(begin(PROGRAM, numbers(), KEY))
    assert {name: kernel.shape for name, kernel in begun.items()} == sizes
    key = jax.random.fold_in(KEY, 0)
    for count, name in ((0, "encoder"), (2, "decoder"), (4, "classifier")):
        # Each layer draws a kernel and a bias.
        wanted = jax.nn.initializers.he_normal()(jax.random.fold_in(key, count), sizes[name])
        np.testing.assert_allclose(begun[name], wanted, rtol=1e-6)


def test_names_that_are_not_the_family_s_are_refused() -> None:
    pairs = (("generator", MLP()), ("decoder", MLP()))
    accepted = "encoder, decoder, classifier, in this order"
    with pytest.raises(ValueError, match=f"got generator, decoder; accepted: {accepted}"):
        Architecture(Autoencoder(), SHAPE, pairs)
    for what, name, known in [
        ("penalties", "generator", "encoder, decoder, classifier"),
        ("learning_rates", "encoder", "reconstruction, prior"),
        ("coefficients", "label_smoothing", "weight"),
    ]:
        with pytest.raises(ValueError, match=f"{what}: unknown {name}; accepted: {known}"):
            hyperparameters(Autoencoder(), **{what: {name: 1.0}})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_s_turns_are_its_players_and_its_shapes_its_networks(name: str) -> None:
    family = FAMILIES[name]()  # type: ignore[abstract]
    assert set(family.turns()) == set(family.players)
    assert tuple(family.shapes(SHAPE)) == family.networks()
    assert set(family.sampled) <= set(family.networks())
    # Only what translates between two sets of images asks for data of so many.
    assert family.sets == (2 if family.translates else 0)
    assert hash(family) == hash(FAMILIES[name]())  # type: ignore[abstract]


def test_a_gan_s_discriminator_has_its_turns_before_the_generator() -> None:
    turns = GAN(discriminator_steps=3).turns()
    assert turns == ("discriminator", "discriminator", "discriminator", "generator")


@pytest.mark.parametrize("name", NETWORKS)
def test_an_architecture_maps_between_the_shapes_that_a_family_asks_for_or_refuses_them(
    name: str,
) -> None:
    """One that judges an image by its parts gives as many numbers as they are."""
    image, mapped = (8, 8, 1), 0
    for inputs, outputs in [((4,), image), (image, ()), (image, (4,)), (image, image)]:
        try:
            pure = NETWORKS[name]().pure(inputs, outputs)  # type: ignore[abstract]
        except ValueError as error:
            assert f"{name}: no network from {inputs} to {outputs}; accepted: " in str(error)
            continue
        mapped += 1
        variables = jax.eval_shape(lambda pure=pure: pure.init(nnx.Rngs(params=KEY), None))
        x = jax.ShapeDtypeStruct((5, *inputs), np.float32)
        found, _ = jax.eval_shape(pure.apply, variables, x)
        assert found.dtype == np.float32
        assert found.shape == (5, *outputs) or (outputs == () and not found.shape[0] % 5)
    assert mapped >= 2
