"""The pages for Flax NNX and linen are run, and one pattern means the same weights in each form."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from normsweep.export.snippets.as_optax import optax_snippet
from normsweep.objectives import (
    add_norm_penalty,
    decoupled_decay,
    keep_within,
    kernels,
    parameter_paths,
    proximal_step,
)
from normsweep.spec import spec_from_tables
from normsweep.spec.config import Config

DOCS = Path(__file__).parents[2] / "docs"
PENALTY = {"form": "power", "strength": 0.02, "order": 1.5, "target": "both"}


@pytest.fixture(scope="module")
def found() -> ModuleType:
    """What `sweep export --format optax` writes, as a module."""
    module = ModuleType("found")
    exec(optax_snippet(Config(spec_from_tables({"penalty": PENALTY}, "a test"), {})), vars(module))
    return module


@pytest.mark.parametrize("page", ["nnx.md", "linen.md"])
def test_the_code_of_the_page_runs(page: str, found, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "found", found)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.S)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    # As JAX is for its users.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        exec("\n".join(blocks), names)


class OfNnx(nnx.Module):
    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.layers = nnx.List([nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 1, rngs=rngs)])
        self.norm = nnx.BatchNorm(4, rngs=rngs)


class OfLinen(nn.Module):
    boxed: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        start = nn.initializers.lecun_normal()
        return nn.Dense(4, kernel_init=nn.with_partitioning(start, (None, None)))(x)


MODULE = OfNnx()
KERNELS = [layer.kernel[...] for layer in MODULE.layers]
FORMS = {
    "state": nnx.state(MODULE, nnx.Param),
    "split": nnx.split(MODULE, nnx.Param, ...)[1],
    "module": MODULE,
    "pure": nnx.as_pure(nnx.state(MODULE, nnx.Param)),
    "pure dict": nnx.to_pure_dict(nnx.state(MODULE, nnx.Param)),
    "dict": {"layers": {str(place): {"kernel": kernel} for place, kernel in enumerate(KERNELS)}},
}
EXPECTED = 0.02 * sum(np.sum(np.abs(np.asarray(kernel, np.float64)) ** 1.5) for kernel in KERNELS)


@pytest.mark.parametrize("form", FORMS)
def test_one_pattern_finds_the_same_kernels_in_every_form(form: str, found) -> None:
    params = FORMS[form]
    assert float(found.discriminator_penalty(params)) == pytest.approx(EXPECTED, rel=1e-5)
    paths = set(jax.tree.leaves(parameter_paths(params)))
    assert {"layers/0/kernel", "layers/1/kernel"} <= paths
    assert not any(path.endswith("value") for path in paths)
    assert sum(jax.tree.leaves(kernels(params))) == 2


def test_a_box_of_linen_is_no_part_of_a_path_and_a_key_called_value_is(found) -> None:
    boxed = OfLinen().init(jax.random.key(0), jnp.ones((1, 3)))
    assert set(jax.tree.leaves(parameter_paths(boxed))) == {
        "params/Dense_0/kernel",
        "params/Dense_0/bias",
    }
    assert sum(jax.tree.leaves(found.is_selected(boxed, "kernel$"))) == 1
    assert jax.tree.leaves(parameter_paths({"query": 1.0, "value": 1.0})) == ["query", "value"]


def test_a_pattern_that_matches_nothing_is_told_with_the_paths_that_there_are(found) -> None:
    for message, call in (
        ("adapt WEIGHTS", lambda: found.is_selected(FORMS["state"], "weight$")),
        ("no weight's name matches", lambda: kernels(FORMS["state"], "weight$")),
    ):
        with pytest.raises(ValueError, match=f"{message}.*layers/0/bias, layers/0/kernel"):
            call()


TRANSFORMATIONS = {
    "add_norm_penalty": lambda: optax.chain(
        add_norm_penalty("power", mask=kernels, strength=0.1, order=1.5), optax.sgd(0.1)
    ),
    "decoupled_decay": lambda: optax.chain(
        optax.sgd(0.1), decoupled_decay("power", 0.1, mask=kernels, strength=0.1, order=1.5)
    ),
    "proximal_step": lambda: optax.chain(
        optax.sgd(0.1), proximal_step("power", 0.1, mask=kernels, strength=0.1, order=1.0)
    ),
    "keep_within": lambda: optax.chain(
        optax.sgd(0.1), keep_within("l2_ball", radius=0.5, mask=kernels)
    ),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_a_transformation_does_in_an_optimizer_of_nnx_what_it_does_to_a_dict(name: str) -> None:
    module = OfNnx()
    params = nnx.to_pure_dict(nnx.state(module, nnx.Param))
    slopes = jax.tree.map(jnp.ones_like, params)
    transformation = TRANSFORMATIONS[name]()
    updates, _ = transformation.update(slopes, transformation.init(params), params)
    wanted = optax.apply_updates(params, updates)
    optimizer = nnx.Optimizer(module, TRANSFORMATIONS[name](), wrt=nnx.Param)
    gradient = nnx.state(module, nnx.Param)
    optimizer.update(module, jax.tree.map(jnp.ones_like, gradient))
    found = nnx.to_pure_dict(nnx.state(module, nnx.Param))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), found, wanted)
    plain = jax.tree.map(lambda w, g: w - 0.1 * g, params, slopes)
    moved = found["layers"][0]
    assert np.array_equal(moved["bias"], plain["layers"][0]["bias"])
    assert not np.array_equal(moved["kernel"], plain["layers"][0]["kernel"])
