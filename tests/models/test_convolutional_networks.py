"""Convolutional networks against the tables of their papers, and what all networks promise."""

import itertools
import math
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from normsweep.models.layers.mode import Mode
from normsweep.models.layers.normalisation import (
    NORMALISATIONS,
    layer_norm,
    normalisation,
    over_positions,
)
from normsweep.models.networks import NETWORKS
from normsweep.models.networks.contract import PureNetwork, Shape, Variables
from normsweep.models.networks.dcgan import DCGAN
from normsweep.models.networks.modules import of_modules
from normsweep.models.networks.resnet import ResNet
from normsweep.models.networks.sequence import (
    SequenceModule,
    as_map,
    as_vector,
    layer_of,
    transposed,
)
from normsweep.models.networks.translation import PatchGAN
from tests.haste import IN_HASTE

CONVOLUTIONAL = ("dcgan", "resnet")
SMALL, LATENT = (8, 8, 1), (5,)


def key(seed: int = 0) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


def begun(network: PureNetwork, units: Any = None) -> Variables:
    return network.init(nnx.Rngs(params=key()), units)


def shapes_of(network: PureNetwork) -> Variables:
    """The variables as shapes, drawn by nobody."""
    return jax.eval_shape(lambda: begun(network))


def drawn(network: PureNetwork) -> Variables:
    """Variables drawn by NumPy, of about the size of the initial ones: nothing is compiled."""
    draw = np.random.default_rng(5)

    def value(path: Any, leaf: Any) -> np.ndarray:
        about = {"scale": 1.0, "var": 1.0}.get(path[-1].key, 0.0)
        spread = np.sqrt(6 / math.prod(leaf.shape[:-1])) if leaf.ndim > 1 else 0.3
        return np.asarray(about + spread * draw.uniform(-1, 1, leaf.shape), leaf.dtype)

    return jax.tree_util.tree_map_with_path(value, shapes_of(network))  # type: ignore[no-any-return]


def count(network: PureNetwork) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes_of(network).params))


def kernels(network: PureNetwork) -> list[Shape]:
    return [leaf.shape for leaf in jax.tree.leaves(shapes_of(network).params) if leaf.ndim > 1]


def outputs(network: PureNetwork, inputs: Shape, mode: Mode | None = None) -> Any:
    """What the network makes of noise, with the weights that are `drawn`."""

    def made(variables: Variables, x: jax.Array) -> Any:
        return network.apply(variables, x, mode or Mode(True))

    x = np.random.default_rng(1).normal(size=(3, *inputs)).astype(np.float32)
    return jax.jit(made, compiler_options=IN_HASTE)(drawn(network), x)


