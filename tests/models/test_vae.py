"""The variational autoencoder: its loss and figures against NumPy, its optimum against PCA's."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.models import (
    MLP,
    Architecture,
    Data,
    Hyperparameters,
    MemberState,
    NetworkPenalty,
    Program,
    Variables,
    hyperparameters,
    init,
    member_key,
    sample,
    train_step,
)
from normsweep.models.families.contract import Turn
from normsweep.models.families.vae import VAE
from normsweep.models.training import measured
from tests.haste import IN_HASTE

SHAPE, LATENT, STEPS = (3, 2, 1), 2, 8
IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, *SHAPE)).astype(np.float32)
DATA = Data(IMAGES, np.arange(20, dtype=np.int32), np.arange(20, 30, dtype=np.int32))
KEY = member_key(np.uint32(3), np.int32(1))
RATE, SIGMA = 0.01, 0.5
FAMILY = VAE(LATENT, "gaussian")
ARCHITECTURE = Architecture(FAMILY, SHAPE, (("encoder", MLP(())), ("decoder", MLP(()))))
PROGRAM = Program(ARCHITECTURE, batch=8, steps=STEPS, chunk_steps=2, samples=2, optimizer="sgd")

begin = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)


def numbers(penalties: Any = None, **coefficients: float) -> Hyperparameters:
    return hyperparameters(
        FAMILY,
        learning_rates={"autoencoder": RATE},
        coefficients={"likelihood_scale": SIGMA, **coefficients},
        penalties=penalties,
    )


def stepped(at: int = 0, **changed: Any) -> tuple[MemberState, MemberState, float]:
    h = numbers(**changed)
    state = begin(PROGRAM, h, KEY)._replace(step=np.int32(at))
    after, losses = step(PROGRAM, 0, state, h, DATA, KEY)
    return state, after, float(losses.players["autoencoder"])


def layer(state: MemberState, network: str) -> dict[str, np.ndarray]:
    found = state.networks[network].params["network"]["layers"][0]
    return {name: np.asarray(leaf, np.float64) for name, leaf in found.items()}


def parts(state: MemberState, at: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """−log p of each image and KL of each dimension, by the member's weights and draws."""
    key = jax.random.split(jax.random.fold_in(jax.random.fold_in(KEY, 1), at), 1)[0]
    keys = jax.random.split(key, 4)
    rows = np.asarray(jax.random.randint(keys[0], (8,), 0, 20, np.int32))
    x = IMAGES[rows].reshape(8, 6).astype(np.float64)
    noise = np.asarray(jax.random.normal(keys[1], (8, LATENT), np.float32), np.float64)
    encoder, decoder = layer(state, "encoder"), layer(state, "decoder")
    law = x @ encoder["kernel"] + encoder["bias"]
    mean, variance = law[:, :LATENT], np.exp(law[:, LATENT:])
    decoded = (mean + np.sqrt(variance) * noise) @ decoder["kernel"] + decoder["bias"]
    misfit = ((x - decoded) ** 2 / (2 * SIGMA**2) + np.log(SIGMA * np.sqrt(2 * np.pi))).sum(axis=1)
    return misfit, 0.5 * (mean**2 + variance - 1 - np.log(variance)).mean(axis=0)


def test_the_loss_is_the_negative_elbo_of_a_batch_in_nats_an_image() -> None:
    before, _, loss = stepped()
    misfit, kl = parts(before)
    assert loss == pytest.approx(misfit.mean() + kl.sum(), rel=1e-5)


def test_what_is_drawn_and_what_either_network_drops_have_keys_of_their_own() -> None:
    keys = {}

    def apply(network: str, variables: Variables, inputs: jax.Array, key: jax.Array) -> Any:
        keys[network] = jax.random.key_data(key).tolist()
        shape = (8, 2 * LATENT) if network == "encoder" else (8, *SHAPE)
        return np.zeros(shape, np.float32), variables.stats

    h = numbers()
    state = begin(PROGRAM, h, KEY)
    turn = Turn(PROGRAM.methods[0], h, 8, state.step, STEPS, state.networks, None, apply)
    params = {name: network.params for name, network in state.networks.items()}
    FAMILY.objective("autoencoder", turn, DATA, KEY).loss(params)
    split = jax.random.key_data(jax.random.split(KEY, 4)).tolist()
    assert [keys["encoder"], keys["decoder"]] == split[2:]


def test_beta_weighs_the_divergence_and_free_bits_cost_anyhow() -> None:
    before, _, loss = stepped(beta=4.0)
    misfit, kl = parts(before)
    assert loss == pytest.approx(misfit.mean() + 4 * kl.sum(), rel=1e-5)
    free = float(kl.mean())
    assert kl.min() < free < kl.max()
    _, _, loss = stepped(free_bits=free)
    assert loss == pytest.approx(misfit.mean() + np.maximum(kl, free).sum(), rel=1e-5)


