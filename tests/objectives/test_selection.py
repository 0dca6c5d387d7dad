"""Names of leaves, and patterns over them."""

from typing import NamedTuple

import jax.numpy as jnp
import pytest
from flax import nnx

from normsweep.objectives.penalties import lp_power
from normsweep.objectives.selection import count_selected, keep, parameter_paths, select


class Layer(NamedTuple):
    kernel: float
    bias: float


PARAMS = {"hidden": [Layer(1.0, 2.0), Layer(3.0, 4.0)], "output": {"kernel": 5.0, "none": None}}


def test_a_path_joins_keys_fields_and_indices_with_slashes():
    assert parameter_paths(PARAMS) == {
        "hidden": [
            Layer("hidden/0/kernel", "hidden/0/bias"),
            Layer("hidden/1/kernel", "hidden/1/bias"),
        ],
        "output": {"kernel": "output/kernel", "none": None},
    }
    assert parameter_paths(1.0) == ""


def test_the_paths_of_an_nnx_model_are_its_attributes():
    class Network(nnx.Module):
        def __init__(self, rngs: nnx.Rngs):
            self.layers = nnx.List([nnx.Linear(2, 3, rngs=rngs), nnx.Linear(3, 1, rngs=rngs)])

    state = nnx.as_pure(nnx.split(Network(nnx.Rngs(0)))[1])
    paths = parameter_paths(state)
    assert paths["layers"][0]["kernel"] == "layers/0/kernel"
    assert count_selected(select(state, r"kernel$")) == 2


def test_a_pattern_is_found_anywhere_in_a_path():
    mask = select(PARAMS, r"hidden/.*kernel$|^output")
    assert mask == {
        "hidden": [Layer(True, False), Layer(True, False)],
        "output": {"kernel": True, "none": None},
    }
    assert mask["output"]["kernel"] is True
    assert count_selected(mask) == 3


def test_a_pattern_that_matches_nothing_selects_nothing():
    assert count_selected(select(PARAMS, "gamma")) == 0
    assert count_selected(select({}, "")) == 0


def test_a_broken_pattern_is_an_error_that_quotes_it():
    with pytest.raises(ValueError, match=r"pattern 'kernel\(' is not a regular expression"):
        select(PARAMS, "kernel(")


def test_leaves_not_kept_are_none_and_cost_no_penalty():
    params = {"kernel": jnp.full((2,), 3.0), "bias": jnp.ones(5)}
    kept = keep(params, select(params, "kernel"))
    assert kept["bias"] is None
    assert lp_power(kept, 2.0) == 18.0


def test_a_mask_may_be_one_bool_for_a_whole_subtree():
    kept = keep(PARAMS, {"hidden": False, "output": True})
    assert kept == {"hidden": None, "output": {"kernel": 5.0, "none": None}}
