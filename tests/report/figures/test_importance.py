"""Importance, against Optuna's own evaluation of a study that holds the same trials."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from normsweep.report.figures.importance import importance, importances, resamples_of, shares

from .studies import at, picture_of, spec_of, study_of

DOWN = [StudyDirection.MINIMIZE]
BOTH = DOWN * 2
UNIT = FloatDistribution(0.0, 1.0)


def trials_of(count: int, seed: int = 0, objectives: int = 1) -> list[FrozenTrial]:
    """`x` decides the value, `y` hardly counts, `z` is there for half of them."""
    generator = np.random.default_rng(seed)
    made = []
    for index in range(count):
        params = {"x": float(generator.uniform()), "y": float(generator.uniform())}
        if index % 2:
            params["z"] = float(generator.uniform())
        value = (params["x"] - 0.3) ** 2 + 0.001 * params["y"]
        values = [value, params["x"]][:objectives]
        made.append(
            create_trial(values=values, params=params, distributions=dict.fromkeys(params, UNIT))
        )
    return made


def optunas(trials: list[FrozenTrial], quantile: float, objectives: int = 1) -> dict[str, float]:
    study = optuna.create_study(directions=["minimize"] * objectives)
    study.add_trials(trials)
    evaluator = PedAnovaImportanceEvaluator(target_quantile=quantile)
    return get_param_importances(study, evaluator=evaluator)


@pytest.mark.parametrize("objectives", [1, 2])
def test_the_shares_are_optunas(objectives: int) -> None:
    trials = trials_of(100, objectives=objectives)
    found = shares(trials, DOWN * objectives)
    assert found == pytest.approx(optunas(trials, 0.1, objectives))
    assert sum(found.values()) == pytest.approx(1)
    assert next(iter(found)) == "x"


def test_at_least_five_trials_count_as_the_best() -> None:
    trials = trials_of(23)
    assert shares(trials, DOWN) == pytest.approx(optunas(trials, 5 / 23 - 1e-9))


def test_the_errors_are_the_deviation_over_resamples_of_the_trials() -> None:
    trials = trials_of(40)
    found = importances(trials, DOWN, resamples=30, seed=7)
    assert {each.path: each.share for each in found} == shares(trials, DOWN)
    generator = np.random.default_rng(7)
    drawn = [shares([trials[i] for i in generator.integers(40, size=40)], DOWN) for _ in range(30)]
    for each in found:
        values = [resample.get(each.path, 0.0) for resample in drawn]
        assert each.error == pytest.approx(np.std(values, ddof=1))


def test_the_seed_alone_decides_the_resamples() -> None:
    trials = trials_of(30)
    assert importances(trials, DOWN, 10) == importances(trials, DOWN, 10)
    assert importances(trials, DOWN, 10) != importances(trials, DOWN, 10, seed=1)


def test_more_trials_leave_less_spread() -> None:
    few, many = ({e.path: e.error for e in importances(trials_of(n), DOWN, 50)} for n in (20, 400))
    assert many["x"] < few["x"]


def test_where_the_objective_is_maximised_the_highest_are_the_best() -> None:
    trials = trials_of(60)
    turned = trials_of(60)
    for trial in turned:
        trial.values = [-trial.values[0]]
    assert shares(turned, [StudyDirection.MAXIMIZE]) == pytest.approx(shares(trials, DOWN))


@pytest.mark.parametrize("highest", ["recall", "elbo"])  # Of samples, and of a network itself.
def test_the_figure_takes_the_highest_for_the_best_where_the_metric_says_so(highest: str) -> None:
    def picture(metric: str, sign: int) -> Any:
        trials = trials_of(60)
        for trial in trials:
            trial.values = [sign * trial.values[0]]
        score = SimpleNamespace(objectives=(metric,))
        return SimpleNamespace(trials=trials, spec=SimpleNamespace(score=score))

    lower, higher, wrong = (
        importance(picture(*given)) for given in (("fid", 1), (highest, -1), (highest, 1))
    )
    assert lower is not None and higher is not None
    assert higher.numbers == lower.numbers
    assert wrong is None or wrong.numbers != lower.numbers


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_few_trials_have_no_importance(count: int) -> None:
    assert importances(trials_of(count), DOWN) == ()


def test_trials_without_a_finite_value_do_not_count() -> None:
    trials = trials_of(12)
    odd = trials_of(3, seed=5)
    for trial in odd:
        trial.values = [float("inf")]
    odd[0].state = TrialState.PRUNED
    assert importances(trials + odd, DOWN, 5) == importances(trials, DOWN, 5)


def test_settings_that_never_differ_have_no_importance() -> None:
    only = {"form": CategoricalDistribution(["power"])}
    trials = [
        create_trial(value=float(i), params={"form": "power"}, distributions=only)
        for i in range(12)
    ]
    assert importances(trials, DOWN) == ()


def test_a_study_of_methods_names_whose_setting_it_is() -> None:
    methods = {
        "lasso": {
            "penalty": {
                "form": "power",
                "order": 1.0,
                "strength": {"low": 1e-4, "high": 1.0, "log": True},
            }
        },
        "r1": {
            "gradient_penalty": {"kind": "r1", "strength": {"low": 0.1, "high": 10.0, "log": True}}
        },
    }
    spec = spec_of(penalty={"form": "none"}, methods=methods)
    generator = np.random.default_rng(0)
    trials = []
    for index in range(24):
        if index % 2:
            strength = float(10 ** generator.uniform(-1, 1))
            chosen = {"method": "r1", "r1.gradient_penalty.strength": strength}
        else:
            strength = float(10 ** generator.uniform(-4, 0))
            chosen = {"method": "lasso", "lasso.penalty.strength": strength}
        score = 1 + abs(np.log10(strength)) + (index % 2)
        trials.append((chosen, [score, score + 0.1, score - 0.1]))
    drawn = importance(picture_of(study_of(spec, [3.0, 3.1, 3.2], trials)))
    assert drawn is not None
    names = {row[0] for row in drawn.numbers.rows}
    assert names == {"method", "lasso: λ", "r1: weight of the gradient penalty"}
    assert all(name in drawn.alternative for name in names)


def test_the_figure_has_a_bar_with_its_error_for_each_setting() -> None:
    generator = np.random.default_rng(1)
    trials = []
    for _ in range(20):
        strength = float(10 ** generator.uniform(-5, -1))
        score = (np.log10(strength) + 3) ** 2 + 0.5
        chosen = at(strength, str(generator.choice(["generator", "discriminator"])), 1.0)
        trials.append((chosen, [score, score + 0.2, score - 0.2]))
    picture = picture_of(study_of(spec_of(), [3.0] * 3, trials, failed=2))
    drawn = importance(picture)
    assert drawn is not None
    (bar,) = drawn.figure.data
    assert bar.y[0] == "λ"
    assert sum(bar.x) == pytest.approx(100)
    assert len(bar.error_x.array) == len(bar.x)
    assert all(x - minus >= 0 for x, minus in zip(bar.x, bar.error_x.arrayminus, strict=True))
    assert f"{bar.x[0]:.0f} %" in drawn.alternative
    assert "of 20 trials" in drawn.alternative


@pytest.mark.parametrize(
    ("trials", "resamples"), [(10, 100), (2000, 100), (4000, 50), (50_000, 20)]
)
def test_a_hundred_resamples_are_taken_and_fewer_of_thousands_of_trials(trials, resamples) -> None:
    assert resamples_of(trials) == resamples
