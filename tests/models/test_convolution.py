"""Convolutions against those of JAX, in float64."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from normsweep.models.layers.convolution import (
    Convolution,
    ConvolutionTransposed,
    Padding,
    convolve,
    convolve_transposed,
    enlarge,
    halve,
)
from normsweep.models.layers.normalisation import NORMALISATIONS

NHWC = ("NHWC", "HWIO", "NHWC")
Convolve = Callable[[Any, Any], jax.Array]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def pair(transposed: bool, stride: int, padding: Padding) -> tuple[Convolve, Convolve]:
    """Ours, and JAX's."""
    strides = (stride, stride)
    if transposed:
        return (
            lambda x, k: convolve_transposed(x, k, stride=stride, padding=padding),
            lambda x, k: lax.conv_transpose(x, k, strides, padding),
        )
    return (
        lambda x, k: convolve(x, k, stride=stride, padding=padding),
        lambda x, k: lax.conv_general_dilated(x, k, strides, padding, dimension_numbers=NHWC),
    )


def all_of(function: Convolve) -> Callable[[Any, Any], Any]:
    """Outputs and the gradients, by image and kernel, of a sum that weighs them unequally."""

    def run(x: jax.Array, kernel: jax.Array) -> Any:
        y, back = jax.vjp(function, x, kernel)
        return y, back(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))

    return jax.jit(run)


CASES = [
    # images [n, h, w, c], kernel's sides, outputs, stride, padding
    ((2, 8, 6, 2), 4, 3, 2, "SAME"),
    ((2, 7, 5, 2), 4, 3, 2, "VALID"),
    ((1, 7, 7, 1), 5, 2, 2, "SAME"),
    ((2, 3, 2, 1), 4, 2, 2, "SAME"),
    ((2, 5, 6, 3), 3, 4, 1, "SAME"),
    ((2, 5, 6, 4), 3, 1, 1, "SAME"),
    ((2, 2, 2, 3), 5, 3, 1, "SAME"),
    ((2, 4, 4, 3), 4, 1, 1, "VALID"),
    ((2, 5, 4, 3), 1, 2, 1, "SAME"),
    ((1, 6, 5, 2), 3, 2, 1, ((2, -1), (0, 3))),
    ((1, 6, 5, 2), 4, 2, 2, ((-1, 2), (5, 0))),
    ((1, 6, 5, 2), 2, 3, 3, "SAME"),
    ((0, 6, 6, 2), 4, 2, 2, "SAME"),
]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("shape", "width", "outputs", "stride", "padding"), CASES)
def test_values_and_gradients_are_those_of_jax(
    shape: tuple[int, ...],
    width: int,
    outputs: int,
    stride: int,
    padding: Padding,
    transposed: bool,
) -> None:
    ours, theirs = map(all_of, pair(transposed, stride, padding))
    with jax.enable_x64(True):
        arguments = normal(*shape), normal(width, width, shape[3], outputs, seed=1)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11, strict=True),
            ours(*arguments),
            theirs(*arguments),
        )


@pytest.mark.parametrize("transposed", [False, True])
def test_the_gradient_of_a_gradient_penalty_is_that_of_jax(transposed: bool) -> None:
    """Of the slope by the image of a network that is not linear, by its kernel."""

    def slope(function: Convolve) -> Callable[..., jax.Array]:
        def judged(x: jax.Array, kernel: jax.Array) -> jax.Array:
            return jnp.sum(jnp.tanh(function(x, kernel)))

        def penalty(kernel: jax.Array, x: jax.Array) -> jax.Array:
            return jnp.sum(jax.grad(jax.checkpoint(judged))(x, kernel) ** 2)

        return jax.jit(jax.grad(penalty))

    ours, theirs = map(slope, pair(transposed, 2, "SAME"))
    with jax.enable_x64(True):
        arguments = normal(4, 4, 2, 3, seed=1), normal(2, 6, 6, 2)
        np.testing.assert_allclose(ours(*arguments), theirs(*arguments), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_images_and_kernels_are_mapped_over(
    axes: tuple[int | None, int | None], transposed: bool
) -> None:
    ours, theirs = pair(transposed, 2, "SAME")
    x, kernels = normal(3, 2, 6, 6, 2), normal(3, 4, 4, 2, 3, seed=1)
    given = [a if axis == 0 else a[0] for a, axis in zip((x, kernels), axes, strict=True)]
    with jax.enable_x64(True):
        found = jax.jit(jax.vmap(ours, axes))(*given)
        for index in range(3):
            alone = [a[index] if axis == 0 else a for a, axis in zip(given, axes, strict=True)]
            np.testing.assert_allclose(found[index], theirs(*map(jnp.asarray, alone)), rtol=1e-11)


@pytest.mark.parametrize("transposed", [False, True])
def test_bits_are_the_same_alone_and_in_loops(transposed: bool) -> None:
    """As the members of a population: in `lax.map`, in any slot."""
    step = all_of(pair(transposed, 2, "SAME")[0])
    x = jnp.asarray(normal(3, 4, 6, 6, 2), np.float32)
    kernels = jnp.asarray(normal(3, 4, 4, 2, 3, seed=1), np.float32)
    mapped = jax.jit(lambda x, kernels: lax.map(lambda pair: step(*pair), (x, kernels)))
    forward, backward = mapped(x, kernels), mapped(x[::-1], kernels[::-1])
    for index in range(3):
        alone = step(x[index], kernels[index])
        for found, at in ((forward, index), (backward, 2 - index)):
            jax.tree.map(lambda a, b, at=at: np.testing.assert_array_equal(a[at], b), found, alone)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("width", "stride"), [(4, 2), (3, 1)])