# Kernels as height, width, inputs and outputs, or inputs and outputs of a dense layer.
TABLES = {
    # Miyato et al., arXiv:1802.05957, table 3 (a) and (b), for CIFAR-10: M_g = 4.
    "sndcgan generator": (
        DCGAN().pure((128,), (32, 32, 3)),
        [(128, 4 * 4 * 512), (4, 4, 512, 256), (4, 4, 256, 128), (4, 4, 128, 64), (3, 3, 64, 3)],
    ),
    "sndcgan discriminator": (
        DCGAN().pure((32, 32, 3), ()),
        [
            (3, 3, 3, 64),
            (4, 4, 64, 64),
            (3, 3, 64, 128),
            (4, 4, 128, 128),
            (3, 3, 128, 256),
            (4, 4, 256, 256),
            (3, 3, 256, 512),
            (4 * 4 * 512, 1),
        ],
    ),
    # Lucic et al., arXiv:1711.10337, appendix: the networks of InfoGAN (arXiv:1606.03657, C.1).
    "infogan generator": (
        DCGAN().pure((64,), (28, 28, 1)),
        [(64, 1024), (1024, 7 * 7 * 128), (4, 4, 128, 64), (4, 4, 64, 1)],
    ),
    "infogan discriminator": (
        DCGAN().pure((28, 28, 1), ()),
        [(4, 4, 1, 64), (4, 4, 64, 128), (7 * 7 * 128, 1024), (1024, 1)],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_layers_are_those_of_the_published_table(name: str) -> None:
    network, table = TABLES[name]
    assert kernels(network) == table
    # A bias for each output of a convolution or dense layer.
    assert count(network) == sum(math.prod(shape) + shape[-1] for shape in table)


def test_the_residual_networks_have_as_many_parameters_as_the_published_ones() -> None:
    """Miyato et al., arXiv:1802.05957, table 4; by hand, layer by layer.

    G: dense 128→4·4·256; three blocks of two 3×3 convolutions 256→256, two batch norms and a 1×1
    convolution on the shortcut; batch norm; 3×3 convolution to 3. D: a block 3→128 and one 128→128
    that halve, with a 1×1 convolution on the shortcut; two of 128→128 without; dense 128→1.
    """

    def conv(side: int, before: int, after: int) -> int:
        return side * side * before * after + after

    up = 2 * conv(3, 256, 256) + conv(1, 256, 256) + 2 * 2 * 256
    generator = 128 * 4096 + 4096 + 3 * up + 2 * 256 + conv(3, 256, 3)
    # By hand, block by block; the published table has no counts.
    assert generator == 4276739
    assert count(ResNet(normalisation="batch").pure((128,), (32, 32, 3))) == generator
    first = conv(3, 3, 128) + conv(3, 128, 128) + conv(1, 3, 128)
    down = 2 * conv(3, 128, 128) + conv(1, 128, 128)
    discriminator = first + down + 2 * 2 * conv(3, 128, 128) + 129
    assert count(ResNet(normalisation="spectral").pure((32, 32, 3), ())) == discriminator


def test_the_networks_of_translations_have_as_many_parameters_as_the_published_ones() -> None:
    """Zhu et al., arXiv:1703.10593, sec. 7.2, of 128×128 pixels; by hand, layer by layer.

    G: c7s1-64, d128, d256, six R256, u128, u64, c7s1-3. D: C64-C128-C256-C512, and one to a logit.
    """

    def conv(side: int, before: int, after: int) -> int:
        return side * side * before * after + after

    generator = conv(7, 3, 64) + conv(3, 64, 128) + conv(3, 128, 256) + 12 * conv(3, 256, 256)
    generator += conv(3, 256, 128) + conv(3, 128, 64) + conv(7, 64, 3)
    discriminator = conv(4, 3, 64) + conv(4, 64, 128) + conv(4, 128, 256) + conv(4, 256, 512)
    discriminator += conv(4, 512, 1)
    # By hand, layer by layer; the paper has no counts.
    assert (generator, discriminator) == (7837699, 2764737)
    image = (128, 128, 3)
    assert count(PatchGAN().pure(image, image)) == generator
    assert count(PatchGAN().pure(image, ())) == discriminator


@pytest.mark.parametrize(
    ("side", "patches", "halved"), [(8, 4, 1), (28, 7, 2), (32, 8, 2), (64, 8, 3), (128, 16, 3)]
)
def test_a_patchgan_judges_every_patch(side: int, patches: int, halved: int) -> None:
    pure = PatchGAN(channels=2).pure((side, side, 1), ())
    # As wide as the halvings before it say, one more layer, and one to a logit.
    widths = [1, *(2 ** (n + 1) for n in range(halved + 1)), 1]
    assert kernels(pure) == [(4, 4, *both) for both in itertools.pairwise(widths)]
    x = jax.ShapeDtypeStruct((3, side, side, 1), np.float32)
    y, _ = jax.eval_shape(pure.apply, shapes_of(pure), x)
    assert y.shape == (3 * patches * patches,)
    translator = PatchGAN(channels=2).pure((side, side, 1), (side, side, 1))
    assert jax.eval_shape(translator.apply, shapes_of(translator), x)[0].shape == x.shape


def test_a_translation_with_instance_norm_forgets_the_contrast_of_its_image() -> None:
    """Ulyanov et al., arXiv:1607.08022, eq. 4: twice the image gives the same outputs."""
    network = PatchGAN(channels=2, normalisation="instance", output="tanh").pure(SMALL, SMALL)
    x = np.random.default_rng(1).normal(size=(2, *SMALL)).astype(np.float32)
    run, variables = jax.jit(network.apply, compiler_options=IN_HASTE), drawn(network)
    plain, doubled = (np.asarray(run(variables, factor * x)[0]) for factor in (1, 2))
    assert (np.abs(plain) < 1).all()
    assert np.std(plain) > 0.01
    np.testing.assert_allclose(doubled, plain, atol=1e-3)


@pytest.mark.parametrize(
    ("network", "side", "blocks"),
    [("dcgan", side, None) for side in (8, 12, 28, 32, 48, 64)]
    + [("resnet", 8, (1, 3)), ("resnet", 16, (2, 3)), ("resnet", 28, (2, 4))]
    + [("resnet", 32, (3, 4)), ("resnet", 64, (4, 5))],
)
def test_shapes_are_those_asked_for_of_images_of_each_size(
    network: str, side: int, blocks: tuple[int, int] | None
) -> None:
    made, image = NETWORKS[network](channels=4), (side, side, 3)  # type: ignore[call-arg]
    for inputs, wanted in ((LATENT, image), (image, ()), (image, (7,))):
        pure = made.pure(inputs, wanted)
        x = jax.ShapeDtypeStruct((2, *inputs), np.float32)
        y, _ = jax.eval_shape(pure.apply, shapes_of(pure), x)
        assert y.shape == (2, *wanted)
        assert y.dtype == np.float32
        if blocks is not None:
            # Two 3×3 convolutions in a block, and one to an image at the end.
            threes = sum(shape[:2] == (3, 3) for shape in kernels(pure))
            assert threes == 2 * blocks[0] + 1 if len(inputs) == 1 else 2 * blocks[1]


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_images_of_other_sizes_and_other_shapes_are_refused(name: str) -> None:
    network = NETWORKS[name]()
    with pytest.raises(ValueError, match=f"27 × 27 pixels; accepted by {name}: "):
        network.pure((27, 27, 1), ())
    with pytest.raises(ValueError, match=f"{name}: no network from .* accepted: from a vector"):
        network.pure((3,), (3,))
    with pytest.raises(ValueError, match="unknown normalisation 'group'; accepted: none"):
        NETWORKS[name](normalisation="group")  # type: ignore[call-arg]


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_the_output_function_bounds_the_image(name: str) -> None:
    made = NETWORKS[name](channels=2, output="tanh")  # type: ignore[call-arg]
    images, _ = outputs(made.pure(LATENT, SMALL), LATENT)
    assert (np.abs(images) < 1).all()
    assert np.std(images) > 0


def narrowed(network: Any, units: int, inputs: Shape, wanted: Shape) -> PureNetwork:
    """The network whose hidden layers have so many units at most, built that narrow."""
    if isinstance(network, ResNet):
        return replace(network, channels=units).pure(inputs, wanted)
    *hidden, last = network.rows(inputs, wanted)
    narrow = [
        replace(row, outputs=(*row.outputs[:-1], min(row.outputs[-1], units))) for row in hidden
    ]
    kind = normalisation(network.normalisation)
    named = (network.activation, network.output, kind)
    return of_modules(
        lambda units, rngs: SequenceModule(
            (*narrow, last), inputs, wanted, *named, units, rngs=rngs
        )
    )


def widened(narrow: Any, wide: Any) -> Any:
    """Leaves as large as those of `wide` that hold those of `narrow` in front, and 0 behind."""

    def pad(leaf: jax.Array, like: jax.Array) -> np.ndarray:
        padded = np.zeros(like.shape, leaf.dtype)
        padded[tuple(slice(size) for size in leaf.shape)] = leaf
        return padded

    return jax.tree.map(pad, narrow, wide)


def assert_close(found: Any, wanted: Any) -> None:
    def check(one: Any, other: Any) -> None:
        rounding = 1e-4 * np.abs(other).max() + 1e-6
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=rounding)

    jax.tree.map(check, found, wanted)


WAYS = [(LATENT, SMALL), (SMALL, ())]


def pairs(name: str, kind: str, way: tuple[Shape, Shape]) -> tuple[PureNetwork, ...]:
    """A network of 4 channels, and the one of 3 units in each hidden layer."""
    # Its value at 0 is not 0: what the mask lets through would show.
    settings = {"normalisation": kind, "activation": "sigmoid"}
    described = NETWORKS[name](channels=4, **settings)  # type: ignore[arg-type, call-arg]
    return described.pure(*way), narrowed(described, 3, *way)


@pytest.mark.parametrize(
    ("name", "normalisation"),
    [
        (name, kind)
        for name in CONVOLUTIONAL
        for kind, entry in NORMALISATIONS.items()
        if not entry.labelled and (NETWORKS[name].positions or not entry.positions)
    ],
)
def test_a_masked_network_is_the_narrow_network_cut_out_of_it(
    name: str, normalisation: str
) -> None:
    """Outputs and statistics, from vectors and from images."""
    found, wanted = [], []

    @partial(jax.jit, compiler_options=IN_HASTE, static_argnums=0)
    def run(networks: tuple[PureNetwork, ...], small: Variables, large: Variables, x: Any) -> Any:
        wide, narrow = networks
        return wide.apply(large, x, Mode(True, np.int32(3))), narrow.apply(small, x, Mode(True))

    for way in WAYS:
        wide, narrow = pairs(name, normalisation, way)
        x = np.random.default_rng(2).normal(size=(3, *way[0])).astype(np.float32)
        small = drawn(narrow)
        large = widened(small, shapes_of(wide))
        (y, stats), (z, narrow_stats) = run((wide, narrow), small, large, x)
        found.append((y, stats))
        wanted.append((z, widened(narrow_stats, stats)))
    assert_close(found, wanted)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_weights_of_unused_units_begin_at_0(name: str, way: tuple[Shape, Shape]) -> None:
    wide, narrow = pairs(name, "weight", way)
    start = jax.jit(partial(begun, wide), compiler_options=IN_HASTE)(np.int32(3))
    in_use = jax.tree.map(lambda leaf: np.ones(leaf.shape, bool), shapes_of(narrow).params)
    for leaf, used in zip(
        jax.tree.leaves(start.params),
        jax.tree.leaves(widened(in_use, shapes_of(wide).params)),
        strict=True,
    ):
        np.testing.assert_array_equal(np.asarray(leaf)[~used], 0)
        assert leaf.ndim == 1 or (np.asarray(leaf)[used] != 0).all()


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_gradients_of_a_masked_network_are_those_of_the_narrow_one(name: str) -> None:
    """And 0 for what is not in use, so that it stays 0."""
    wide, narrow = pairs(name, "layer", WAYS[1])
    x = np.random.default_rng(2).normal(size=(3, *SMALL)).astype(np.float32)

    @partial(jax.jit, compiler_options=IN_HASTE, static_argnums=(0, 2))
    def gradient(network: PureNetwork, variables: Variables, units: int | None) -> Any:
        mode = Mode(True, units)

        def loss(params: Any) -> jax.Array:
            return jnp.sum(jnp.sin(network.apply(variables._replace(params=params), x, mode)[0]))

        return jax.grad(loss)(variables.params)

    small = drawn(narrow)
    wanted = gradient(narrow, small, None)
    found = gradient(wide, widened(small, shapes_of(wide)), 3)
    assert_close(found, widened(wanted, found))


def test_a_vector_is_a_map_channel_by_channel() -> None:
    x = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    vector = as_vector(jnp.asarray(x))
    np.testing.assert_array_equal(
        vector[:, : 2 * 12], x[..., :2].transpose(0, 3, 1, 2).reshape(2, -1)
    )
    np.testing.assert_array_equal(as_map(vector, (3, 4, 5)), x)


def test_layer_norm_is_over_all_positions_of_an_example() -> None:
    """Ba et al., arXiv:1607.06450, eq. 4: all hidden units of a layer share mean and variance."""
    norm: Any = over_positions(layer_norm(3, None, nnx.Rngs(params=key())))
    x = np.random.default_rng(1).normal(2, 3, size=(2, 4, 5, 3)).astype(np.float32)
    wanted = (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(norm(x), wanted, rtol=1e-4, atol=1e-5)
    used = (x[..., :2] - x[..., :2].mean((1, 2, 3), keepdims=True)) / x[..., :2].std(
        (1, 2, 3), keepdims=True
    )
    masked = norm(x, mask=np.array([True, True, False])[None, None, None])
    np.testing.assert_allclose(masked[..., :2], used, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [2, 3])
def test_a_transposed_convolution_begins_with_the_variance_of_its_inputs(stride: int) -> None:
    """He et al., arXiv:1502.01852, eq. 10: 2 over the pixels that an output sees times channels."""
    row = transposed((4, 4, 200), 100, window=2 * stride, stride=stride)
    layer: Any = layer_of(row, (4, 4, 200), None, None, nnx.Rngs(params=key(1)))
    assert np.var(layer.kernel[...]) == pytest.approx(2 / (2 * 2 * 200), rel=0.03)


@pytest.mark.parametrize("name", [*CONVOLUTIONAL, "patchgan"])
def test_networks_compute_in_bfloat16_and_return_float32(name: str) -> None:
    """With each normalisation; without it, types that do not match would be told."""
    ways = [(SMALL, SMALL), WAYS[1]] if name == "patchgan" else WAYS
    for kind, entry in NORMALISATIONS.items():
        if entry.labelled or (entry.positions and not NETWORKS[name].positions):
            continue
        described = NETWORKS[name](channels=2, normalisation=kind)  # type: ignore[call-arg]
        for inputs, wanted in ways:
            pure = described.pure(inputs, wanted)
            x = jax.ShapeDtypeStruct((2, *inputs), np.float32)
            call = partial(pure.apply, mode=Mode(True, precision="bfloat16"))
            y, stats = jax.eval_shape(call, shapes_of(pure), x)
            assert y.dtype == np.float32
            assert all(leaf.dtype != jnp.bfloat16 for leaf in jax.tree.leaves(stats))


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_dropout_acts_in_training_and_evaluation_leaves_the_statistics(name: str) -> None:
    network = NETWORKS[name](channels=3, normalisation="batch").pure(SMALL, ())  # type: ignore[call-arg]
    drops = Mode(True, None, np.float32(0.5), key(3))
    trained, _ = outputs(network, SMALL, drops)
    plain, _ = outputs(network, SMALL)
    assert not np.allclose(trained, plain)
    _, stats = outputs(network, SMALL, Mode())
    jax.tree.map(np.testing.assert_array_equal, stats, drawn(network).stats)
