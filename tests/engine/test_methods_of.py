"""The methods that one program holds: every one that its trials can meet, and each of them once."""

from typing import Any

import pytest

from normsweep.engine import settings
from normsweep.engine.population import training_programs
from normsweep.engine.settings import hyperparameters_of, method_of, methods_of, program_of
from normsweep.models.method import LINEAR, Method
from normsweep.models.program import Program
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.baseline import baseline
from normsweep.spec.space import resolve

STRENGTH = {"low": 1e-6, "high": 1e-2, "log": True}


def spec(**sections: Any) -> Spec:
    return spec_from_tables(sections, "f")


def power(**fields: Any) -> dict[str, Any]:
    return {"penalty": {"form": "power", "order": 1, "strength": STRENGTH} | fields}


def test_a_study_of_one_form_has_its_method_and_the_baseline_s() -> None:
    found = methods_of(spec(penalty={"form": "group", "strength": STRENGTH}), None)
    assert found == (Method(), Method(penalty=PENALTIES["group"]))


def test_what_a_baseline_of_strength_zero_can_run_is_one_method_with_it() -> None:
    for order in (1, 2, [1, 2]):
        assert methods_of(spec(penalty={"strength": STRENGTH, "order": order}), None) == (Method(),)


@pytest.mark.parametrize(
    ("form", "low", "high", "exact", "general"),
    [
        ("power", 1.0, 2.0, 2, 1),
        ("power", 0.5, 1.0, 1, 1),
        ("power", 1.1, 1.9, 0, 1),
        ("power", 2.0, 4.0, 1, 1),
        ("norm", 1.0, 2.0, 1, 1),
        ("norm", 2.0, 3.0, 0, 1),
    ],
)
def test_orders_with_a_formula_of_their_own_within_a_range_are_found(
    form: str, low: float, high: float, exact: int, general: int
) -> None:
    study = spec(penalty={"form": form, "strength": 1, "order": {"low": low, "high": high}})
    found = methods_of(study, None)
    others = [method for method in found if method.penalty is not LINEAR]
    assert len(others) == general
    # Orders 1 and 2 of a power run what a baseline runs; it is there in any case.
    assert found.count(Method()) == 1
    for order in (order for order in (1.0, 2.0) if low <= order <= high):
        config, _ = resolve(study, lambda name, asked, order=order: order)
        assert method_of(config) in found
        assert (method_of(config) == Method()) == (form == "power" or order == 1)
    assert exact == sum(
        low <= order <= high and (form == "power" or order == 1) for order in (1.0, 2.0)
    )


ALTERNATIVES: dict[str, Any] = {
    "lasso": power(),
    "decay": power(coupling=["decoupled", "loss"], order=2),
    "ball": {"penalty": {"form": "l2_ball", "radius": [1.0, 2.0]}},
    "sparse": {"penalty": {"form": "group", "strength": STRENGTH, "coupling": "proximal"}},
    "warm": power(schedule=["linear", "cosine"]),
    "ada": power(schedule="adaptive", adaptive_signal=["real_sign", "held_out"]),
    "r1": {"gradient_penalty": {"kind": ["none", "r1"], "strength": STRENGTH}},
    "cut": {"augment": {"policy": "cutout", "strength": 0.5, "images": ["both", "real"]}},
    "drop": {"model": {"discriminator_dropout": {"low": 0.0, "high": 0.5}}},
    "spectral": {"model": {"discriminator_normalisation": "spectral"}}
    | power(coupling="decoupled"),
    "narrow": {"model": {"generator_units": [16, 32]}},
    "batch": {"train": {"batch": [16, 32]}},
}


