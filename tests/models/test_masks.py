"""Widths by masks: a wide network of which few units are in use is the narrow network."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.models.architecture import Architecture
from normsweep.models.layers.initialisers import constant, he_normal
from normsweep.models.layers.masks import in_use, in_use_along
from normsweep.models.layers.mode import Mode
from normsweep.models.networks.contract import Variables
from tests.gans import OF_VECTORS, make_gan, pair_of
from tests.haste import IN_HASTE

pytestmark = pytest.mark.usefixtures("compiled_with_care")

WIDE, NARROW, UNITS = (12, 9), (7, 7), 7
BATCH = 16
draw = np.random.default_rng(4)
LATENT = draw.normal(size=(BATCH, 5))
REAL = draw.uniform(-1, 1, size=(BATCH, 3, 3, 1))
ADAM = optax.adam(1e-3)
Pair = tuple[Variables, Variables]


def key(seed: int = 0) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


def gan_of(hidden: tuple[int, ...], name: str) -> Architecture:
    return make_gan(
        (3, 3, 1),
        latent=5,
        generator_hidden=hidden,
        discriminator_hidden=hidden[:1],
        # Its value at 0 is not 0: what the mask lets through would show.
        generator_activation="sigmoid",
        discriminator_activation="leaky_relu",
        generator_normalisation=name,
        discriminator_normalisation=name,
    )


def losses(gan: Architecture, params: Any, stats: Any, mode: Mode) -> tuple[jax.Array, Any]:
    """A sum of which every parameter of both networks has a gradient, and all results."""
    pair = pair_of(gan)
    (generator, discriminator) = map(Variables, params, stats)
    latent, reals = (jnp.asarray(x, jax.tree.leaves(params)[0].dtype) for x in (LATENT, REAL))
    images, g_stats = pair.generator(generator, latent, mode)
    fake, d_stats = pair.discriminator(discriminator, images, mode)
    real, d_stats = pair.discriminator(Variables(params[1], d_stats), reals, mode)
    total = jnp.mean(jax.nn.softplus(fake)) + jnp.mean(jax.nn.softplus(-real))
    return total, ((g_stats, d_stats), (images, fake, real))


@partial(jax.jit, static_argnums=0, compiler_options=IN_HASTE)
def step(
    gan: Architecture, params: Any, stats: Any, state: Any, units: Any, rate: Any, key: Any
) -> Any:
    mode = Mode(True, units, rate, key)
    gradients, (stats, results) = jax.grad(losses, argnums=1, has_aux=True)(
        gan, params, stats, mode
    )
    with jax.numpy_dtype_promotion("standard"):
        updates, state = ADAM.update(gradients, state)
    return optax.apply_updates(params, updates), stats, state, gradients, results


def train(gan: Architecture, variables: Pair, units: Any, rate: Any = None) -> Any:
    """Variables, last gradients and last results of three steps of Adam on `losses`."""
    params, stats = ([one[i] for one in variables] for i in (0, 1))
    state = jax.jit(ADAM.init)(params)
    for turn in range(3):
        draw = jax.random.fold_in(key(), turn)
        params, stats, state, gradients, results = step(
            gan, params, stats, state, units, rate, draw
        )
    return tuple(map(Variables, params, stats)), gradients, results


def narrow_of(name: str) -> Pair:
    """The variables of NARROW, drawn by NumPy."""
    draw = np.random.default_rng(5)

    def value(path: Any, leaf: Any) -> np.ndarray:
        about = {"scale": 1.0, "var": 1.0}.get(path[-1].key, 0.0)
        spread = np.sqrt(2 / leaf.shape[0]) if leaf.ndim == 2 else 0.3 * (leaf.ndim == 1)
        drawn = about + spread * draw.uniform(-1, 1, leaf.shape)
        return np.asarray(drawn, np.float32)

    like = jax.eval_shape(pair_of(gan_of(NARROW, name)).init, key())
    return jax.tree_util.tree_map_with_path(value, like)  # type: ignore[no-any-return]


def widened(narrow: Pair, name: str) -> Pair:
    """The variables of WIDE that hold those of NARROW in front, and 0 behind."""

    def pad(leaf: np.ndarray, like: Any) -> np.ndarray:
        padded = np.zeros(like.shape, leaf.dtype)
        padded[tuple(slice(size) for size in leaf.shape)] = leaf
        return padded

    like = jax.eval_shape(pair_of(gan_of(WIDE, name)).init, key())
    return jax.tree.map(pad, narrow, like)  # type: ignore[no-any-return]


def cut(wide: Any, narrow: Any) -> Any:
    """The first rows and columns of each leaf of `wide`, as many as that of `narrow` has."""
    return jax.tree.map(
        lambda w, n: np.asarray(w)[tuple(slice(size) for size in n.shape)], wide, narrow
    )


def rest(wide: Any, narrow: Any) -> list[np.ndarray]:
    """The leaves of `wide` with 0 where `cut` takes from them."""

    def without(w: jax.Array, n: Any) -> np.ndarray:
        left = np.array(w)
        left[tuple(slice(size) for size in n.shape)] = 0
        return left

    return jax.tree.leaves(jax.tree.map(without, wide, narrow))


def params_of(pair: Any) -> list[Any]:
    return [one.params for one in pair]


def assert_close(found: Any, wanted: Any, rounding: float = 1e-5) -> None:
    """Within `rounding` of the largest number of each leaf."""
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(
            a, b, rtol=rounding, atol=rounding * float(np.abs(b).max() + 1e-3)
        ),
        found,
        wanted,
    )


@pytest.mark.parametrize("name", OF_VECTORS)
def test_a_masked_network_is_the_narrow_network_cut_out_of_it(name: str) -> None:
    """Outputs, gradients, statistics and weights, through steps of Adam; the rest stays 0."""
    narrow = jax.tree.map(np.float64, narrow_of(name))
    wide = widened(narrow, name)
    # Flax raises float64 to at least float32 by promotion, which the strict mode refuses.
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        after, gradients, results = train(gan_of(WIDE, name), wide, np.int32(UNITS))
        expected, wanted_gradients, wanted_results = train(gan_of(NARROW, name), narrow, None)
    after, gradients, expected, wanted_gradients = jax.device_get(
        (after, gradients, expected, wanted_gradients)
    )
    assert results[0].dtype == np.float64
    assert_close(results, wanted_results, 1e-10)
    assert_close(cut(gradients, wanted_gradients), wanted_gradients, 1e-10)
    assert_close(cut(after, expected), expected, 1e-10)
    for leaf in rest(params_of(after), params_of(narrow)) + rest(gradients, wanted_gradients):
        np.testing.assert_array_equal(leaf, 0)
    moved = jax.tree.map(lambda old, new: bool(np.any(old != new)), wide, after)
    assert all(jax.tree.leaves(params_of(moved)))


def test_weights_of_unused_units_stay_0_under_dropout() -> None:
    narrow = narrow_of("layer")
    after, gradients, _ = train(
        gan_of(WIDE, "layer"), widened(narrow, "layer"), np.int32(UNITS), np.float32(0.25)
    )
    for leaf in rest([*params_of(after), *gradients], 2 * params_of(narrow)):
        np.testing.assert_array_equal(leaf, 0)


@pytest.mark.parametrize("name", ["none", "batch", "layer", "weight"])
def test_weights_of_unused_units_begin_at_0(name: str) -> None:
    begin = pair_of(gan_of(WIDE, name)).init
    like = params_of(jax.eval_shape(pair_of(gan_of(NARROW, name)).init, key()))
    quickly = jax.jit(begin, compiler_options=IN_HASTE)
    begun = params_of(quickly(key(), np.int32(UNITS), np.int32(UNITS)))
    for leaf in rest(begun, like):
        np.testing.assert_array_equal(leaf, 0)
    for kernel in (leaf for leaf in jax.tree.leaves(cut(begun, like)) if leaf.ndim == 2):
        assert (kernel != 0).all()


def test_initial_weights_with_all_units_in_use_are_those_without_a_mask() -> None:
    """To the bit, for as many units as there are and for more."""
    begin = jax.jit(pair_of(gan_of(WIDE, "weight")).init)
    plain = begin(key())
    for units in (12, 1000):
        masked = begin(key(), np.int32(units), np.int32(units))
        jax.tree.map(np.testing.assert_array_equal, plain, masked)


@pytest.mark.parametrize("name", ["none", "layer"])
@pytest.mark.parametrize("units", [12, 1000])
def test_all_units_in_use_is_no_mask(name: str, units: int) -> None:
    """To the bit, operation by operation."""
    gan, (params, stats) = gan_of(WIDE, name), zip(*widened(narrow_of(name), name), strict=True)
    found = losses(gan, params, stats, Mode(True, np.int32(units)))
    wanted = losses(gan, params, stats, Mode(True))
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


@pytest.mark.parametrize("name", OF_VECTORS)
def test_members_of_different_widths_run_under_vmap(name: str) -> None:
    gan, (params, stats) = gan_of(WIDE, name), zip(*widened(narrow_of(name), name), strict=True)
    units = np.array([1, 3, UNITS], np.int32)

    @jax.jit
    def judged(count: Any) -> Any:
        return losses(gan, params, stats, Mode(True, count))[1][1]

    together = jax.jit(jax.vmap(judged))(units)
    for index, count in enumerate(units):
        assert_close(jax.tree.map(lambda leaf, at=index: leaf[at], together), judged(count))
    assert not np.allclose(together[0][0], together[0][1])


def test_networks_without_hidden_layers_have_nothing_to_mask() -> None:
    pair = pair_of(gan_of((), "none"))
    plain, masked = (jax.jit(pair.init)(key(), *units) for units in ((), (1, 1)))
    jax.tree.map(np.testing.assert_array_equal, plain, masked)


@pytest.mark.parametrize(("inputs", "outputs"), [(100, 50), (300, 7), (1, 400), (400, None)])
def test_kernels_begin_with_the_variance_for_the_inputs_in_use(
    inputs: int, outputs: int | None
) -> None:
    """2 over the number of inputs in use (arXiv:1502.01852, eq. 10); 0 for the others."""
    kernel = np.array(
        jax.jit(he_normal(inputs, outputs), static_argnums=(1, 2))(key(3), (400, 400), np.float32),
        np.float64,
    )
    used = kernel[:inputs, :outputs]
    assert used.var() == pytest.approx(2 / inputs, rel=4 * np.sqrt(2 / used.size))
    kernel[:inputs, :outputs] = 0
    assert (kernel == 0).all()


@given(st.integers(-3, 14))
def test_the_units_below_the_number_are_in_use(units: int) -> None:
    used = np.arange(11) < units
    np.testing.assert_array_equal(in_use(11, np.int32(units)), used)
    filled = constant(1.5, units)(key(), (11,), np.float32)
    np.testing.assert_array_equal(filled, 1.5 * used)
    kernel = np.asarray(he_normal(np.int32(units), None)(key(), (11, 2), np.float32))
    np.testing.assert_array_equal((kernel != 0).all(axis=1), used)
    assert np.isfinite(kernel).all()


def test_kernels_of_a_convolution_are_masked_along_inputs_and_outputs() -> None:
    """The window's size counts in the variance: 2 over 3·3 times the inputs in use."""
    draw = jax.jit(he_normal(40, 60), static_argnums=(1, 2))
    kernel = np.array(draw(key(3), (3, 3, 100, 80), np.float32), np.float64)
    used = kernel[..., :40, :60]
    assert used.var() == pytest.approx(2 / (9 * 40), rel=4 * np.sqrt(2 / used.size))
    kernel[..., :40, :60] = 0
    assert (kernel == 0).all()


@given(st.integers(-1, 6), st.integers(-3, 2))
def test_a_mask_lies_along_one_axis_whatever_the_rank(units: int, axis: int) -> None:
    shape = (3, 5, 4)
    used = in_use_along(shape, axis, np.int32(units))
    wanted = np.zeros(shape, bool)
    np.moveaxis(wanted, axis, 0)[: max(units, 0)] = True
    np.testing.assert_array_equal(np.broadcast_to(used, shape), wanted)
