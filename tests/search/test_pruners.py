"""Pruners as a study builds them: steps are training steps, lower is better."""

from collections.abc import Sequence

import optuna
import pytest

from normsweep.search.pruners import PRUNERS, PrunerSettings, pruner

CHUNK, STEPS = 500, 4000
REPORTS = range(CHUNK, STEPS + 1, CHUNK)


def study_with(
    name: str, startup: int = 3, warmup: int = 2, percentile: float = 25
) -> optuna.Study:
    settings = PrunerSettings(startup, warmup, percentile, STEPS // CHUNK, CHUNK)
    return optuna.create_study(study_name="study", pruner=pruner(name, settings))


def run(study: optuna.Study, value: float) -> int | None:
    """Runs a trial that reports `value` after each chunk; the step at which it was pruned."""
    trial = study.ask()
    for step in REPORTS:
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return step
    study.tell(trial, value)
    return None


def after(study: optuna.Study, values: Sequence[float]) -> optuna.Study:
    for value in values:
        run(study, value)
    return study


@pytest.mark.parametrize("name", [name for name in PRUNERS if name not in ("none", "hyperband")])
def test_a_hopeless_trial_is_pruned_when_the_warm_up_is_over(name: str) -> None:
    assert run(after(study_with(name), [1.0] * 6), 100.0) == 2 * CHUNK


@pytest.mark.parametrize("name", PRUNERS)
def test_a_trial_better_than_all_before_runs_to_its_end(name: str) -> None:
    assert run(after(study_with(name), [5.0, 4.0, 3.0, 2.0]), 1.0) is None


def test_none_prunes_nothing() -> None:
    assert run(after(study_with("none"), [1.0] * 6), 100.0) is None


@pytest.mark.parametrize("name", ["median", "percentile"])
def test_nothing_is_pruned_before_the_start_up_trials_are_done(name: str) -> None:
    assert run(after(study_with(name, startup=4), [1.0] * 3), 100.0) is None
    assert run(after(study_with(name, startup=4), [1.0] * 4), 100.0) == 2 * CHUNK


def test_a_percentile_prunes_all_but_the_best_part() -> None:
    """A quarter of 1 … 4 lies below 1.75, half below 2.5."""
    assert run(after(study_with("none"), []), 2.0) is None
    values = [4.0, 3.0, 2.0, 1.0]
    for percentile, value, step in [(25, 1.7, None), (25, 1.8, 2 * CHUNK), (75, 3.2, None)]:
        study = study_with("percentile", startup=4, percentile=percentile)
        assert run(after(study, values), value) == step
    assert run(after(study_with("median", startup=4), values), 2.4) is None
    assert run(after(study_with("median", startup=4), values), 2.6) == 2 * CHUNK


def test_hyperband_prunes_hopeless_trials_in_some_bracket_after_the_warm_up() -> None:
    study = after(study_with("hyperband", warmup=1), [1.0] * 12)
    steps = [run(study, 100.0 + index) for index in range(12)]
    assert any(step is not None for step in steps)


@pytest.mark.parametrize("name", PRUNERS)
def test_a_warm_up_of_no_chunk_is_possible(name: str) -> None:
    study = after(study_with(name, warmup=0), [1.0] * 12)
    steps = [run(study, 100.0 + index) for index in range(8)]
    assert any(step is not None for step in steps) == (name != "none")