def test_all_that_one_program_can_run_is_in_one_menu_and_each_of_it_once() -> None:
    study = spec(methods=ALTERNATIVES)
    found = methods_of(study, "lasso")
    ball = Method(constraint=CONSTRAINTS["l2_ball"])
    signals = [Method(schedule="adaptive", signal=s) for s in ("real_sign", "held_out")]
    assert len(found) == len(set(found))
    assert set(found) == {
        Method(),
        Method(coupling="decoupled"),
        ball,
        Method(penalty=PENALTIES["group"], coupling="proximal"),
        Method(schedule="linear"),
        Method(schedule="cosine"),
        *signals,
        Method(gradient_penalty=GRADIENT_PENALTIES["r1"]),
        Method(augmentation=("cutout",), augment_fakes=True),
        Method(augmentation=("cutout",), augment_fakes=False),
        Method(dropout=True),
    }
    for shared in (None, "decay", "ball", "r1", "cut", "drop"):
        assert methods_of(study, shared) == found


@pytest.mark.parametrize(
    ("method", "menu"),
    [
        ("spectral", (Method(coupling="decoupled"),)),
        ("narrow", (Method(),)),
        ("batch", (Method(),)),
    ],
)
def test_a_method_of_another_program_has_a_menu_of_its_own(
    method: str, menu: tuple[Method, ...]
) -> None:
    assert methods_of(spec(methods=ALTERNATIVES), method) == menu


def test_every_config_finds_its_method_at_its_index() -> None:
    study = spec(methods=ALTERNATIVES)
    for name in ALTERNATIVES:
        config, method = resolve(study, lambda asked, _, name=name: answers(asked, _, name))
        menu = methods_of(study, method)
        index = hyperparameters_of(config, menu).method
        assert menu[int(index)] == method_of(config)
        assert program_of(config, (2, 2, 1), 1, menu).methods == menu
    menu = methods_of(study, None)
    assert menu[int(hyperparameters_of(baseline(study), menu).method)] == Method()


def answers(asked: str, distribution: Any, method: str) -> Any:
    if asked == "method":
        return method
    return distribution.choices[-1] if hasattr(distribution, "choices") else distribution.high


def test_alone_a_config_has_a_menu_of_one() -> None:
    config = spec(penalty={"form": "group", "strength": 1})
    assert program_of(config, (2, 2, 1), 1).methods == (method_of(config),)
    assert hyperparameters_of(config).method == 0


def test_more_methods_than_a_program_may_hold_have_no_menu(monkeypatch) -> None:
    study = spec(methods=ALTERNATIVES)
    assert len(methods_of(study, "lasso")) == 12
    monkeypatch.setattr("normsweep.engine.settings.MOST_METHODS", 12)
    assert len(methods_of(study, "lasso")) == 12
    monkeypatch.setattr("normsweep.engine.settings.MOST_METHODS", 11)
    assert methods_of(study, "lasso") == ()
    # A program of its own is not concerned.
    assert methods_of(study, "narrow") == (Method(),)


def test_alone_in_their_programs_trials_score_the_bits_that_they_score_in_a_menu(
    run, make_spec, outcome, tmp_path, monkeypatch
) -> None:
    changes = {
        "penalty__form": ["power", "group"],
        "penalty__target": "both",
        "train__steps": 8,
    }
    study = make_spec(**changes)
    assert len(methods_of(study, None)) == 2
    together = outcome(run(study).study)
    monkeypatch.setattr("normsweep.engine.settings.MOST_METHODS", 1)
    before = training_programs()
    alone = outcome(run(study, url=f"sqlite:///{tmp_path / 'alone.db'}").study)
    assert training_programs() == before + 2
    assert alone == together


def test_products_of_choices_of_any_size_are_not_walked_to_their_end(monkeypatch) -> None:
    choices = {
        "form": ["power", "group", "orthogonal"],
        "coupling": ["loss", "decoupled"],
        "scope": ["network", "layer"],
        "schedule": ["constant", "linear", "cosine"],
        "order": [1.0 + k / 100 for k in range(100)],
    }
    many = spec(penalty=choices | {"strength": STRENGTH})
    walked = []
    shape_of_all = program_of(baseline(many), (2, 2, 1), 1)

    def counted(*of: object, classes: int) -> Program:
        walked.append((*of, classes))
        return shape_of_all

    monkeypatch.setattr(settings, "program_of", counted)
    monkeypatch.setattr(settings, "method_of", lambda config: Method())
    assert methods_of(many, None) == ()
    assert len(walked) == settings.MOST_WAYS