def test_what_is_not_a_number_spreads_as_far_as_the_kernel(
    width: int, stride: int, transposed: bool
) -> None:
    ours, theirs = pair(transposed, stride, "SAME")
    x, kernel = np.ones((2, 6, 6, 2), np.float32), np.ones((width, width, 2, 2), np.float32)
    marked = x.copy()
    marked[1, 2, 4, 0] = np.nan
    seen = x.copy() * 0
    seen[1, 2, 4, 0] = 1
    reached = np.asarray(theirs(jnp.asarray(seen), jnp.asarray(kernel))) > 0
    np.testing.assert_array_equal(np.isnan(jax.jit(ours)(marked, kernel)), reached)


@pytest.mark.parametrize("name", ["none", "weight", "spectral"])
def test_layers_are_those_of_flax_in_each_normalisation(name: str) -> None:
    """To the names of their parameters and their initial values."""
    x = jnp.asarray(normal(2, 6, 6, 2), np.float32)

    def layers(*kinds: Any) -> list[nnx.Module]:
        wrap = NORMALISATIONS[name].wrap or (lambda layer, units, rngs: layer)
        return [wrap(each, None, nnx.Rngs(params=jax.random.key(1))) for each in kinds]

    draw = nnx.initializers.he_normal()

    def rngs() -> nnx.Rngs:
        return nnx.Rngs(params=jax.random.key(0))

    pads = ((2, 2), (1, 1))
    ours = layers(
        Convolution(2, 3, 4, stride=2, rngs=rngs()),
        ConvolutionTransposed(2, 3, 4, stride=2, padding=pads, rngs=rngs()),
    )
    theirs = layers(
        nnx.Conv(2, 3, (4, 4), 2, kernel_init=draw, rngs=rngs()),
        nnx.ConvTranspose(2, 3, (4, 4), 2, padding=pads, kernel_init=draw, rngs=rngs()),
    )
    for one, other in zip(ours, theirs, strict=True):
        state, wanted = (nnx.to_pure_dict(nnx.state(each)) for each in (one, other))
        jax.tree.map(np.testing.assert_array_equal, state, wanted)
        np.testing.assert_allclose(one(x), other(x), rtol=1e-4, atol=1e-5)  # type: ignore[operator]


@pytest.mark.parametrize("outputs", [8, 2], ids=["gathered", "overlapped"])
def test_an_accelerator_has_in_memory_what_each_tap_reads(outputs: int) -> None:
    x, kernel = np.ones((3, 2, 8, 8, 4), np.float32), np.ones((3, 3, 3, 4, outputs), np.float32)

    def total(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(convolve(x, kernel) ** 2)

    traced = jax.jit(jax.vmap(jax.grad(total, (0, 1)))).trace(x, kernel)
    barriers = {
        platform: traced.lower(lowering_platforms=(platform,))
        .as_text()
        .count("stablehlo.optimization_barrier")
        for platform in ("cuda", "cpu")
    }
    # Once as it is read, and once its cotangent; the program of a CPU is what it was.
    assert barriers == {"cuda": 2, "cpu": 0}


def test_units_out_of_use_have_no_weights() -> None:
    layer = Convolution(4, 5, 3, used=(2, 3), rngs=nnx.Rngs(params=jax.random.key(0)))
    used = np.zeros((3, 3, 4, 5), bool)
    used[:, :, :2, :3] = True
    np.testing.assert_array_equal(layer.kernel[...] != 0, used)


def test_images_are_enlarged_and_halved_as_by_numpy() -> None:
    x = normal(2, 3, 4, 2).astype(np.float32)
    large = jax.jit(enlarge)(x)
    np.testing.assert_array_equal(large, x.repeat(2, axis=1).repeat(2, axis=2))
    noise = normal(2, 6, 8, 2).astype(np.float32)
    means = noise.reshape(2, 3, 2, 4, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(jax.jit(halve)(noise), means, rtol=1e-5, atol=1e-6)
    for odd, said in ((x, "3×4"), (x[:, :, :3], "3×3"), (x[:, :2, :3], "2×3")):
        with pytest.raises(ValueError, match=f"{said} pixels; accepted: even sides"):
            halve(jnp.asarray(odd))


@pytest.mark.parametrize("function", [convolve, convolve_transposed])
def test_what_does_not_fit_is_refused(function: Any) -> None:
    x, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 3, 1))
    with pytest.raises(ValueError, match=r"\(3, 3, 3, 1\); accepted: \[n, h, w, c\]"):
        function(x, kernel, stride=1)
    with pytest.raises(ValueError, match="padding 'same'; accepted: SAME, VALID"):
        function(x, kernel[:, :, :2], stride=2, padding="same")
