"""A config as the engine wants it: what is static, what is traced, and whom the penalty is on."""

from typing import Any

import jax
import numpy as np
import pytest

from normsweep.engine.settings import (
    hyperparameters_of,
    method_of,
    methods_of,
    penalty_on,
    program_of,
)
from normsweep.models import (
    LearningRateSchedule,
    Method,
    NetworkPenalty,
    Program,
)
from normsweep.models.method import LINEAR, penalty_entry
from normsweep.objectives.constraints import CONSTRAINTS, constraint_per_layer
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES, per_layer
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.baseline import baseline
from tests.gans import make_gan, make_numbers

SHAPE = (8, 8, 1)
NOTHING = NetworkPenalty()
RANGE = {"low": 0.1, "high": 1.0}


def config(penalty: dict[str, Any] | None = None, **sections: Any) -> Spec:
    tables = sections if penalty is None else {"penalty": penalty} | sections
    return spec_from_tables(tables, "f")


def test_the_program_holds_all_that_fixes_shapes_and_structure() -> None:
    given = config(
        {"strength": 1, "order": 2, "weights": "layers"},
        model={
            "latent": 9,
            "generator_hidden": "5-6",
            "discriminator_activation": "relu",
            "discriminator_normalisation": "spectral",
            "generator_layers": 1,
            "discriminator_units": 7,
        },
        train={
            "steps": 60,
            "chunks": 4,
            "batch": 16,
            "discriminator_steps": 2,
            "ema": 0.5,
            "loss": "hinge",
            "optimizer": "rmsprop",
            "learning_rate_schedule": "cosine",
            "learning_rate_end": 0.1,
            "learning_rate_warmup": 0.2,
        },
    )
    assert program_of(given, SHAPE, 100) == Program(
        architecture=make_gan(
            SHAPE,
            latent=9,
            loss="hinge",
            discriminator_steps=2,
            generator_hidden=(5, 6),
            generator_layers=1,
            discriminator_hidden=(128, 128),
            discriminator_activation="relu",
            discriminator_normalisation="spectral",
        ),
        batch=16,
        steps=60,
        chunk_steps=15,
        samples=100,
        optimizer="rmsprop",
        learning_rate_schedule=LearningRateSchedule("cosine", 0.1, 0.2),
        ema=True,
        masked=True,
        methods=(Method(weights="layers"),),
    )


def test_what_is_traced_does_not_change_the_program() -> None:
    programs = {
        program_of(config(penalty, **sections), SHAPE, 100)
        for penalty, sections in [
            ({"strength": 1, "order": 2}, {}),
            ({"form": "none"}, {"train": {"generator_learning_rate": 1.0}}),
            ({"form": "elastic", "l1": 1, "l2": 1, "target": "generator"}, {}),
            (None, {"train": {"beta1": 0.9, "label_smoothing": 0.1}}),
        ]
    }
    assert len(programs) == 1
    traced = {
        program_of(config(**sections), SHAPE, 100)
        for sections in [
            {
                "model": {"generator_units": units, "generator_dropout": rate},
                "gradient_penalty": {"kind": "r1", "strength": rate, "every": units},
                "augment": {"policy": "cutout", "strength": rate},
            }
            for units, rate in [(3, 0.1), (5, 0.2)]
        ]
    }
    assert len(traced) == 1


