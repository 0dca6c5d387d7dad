"""Conditional GANs: how labels enter the networks and the losses, against sums in NumPy."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from normsweep.models import (
    MLP,
    Architecture,
    Data,
    Method,
    Program,
    Variables,
    hyperparameters,
    init,
    member_key,
    networks,
    train_step,
)
from normsweep.models.data import drawn_rows
from normsweep.models.families.conditional import Conditional
from normsweep.models.families.contract import Turn
from normsweep.models.layers.mode import Mode
from normsweep.models.training import sample, sampled_labels
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from tests.haste import IN_HASTE

SHAPE, BATCH, CLASSES = (2, 2, 1), 6, 3
DRAW = np.random.default_rng(0)
IMAGES = DRAW.uniform(-1, 1, (30, *SHAPE)).astype(np.float32)
LABELS = np.arange(30, dtype=np.int32) % CLASSES
TRAIN = np.array([1, 4, 7, 10, 13, 3, 6], np.int32)
DATA = Data(IMAGES, TRAIN, np.array([2, 5, 8], np.int32), LABELS)
KEY = member_key(np.uint32(3), np.int32(1))
FAMILY = Conditional(latent=2, classes=CLASSES)


def architecture(family: Conditional = FAMILY, **changed: Any) -> Architecture:
    hidden = changed.pop("hidden", (4,))
    generator = MLP(hidden, output="tanh", **changed)
    return Architecture(family, SHAPE, (("generator", generator), ("discriminator", MLP(hidden))))


def turn(described: Architecture, method: Method | None = None, **numbers: Any) -> Turn:
    """A turn of networks with weights from NumPy, for whatever the family asks of it."""
    functions = networks(described)
    variables = jax.tree.map(
        lambda leaf: DRAW.normal(size=leaf.shape).astype(np.float32),
        jax.eval_shape(functions.init, jax.random.key(0)),
    )

    def apply(network: str, own: Any, inputs: Any, key: Any, labels: Any = None) -> Any:
        return functions.apply[network](own, inputs, Mode(training=True, labels=labels))

    h = hyperparameters(described.family, **numbers)
    step = np.int32(0)
    return Turn(method or Method(), h, BATCH, step, 10, variables, {}, apply)


def weights(variables: Variables) -> list[tuple[np.ndarray, np.ndarray]]:
    layers = variables.params["network"]["layers"]
    return [
        (np.asarray(each["kernel"], np.float64), np.asarray(each["bias"], np.float64))
        for _, each in sorted(layers.items())
    ]


def judged(family: Conditional, given: Turn, rows: np.ndarray) -> Any:
    discriminator = given.networks["discriminator"]
    return family._judged(given, discriminator, IMAGES[rows], LABELS[rows], KEY)


def features(kernel: np.ndarray, bias: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """One hidden layer of leaky ReLUs."""
    x = inputs.reshape(len(inputs), -1) @ kernel + bias
    return np.where(x > 0, x, 0.2 * x)


ROWS = np.array([0, 1, 2, 5, 7, 9])


def test_the_discriminator_s_logit_is_the_projection() -> None:
    """ψ(φ) + ⟨v_y, φ⟩ (Miyato and Koyama, eq. 3), image by image, with a bias by class."""
    given = turn(architecture())
    (kernel, bias), (last, last_bias) = weights(given.networks["discriminator"])
    assert last.shape == (4, 1 + CLASSES)
    phi = features(kernel, bias, IMAGES[ROWS])
    wanted = [
        phi_i @ last[:, 0] + last_bias[0] + last[:, 1 + label] @ phi_i + last_bias[1 + label]
        for phi_i, label in zip(phi, LABELS[ROWS], strict=True)
    ]
    found = judged(FAMILY, given, ROWS)
    np.testing.assert_allclose(found.logits, wanted, rtol=1e-5)
    assert found.further is None


def test_concatenated_labels_are_planes_beside_the_channels() -> None:
    family = replace(FAMILY, discriminator_condition="concatenation")
    given = turn(architecture(family))
    (kernel, bias), (last, last_bias) = weights(given.networks["discriminator"])
    assert kernel.shape == (2 * 2 * (1 + CLASSES), 4)
    shown = np.zeros((len(ROWS), 2, 2, 1 + CLASSES))
    shown[..., :1] = IMAGES[ROWS]
    for image, label in zip(shown, LABELS[ROWS], strict=True):
        image[:, :, 1 + label] = 1
    wanted = features(kernel, bias, shown) @ last + last_bias
    np.testing.assert_allclose(judged(family, given, ROWS).logits, wanted[:, 0], rtol=1e-5)


@pytest.mark.parametrize("condition", ["projection", "concatenation"])
def test_the_auxiliary_loss_is_the_cross_entropy_of_further_outputs(condition: str) -> None:
    family = replace(FAMILY, discriminator_condition=condition, auxiliary=True)
    given = turn(architecture(family), coefficients={"auxiliary_weight": 0.25})
    (kernel, bias), (last, last_bias) = weights(given.networks["discriminator"])
    projected = CLASSES if condition == "projection" else 0
    assert last.shape[1] == 1 + projected + CLASSES
    shown = IMAGES[ROWS]
    if not projected:
        planes = np.broadcast_to(np.eye(CLASSES)[LABELS[ROWS]][:, None, None], (6, 2, 2, 3))
        shown = np.concatenate([shown, planes], axis=3)
    outputs = features(kernel, bias, shown) @ last + last_bias
    likely = log_softmax(outputs[:, 1 + projected :], axis=1)
    wanted = -0.25 * np.mean([row[label] for row, label in zip(likely, LABELS[ROWS], strict=True)])
    assert judged(family, given, ROWS).further == pytest.approx(wanted, rel=1e-5)


def test_both_losses_have_the_auxiliary_term() -> None:
    """Odena et al., eq. 2: for the discriminator of real and of generated images."""
    family = replace(FAMILY, auxiliary=True)
    described = architecture(family)
    without, with_it = (
        turn(described, coefficients={"auxiliary_weight": weight}) for weight in (0.0, 1.0)
    )
    with_it = with_it._replace(networks=without.networks)
    params = {name: each.params for name, each in without.networks.items()}
    for player in ("generator", "discriminator"):
        plain, more = (
            family.objective(player, each, DATA, KEY).loss({player: params[player]})[0]
            for each in (without, with_it)
        )
        keys = jax.random.split(KEY, 4 if player == "generator" else 8)
        latents = keys[0] if player == "generator" else keys[1]
        labels = family.sampled_labels(latents, BATCH, DATA)
        fake, _ = family._generated(with_it, with_it.networks["generator"], labels, latents, KEY)
        judge = with_it.networks["discriminator"]
        term = family._judged(with_it, judge, fake, labels, KEY).further
        if player == "discriminator":
            rows = drawn_rows(keys[0], BATCH, TRAIN)
            term = term + family._judged(with_it, judge, IMAGES[rows], LABELS[rows], KEY).further
        assert more - plain == pytest.approx(float(term), rel=1e-4)


def test_the_label_enters_the_generator_beside_the_latent() -> None:
    inputs = np.asarray(FAMILY._inputs(KEY, jnp.asarray([2, 0])))
    np.testing.assert_array_equal(inputs[:, :2], FAMILY._latents(KEY, 2))
    np.testing.assert_allclose(inputs[:, 2:], np.sqrt(3) * np.eye(3)[[2, 0]], rtol=1e-6)
    by_norm = replace(FAMILY, generator_condition="batch_norm")
    np.testing.assert_array_equal(by_norm._inputs(KEY, jnp.asarray([2, 0])), inputs[:, :2])
    assert by_norm.shapes(SHAPE)["generator"].inputs == (2,)


def test_labels_are_those_of_random_training_images() -> None:
    """Of the seven, five are of class 1 and two of class 0."""
    found = np.asarray(FAMILY.sampled_labels(KEY, 4000, DATA))
    assert found.dtype == np.int32
    shares = np.bincount(found, minlength=CLASSES) / 4000
    np.testing.assert_allclose(shares, [2 / 7, 5 / 7, 0], atol=0.03)
    np.testing.assert_array_equal(found, FAMILY.sampled_labels(KEY, 4000, DATA))
    anywhere = np.bincount(np.asarray(FAMILY.sampled_labels(KEY, 3000, None))) / 3000
    np.testing.assert_allclose(anywhere, 1 / CLASSES, atol=0.03)
    with pytest.raises(ValueError, match=r"data\.labels are needed for this family, got None"):
        FAMILY.sampled_labels(KEY, 3, DATA._replace(labels=None))


@pytest.mark.parametrize("kind", GRADIENT_PENALTIES)
def test_a_gradient_penalty_is_on_the_slope_given_the_label_of_the_point(kind: str) -> None:
    """Of a linear discriminator the slope is w₀ + v_y: that of generated images' labels for R2."""
    entry = GRADIENT_PENALTIES[kind]
    numbers = {"gradient_penalty_strength": np.float32(2)}
    given = turn(architecture(hidden=()), Method(gradient_penalty=entry), **numbers)
    objective = FAMILY.objective("discriminator", given, DATA, KEY)
    assert objective.gradient is not None
    params = given.networks["discriminator"].params
    found = objective.gradient({"discriminator": params})["discriminator"]["network"]["layers"][0]
    keys = jax.random.split(KEY, 8)
    labels = LABELS[np.asarray(drawn_rows(keys[0], BATCH, TRAIN))]
    if kind == "r2":
        labels = np.asarray(FAMILY.sampled_labels(keys[1], BATCH, DATA))

    def value(kernel: jax.Array) -> jax.Array:
        slopes = kernel[:, :1].T + kernel[:, 1 + labels].T
        return 2 * jnp.mean(entry.term(jnp.sum(slopes**2, axis=1)))

    ((kernel, _),) = weights(given.networks["discriminator"])
    wanted = jax.grad(value)(jnp.asarray(kernel, np.float32))
    np.testing.assert_allclose(found["kernel"], wanted, rtol=1e-4, atol=1e-5)


