"""A config as the engine wants it: what is static, what is traced, and whom the penalty is on."""

from typing import Any

import numpy as np
import pytest

from models import Formula
from models.gan import GAN
from models.program import Program
from sweep.engine.settings import hyperparameters_of, penalty_on, program_of
from sweep.spec import Spec, spec_from_tables

NOTHING = (0, 2, 0, 0)


def config(penalty: dict[str, Any], **sections: Any) -> Spec:
    return spec_from_tables({"penalty": penalty} | sections, "f")


def test_the_program_holds_all_that_fixes_shapes_and_structure() -> None:
    given = config(
        {"strength": 1, "order": 2, "weights": "layers"},
        model={"latent": 9, "generator_hidden": "5-6", "discriminator_activation": "relu"},
        train={"steps": 60, "chunks": 4, "batch": 16, "discriminator_steps": 2, "ema": 0.5},
    )
    assert program_of(given, (8, 8, 1), 100) == Program(
        gan=GAN(
            (8, 8, 1),
            latent=9,
            generator_hidden=(5, 6),
            discriminator_hidden=(128, 128),
            discriminator_activation="relu",
        ),
        batch=16,
        discriminator_steps=2,
        loss="non_saturating",
        ema=True,
        penalised="layers",
        chunk_steps=15,
        samples=100,
    )


def test_what_is_traced_does_not_change_the_program() -> None:
    programs = {
        program_of(config(penalty, train=train), (8, 8, 1), 100)
        for penalty, train in [
            ({"strength": 1, "order": 2}, {}),
            ({"form": "none"}, {"generator_learning_rate": 1.0}),
            ({"form": "elastic", "l1": 1, "l2": 1, "target": "generator"}, {"beta1": 0.9}),
        ]
    }
    assert len(programs) == 1


def test_hyperparameters_are_those_of_the_config_in_float32() -> None:
    given = config(
        {"strength": 0.1, "order": 1.5, "target": "generator"},
        train={
            "generator_learning_rate": 0.01,
            "discriminator_learning_rate": 0.02,
            "beta1": 0.25,
            "beta2": 0.75,
            "ema": 0.9,
        },
    )
    found = hyperparameters_of(given)
    assert found.formula == Formula.POWER
    assert found[3:] == tuple(map(np.float32, (0.01, 0.02, 0.25, 0.75, 0.9)))
    assert found.generator_penalty == (np.float32(0.1), 1.5, 0, 0)
    assert found.discriminator_penalty == NOTHING
    dtypes = {leaf.dtype for leaf in found[3:]}  # type: ignore[union-attr]
    assert dtypes == {np.dtype(np.float32)}
    assert found.formula.dtype == np.int32  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("penalty", "generator", "discriminator"),
    [
        ({"form": "none"}, NOTHING, NOTHING),
        ({"strength": 0.5, "order": 3}, (0.5, 3, 0, 0), (0.5, 3, 0, 0)),
        ({"strength": 0.5, "order": 3, "target": "discriminator"}, NOTHING, (0.5, 3, 0, 0)),
        ({"strength": 0.5, "order": 1}, (0, 2, 0.5, 0), (0, 2, 0.5, 0)),
        ({"strength": 0.5, "order": 2, "target": "generator"}, (0, 2, 0, 0.5), NOTHING),
        ({"form": "norm", "strength": 0.5, "order": 2}, (0.5, 2, 0, 0), (0.5, 2, 0, 0)),
        ({"form": "elastic", "l1": 0.25, "l2": 0.5}, (0, 2, 0.25, 0.5), (0, 2, 0.25, 0.5)),
        (
            {
                "separate_strengths": True,
                "generator_strength": 0.5,
                "discriminator_strength": 0.25,
                "order": 3,
            },
            (0.5, 3, 0, 0),
            (0.25, 3, 0, 0),
        ),
        (
            {
                "separate_strengths": True,
                "strength": 0.5,
                "discriminator_strength": 0.25,
                "order": 3,
            },
            (0.5, 3, 0, 0),
            (0.25, 3, 0, 0),
        ),
        (
            {
                "form": "elastic",
                "separate_strengths": True,
                "generator_l1": 0.5,
                "l2": 0.125,
                "target": "generator",
            },
            (0, 2, 0.5, 0.125),
            NOTHING,
        ),
    ],
)
def test_each_network_has_its_own_coefficients(
    penalty: dict[str, Any], generator: tuple[float, ...], discriminator: tuple[float, ...]
) -> None:
    assert penalty_on(config(penalty), "generator") == generator
    assert penalty_on(config(penalty), "discriminator") == discriminator
