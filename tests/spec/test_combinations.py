"""Settings of different sections that would train something else than they say are refused."""

from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.spec import spec_from_tables

R1 = {"kind": "r1", "strength": 1.0}
BALL = {"form": "l2_ball", "radius": 3.0, "target": "discriminator"}
ADAPTIVE = {"form": "power", "order": 2.0, "strength": 1e-3, "schedule": "adaptive"}


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (
            {"gradient_penalty": R1, "model": {"discriminator_normalisation": ["none", "batch"]}},
            'gradient_penalty.kind = "r1" needs a discriminator that judges each image by itself',
        ),
        (
            {"methods": {"r1": {"gradient_penalty": R1}}}
            | {"model": {"discriminator_normalisation": "batch"}},
            'methods.r1.gradient_penalty.kind = "r1" needs a discriminator',
        ),
        (
            {"penalty": ADAPTIVE, "train": {"loss": "wasserstein"}},
            'penalty.adaptive_signal = "real_sign" has no meaning with train.loss = "wasserstein"',
        ),
        (
            {"penalty": BALL, "model": {"discriminator_normalisation": "spectral"}},
            'penalty.form = "l2_ball" has no effect with model.discriminator_normalisation = '
            '"spectral"',
        ),
        (
            {"model": {"generator_units": {"low": 8, "high": 500}}},
            "model: generator_units: got 500, but the widest layer of generator_hidden has 128",
        ),
        (
            {"model": {"network": "dcgan", "generator_channels": [2, 4]}}
            | {"methods": {"a": {"model": {"generator_units": [8, 65]}}}},
            "methods.a.model: generator_units: got 65, but the widest layer of network = "
            '"dcgan" has 64',
        ),
        (
            {"model": {"network": ["resnet", "dcgan"], "generator_normalisation": "instance"}},
            'model.generator_normalisation = "instance" is over the positions of images, which not '
            'all layers have with model.network = "dcgan"',
        ),
    ],
)
def test_a_contradiction_is_one_message(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        spec_from_tables(tables, "mine")
    assert str(caught.value).startswith(f"mine: {told}")
    assert "; accepted: " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "tables",
    [
        {"gradient_penalty": R1, "model": {"generator_normalisation": "batch"}},
        {"penalty": ADAPTIVE | {"adaptive_signal": "held_out"}, "train": {"loss": "wasserstein"}},
        {"penalty": BALL, "model": {"generator_normalisation": "spectral"}},
        {"penalty": ADAPTIVE, "model": {"discriminator_normalisation": "weight"}},
        {"model": {"generator_units": 500}},
    ],
)
def test_what_only_looks_like_a_contradiction_is_accepted(tables: dict[str, Any]) -> None:
    spec_from_tables(tables, "mine")
