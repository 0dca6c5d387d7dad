"""The methods of a spec: alternatives that set fields over its own, and mistakes in them."""

import tomllib
from typing import Any

import pytest
import tomlkit

from normsweep.errors import UserError
from normsweep.spec import Choices, Interval, Spec, spec_from_tables

STRENGTH = {"low": 1e-6, "high": 1e-1, "log": True}
LASSO = {"penalty": {"form": "power", "order": 1, "strength": STRENGTH}}
BALL = {"penalty": {"form": "l2_ball", "radius": [1, 2]}, "train": {"batch": [16, 32]}}
DROPOUT = {"model": {"discriminator_dropout": {"low": 0, "high": 0.5}}}
METHODS: dict[str, Any] = {"lasso": LASSO, "ball": BALL, "drop-out_2": DROPOUT}


def spec(methods: Any = METHODS, **sections: Any) -> Spec:
    return spec_from_tables({"methods": methods} | sections, "study.toml")


def refusal(methods: Any, **sections: Any) -> str:
    with pytest.raises(UserError) as caught:
        spec(methods, **sections)
    message = str(caught.value)
    assert message.startswith("study.toml: ")
    assert "\n" not in message
    return message.removeprefix("study.toml: ")


def test_an_alternative_sets_its_fields_over_those_of_the_spec_and_has_no_methods() -> None:
    study = spec(model={"latent": 8}, train={"batch": 4, "ema": 0.5})
    ball = study.alternative("ball")
    assert ball == spec_from_tables(
        BALL | {"model": {"latent": 8}, "train": {"batch": [16, 32], "ema": 0.5}}, "f"
    )
    plain = study.alternative(None)
    assert plain == spec_from_tables(
        {"model": {"latent": 8}, "train": {"batch": 4, "ema": 0.5}}, "f"
    )
    assert ball.methods == plain.methods == {}


def test_ranges_of_a_method_are_listed_under_its_name_and_those_of_the_spec_once() -> None:
    study = spec(train={"beta1": [0, 0.5]})
    assert study.ranges() == {
        "train.beta1": Choices((0.0, 0.5)),
        "methods.lasso.penalty.strength": Interval(1e-6, 1e-1, log=True),
        "methods.ball.penalty.radius": Choices((1.0, 2.0)),
        "methods.ball.train.batch": Choices((16, 32)),
        "methods.drop-out_2.model.discriminator_dropout": Interval(0.0, 0.5),
    }


def test_methods_survive_toml_and_plain_tables() -> None:
    study = spec()
    again = spec_from_tables(tomllib.loads(tomlkit.dumps(study.plain())), "again")
    assert again == study
    assert again.ranges() == study.ranges()
    assert study.plain()["methods"] == METHODS
    assert "methods" not in spec({}).plain()


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        (3, "methods: must be tables [methods.NAME.SECTION], got 3"),
        ({"lasso": 3}, "methods.lasso: must be tables of settings, got 3"),
        ({"lasso": {}}, "methods.lasso: must be tables of settings, got {}"),
        ({"lasso": {"penalty": 3}}, "methods.lasso.penalty: must be a table of settings, got 3"),
        (
            {"lasso": {"study": {"trials": 3}}},
            "methods.lasso.study: unknown section; accepted: model, train, coefficients, penalty, "
            "gradient_penalty, augment",
        ),
        ({"lasso": {"score": {}}}, "methods.lasso.score: unknown section; accepted: "),
        ({"lasso": {"penalties": {}}}, "methods.lasso.penalties: unknown section; accepted: "),
        ({"lasso": {"train": {"steps": 9}}}, "methods.lasso.train.steps: is the same for all"),
        ({"lasso": {"train": {"chunks": 9}}}, "methods.lasso.train.chunks: is the same for all"),
        (
            {"lasso": {"penalty": LASSO["penalty"] | {"stength": 1}}},
            'methods.lasso.penalty.stength: unknown key (did you mean "strength"?); accepted: ',
        ),
        (
            {"ok": LASSO, "off": {"penalty": LASSO["penalty"] | {"strength": -1}}},
            "methods.off.penalty.strength: got -1.0; accepted: a number ≥ 0",
        ),
        (
            {"ball": {"penalty": {"form": "l2_ball", "radius": 0}}},
            "methods.ball.penalty.radius: got 0.0; accepted: a number > 0",
        ),
        (
            {"ball": {"penalty": {"form": "l2_ball"}}},
            'methods.ball.penalty: form = "l2_ball" needs',
        ),
        (
            {"ball": {"penalty": {"radius": 1}}},
            'methods.ball.penalty: radius has no effect with form = "none"',
        ),
        (
            {"r1": {"gradient_penalty": {"kind": "r1", "strength": 1, "every": 0}}},
            "methods.r1.gradient_penalty.every: got 0; accepted: a whole number ≥ 1",
        ),
        (
            {"drop": {"model": {"generator_layers": 3}}},
            "methods.drop.model: generator_layers: got 3, but generator_hidden has 2 widths",
        ),
    ],
)
def test_a_mistake_in_a_method_names_it(methods: Any, told: str) -> None:
    assert refusal(methods).startswith(told)


@pytest.mark.parametrize("name", ["baseline", "a b", "a.b", "", "-a", "ä"])
def test_a_method_is_named_so_that_it_can_be_told_from_paths_and_the_baseline(name: str) -> None:
    message = refusal({name: LASSO})
    assert message.startswith(f'methods: method "{name}": ')
    assert "accepted are names of letters, digits, '_' and '-', other than \"baseline\"" in message


def test_a_method_may_not_contradict_what_the_spec_holds_fixed() -> None:
    message = refusal({"ball": BALL}, penalty={"strength": 1, "order": 1})
    assert message == 'methods.ball.penalty: order has no effect with form = "l2_ball"'


def test_a_spec_with_values_keeps_its_methods() -> None:
    study = spec().with_values({"study.trials": 7})
    assert study.study.trials == 7
    assert study.methods == METHODS
