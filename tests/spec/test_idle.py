"""Values without an effect are refused, and those that one of the methods heeds are not."""

from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.baseline import baseline
from normsweep.spec.space import middle, resolve

POWER = {"form": "power", "order": 2, "strength": 1e-3}
R1 = {"kind": "r1", "strength": 1.0}


def spec(tables: dict[str, Any]) -> Spec:
    return spec_from_tables(tables, "mine")


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (
            {"gradient_penalty": {"every": 4}},
            'gradient_penalty.every = 4 has no effect with gradient_penalty.kind = "none"; it '
            "counts with wgan_gp, ",
        ),
        (
            {"augment": {"images": "real"}},
            'augment.images = "real" has no effect with augment.policy = "none"; it counts with ',
        ),
        (
            {"train": {"optimizer": ["sgd", "rmsprop"], "beta1": 0.9}},
            'train.beta1 = 0.9 has no effect with train.optimizer = "sgd", "rmsprop"; it counts '
            "with adam, adamw, optimistic_adam",
        ),
        (
            {"train": {"optimizer": "sgd", "beta2": 0.9}},
            'train.beta2 = 0.9 has no effect with train.optimizer = "sgd"; it counts with adam, '
            "adamw, optimistic_adam",
        ),
        (
            {"train": {"optimizer": "rmsprop", "beta2": 0.9}},
            'train.beta2 = 0.9 has no effect with train.optimizer = "rmsprop"; it counts with ',
        ),
        (
            {"train": {"decay": 0.8}},
            'train.decay = 0.8 has no effect with train.optimizer = "adam"; it counts with rmsprop',
        ),
        (
            {"train": {"momentum": 0.9}},
            'train.momentum = 0.9 has no effect with train.optimizer = "adam"; it counts with sgd',
        ),
        (
            {"train": {"weight_decay": 0.1, "optimizer": ["adam", "sgd"]}},
            'train.weight_decay = 0.1 has no effect with train.optimizer = "adam", "sgd"; it '
            "counts with adamw",
        ),
        (
            {"train": {"label_smoothing": 0.1, "loss": "hinge"}},
            'train.label_smoothing = 0.1 has no effect with train.loss = "hinge"; it counts with '
            "non_saturating, minimax, least_squares",
        ),
        (
            {"gradient_penalty": {"strength": 1.0}},
            'gradient_penalty.strength = 1.0 has no effect with gradient_penalty.kind = "none"',
        ),
        (
            {"gradient_penalty": R1 | {"images": "augmented"}},
            'gradient_penalty.images = "augmented" has no effect with augment.policy = "none"; it '
            "counts with brightness, ",
        ),
        (
            {
                "gradient_penalty": {"images": "augmented"},
                "augment": {"policy": "cutout", "strength": 0.5},
            },
            'gradient_penalty.images = "augmented" has no effect with gradient_penalty.kind = '
            '"none"; it counts with wgan_gp, ',
        ),
        (
            {
                "gradient_penalty": R1 | {"every": 4, "rescale_adam": True},
                "train": {"optimizer": "sgd"},
            },
            'gradient_penalty.rescale_adam = true has no effect with train.optimizer = "sgd"; it '
            "counts with adam, adamw, optimistic_adam",
        ),
        (
            {"model": {"network": "dcgan", "generator_hidden": [16]}},
            'model.generator_hidden = (16,) has no effect with model.network = "dcgan"; it counts '
            "with mlp",
        ),
        (
            {"model": {"network": ["dcgan", "resnet"], "discriminator_layers": 1}},
            'model.discriminator_layers = 1 has no effect with model.network = "dcgan", "resnet"; '
            "it counts with mlp",
        ),
        (
            {"model": {"generator_channels": 16}},
            'model.generator_channels = 16 has no effect with model.network = "mlp"; it counts '
            "with dcgan, resnet, patchgan",
        ),
        (
            {"augment": {"strength": 0.5}},
            'augment.strength = 0.5 has no effect with augment.policy = "none"',
        ),
        (
            {"train": {"learning_rate_end": 0.1}},
            "train.learning_rate_end = 0.1 has no effect with train.learning_rate_schedule = "
            '"constant"; it counts with linear, cosine, exponential',
        ),
        (
            {"penalty": {"form": "none", "target": "generator"}},
            'penalty.target = "generator" has no effect with penalty.form = "none"; it counts with '
            "power, ",
        ),
        (
            {"penalty": {"form": "none", "separate_strengths": True}},
            'penalty.separate_strengths = true has no effect with penalty.form = "none"; it counts '
            "with power, ",
        ),
        (
            {"penalty": POWER | {"separate_strengths": True, "target": "generator"}},
            'penalty.separate_strengths = true has no effect with penalty.target = "generator"; it '
            "counts with both",
        ),
        (
            {"methods": {"r1": {"gradient_penalty": R1}, "mine": {"augment": {"images": "real"}}}},
            'methods.mine.augment.images = "real" has no effect with augment.policy = "none"',
        ),
        (
            {"train": {"beta1": 0.9, "optimizer": "sgd"}}
            | {"methods": {"adam": {"train": {"optimizer": "adam", "beta1": 0.1}}}},
            'train.beta1 = 0.9 has no effect with train.optimizer = "sgd"',
        ),
    ],
)
def test_a_value_without_an_effect_is_refused(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        spec(tables)
    assert str(caught.value).startswith(f"mine: {told}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "tables",
    [
        {"gradient_penalty": {"every": 4, "kind": ["none", "r1"], "strength": 1.0}},
        {"train": {"optimizer": ["sgd", "adam"], "beta1": 0.9}},
        {"penalty": {"form": ["none", "group"], "strength": 1.0, "target": "generator"}},
        {"penalty": {"form": "mine.py:own", "strength": 1.0, "target": "generator"}},
        {"penalty": POWER | {"separate_strengths": True, "target": ["generator", "both"]}},
        # The defaults, as an exported config writes them all.
        {"gradient_penalty": {"every": 1}, "augment": {"images": "both"}, "train": {"beta1": 0.5}},
        {
            "gradient_penalty": {"strength": 2.0},
            "train": {"momentum": 0.5, "label_smoothing": 0.1, "loss": "hinge"},
            "methods": {
                "r1": {"gradient_penalty": {"kind": "r1"}},
                "descent": {"train": {"optimizer": "sgd"}},
                "smooth": {"train": {"loss": "minimax"}},
            },
        },
        {
            "gradient_penalty": {"every": 4},
            "train": {"beta1": 0.9, "optimizer": "adam"},
            "penalty": {"form": "none", "target": "discriminator"},
            "methods": {
                "r1": {"gradient_penalty": R1},
                "descent": {"train": {"optimizer": "sgd", "generator_learning_rate": 0.05}},
                "ridge": {"penalty": POWER},
            },
        },
    ],
)
def test_what_some_trial_or_method_heeds_is_accepted_and_its_configs_too(
    tables: dict[str, Any],
) -> None:
    study = spec(tables)
    assert spec(study.plain()) == study
    assert study.with_values({"study.trials": 7}).study.trials == 7
    for config in (baseline(study), *configs(study)):
        assert spec(config.plain()) == config


def configs(study: Spec) -> list[Spec]:
    """A config of each method, with the last of all choices."""
    if study.penalty.form == "mine.py:own":
        # There is no such file, which is no matter until something is asked of it.
        return []

    def answers(name: str, asked: Any, method: str | None) -> Any:
        if name == "method":
            return method
        return asked.choices[-1] if hasattr(asked, "choices") else middle(asked)

    return [
        resolve(study, lambda name, asked, method=method: answers(name, asked, method))[0]
        for method in study.methods or [None]
    ]
