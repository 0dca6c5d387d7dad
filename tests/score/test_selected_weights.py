"""A pattern of weights that would leave a penalised network without its penalty is refused."""

from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.score.setup import prepare
from normsweep.spec import spec_from_tables

LAST = "layers/2/kernel$"
"""The third layer with weights, which networks of one hidden layer do not have."""

DEEP = {"generator_hidden": [8, 8], "discriminator_hidden": [8]}


def prepared(
    weights: str, model: dict[str, Any], train: dict[str, Any] | None = None, **penalty: Any
) -> None:
    penalty = penalty or {"form": "group", "strength": [1e-3, 1e-2]}
    tables = {
        "data": {"source": "digits", "limit": 200},
        "model": {"latent": 4} | model,
        "train": train or {},
        "penalty": {"weights": weights} | penalty,
        "score": {"folds": 2, "features": "random", "dimension": 4},
    }
    prepare(spec_from_tables(tables, "f"))


def group(target: Any) -> dict[str, Any]:
    return {"form": "group", "strength": [1e-3, 1e-2], "target": target}


def test_only_networks_that_a_target_names_must_have_such_weights() -> None:
    prepared(LAST, DEEP, **group("generator"))
    for target in ("discriminator", "both", ["generator", "both"]):
        with pytest.raises(UserError) as caught:
            prepared(LAST, DEEP, **group(target))
        assert str(caught.value).startswith(
            f"penalty.weights = {LAST!r} matches no weight of the discriminator with 1 hidden "
            "layers; there are: "
        )


@pytest.mark.parametrize(
    "model",
    [
        {"generator_hidden": ["8-8", "8"]},
        {"generator_hidden": [8, 8], "generator_layers": {"low": 1, "high": 2}},
        {"generator_hidden": [8, 8], "generator_layers": [2, 1]},
    ],
)
def test_every_depth_that_is_searched_must_have_such_weights(model: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="of the generator with 1 hidden layers; there are: "):
        prepared(LAST, model, **group("generator"))
    prepared("layers/1/kernel$", model, **group("generator"))


def test_without_a_penalty_the_weights_that_decay_must_be_there() -> None:
    prepared("nothing", DEEP, {"beta1": [0.0, 0.5]}, form="none")
    with pytest.raises(UserError, match="'nothing' matches no weight of the generator"):
        prepared("nothing", DEEP, {"optimizer": ["adam", "adamw"]}, form="none")


@pytest.mark.parametrize("form", ["orthogonal", "spectral", "spectral_ball"])
def test_forms_of_matrices_must_have_one(form: str) -> None:
    coefficient = "radius" if form.endswith("_ball") else "strength"
    penalty = {"form": ["none", form], coefficient: [0.1, 1.0], "target": "generator"}
    with pytest.raises(UserError) as caught:
        prepared("bias$", DEEP, **penalty)
    assert str(caught.value) == (
        "penalty.weights = 'bias$' matches no matrix of the generator with 2 hidden layers, and "
        f'form = "{form}" acts on matrices alone; there are: network/layers/0/kernel, '
        "network/layers/1/kernel, network/layers/2/kernel"
    )
    prepared("0/(bias|kernel)$", DEEP, **penalty)
    prepared("bias$", DEEP, **group("generator"))