METHODS: list[tuple[dict[str, Any], Method]] = [
    ({}, Method()),
    ({"penalty": {"form": "none", "biases": True}}, Method(weights="kernel$|bias$")),
    ({"penalty": {"form": "norm", "order": 1, "strength": 1}}, Method(LINEAR)),
    ({"penalty": {"order": 1.5, "strength": 1}}, Method(penalty_entry("power", 1.5))),
    (
        {"penalty": {"form": "group", "strength": 1, "coupling": "proximal"}},
        Method(PENALTIES["group"], "proximal"),
    ),
    (
        {
            "penalty": {
                "form": "spectral",
                "strength": 1,
                "scope": "layer",
                "reduction": "mean",
                "coupling": "decoupled",
                "schedule": "adaptive",
                "adaptive_signal": "held_out",
            }
        },
        Method(
            per_layer(PENALTIES["spectral"], "mean"),
            "decoupled",
            schedule="adaptive",
            signal="held_out",
        ),
    ),
    (
        {"penalty": {"form": "max_norm", "radius": 1}},
        Method(constraint=CONSTRAINTS["max_norm"]),
    ),
    (
        {"penalty": {"form": "l2_ball", "radius": 1, "scope": "layer"}},
        Method(constraint=constraint_per_layer(CONSTRAINTS["l2_ball"])),
    ),
    (
        {"gradient_penalty": {"kind": "dragan", "strength": 1}},
        Method(gradient_penalty=GRADIENT_PENALTIES["dragan"]),
    ),
    (
        {"augment": {"policy": "translation+cutout", "strength": 1, "images": "real"}},
        Method(augmentation=("translation", "cutout"), augment_fakes=False),
    ),
    ({"model": {"discriminator_dropout": 0.1}}, Method(dropout=True)),
    (
        {"gradient_penalty": {"kind": "r1", "strength": 1, "every": 4, "rescale_adam": True}},
        Method(gradient_penalty=GRADIENT_PENALTIES["r1"], rescale_adam=True),
    ),
    *(
        (
            {
                "gradient_penalty": {"kind": "r1", "strength": 1} | given,
                "augment": {"policy": "cutout", "strength": 1},
            },
            Method(
                gradient_penalty=GRADIENT_PENALTIES["r1"],
                augmentation=("cutout",),
                slope_at_seen=bool(given),
            ),
        )
        for given in ({}, {"images": "augmented"})
    ),
]


@pytest.mark.parametrize(("tables", "method"), METHODS)
def test_the_method_is_the_code_that_the_config_needs(
    tables: dict[str, Any], method: Method
) -> None:
    assert method_of(config(**tables)) == method


def test_hyperparameters_are_those_of_the_config_in_float32() -> None:
    given = config(
        {
            "strength": 0.1,
            "order": 1.5,
            "target": "generator",
            "schedule": "linear",
            "schedule_start": 0.5,
            "schedule_end": 2,
            "schedule_begin": 0.1,
            "schedule_finish": 0.8,
        },
        train={
            "generator_learning_rate": 0.01,
            "discriminator_learning_rate": 0.02,
            "beta1": 0.25,
            "beta2": 0.75,
            "ema": 0.9,
            "label_smoothing": 0.2,
        },
        model={"generator_dropout": 0.3, "generator_units": 5},
        gradient_penalty={"kind": "r1", "strength": 3, "every": 4},
        augment={"policy": "cutout", "strength": 0.7},
    )
    expected = {
        "method": 0,
        "penalties/generator": NetworkPenalty(np.float32(0.1), np.float32(1.5)),
        "penalties/discriminator": NOTHING,
        "schedule_start": 0.5,
        "schedule_end": 2,
        "schedule_begin": 0.1,
        "schedule_finish": 0.8,
        "adaptive_target": 0.6,
        "adaptive_speed": 0.002,
        "gradient_penalty_strength": 3,
        "gradient_penalty_every": 4,
        "augment_strength": 0.7,
        "coefficients/label_smoothing": 0.2,
        "dropout/generator": 0.3,
        "dropout/discriminator": 0,
        "units/generator": 5,
        "units/discriminator": 2**30,
        "learning_rates/generator": 0.01,
        "learning_rates/discriminator": 0.02,
        "beta1": 0.25,
        "beta2": 0.75,
        "decay": 0.9,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "ema_decay": 0.9,
    }
    found: dict[str, Any] = {}
    for field, value in hyperparameters_of(given)._asdict().items():
        by_name = (
            {f"{field}/{name}": value[name] for name in value} if type(value) is dict else None
        )
        found |= {field: value} if by_name is None else by_name
    assert set(found) == set(expected)
    whole = {"method", "gradient_penalty_every", "units/generator", "units/discriminator"}
    for name, value in found.items():
        if isinstance(value, NetworkPenalty):
            assert value == expected[name]
            assert {np.asarray(number).dtype for number in value} == {np.dtype(np.float32)}
        else:
            dtype = np.dtype(np.int32 if name in whole else np.float32)
            assert (value, value.dtype) == (dtype.type(expected[name]), dtype)


