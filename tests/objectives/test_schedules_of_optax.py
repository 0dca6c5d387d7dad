"""A schedule of Optax where a number belongs: told, with the way in which it works."""

import jax.numpy as jnp
import optax
import pytest

from normsweep.objectives import add_norm_penalty, keep_within, lp_power, proximal_step
from normsweep.objectives.transform import decoupled_decay

SCHEDULE = optax.linear_schedule(0.0, 1.0, 4)
WEIGHTS = {"kernel": jnp.ones((2, 3))}


def test_it_is_refused_with_the_way_out() -> None:
    for make in (
        lambda: add_norm_penalty("power", strength=SCHEDULE, order=2.0),
        lambda: decoupled_decay("power", 1e-3, strength=SCHEDULE, order=2.0),
        lambda: proximal_step("group", 1e-3, strength=SCHEDULE),
        lambda: lp_power(WEIGHTS, SCHEDULE),
    ):
        with pytest.raises(ValueError, match=r"must be a number, got a function.*inject_hyperp"):
            make()


def test_so_is_one_for_a_rate_or_a_radius() -> None:
    for made in (
        decoupled_decay("power", SCHEDULE, strength=1.0, order=2.0),
        keep_within("l2_ball", radius=SCHEDULE),
    ):
        with pytest.raises(ValueError, match="must be a number, got a function"):
            made.update(WEIGHTS, made.init(WEIGHTS), WEIGHTS)


def test_the_way_out_works() -> None:
    scheduled = optax.inject_hyperparams(
        lambda strength: add_norm_penalty("power", strength=strength, order=2.0)
    )(strength=SCHEDULE)
    state = scheduled.init(WEIGHTS)
    zeros = {"kernel": jnp.zeros((2, 3))}
    for step in range(4):
        updates, state = scheduled.update(zeros, state, WEIGHTS)
        # The gradient of s · Σ w² at w = 1.
        assert jnp.allclose(updates["kernel"], 2 * step / 4)