def program(family: Conditional, **changed: Any) -> Program:
    return Program(
        architecture(family, **changed), batch=BATCH, steps=2, chunk_steps=1, samples=9, ema=True
    )


@pytest.mark.parametrize("condition", ["embedding", "batch_norm"])
def test_a_member_trains_and_is_sampled_by_class(condition: str) -> None:
    family = replace(FAMILY, generator_condition=condition, auxiliary=True)
    by_class = {"normalisation": f"conditional_batch:{CLASSES}"}
    made = program(family, **(by_class if condition == "batch_norm" else {}))
    h = hyperparameters(family, coefficients={"auxiliary_weight": 1.0}, ema_decay=np.float32(0.5))
    begun = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)(made, h, KEY)
    step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)
    state, losses = step(made, 0, begun, h, DATA, KEY)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.networks, losses)))
    for name in family.networks():
        before, after = (each.networks[name].params["network"]["layers"] for each in (begun, state))
        moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), before, after)
        assert all(jax.tree.leaves(moved))
    draw = jax.jit(partial(sample, made, count=9), compiler_options=IN_HASTE)
    images = draw(state, h, DATA, KEY)
    np.testing.assert_array_equal(images, draw(state, h, DATA, KEY))
    labels = sampled_labels(made, DATA, KEY, 9)
    assert labels is not None
    elsewhere = draw(state, h, DATA._replace(labels=(LABELS + 1) % CLASSES), KEY)
    assert (np.asarray(images) != np.asarray(elsewhere)).any(axis=(1, 2, 3)).all()