def test_settings_of_the_optimiser_are_those_of_the_config() -> None:
    found = hyperparameters_of(config(train={"optimizer": "sgd", "momentum": 0.3}))
    assert found.momentum == np.float32(0.3)
    found = hyperparameters_of(config(train={"optimizer": "rmsprop", "decay": 0.8}))
    assert found.decay == np.float32(0.8)
    found = hyperparameters_of(config(train={"optimizer": "adamw", "weight_decay": 0.25}))
    assert found.weight_decay == np.float32(0.25)


def test_the_adaptive_speed_is_per_thousand_steps() -> None:
    adaptive = {"strength": 1, "order": 2, "schedule": "adaptive", "adaptive_speed": 5}
    assert hyperparameters_of(config(adaptive)).adaptive_speed == np.float32(0.005)


def coefficients(**given: float) -> NetworkPenalty:
    return NetworkPenalty(**{name: np.float32(value) for name, value in given.items()})


CUBIC = coefficients(strength=0.5, order=3)


@pytest.mark.parametrize(
    ("penalty", "generator", "discriminator"),
    [
        ({"form": "none"}, NOTHING, NOTHING),
        ({"strength": 0.5, "order": 3}, CUBIC, CUBIC),
        ({"strength": 0.5, "order": 3, "target": "discriminator"}, NOTHING, CUBIC),
        ({"strength": 0.5, "order": 1}, coefficients(l1=0.5), coefficients(l1=0.5)),
        ({"strength": 0.5, "order": 2, "target": "generator"}, coefficients(l2=0.5), NOTHING),
        (
            {"form": "norm", "strength": 0.5, "order": 2},
            coefficients(strength=0.5, order=2),
            coefficients(strength=0.5, order=2),
        ),
        (
            {"form": "elastic", "l1": 0.25, "l2": 0.5},
            coefficients(l1=0.25, l2=0.5),
            coefficients(l1=0.25, l2=0.5),
        ),
        ({"form": "clip", "radius": 0.5, "target": "generator"}, coefficients(radius=0.5), NOTHING),
        (
            {
                "form": "l1_ball",
                "separate_strengths": True,
                "generator_radius": 0.5,
                "discriminator_radius": 2,
            },
            coefficients(radius=0.5),
            coefficients(radius=2),
        ),
        (
            {
                "separate_strengths": True,
                "generator_strength": 0.5,
                "discriminator_strength": 0.25,
                "order": 3,
            },
            CUBIC,
            coefficients(strength=0.25, order=3),
        ),
        (
            {
                "separate_strengths": True,
                "strength": 0.5,
                "discriminator_strength": 0.25,
                "order": 3,
            },
            CUBIC,
            coefficients(strength=0.25, order=3),
        ),
        (
            {
                "form": "elastic",
                "separate_strengths": True,
                "generator_l1": 0.5,
                "l2": 0.125,
                "target": "generator",
            },
            coefficients(l1=0.5, l2=0.125),
            NOTHING,
        ),
    ],
)
def test_each_network_has_its_own_coefficients(
    penalty: dict[str, Any], generator: NetworkPenalty, discriminator: NetworkPenalty
) -> None:
    assert penalty_on(config(penalty), "generator") == generator
    assert penalty_on(config(penalty), "discriminator") == discriminator


