"""Normalised networks against their formulas, written in NumPy with float64."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax
from jax.sharding import PartitionSpec

from normsweep.models.architecture import Architecture
from normsweep.models.layers.mode import Mode
from normsweep.models.layers.normalisation import NORMALISATIONS, normalisation, of_classes
from normsweep.models.networks.contract import Variables
from normsweep.objectives.selection import count_selected, keep, parameter_paths, select
from tests.gans import OF_VECTORS, make_gan, pair_of

LATENT = np.random.default_rng(6).normal(size=(8, 5)).astype(np.float32)
CLASSES, LABELS = 3, np.array([0, 1, 2, 2, 0, 1, 2, 2], np.int32)
TRAINING = Mode(training=True, labels=LABELS)
MOMENTUM = 0.9


def key(seed: int = 0) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


def gan_of(name: str, *hidden: int) -> Architecture:
    """A generator of 6 pixels that is linear, but for relu on hidden layers and the normalisation;
    and a discriminator of the same layers."""
    return make_gan(
        (3, 2, 1),
        latent=5,
        generator_hidden=hidden,
        generator_activation="relu",
        generator_output="linear",
        generator_normalisation=of_classes(name, CLASSES),
        discriminator_hidden=hidden,
        discriminator_normalisation=of_classes(name, CLASSES),
    )


def drawn(gan: Architecture, seed: int = 7) -> tuple[Variables, Variables]:
    """Variables drawn by NumPy, of the structure that `init` gives; variances are positive."""
    draw = np.random.default_rng(seed)

    def value(path: Any, leaf: Any) -> np.ndarray:
        numbers = 0.7 * draw.normal(size=leaf.shape) + 0.3
        return np.asarray(np.abs(numbers) if path[-1].key == "var" else numbers, np.float32)

    like = jax.eval_shape(pair_of(gan).init, key())
    return jax.tree_util.tree_map_with_path(value, like)  # type: ignore[no-any-return]


def layers(tree: Any, *path: Any) -> dict[str, np.ndarray]:
    """The arrays at a path below `network`, in float64."""
    node = tree["network"]
    for step in path:
        node = node[step]
    return {name: np.asarray(leaf, np.float64) for name, leaf in node.items()}


def generated(gan: Architecture, variables: Variables, mode: Mode) -> tuple[np.ndarray, Any]:
    run = jax.jit(partial(pair_of(gan).generator, mode=mode))
    images, stats = run(variables, LATENT)
    return np.asarray(images).reshape(len(LATENT), -1), jax.device_get(stats)


def test_every_normalisation_says_what_it_is_and_whence() -> None:
    assert set(NORMALISATIONS) == {*OF_VECTORS, "instance", "conditional_batch"}
    assert all(normalisation(name) is NORMALISATIONS[name] for name in OF_VECTORS)
    assert all(entry.summary and "arXiv:" in entry.source for entry in NORMALISATIONS.values())


def hidden_output(params: Any, normalised: np.ndarray) -> np.ndarray:
    last = layers(params, "layers", 1)
    return np.asarray(np.maximum(normalised, 0) @ last["kernel"] + last["bias"])


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalisation_is_its_formula(training: bool) -> None:
    """Ioffe and Szegedy, algorithm 1 in training, algorithm 2 (stored averages) in evaluation."""
    gan = gan_of("batch", 4)
    generator = drawn(gan)[0]
    images, stats = generated(gan, generator, Mode(training))
    norm, stored = layers(generator.params, "norms", 0), layers(generator.stats, "norms", 0)
    x = LATENT @ layers(generator.params, "layers", 0)["kernel"]
    mean, var = (x.mean(axis=0), x.var(axis=0)) if training else (stored["mean"], stored["var"])
    normalised = norm["scale"] * (x - mean) / np.sqrt(var + 1e-5) + norm["bias"]
    np.testing.assert_allclose(
        images, hidden_output(generator.params, normalised), rtol=1e-4, atol=1e-5
    )
    after = layers(stats, "norms", 0)
    if training:
        for name, batch in (("mean", mean), ("var", var)):
            average = MOMENTUM * stored[name] + (1 - MOMENTUM) * batch
            np.testing.assert_allclose(after[name], average, rtol=1e-5, atol=1e-6)
    else:
        jax.tree.map(np.testing.assert_array_equal, stats, generator.stats)


@pytest.mark.parametrize("units", [None, 1, 3, 4])
@pytest.mark.parametrize("training", [True, False])
def test_layer_normalisation_is_its_formula_over_the_units_in_use(
    units: int | None, training: bool
) -> None:
    gan = gan_of("layer", 4)
    generator = drawn(gan)[0]
    images, stats = generated(gan, generator, Mode(training, units))
    assert stats == {}
    first, norm = (layers(generator.params, *path) for path in (("layers", 0), ("norms", 0)))
    x = (LATENT @ first["kernel"] + first["bias"])[:, :units]
    centred = x - x.mean(axis=1, keepdims=True)
    normalised = norm["scale"][:units] * centred / np.sqrt(x.var(axis=1, keepdims=True) + 1e-6)
    last = layers(generator.params, "layers", 1)
    hidden = np.maximum(normalised + norm["bias"][:units], 0)
    wanted = hidden @ last["kernel"][:units] + last["bias"]
    np.testing.assert_allclose(images, wanted, rtol=1e-4, atol=1e-4)


def test_weight_normalisation_and_its_gradients_are_their_formulas() -> None:
    """Salimans and Kingma, eq. 2 and 3, for one layer and the sum of its outputs."""
    gan = gan_of("weight")
    generator = drawn(gan)[0]
    layer = generator.params["network"]["layers"][0]
    v = np.asarray(layer["direction"]["layer_instance"]["kernel"], np.float64)
    g, norm = np.asarray(layer["scale"], np.float64), np.linalg.norm(v, axis=0)
    images, stats = generated(gan, generator, TRAINING)
    assert stats == {}
    np.testing.assert_allclose(images, LATENT @ (g * v / norm) + layer["bias"], rtol=1e-4)

    def total(params: Any) -> jax.Array:
        return pair_of(gan).generator(Variables(params, {}), LATENT, TRAINING)[0].sum()

    found = jax.jit(jax.grad(total))(generator.params)["network"]["layers"][0]
    upstream = np.repeat(LATENT.astype(np.float64).sum(axis=0)[:, None], 6, axis=1)
    d_g = (upstream * v).sum(axis=0) / norm
    d_v = g / norm * upstream - g * d_g / norm**2 * v
    np.testing.assert_allclose(found["scale"], d_g, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        found["direction"]["layer_instance"]["kernel"], d_v, rtol=1e-4, atol=1e-5
    )


def test_weight_normalised_kernels_begin_with_the_norm_that_he_and_others_expect() -> None:
    """A variance of 2 over the number of inputs is a norm of √2 in each column."""
    generator, _ = jax.jit(pair_of(gan_of("weight")).init)(key())
    np.testing.assert_allclose(generator.params["network"]["layers"][0]["scale"], np.sqrt(2))


def effective_kernel(gan: Architecture, variables: Variables) -> np.ndarray:
    """The kernel that a generator of one layer multiplies with, in evaluation."""
    probes = np.concatenate([np.zeros((1, 5)), np.eye(5)]).astype(np.float32)
    images = np.asarray(jax.jit(pair_of(gan).generator)(variables, probes)[0], np.float64)
    return (images[1:] - images[:1]).reshape(5, -1)


@pytest.fixture(scope="module")
def converged() -> tuple[Architecture, Variables, np.ndarray]:
    """A spectrally normalised layer after 200 calls in training, and its kernel."""
    gan = gan_of("spectral")
    start = drawn(gan)[0]
    train = jax.jit(partial(pair_of(gan).generator, mode=TRAINING))
    stats = start.stats
    for _ in range(200):
        _, stats = train(Variables(start.params, stats), LATENT)
    kernel = start.params["network"]["layers"][0]["layer_instance"]["kernel"]
    return gan, Variables(start.params, stats), np.asarray(kernel, np.float64)


def test_the_power_iteration_finds_the_largest_singular_value(
    converged: tuple[Architecture, Variables, np.ndarray],
) -> None:
    gan, variables, kernel = converged
    effective = effective_kernel(gan, variables)
    assert np.linalg.svd(effective, compute_uv=False)[0] == pytest.approx(1, abs=1e-5)
    largest = np.linalg.svd(kernel, compute_uv=False)[0]
    np.testing.assert_allclose(effective, kernel / largest, rtol=1e-4, atol=1e-5)


def test_the_spectral_norm_is_differentiated_too(
    converged: tuple[Architecture, Variables, np.ndarray],
) -> None:
    """Miyato et al., eq. 12, with the singular vectors held fixed; the sum of the outputs."""
    gan, (params, stats), kernel = converged

    def total(params: Any) -> jax.Array:
        return pair_of(gan).generator(Variables(params, stats), LATENT, TRAINING)[0].sum()

    found = jax.jit(jax.grad(total))(params)["network"]["layers"][0]["layer_instance"]["kernel"]
    left, singular, right = np.linalg.svd(kernel)
    upstream = np.repeat(LATENT.astype(np.float64).sum(axis=0)[:, None], 6, axis=1)
    along = (upstream * kernel).sum() / singular[0]
    wanted = (upstream - along * np.outer(left[:, 0], right[0])) / singular[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=2e-3)


def test_power_iterations_advance_by_one_in_training_and_rest_in_evaluation() -> None:
    """Miyato et al., algorithm 1: v ← W·u/‖W·u‖, u ← Wᵀ·v/‖Wᵀ·v‖, σ = vᵀ·W·u."""
    gan = gan_of("spectral")
    generator = drawn(gan)[0]
    layer = generator.params["network"]["layers"][0]["layer_instance"]
    stored = generator.stats["network"]["layers"][0]["batch_stats"]
    kernel, u = (np.asarray(x, np.float64) for x in (layer["kernel"], stored["kernel", "u"][0]))
    v = kernel @ u / np.linalg.norm(kernel @ u)
    u = kernel.T @ v / np.linalg.norm(kernel.T @ v)
    sigma = v @ kernel @ u
    images, stats = generated(gan, generator, TRAINING)
    np.testing.assert_allclose(images, LATENT @ kernel / sigma + layer["bias"], rtol=1e-4)
    after = stats["network"]["layers"][0]["batch_stats"]
    np.testing.assert_allclose(after["kernel", "u"][0], u, rtol=1e-4, atol=1e-6)
    assert after["kernel", "sigma"] == pytest.approx(sigma, rel=1e-5)
    _, resting = generated(gan, generator, Mode())
    jax.tree.map(np.testing.assert_array_equal, resting, generator.stats)


def test_spectrally_normalised_discriminators_are_1_lipschitz() -> None:
    """Each layer has norm 1 and leaky ReLU slopes of at most 1 (sec. 2.1 of the paper)."""
    gan = gan_of("spectral", 6, 4)
    _, discriminator = drawn(gan)
    judge = jax.jit(pair_of(gan).discriminator)
    train = jax.jit(partial(pair_of(gan).discriminator, mode=TRAINING))
    images = np.random.default_rng(8).normal(size=(200, 3, 2, 1)).astype(np.float32)
    params, stats = discriminator
    for _ in range(300):
        _, stats = train(Variables(params, stats), images)
    logits = np.asarray(judge(Variables(params, stats), images)[0], np.float64)
    rise = np.abs(logits[:, None] - logits)
    run = np.sqrt(
        ((images[:, None] - images).reshape(200, 200, -1).astype(np.float64) ** 2).sum(-1)
    )
    assert (rise <= run * (1 + 1e-4) + 1e-6).all()
    assert (rise > 0).any()


def conditional() -> tuple[Architecture, Variables, dict[str, np.ndarray], np.ndarray]:
    """A network with one conditional layer: its rows of γ and β, and what enters it."""
    gan = gan_of("conditional_batch", 4)
    generator = drawn(gan)[0]
    first = layers(generator.params, "layers", 0)
    assert set(first) == {"kernel"}
    return gan, generator, layers(generator.params, "norms", 0), LATENT @ first["kernel"]


def normed(x: np.ndarray, mean: np.ndarray, var: np.ndarray, rows: Any) -> np.ndarray:
    """γ_y·(x − mean)/√(var + 1e-5) + β_y, image by image."""
    return np.stack(
        [
            rows["scale"][label] * (row - mean) / np.sqrt(var + 1e-5) + rows["bias"][label]
            for row, label in zip(x, LABELS, strict=True)
        ]
    )


def test_conditional_batch_norm_has_gain_and_bias_by_class() -> None:
    """Dumoulin et al., eq. 5, in training and with stored statistics."""
    gan, generator, rows, x = conditional()
    assert rows["scale"].shape == rows["bias"].shape == (CLASSES, 4)
    last = layers(generator.params, "layers", 1)
    stored = layers(generator.stats, "norms", 0, "norm")
    for mode, mean, var in (
        (TRAINING, x.mean(axis=0), x.var(axis=0)),
        (Mode(labels=LABELS), stored["mean"], stored["var"]),
    ):
        images, stats = generated(gan, generator, mode)
        hidden = np.maximum(normed(x, mean, var, rows), 0)
        np.testing.assert_allclose(
            images, hidden @ last["kernel"] + last["bias"], rtol=2e-4, atol=2e-4
        )
        after = layers(stats, "norms", 0, "norm")
        keep_of = MOMENTUM if mode.training else 1.0
        wanted = keep_of * stored["mean"] + (1 - keep_of) * x.mean(axis=0)
        np.testing.assert_allclose(after["mean"], wanted, rtol=1e-5, atol=1e-6)


def test_a_class_learns_its_own_gain_and_bias_alone() -> None:
    gan, (params, stats), _, _ = conditional()

    def total(params: Any) -> jax.Array:
        few = TRAINING._replace(labels=np.minimum(LABELS, 1))
        return pair_of(gan).generator(Variables(params, stats), LATENT, few)[0].sum()

    found = jax.jit(jax.grad(total))(params)["network"]["norms"][0]
    for leaf in (found["scale"], found["bias"]):
        np.testing.assert_array_equal(leaf[2], 0)
        assert (np.abs(leaf[:2]).max(axis=1) > 0).all()


def test_conditional_batch_norm_begins_as_batch_norm_with_the_units_in_use() -> None:
    begun = pair_of(gan_of("conditional_batch", 4)).init(key(), np.int32(3), np.int32(3))[0]
    rows = layers(begun.params, "norms", 0)
    np.testing.assert_array_equal(rows["scale"], np.tile([1, 1, 1, 0], (CLASSES, 1)))
    np.testing.assert_array_equal(rows["bias"], np.zeros((CLASSES, 4)))


def test_conditional_batch_norm_says_what_it_lacks() -> None:
    gan, generator, _, _ = conditional()
    with pytest.raises(ValueError, match="needs the labels of the batch, got None"):
        generated(gan, generator, Mode())
    for name in ("batch:3", "conditional_batch:x", "conditional_batch:"):
        with pytest.raises(ValueError, match=f"unknown normalisation '{name}'; accepted: none, "):
            normalisation(name)
    with pytest.raises(ValueError, match="needs the number of classes, got 0"):
        pair_of(make_gan((3, 2, 1), generator_normalisation="conditional_batch")).init(key())


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_parameters_keep_the_names_that_penalties_select(name: str) -> None:
    for network in jax.eval_shape(pair_of(gan_of(name, 7, 4)).init, key()):
        kernels = select(network.params, "kernel$")
        paths = jax.tree.leaves(parameter_paths(network.params))
        assert count_selected(kernels) == 3
        assert {path.rsplit("/", 1)[1] for path in paths} <= {"kernel", "bias", "scale"}
        chosen = zip(jax.tree.leaves(kernels), jax.tree.leaves(network.params), strict=True)
        others = 2 if NORMALISATIONS[name].labelled else 1
        assert all(kernel or leaf.ndim in (1, others) for kernel, leaf in chosen)
        assert all(leaf.ndim == 2 for leaf in jax.tree.leaves(keep(network.params, kernels)))


def test_kernels_begin_the_same_in_every_normalisation() -> None:
    """So that normalisations are compared on equal terms."""

    def kernels(name: str) -> list[jax.Array]:
        pair = pair_of(gan_of(name, 3)).init(key())
        leaves = [leaf for one in pair for leaf in jax.tree.leaves(one.params)]
        return [leaf for leaf in leaves if leaf.ndim == 2]

    plain = kernels("none")[:2]
    for name in OF_VECTORS:
        jax.tree.map(np.testing.assert_array_equal, kernels(name)[:2], plain)


def loss(gan: Architecture, pair: Any, mode: Mode) -> tuple[jax.Array, Any]:
    generator, discriminator = pair
    images, g_stats = pair_of(gan).generator(generator, LATENT, mode)
    logits, d_stats = pair_of(gan).discriminator(discriminator, images, mode)
    return logits.sum(), (g_stats, d_stats)


@pytest.mark.parametrize("name", OF_VECTORS)
def test_members_are_the_same_under_vmap_and_in_a_sharded_loop(name: str) -> None:
    """Losses, gradients and statistics of two members, as the population runs them."""
    gan = gan_of(name, 4)
    members = [drawn(gan, seed) for seed in (1, 2)]

    def step(pair: Any) -> Any:
        def of_params(params: Any) -> Any:
            stats = [one.stats for one in pair]
            return loss(gan, [*map(Variables, params, stats)], TRAINING)

        return jax.value_and_grad(of_params, has_aux=True)([one.params for one in pair])

    population = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
    mesh = jax.make_mesh((1,), ("members",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = PartitionSpec("members")
    loop = jax.shard_map(
        partial(lax.map, step), mesh=mesh, in_specs=(spec,), out_specs=spec, check_vma=False
    )
    mapped, looped = jax.jit(jax.vmap(step))(population), jax.jit(loop)(population)
    for index, member in enumerate(members):
        alone = jax.jit(step)(member)
        for found in (mapped, looped):
            jax.tree.map(
                lambda a, b, at=index: np.testing.assert_allclose(a[at], b, rtol=2e-4, atol=2e-4),
                found,
                alone,
            )


@pytest.mark.parametrize("name", OF_VECTORS)
@pytest.mark.parametrize("scale", [0, 1e-30, 1])
def test_gradients_are_finite_for_zero_and_tiny_weights(name: str, scale: float) -> None:
    gan = gan_of(name, 4)
    pair = [
        Variables(jax.tree.map(lambda leaf: leaf * np.float32(scale), params), stats)
        for params, stats in drawn(gan)
    ]
    (value, _), gradient = jax.jit(
        jax.value_and_grad(partial(loss, gan, mode=TRAINING), has_aux=True)
    )(pair)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("name", OF_VECTORS)
def test_weights_that_are_not_numbers_show(name: str) -> None:
    gan = gan_of(name, 4)
    pair = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), drawn(gan))
    assert np.isnan(jax.jit(partial(loss, gan, mode=TRAINING))(pair)[0])


@pytest.mark.parametrize("name", ["weight", "spectral"])
@pytest.mark.parametrize(
    ("made", "strides", "stride"),
    [
        (nnx.Conv, 1, 1),
        (nnx.Conv, 2, 1),
        (nnx.ConvTranspose, None, 1),
        (nnx.ConvTranspose, 2, 2),
        (nnx.ConvTranspose, (1, 2), np.sqrt(2)),
    ],
)
def test_kernels_of_a_convolution_are_normalised_too(
    name: str, made: Any, strides: Any, stride: float
) -> None:
    """Weight norm by output channel; the spectral norm is that of the kernel as a matrix.

    Weight norm begins at √2 by output, times the mean stride of a transposed convolution, each of
    whose outputs sees so small a part of the kernel.
    """
    layer = made(2, 3, (2, 2), strides=strides, rngs=nnx.Rngs(params=key(1)))
    kernel, bias = np.asarray(layer.kernel[...], np.float64), np.arange(3, dtype=np.float32)
    layer.bias[...] = bias
    plain, wrap = nnx.clone(layer), normalisation(name).wrap
    assert wrap is not None
    wrapped = wrap(layer, None, nnx.Rngs(params=key(2)))
    images = np.random.default_rng(1).normal(size=(4, 5, 5, 2)).astype(np.float32)
    for _ in range(100 if name == "spectral" else 1):
        found = wrapped(images)  # type: ignore[operator]
    flat = kernel.reshape(-1, 3)
    size = np.linalg.norm(flat, axis=0) / (np.sqrt(2) * stride)
    if name == "spectral":
        size = np.linalg.svd(flat, compute_uv=False)[0]
    plain.kernel[...] = np.float32(kernel / size)
    np.testing.assert_allclose(found, plain(images), rtol=1e-3, atol=1e-4)