@pytest.mark.parametrize(("at", "risen"), [(0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (7, 1.0)])
def test_the_divergence_is_weighed_from_0_on_over_the_warm_up(at: int, risen: float) -> None:
    before, _, loss = stepped(at, beta=2.0, kl_warmup=0.5)
    misfit, kl = parts(before, at)
    assert loss == pytest.approx(misfit.mean() + 2 * risen * kl.sum(), rel=1e-5)


def test_a_penalty_is_on_the_encoder_the_decoder_or_both() -> None:
    _, plain, _ = stepped()
    for targets in (("encoder",), ("decoder",), ("encoder", "decoder")):
        penalties = {name: NetworkPenalty(l2=np.float32(0.5)) for name in targets}
        before, after, _ = stepped(penalties=penalties)
        for name in ("encoder", "decoder"):
            moved = layer(plain, name)["kernel"] - layer(after, name)["kernel"]
            wanted = RATE * 2 * 0.5 * layer(before, name)["kernel"] * (name in targets)
            np.testing.assert_allclose(moved, wanted, rtol=1e-3, atol=1e-6)


def of_layer(kernel: np.ndarray, bias: np.ndarray) -> Variables:
    leaves = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
    return Variables({"network": {"layers": {0: leaves}}}, {})


def test_the_elbo_of_a_linear_vae_is_at_best_the_likelihood_of_probabilistic_pca() -> None:
    """Tipping and Bishop 1999, eq. 7 to 9; Lucas et al. 2019, arXiv:1911.02469, sec. 4."""
    x = IMAGES.reshape(30, 6).astype(np.float64) @ np.diag([1, 0.8, 0.6, 0.2, 0.1, 0.1])
    centre = x.mean(axis=0)
    covariance = np.cov(x.T, bias=True)
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = values[LATENT:].mean()
    decoder = vectors[:, :LATENT] * np.sqrt(values[:LATENT] - noise)
    inner = decoder.T @ decoder + noise * np.eye(LATENT)
    encoder = decoder @ np.linalg.inv(inner)
    model = decoder @ decoder.T + noise * np.eye(6)
    log_likelihood = -0.5 * (
        6 * np.log(2 * np.pi)
        + np.linalg.slogdet(model)[1]
        + np.trace(np.linalg.solve(model, covariance))
    )
    h = numbers()
    h = h._replace(coefficients={**h.coefficients, "likelihood_scale": np.float32(np.sqrt(noise))})
    log_variance = np.log(noise / np.diag(inner))
    networks = {
        "encoder": of_layer(
            np.hstack([encoder, np.zeros((6, LATENT))]),
            np.concatenate([-centre @ encoder, log_variance]),
        ),
        "decoder": of_layer(decoder.T, centre),
    }
    state = begin(PROGRAM, numbers(), KEY)
    # Each image a thousand times: the ELBO takes one code an image.
    rows = np.tile(np.arange(30, dtype=np.int32), 1000)
    data = Data(x.reshape(30, *SHAPE).astype(np.float32), rows, rows[:1])
    of = jax.jit(partial(measured, PROGRAM))
    best = of(state._replace(networks=networks), h, data, KEY)
    assert float(best["elbo"].value) == pytest.approx(log_likelihood, abs=0.02)
    spread = networks | {
        "encoder": of_layer(
            np.hstack([encoder, np.zeros((6, LATENT))]),
            np.concatenate([-centre @ encoder, log_variance + 1]),
        )
    }
    found = of(state._replace(networks=spread), h, data, KEY)
    assert float(found["elbo"].value) < log_likelihood - 0.5
    # What the mean code leaves of an image: all but its part in the space of the decoder.
    left = x - centre - (x - centre) @ encoder @ decoder.T
    error = best["reconstruction_error"]
    assert float(error.value) == pytest.approx(np.mean(left**2), rel=1e-4)
    np.testing.assert_allclose(error.each[:30], (left**2).mean(axis=1), rtol=1e-3, atol=1e-6)
    mean, variance = (x - centre) @ encoder, np.exp(log_variance)
    kl = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(axis=1)
    assert float(best["kl"].value) == pytest.approx(kl.mean(), rel=1e-4)
    np.testing.assert_allclose(best["kl"].each[:30], kl, rtol=1e-4)
    # An image's ELBO, over its thousand codes: its own log p under this model, less what the law of
    # its code misses of the true posterior, which here is nothing.
    whitened = np.linalg.solve(model, (x - centre).T).T
    own = -0.5 * ((whitened * (x - centre)).sum(axis=1) + np.linalg.slogdet(model)[1])
    own -= 3 * np.log(2 * np.pi)
    of_image = np.asarray(best["elbo"].each).reshape(1000, 30)
    wanted = 4 * of_image.std(axis=0) / 1000**0.5
    assert (np.abs(of_image.mean(axis=0) - own) < wanted + 1e-3).all()


def test_samples_are_decoded_from_the_prior_and_depend_on_the_key_alone() -> None:
    h = numbers()
    state = begin(PROGRAM, h, KEY)
    images = np.asarray(sample(PROGRAM, state, h, DATA, KEY, 5)).reshape(5, 6)
    codes = np.asarray(jax.random.normal(jax.random.fold_in(KEY, 2), (5, LATENT)), np.float64)
    decoder = layer(state, "decoder")
    np.testing.assert_allclose(
        images, codes @ decoder["kernel"] + decoder["bias"], rtol=1e-4, atol=1e-5
    )
