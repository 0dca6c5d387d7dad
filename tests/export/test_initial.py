"""Training that begins with the weights of a trained model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from normsweep.errors import UserError
from normsweep.export.again import Trained, train_config
from normsweep.export.configs import best_config
from normsweep.export.trained import save_trained
from normsweep.score.setup import prepare
from normsweep.spec import Spec
from tests.small_studies import MakeSpec

STILL = {"train__generator_learning_rate": 1e-30, "train__discriminator_learning_rate": 1e-30}


@pytest.fixture(scope="module")
def made(example) -> Trained:
    return train_config(best_config(example.study).spec)


@pytest.fixture(scope="module")
def folder(made, example, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "out"
    return save_trained(made, best_config(example.study), out)


@pytest.fixture
def beginning(make_spec: MakeSpec) -> Callable[..., Spec]:
    def spec(path: Path | None, **changes: Any) -> Spec:
        fixed = {"penalty__strength": 1e-30, "penalty__target": "both", **changes}
        return make_spec(**({"model__initial": str(path)} if path else {}), **fixed)

    return spec


def test_training_begins_with_the_trained_weights(made, folder, beginning) -> None:
    """At a rate that moves no weight it also ends with them."""
    still = train_config(beginning(folder, **STILL)).state.networks
    jax.tree.map(np.testing.assert_array_equal, still, made.state.networks)


def test_networks_that_the_checkpoint_lacks_are_drawn(made, beginning, tmp_path) -> None:
    """A tree of somebody else's, with parameters right below the name."""
    params = made.state.networks["generator"].params
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "theirs", {"generator": params})
    still = train_config(beginning(tmp_path / "theirs", **STILL)).state.networks
    jax.tree.map(np.testing.assert_array_equal, still["generator"].params, params)
    drawn = train_config(beginning(None, **STILL))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-20),
        still["discriminator"],
        drawn.state.networks["discriminator"],
    )


def test_scores_of_other_weights_are_not_compared(made, folder, beginning, tmp_path) -> None:
    known = prepare(beginning(folder)).fingerprints()
    halved = jax.tree.map(lambda leaf: leaf / 2, made.state.networks["generator"].params)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "other", {"generator": halved})
    other = prepare(beginning(tmp_path / "other")).fingerprints()
    assert known["initial"] != other["initial"]
    assert "initial" not in prepare(beginning(None)).fingerprints()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"model__generator_hidden": [24]},
            r"model\.initial = '.*': its generator has \[16\] at params/network/layers/0/bias, and "
            r"the network \[24\]$",
        ),
        (
            {"model__generator_hidden": ["16", "24"]},
            r"^model\.generator_hidden: is searched, and with model\.initial = '.*' the networks "
            r"are of one shape; accepted there: one value$",
        ),
        ({"model__generator_units": 8}, r"^model\.generator_units: has no use with model\.initial"),
        (
            {"model__generator_normalisation": "batch"},
            r"its generator has nothing at params/network/norms/0/bias, and the network \[16\]$",
        ),
    ],
)
def test_what_does_not_fit_is_told_by_its_path(folder, beginning, changes, said) -> None:
    with pytest.raises(UserError, match=said):
        prepare(beginning(folder, **changes))


def test_what_is_no_checkpoint_is_told(beginning, tmp_path) -> None:
    with pytest.raises(UserError, match="no such folder; accepted: a folder that `sweep train`"):
        # Told before the images are looked for, which may take minutes to read.
        elsewhere = {"data__source": "npz", "data__path": str(tmp_path / "none.npz")}
        prepare(beginning(tmp_path / "none", **elsewhere))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is no checkpoint: "):
        prepare(beginning(tmp_path / "empty"))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "other", {"critic": np.ones(3)})
    with pytest.raises(UserError, match="holds critic, and none of generator, discriminator; acc"):
        prepare(beginning(tmp_path / "other"))