@pytest.mark.parametrize(
    "order",
    [{"low": 1.0, "high": 3.0}, {"low": 1, "high": 2}, {"low": 0.5, "high": 2, "log": True}],
)
def test_a_menu_holds_every_method_that_a_search_can_meet_the_baseline_s_first(
    order: dict[str, Any],
) -> None:
    """Wherever the middle of the range of orders lies."""
    forms = ["power", "group"] if order["low"] < 1 else ["power", "norm", "group"]
    given = config(
        {"form": forms, "strength": RANGE, "order": order, "coupling": ["loss", "decoupled"]}
    )
    entries = {penalty_entry("power", 1.5), LINEAR, *(PENALTIES[form] for form in forms[1:])}
    expected = {Method(entry, way) for entry in entries for way in ("loss", "decoupled")}
    found = methods_of(given, None)
    assert found[0] == method_of(baseline(given)) == Method()
    assert len(found) == len(expected)
    assert set(found) == expected


def test_orders_of_a_range_in_whole_steps_have_formulas_of_their_own() -> None:
    steps = {"low": 1.0, "high": 2.0, "step": 1.0}
    assert methods_of(config({"strength": RANGE, "order": steps}), None) == (Method(),)


def test_a_search_of_numbers_alone_has_one_method() -> None:
    numbers = {"form": "elastic", "l1": RANGE, "l2": RANGE, "target": ["generator", "both"]}
    assert methods_of(config(numbers), None) == (Method(),)


def test_alternatives_share_a_program_where_one_program_can_run_them() -> None:
    given = config(
        methods={
            "lasso": {"penalty": {"form": "power", "order": 1, "strength": RANGE}},
            "clipped": {"penalty": {"form": "clip", "radius": RANGE}},
            "critic": {
                "train": {"loss": "wasserstein"},
                "gradient_penalty": {"kind": "wgan_gp", "strength": RANGE},
            },
        }
    )
    shared = (Method(), Method(constraint=CONSTRAINTS["clip"]))
    assert [methods_of(given, name) for name in (None, "lasso", "clipped")] == [shared] * 3
    critic = Method(gradient_penalty=GRADIENT_PENALTIES["wgan_gp"])
    assert methods_of(given, "critic") == (critic,)


def test_where_the_slope_is_taken_makes_no_method_of_its_own_without_an_augmentation() -> None:
    """A spec may say it for one of its methods, and be idle in the next."""
    slope = {"kind": "r1", "strength": 1.0}
    given = config(
        gradient_penalty={"images": "augmented"},
        methods={
            "both": {
                "gradient_penalty": slope,
                "augment": {"policy": "cutout", "strength": RANGE},
            },
            "alone": {"gradient_penalty": slope | {"strength": RANGE}},
        },
    )
    found = methods_of(given, None)
    r1 = GRADIENT_PENALTIES["r1"]
    assert found == (
        Method(),
        Method(gradient_penalty=r1, augmentation=("cutout",), slope_at_seen=True),
        Method(gradient_penalty=r1),
    )


def test_the_method_s_index_is_traced() -> None:
    given = config({"form": "clip", "radius": 1})
    methods = (Method(), Method(dropout=True), method_of(given))
    assert hyperparameters_of(given, methods).method == 2
    assert program_of(given, SHAPE, 1, methods).methods == methods
    assert hyperparameters_of(given).method == 0


def test_a_method_that_the_program_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError):
        hyperparameters_of(config({"form": "clip", "radius": 1}), (Method(),))


def test_every_hyperparameter_is_a_scalar_of_one_dtype_whatever_the_config() -> None:
    """Else JAX would compile the program anew."""
    defaults = make_numbers()
    for tables, _ in METHODS:
        found = hyperparameters_of(config(**tables))
        assert jax.tree.structure(found) == jax.tree.structure(defaults)
        for value, default in zip(*map(jax.tree.leaves, (found, defaults)), strict=True):
            assert np.shape(value) == ()
            assert value.dtype == default.dtype
