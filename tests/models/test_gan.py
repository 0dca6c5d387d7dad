"""The networks: their shapes, ranges and formulas."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from scipy.special import erf, expit

from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.mode import Mode
from normsweep.models.networks.contract import Variables
from tests.gans import changed_gan, make_gan, pair_of

MNIST = (28, 28, 1)
LITERATURE: dict[str, tuple[tuple[int, ...], str]] = {
    "128-128-784": ((128, 128), "relu"),
    "128-128-128-100-784": ((128, 128, 128, 100), "relu"),
    "256-256-784": ((256, 256), "leaky_relu"),
    "128-128-1024-784": ((128, 128, 1024), "leaky_relu"),
}


def key(seed: int = 0) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


def layers(network: Variables) -> list[dict[str, np.ndarray]]:
    """The layers of a network's parameters, from the first to the last."""
    (tree,) = network.params["network"].values()
    return [tree[index] for index in sorted(tree)]


def shapes(network: Variables) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [(layer["kernel"].shape, layer["bias"].shape) for layer in layers(network)]


@pytest.mark.parametrize("name", LITERATURE)
def test_fully_connected_networks_of_the_literature_can_be_written_down(name: str) -> None:
    hidden, activation = LITERATURE[name]
    gan = make_gan(
        MNIST,
        latent=100,
        generator_hidden=hidden,
        generator_activation=activation,
        discriminator_hidden=hidden[::-1],
        discriminator_activation=activation,
    )
    pair = pair_of(gan)
    generator, discriminator = jax.eval_shape(pair.init, key())
    widths = [100, *(int(width) for width in name.split("-"))]
    assert shapes(generator) == [
        ((before, after), (after,)) for before, after in itertools.pairwise(widths)
    ]
    widths = [784, *hidden[::-1], 1]
    assert shapes(discriminator) == [
        ((before, after), (after,)) for before, after in itertools.pairwise(widths)
    ]
    draw = np.random.default_rng(1)

    def as_he_proposed(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        scale = np.sqrt(2 / leaf.shape[0])
        return (scale * draw.normal(size=leaf.shape)).astype(np.float32)

    generator, discriminator = jax.tree.map(as_he_proposed, (generator, discriminator))
    latent = draw.normal(size=(3, 100)).astype(np.float32)
    images = np.asarray(jax.jit(pair.generator)(generator, latent)[0])
    assert images.shape == (3, 28, 28, 1)
    assert images.dtype == np.float32
    assert 0.1 < np.abs(images).max() <= 1
    logits, stats = jax.jit(pair.discriminator)(discriminator, images)
    assert logits.shape == (3,)
    assert logits.dtype == np.float32
    assert stats == {}


def test_networks_without_a_hidden_layer_are_linear_maps() -> None:
    gan = make_gan((2, 2, 3), latent=5, generator_hidden=(), discriminator_hidden=())
    generator, discriminator = jax.eval_shape(pair_of(gan).init, key())
    assert shapes(generator) == [((5, 12), (12,))]
    assert shapes(discriminator) == [((12, 1), (1,))]


def test_weights_begin_as_he_and_others_proposed_and_biases_at_0() -> None:
    """A variance of 2 over the number of inputs (arXiv:1502.01852, eq. 10)."""
    generator, discriminator = jax.jit(pair_of(make_gan(MNIST, latent=100)).init)(key())
    for layer in layers(generator) + layers(discriminator)[:-1]:
        inputs, outputs = layer["kernel"].shape
        error = 4 / np.sqrt(inputs * outputs)
        assert layer["kernel"].var() == pytest.approx(2 / inputs, rel=error)
        assert abs(layer["kernel"].mean()) < np.sqrt(2 / inputs) * error
    assert all((layer["bias"] == 0).all() for layer in layers(generator))


SMALL = make_gan((3, 2, 1), latent=4, generator_hidden=(7, 5), discriminator_hidden=(5,))
LATENT = np.random.default_rng(2).normal(scale=2, size=(6, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def small() -> tuple[Variables, Variables]:
    """Initial parameters of SMALL, and of every GAN of its shapes."""
    return jax.device_get(jax.jit(pair_of(SMALL).init)(key()))


def test_initial_weights_follow_from_the_key(small: tuple[Variables, Variables]) -> None:
    begin = jax.jit(pair_of(SMALL).init)
    jax.tree.map(np.testing.assert_array_equal, small, begin(key(0)))
    for network, other in zip(small, begin(key(1)), strict=True):
        for layer, changed in zip(layers(network), layers(other), strict=True):
            assert not np.any(layer["kernel"] == changed["kernel"])


HIDDEN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "silu": lambda x: x * expit(x),
    "tanh": np.tanh,
    "sigmoid": expit,
}
# JAX's GELU is the approximation by tanh, within 5e-4 of the exact one.
TOLERANCE = {"gelu": 5e-4}
OUTPUT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 2 * expit(x) - 1,
    "linear": lambda x: x,
}


def test_every_activation_and_output_has_a_reference() -> None:
    assert set(HIDDEN) == set(ACTIVATIONS)
    assert set(OUTPUT) == set(IMAGE_OUTPUTS)


@pytest.mark.parametrize("name", HIDDEN)
def test_activations_are_what_their_names_say(name: str) -> None:
    x = np.linspace(-6, 6, 101, dtype=np.float32)
    np.testing.assert_allclose(
        ACTIVATIONS[name](x),  # type: ignore[arg-type]
        HIDDEN[name](x.astype(np.float64)),
        rtol=1e-5,
        atol=TOLERANCE.get(name, 1e-6),
    )


@pytest.mark.parametrize(
    ("activation", "output"), [("leaky_relu", "tanh"), ("silu", "sigmoid"), ("tanh", "linear")]
)
def test_networks_are_layers_with_an_activation_between_them(
    activation: str, output: str, small: tuple[Variables, Variables]
) -> None:
    gan = changed_gan(
        SMALL,
        generator_activation=activation,
        generator_output=output,
        discriminator_activation=activation,
    )
    pair = pair_of(gan)
    generator, discriminator = jax.tree.map(lambda leaf: leaf + np.float32(0.125), small)

    def forward(network: Variables, x: np.ndarray) -> np.ndarray:
        *hidden, last = layers(network)
        for layer in hidden:
            x = HIDDEN[activation](x @ layer["kernel"] + layer["bias"])
        return np.asarray(x @ last["kernel"] + last["bias"])

    images = OUTPUT[output](forward(generator, LATENT.astype(np.float64)))
    found, _ = jax.jit(pair.generator)(generator, LATENT)
    np.testing.assert_allclose(found, images.reshape(6, 3, 2, 1), rtol=1e-5, atol=1e-6)
    logits = forward(discriminator, images)[:, 0]
    judged, _ = jax.jit(pair.discriminator)(discriminator, found)
    np.testing.assert_allclose(judged, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("output", "bounded"), [("tanh", True), ("sigmoid", True), ("linear", False)]
)
def test_only_a_linear_output_leaves_the_range_of_pixels(
    output: str, bounded: bool, small: tuple[Variables, Variables]
) -> None:
    pair = pair_of(changed_gan(SMALL, generator_output=output))
    images = np.asarray(jax.jit(pair.generator)(small[0], 20 * LATENT)[0])
    assert (np.abs(images).max() <= 1) == bounded
    assert images.min() < -0.9 and images.max() > 0.9


@pytest.mark.parametrize("kept", [0, 1, 2, None])
def test_depth_is_the_first_so_many_hidden_layers(kept: int | None) -> None:
    hidden = (7, 5)[:kept]
    gan = changed_gan(SMALL, generator_layers=kept, discriminator_hidden=(7, 5))
    gan = changed_gan(gan, discriminator_layers=kept)
    written = changed_gan(SMALL, generator_hidden=hidden, discriminator_hidden=hidden)
    found, wanted = (jax.jit(pair_of(one).init)(key()) for one in (gan, written))
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
@pytest.mark.parametrize("layers", [3, -1])
def test_more_layers_than_widths_are_refused(network: str, layers: int) -> None:
    with pytest.raises(
        ValueError,
        match=rf"layers = {layers} does not fit hidden = \(128, 128\); accepted: 0 to 2",
    ):
        make_gan(MNIST, **{f"{network}_layers": layers})  # type: ignore[arg-type]


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_normalisation_without_a_name_in_the_table_is_refused(network: str) -> None:
    accepted = "none, batch, layer, instance, weight, spectral, conditional_batch"
    with pytest.raises(ValueError, match=f"unknown normalisation 'group'; accepted: {accepted}"):
        make_gan(MNIST, **{f"{network}_normalisation": "group"})  # type: ignore[arg-type]


def operations(mode: Mode, variables: Variables) -> set[str]:
    """The names of the primitives that a generator compiles under `mode`."""
    gan = changed_gan(SMALL, generator_activation="tanh")
    run = partial(pair_of(gan).generator, mode=mode)
    found = set[str]()

    def walk(jaxpr: Any) -> None:
        for equation in jaxpr.eqns:
            found.add(equation.primitive.name)
            for inner in equation.params.values():
                if hasattr(inner, "jaxpr"):
                    walk(inner.jaxpr)

    walk(jax.make_jaxpr(run)(variables, LATENT).jaxpr)
    return found


def test_masks_and_dropout_are_compiled_only_where_asked_for(
    small: tuple[Variables, Variables],
) -> None:
    plain = operations(Mode(), small[0])
    assert plain <= {"dot_general", "add", "tanh", "reshape", "broadcast_in_dim", "jit"}
    assert operations(Mode(training=True), small[0]) == plain
    assert operations(Mode(dropout=0.5, key=key()), small[0]) == plain
    assert operations(Mode(units=3), small[0]) > plain | {"select_n"}
    assert operations(Mode(True, dropout=0.5, key=key()), small[0]) > plain | {"select_n"}
