"""Strength schedules against Optax, and the laws of every one of them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.objectives.schedules import STRENGTH_SCHEDULES, strength_factor, strength_schedule

MOVING = [name for name, entry in STRENGTH_SCHEDULES.items() if entry.shape is not None]
every_schedule = pytest.mark.parametrize("name", list(STRENGTH_SCHEDULES))
every_moving_schedule = pytest.mark.parametrize("name", MOVING)
HUGE = 2.0**100
# XLA takes subnormal numbers for 0.
factors = st.floats(0, HUGE, width=32, allow_subnormal=False)
times = st.floats(0, 1, width=32, allow_subnormal=False)

# Neither they nor the ways between them times a power of two leave the normal range.
plain_factors = st.one_of(st.just(0.0), st.floats(2.0**-20, 2.0**20, width=32))
plain_times = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(2.0**-20, 1, width=32))

run = jax.jit(strength_factor, static_argnums=0)
slopes = jax.jit(jax.grad(strength_factor, argnums=(1, 2, 3, 4, 5)), static_argnums=0)


def factor(name, progress, start, end, begin=0.0, finish=1.0):
    arguments = (progress, start, end, begin, finish)
    return run(strength_schedule(name), *(jnp.float32(argument) for argument in arguments))


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0), (0.3, 5.0), (2.0, 2.0)])
def test_linear_is_that_of_optax(start, end):
    expected = optax.linear_schedule(start, end, transition_steps=600, transition_begin=200)
    for step in range(0, 1001, 50):
        ours = factor("linear", step / 1000, start, end, 0.2, 0.8)
        np.testing.assert_allclose(ours, expected(step), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("start", "floor"), [(1.0, 0.0), (3.0, 0.25)])
def test_cosine_is_that_of_optax(start, floor):
    expected = optax.cosine_decay_schedule(start, decay_steps=800, alpha=floor)
    for step in range(0, 1001, 50):
        ours = factor("cosine", step / 1000, start, start * floor, 0.0, 0.8)
        np.testing.assert_allclose(ours, expected(step), rtol=1e-5, atol=1e-6)


def test_cosine_warms_up_as_slowly_as_it_decays():
    for progress in np.linspace(0, 1, 11):
        up, down = factor("cosine", progress, 0.0, 1.0), factor("cosine", progress, 1.0, 0.0)
        np.testing.assert_allclose(up + down, 1, rtol=1e-6)


def test_a_way_takes_the_whole_training_unless_told_otherwise():
    entry = strength_schedule("linear")
    for progress in (0.0, 0.25, 1.0):
        assert run(entry, jnp.float32(progress), jnp.float32(1), jnp.float32(3)) == 1 + 2 * progress


@pytest.mark.parametrize("progress", [0.0, 0.29, 0.3, 0.31, 1.0])
def test_step_jumps_at_begin(progress):
    assert factor("step", progress, 2.0, 5.0, 0.3, 0.9) == (5.0 if progress >= 0.3 else 2.0)


@given(progress=times, start=factors, end=factors, begin=times, finish=times)
def test_constant_is_1_whatever_the_rest(progress, start, end, begin, finish):
    assert factor("constant", progress, start, end, begin, finish) == 1


@every_moving_schedule
@given(progress=times, start=factors, end=factors, begin=times, finish=times)
def test_factors_lie_between_start_and_end(name, progress, start, end, begin, finish):
    value = factor(name, progress, start, end, begin, finish)
    assert value.shape == () and value.dtype == jnp.float32
    assert min(start, end) <= value <= max(start, end)


@every_moving_schedule
@given(start=factors, end=factors, begin=times, finish=times, moments=st.tuples(times, times))
def test_factors_move_one_way(name, start, end, begin, finish, moments):
    earlier, later = (factor(name, t, start, end, begin, finish) for t in sorted(moments))
    assert earlier <= later if start <= end else earlier >= later


@every_moving_schedule
@given(progress=times, start=factors, end=factors, begin=times, finish=times)
def test_both_ends_are_reached_exactly(name, progress, start, end, begin, finish):
    value = factor(name, progress, start, end, begin, finish)
    if progress < begin:
        assert value == start
    elif progress >= finish:
        assert value == end


@every_moving_schedule
@given(
    progress=plain_times,
    start=plain_factors,
    end=plain_factors,
    begin=plain_times,
    finish=plain_times,
    exponent=st.integers(-20, 20),
)
def test_both_ends_times_a_power_of_two_are_the_factor_times_it(
    name, progress, start, end, begin, finish, exponent
):
    times_of = {"progress": progress, "begin": begin, "finish": finish}
    scaled = factor(name, start=start * 2.0**exponent, end=end * 2.0**exponent, **times_of)
    assert scaled == factor(name, start=start, end=end, **times_of) * 2.0**exponent


@every_schedule
@given(
    start=plain_factors,
    end=plain_factors,
    begin=plain_times,
    finish=plain_times,
    progress=plain_times | st.sampled_from(["begin", "finish"]),
)
def test_slopes_are_finite_on_the_whole_interval(name, start, end, begin, finish, progress):
    moment = {"begin": begin, "finish": finish}.get(progress, progress)
    arguments = (jnp.float32(argument) for argument in (moment, start, end, begin, finish))
    assert np.isfinite(slopes(strength_schedule(name), *arguments)).all()


@every_moving_schedule
@given(progress=times, moment=times)
def test_a_way_of_no_length_is_a_jump(name, progress, moment):
    assert factor(name, progress, 0.0, 1.0, moment, moment) == float(progress >= moment)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_the_middle_of_the_way_is_the_middle_of_the_factors(name):
    np.testing.assert_allclose(factor(name, 0.5, 1.0, 3.0, 0.4, 0.6), 2.0, rtol=1e-6)


@every_schedule
@given(
    arguments=st.tuples(
        *[st.floats(-HUGE, HUGE, width=32) | st.sampled_from([0.0, 1 / HUGE, HUGE])] * 5
    )
)
def test_factors_are_finite_for_any_finite_arguments(name, arguments):
    assert np.isfinite(factor(name, *arguments))


@every_moving_schedule
def test_slopes_are_finite_where_the_way_has_no_length(name):
    def value(end, begin, finish):
        return strength_factor(strength_schedule(name), 0.5, 1.0, end, begin, finish)

    slopes = jax.grad(value, argnums=(0, 1, 2))(0.0, jnp.float32(0.5), jnp.float32(0.5))
    assert np.isfinite(slopes).all()


@every_schedule
def test_python_numbers_traced_scalars_and_mapped_ones_agree(name):
    entry = strength_schedule(name)
    progress = jnp.linspace(0, 1, 7)

    def value(now):
        return strength_factor(entry, now, 0.5, 2, begin=0.25, finish=0.75)

    alone = [value(float(now)) for now in progress]
    np.testing.assert_allclose(jax.jit(jax.vmap(value))(progress), alone, rtol=1e-6)


@every_moving_schedule
def test_shapes_never_fall_and_end_at_1(name):
    shape = strength_schedule(name).shape
    values = np.asarray(shape(jnp.linspace(0, 1, 101)))
    assert (np.diff(values) >= -1e-7).all()
    assert values.min() >= 0 and values[-1] == 1


def test_an_unknown_schedule_is_an_error_that_names_the_accepted_ones():
    with pytest.raises(ValueError, match="'sine'; accepted: constant, linear, cosine, step"):
        strength_schedule("sine")
