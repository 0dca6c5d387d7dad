"""Adaptive strength: the signals against their definition, and the laws of the controller."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from normsweep.objectives.adaptive import LIMIT, OVERFITTING_SIGNALS, adapt, overfitting_signal

from .trees import few_lists

every_signal = pytest.mark.parametrize("name", list(OVERFITTING_SIGNALS))
logit_lists = few_lists(st.floats(-100, 100, width=32))
inside = st.floats(-6, 6, width=32)
signals = st.floats(-2, 2, width=32)
speeds = st.floats(0.0078125, 0.5, width=32)

run = jax.jit(adapt)


def step(log_factor, signal, target, speed):
    return run(*(jnp.float32(x) for x in (log_factor, signal, target, speed)))


@given(real=logit_lists)
def test_real_sign_is_the_share_judged_real_less_the_share_judged_generated(real):
    value = overfitting_signal("real_sign").value(jnp.float32(real), jnp.zeros(1), None)
    expected = (sum(x > 0 for x in real) - sum(x < 0 for x in real)) / len(real)
    assert value == pytest.approx(expected, abs=1e-6)


@given(real=logit_lists, fake=logit_lists, validation=logit_lists)
def test_held_out_is_the_ratio_of_the_gaps_between_the_means(real, fake, validation):
    gap = np.mean(real) - np.mean(fake)
    assume(abs(gap) > 0.1)
    arguments = (jnp.float32(x) for x in (real, fake, validation))
    value = jax.jit(overfitting_signal("held_out").value)(*arguments)
    expected = (np.mean(real) - np.mean(validation)) / gap
    assert value == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_held_out_is_0_where_validation_scores_as_training_and_1_where_as_generated():
    real, fake = jnp.float32([2.0, 4.0]), jnp.float32([-1.0, -3.0])
    value = overfitting_signal("held_out").value
    assert value(real, fake, real) == 0
    assert value(real, fake, fake) == 1


def test_held_out_is_0_where_real_and_generated_score_alike():
    logits = jnp.float32([1.0, 3.0])
    value = jax.jit(overfitting_signal("held_out").value)
    for validation in (logits, jnp.float32([7.0, 9.0])):
        assert value(logits, logits, validation) == 0


def test_held_out_without_validation_logits_is_an_error():
    with pytest.raises(ValueError, match="validation images, got None"):
        overfitting_signal("held_out").value(jnp.ones(2), jnp.zeros(2), None)


def test_only_held_out_needs_validation():
    assert {name for name, signal in OVERFITTING_SIGNALS.items() if signal.needs_validation} == {
        "held_out"
    }


@every_signal
def test_signals_of_several_members_are_those_of_each(name):
    logits = np.random.default_rng(0).normal(size=(3, 4, 5))
    real, fake, validation = jnp.float32(logits)
    mapped = jax.jit(jax.vmap(overfitting_signal(name).value))(real, fake, validation)
    means = {
        "real_sign": np.sign(logits[0]).mean(1),
        "held_out": (logits[0].mean(1) - logits[2].mean(1))
        / (logits[0].mean(1) - logits[1].mean(1)),
    }
    np.testing.assert_allclose(mapped, means[name], rtol=1e-4)


@every_signal
def test_a_logit_that_is_not_a_number_shows_in_the_signal(name):
    broken = jnp.float32([np.nan, 1.0])
    assert np.isnan(overfitting_signal(name).value(broken, jnp.zeros(2), jnp.ones(2)))


@given(log_factor=inside, signal=signals, target=signals, speed=speeds)
def test_the_strength_follows_the_side_of_the_target_that_the_signal_is_on(
    log_factor, signal, target, speed
):
    after = step(log_factor, signal, target, speed)
    assert after.shape == () and after.dtype == jnp.float32
    side = (signal > target) - (signal < target)
    assert after == pytest.approx(log_factor + side * speed, abs=1e-6)


@given(log_factor=inside, signal=signals, speed=speeds)
def test_a_signal_at_the_target_changes_nothing(log_factor, signal, speed):
    assert step(log_factor, signal, signal, speed) == np.float32(log_factor)


@given(
    log_factor=st.floats(-LIMIT, LIMIT),
    signal=st.floats(allow_nan=False, width=32),
    target=signals,
    speed=st.floats(0, 2.0**100, width=32),
)
def test_the_strength_stays_within_a_factor_of_1000(log_factor, signal, target, speed):
    assert abs(step(log_factor, signal, target, speed)) <= math.log(1000) + 1e-6


@given(log_factor=inside, signal=signals, target=signals, speed=speeds)
def test_up_and_down_are_mirror_images(log_factor, signal, target, speed):
    up = step(log_factor, signal, target, speed)
    down = step(-log_factor, -signal, -target, speed)
    assert up == -down


@given(log_factor=inside, target=signals, speed=speeds)
def test_a_signal_that_is_not_a_number_changes_nothing(log_factor, target, speed):
    assert step(log_factor, np.nan, target, speed) == np.float32(log_factor)


def test_a_signal_that_stays_high_reaches_the_limit_and_one_that_turns_leaves_it():
    log_factor = 0.0
    for _ in range(10):
        log_factor = adapt(log_factor, 1.0, 0.6, 1.0)
    assert np.exp(log_factor) == pytest.approx(1000, rel=1e-5)
    assert adapt(log_factor, 0.5, 0.6, 1.0) == pytest.approx(math.log(1000) - 1)


def test_members_are_steered_one_by_one():
    after = jax.jit(jax.vmap(adapt, in_axes=(0, 0, None, None)))(
        jnp.zeros(4), jnp.float32([0.9, 0.6, 0.1, np.nan]), jnp.float32(0.6), jnp.float32(0.25)
    )
    np.testing.assert_allclose(after, [0.25, 0, -0.25, 0])


def test_an_unknown_signal_is_an_error_that_names_the_accepted_ones():
    with pytest.raises(ValueError, match="'fid'; accepted: real_sign, held_out"):
        overfitting_signal("fid")
