"""Networks that compute in bfloat16, beside the same ones in float32."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax
import pytest
from flax import nnx

from normsweep.models.architecture import Architecture
from normsweep.models.layers.convolution import Convolution, ConvolutionTransposed
from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.layers.normalisation import NORMALISATIONS
from normsweep.models.networks.contract import PureNetwork, Variables
from normsweep.models.networks.modules import of_modules
from tests.gans import make_gan, pair_of

LATENT = np.random.default_rng(6).normal(size=(16, 5)).astype(np.float32)


def key() -> jax.Array:
    return jax.random.key(0, impl="threefry2x32")


def gan_of(name: str) -> tuple[Architecture, Architecture]:
    """In float32, and in bfloat16; smooth, so that no rounding turns a gradient around."""
    gan = make_gan(
        (3, 2, 1),
        latent=5,
        generator_hidden=(8,),
        generator_activation="silu",
        generator_normalisation=name,
        discriminator_hidden=(8,),
        discriminator_activation="silu",
        discriminator_normalisation=name,
    )
    return gan, replace(gan, precision="bfloat16")


def step(gan: Architecture) -> Any:
    """A sum of weighted logits, what else comes of it, and its gradient by both networks."""
    pair = pair_of(gan)

    def loss(params: Any, stats: Any) -> Any:
        images, g_stats = pair.generator(Variables(params[0], stats[0]), LATENT, Mode(True))
        logits, d_stats = pair.discriminator(Variables(params[1], stats[1]), images, Mode(True))
        # The batch norm's mean would take an even sum away.
        return (logits * np.cos(np.arange(16, dtype=np.float32))).sum(), (
            images,
            logits,
            g_stats,
            d_stats,
        )

    return jax.value_and_grad(loss, has_aux=True)


@pytest.mark.parametrize("name", ["batch", "weight", "spectral"])
def test_bfloat16_is_near_float32_and_hands_float32_on(name: str) -> None:
    single, half = gan_of(name)
    variables = jax.jit(pair_of(single).init)(key())
    arguments = [each.params for each in variables], [each.stats for each in variables]
    wanted, found = (jax.jit(step(gan))(*arguments) for gan in (single, half))
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype(np.float32)}
    (_, outputs), gradient = found
    for a, b in ((outputs, wanted[0][1]), (gradient, wanted[1])):
        difference = jax.tree.map(np.subtract, a, b)
        assert 0 < optax.tree.norm(difference) < 0.05 * optax.tree.norm(b)


def products(traced: Any) -> list[set[str]]:
    """The types of the operands of each matrix product in a traced function, inner ones too."""
    found = []
    for equation in traced.eqns:
        if equation.primitive.name == "dot_general":
            found.append({str(operand.aval.dtype) for operand in equation.invars})
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            found += products(inner) if hasattr(inner, "eqns") else []
    return found


@pytest.mark.parametrize(("index", "accepted"), [(0, "float32"), (1, "bfloat16")])
def test_all_matrix_products_are_in_the_precision(index: int, accepted: str) -> None:
    """Forward and backward; that of float32 has no conversion at all."""
    gan = gan_of("layer")[index]
    variables = jax.eval_shape(pair_of(gan).init, key())
    traced = jax.make_jaxpr(step(gan))(
        [each.params for each in variables], [each.stats for each in variables]
    )
    assert len(products(traced.jaxpr)) >= 10
    assert all(types == {accepted} for types in products(traced.jaxpr))
    assert ("bf16" in str(traced)) == (accepted == "bfloat16")


def test_convolutions_and_their_norms_compute_in_the_precision() -> None:
    """The spectral norm is that of the float32 kernel."""

    class Net(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            wrap = NORMALISATIONS["spectral"].wrap
            assert wrap is not None
            self.first = wrap(Convolution(2, 3, 4, stride=2, rngs=rngs), None, rngs)
            self.last = ConvolutionTransposed(3, 2, 4, stride=2, rngs=rngs)

        def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
            y: jax.Array = self.last(jax.nn.relu(self.first(x)))
            return y

    network: PureNetwork = of_modules(lambda units, rngs: Net(rngs))
    variables = network.init(nnx.Rngs(params=key()), None)
    images = np.random.default_rng(1).normal(size=(2, 6, 6, 2)).astype(np.float32)
    run = jax.jit(network.apply, static_argnums=2)
    wanted, stats = run(variables, images, Mode(True))
    found, same = run(variables, images, Mode(True, precision="bfloat16"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=0.03 * float(np.abs(wanted).max()))
    assert not np.array_equal(found, wanted)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), same, stats)
