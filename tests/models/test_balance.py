"""Where a term and the losses pull equally hard, against gradients of dense layers in float64.

With one training image and a generator of weights 0 the discriminator's batches are known.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.models import Data, Method, Program, init, member_key
from normsweep.models.balance import DECAY, GRADIENT_PENALTY, PENALTY, RADIUS, Term, balances
from normsweep.models.method import NetworkPenalty, network_penalty, penalty_entry
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES
from tests.gans import make_gan, make_numbers
from tests.haste import IN_HASTE

SHAPE = (3, 2, 1)
IMAGE = np.random.default_rng(0).uniform(-1, 1, (1, *SHAPE)).astype(np.float32)
DATA = Data(IMAGE, np.zeros(1, np.int32), np.zeros(1, np.int32))
KEY = member_key(np.uint32(3), np.int32(1))
PROGRAM = Program(
    architecture=make_gan(SHAPE, latent=4, generator_hidden=(7,), discriminator_hidden=(6,)),
    batch=8,
    steps=4,
    chunk_steps=2,
    samples=2,
    optimizer="sgd",
)
H = make_numbers(generator_learning_rate=0.5, discriminator_learning_rate=1 / 4096)


def power(order: float) -> NetworkPenalty:
    return network_penalty("power", strength=1.0, order=order)


TERMS = {
    "l1": Term(PENALTY, Method(penalty_entry("power", 1.0)), power(1.0)),
    "l2": Term(PENALTY, Method(penalty_entry("power", 2.0)), power(2.0)),
    "p": Term(PENALTY, Method(penalty_entry("power", 1.5)), power(1.5)),
    "decoupled": Term(PENALTY, Method(penalty_entry("power", 2.0), "decoupled"), power(2.0)),
    "decay": Term(DECAY, Method()),
    "ball": Term(RADIUS, Method(constraint=CONSTRAINTS["l2_ball"])),
    "spectral_ball": Term(RADIUS, Method(constraint=CONSTRAINTS["spectral_ball"])),
    "spectral": Term(
        PENALTY, Method(PENALTIES["spectral"]), network_penalty("spectral", strength=1.0)
    ),
    "r1": Term(GRADIENT_PENALTY, Method(gradient_penalty=GRADIENT_PENALTIES["r1"])),
    "biases": Term(
        PENALTY, Method(penalty_entry("power", 2.0), weights="kernel$|bias$"), power(2.0)
    ),
}


@pytest.fixture(scope="module")
def state() -> Any:
    drawn = jax.jit(partial(init, PROGRAM), compiler_options=IN_HASTE)(H, KEY)
    generator = drawn.networks["generator"]
    nothing = generator._replace(params=jax.tree.map(jnp.zeros_like, generator.params))
    # Away from the kink of the activation, at which an image of zeros would lie.
    judge = drawn.networks["discriminator"]
    moved = judge._replace(
        params=jax.tree.map(lambda w: w + 0.1 if w.ndim == 1 else w, judge.params)
    )
    return drawn._replace(networks={"generator": nothing, "discriminator": moved})


@pytest.fixture(scope="module")
def found(state: Any) -> dict[str, dict[str, float]]:
    compiled = jax.jit(balances, static_argnums=(0, 1, 2), compiler_options=IN_HASTE)
    each = compiled(PROGRAM, 0, tuple(TERMS.values()), state, H, DATA, KEY)
    return dict(zip(TERMS, jax.device_get(each), strict=True))


@pytest.fixture(scope="module")
def weights(state: Any) -> list[np.ndarray]:
    layers = state.networks["discriminator"].params["network"]["layers"]
    return [np.float64(layers[index][name]) for index in (0, 1) for name in ("kernel", "bias")]


def judge(weights: Any, image: Any) -> Any:
    hidden = image.reshape(-1) @ weights[0] + weights[1]
    return (jnp.where(hidden > 0, hidden, 0.2 * hidden) @ weights[2] + weights[3])[0]


def loss(weights: Any) -> Any:
    real, fake = judge(weights, np.float64(IMAGE)), judge(weights, np.zeros(SHAPE))
    return jnp.logaddexp(0, -real) + jnp.logaddexp(0, fake)


def slope(of: Any, weights: list[np.ndarray]) -> list[np.ndarray]:
    with jax.enable_x64(True):
        return [np.asarray(each) for each in jax.grad(of)(weights)]


def norm(*arrays: np.ndarray) -> float:
    return float(np.sqrt(sum(np.sum(each**2) for each in arrays)))


def test_a_penalty_is_in_balance_where_its_gradient_is_as_long_as_the_loss_s(
    found: Any, weights: Any
) -> None:
    first, _, second, _ = slope(loss, weights)
    pull = norm(first, second)
    kernels = weights[0], weights[2]
    for name, order in (("l1", 1.0), ("l2", 2.0), ("p", 1.5)):
        own = norm(*(order * np.abs(w) ** (order - 1) for w in kernels))
        np.testing.assert_allclose(found[name]["discriminator"], pull / own, rtol=1e-4)


def test_only_the_weights_that_it_acts_on_count_on_both_sides(found: Any, weights: Any) -> None:
    pull, own = norm(*slope(loss, weights)), norm(*(2 * w for w in weights))
    np.testing.assert_allclose(found["biases"]["discriminator"], pull / own, rtol=1e-4)


def test_what_is_past_the_optimiser_is_held_against_its_step(found: Any, weights: Any) -> None:
    # Of gradient descent the step over the rate is the gradient.
    first, _, second, _ = slope(loss, weights)
    pull, size = norm(first, second), norm(weights[0], weights[2])
    np.testing.assert_allclose(found["decoupled"]["discriminator"], pull / (2 * size), rtol=2e-3)
    np.testing.assert_allclose(found["decay"]["discriminator"], pull / size, rtol=2e-3)


def test_a_radius_is_the_size_of_the_weights(found: Any, weights: Any) -> None:
    size = norm(weights[0], weights[2])
    np.testing.assert_allclose(found["ball"]["discriminator"], size, rtol=1e-5)


def test_a_power_iteration_has_converged(found: Any, weights: Any) -> None:
    largest = [np.linalg.norm(w, 2) for w in (weights[0], weights[2])]
    np.testing.assert_allclose(found["spectral_ball"]["discriminator"], max(largest), rtol=1e-3)
    first, _, second, _ = slope(loss, weights)

    def value(weights: Any) -> Any:
        return sum(jnp.linalg.norm(w, 2) ** 2 for w in (weights[0], weights[2]))

    own = slope(value, weights)
    expected = norm(first, second) / norm(own[0], own[2])
    np.testing.assert_allclose(found["spectral"]["discriminator"], expected, rtol=1e-3)


def test_a_gradient_penalty_is_one_of_the_network_that_has_it(found: Any, weights: Any) -> None:
    def value(weights: Any) -> Any:
        return jnp.sum(jax.grad(judge, argnums=1)(weights, np.float64(IMAGE)) ** 2) / 2

    assert set(found["r1"]) == {"discriminator"}
    expected = norm(*slope(loss, weights)) / norm(*slope(value, weights))
    np.testing.assert_allclose(found["r1"]["discriminator"], expected, rtol=1e-4)


def test_weights_of_0_have_no_balance(found: Any) -> None:
    assert not np.isfinite(found["l2"]["generator"])
