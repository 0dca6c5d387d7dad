"""Members that leave the finite numbers: a failed trial with its reason, and nothing else."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from normsweep.cli.answers import print_answer
from normsweep.errors import UserError
from normsweep.export.again import score_config, train_config
from normsweep.export.configs import best_config, trial_config
from normsweep.study.progress import unwatched
from normsweep.verdict.answers import answer

ABSURD = 1e30


def test_a_member_that_turns_non_finite_fails_its_trial_and_tells_why(
    run, make_spec, query, database
) -> None:
    rates = [2e-4, ABSURD]
    study = run(make_spec(train__discriminator_learning_rate=rates, study__trials=12)).study
    absurd = [
        trial
        for trial in study.get_trials()
        if trial.params.get("train.discriminator_learning_rate") == ABSURD
    ]
    assert len(absurd) == 6
    for trial in absurd:
        assert trial.state == TrialState.FAIL
        assert trial.value is None
        assert "not finite by step 10 on fold 0, 1" in trial.user_attrs["reason"]
        rows = "select count(*) from sweep_measurements where trial_id = ?"
        assert query(database, rows, trial._trial_id) == [(0,)]
    assert set(answer(study).failures) == {trial.number for trial in absurd}


def test_the_neighbours_of_a_failing_member_keep_every_bit(example, run, make_spec) -> None:
    """Six failing trials among six others, against the same six without them."""

    def scores(study) -> dict[tuple[str, float], list[float]]:
        return {
            (trial.params["penalty.target"], trial.params["penalty.strength"]): [
                *trial.intermediate_values.values(),
                *trial.user_attrs["result"]["fold_scores"],
            ]
            for trial in study.get_trials()[1:]
            if trial.state == TrialState.COMPLETE
        }

    rates = [2e-4, ABSURD]
    mixed = run(make_spec(train__discriminator_learning_rate=rates, study__trials=12)).study
    assert len(scores(mixed)) == 6
    assert scores(mixed) == scores(example.study)


def test_samples_that_overflow_from_finite_weights_fail_their_trial_too(run, make_spec) -> None:
    spec = make_spec(
        model__generator_output="linear",
        # One step to a chunk: the weights are large and finite when the first samples are drawn.
        train__steps=4,
        train__generator_learning_rate=[2e-4, ABSURD],
        penalty__strength=1e-3,
        penalty__target="both",
        study__slots=1,
        study__trials=2,
    )
    states = {
        trial.params.get("train.generator_learning_rate", "baseline"): trial.state
        for trial in run(spec).study.get_trials()
    }
    complete, fail = TrialState.COMPLETE, TrialState.FAIL
    assert states == {"baseline": complete, 2e-4: complete, ABSURD: fail}


def test_a_study_of_failures_only_ends_and_answers(run, make_spec, example, capsys) -> None:
    launched = run(make_spec(train__discriminator_learning_rate=ABSURD))
    assert launched.done
    found = answer(launched.study)
    assert (found.best, found.baseline, found.difference) == (None, None, None)
    assert found.ranking == ()
    assert found.best_per_target == {}
    assert found.counts["fail"] == 7
    assert list(found.failures) == list(range(7))
    hint = "Fewer fail at lower learning rates or strengths; all reasons:  sweep show small"
    print_answer(found, "sqlite:///other.db")
    assert f"{hint} --storage sqlite:///other.db --json\n" in capsys.readouterr().out
    print_answer(answer(example.study), None)
    assert hint not in capsys.readouterr().out
    with pytest.raises(UserError, match="no completed trial"):
        best_config(launched.study)
    with pytest.raises(UserError, match="--trial 3: is FAIL"):
        trial_config(launched.study, 3)


def test_what_a_plug_in_says_is_printed_as_it_is_brackets_and_all(example, capsys) -> None:
    found = answer(example.study)
    assert found.best is not None
    kinds = ("forms/[a]/x.py:f", "forms/[/b]/x.py:g")
    told = replace(
        found,
        failures={1: "ValueError: no weight [kernel]", 2: "KeyError: [/x]"},
        warnings=("of [kernel] and [/x]",),
        ranking=(replace(found.best, parameters={"penalty.form": kinds[1]}),),
        best_per_kind=dict.fromkeys(kinds, found.best),
        trials_per_kind=Counter(kinds),
    )
    print_answer(told, None)
    said = capsys.readouterr().out
    assert "trial 1 failed: ValueError: no weight [kernel]\n" in said
    assert "trial 2 failed: KeyError: [/x]\n" in said
    assert "warning: of [kernel] and [/x]\n" in said
    assert f"form = {kinds[1]}" in said
    assert all(said.count(kind) >= 1 for kind in kinds)


def test_a_failing_baseline_leaves_the_ranking_without_a_comparison(run, make_spec) -> None:
    # A baseline takes the first of some choices.
    rates = [ABSURD, 2e-4]
    found = answer(run(make_spec(train__discriminator_learning_rate=rates)).study)
    assert found.baseline is None
    assert found.best is not None
    assert found.difference is None
    assert 0 in found.failures


@pytest.mark.parametrize("rerun", [score_config, lambda config: train_config(config.spec)])
def test_a_config_that_does_not_stay_finite_is_refused_by_name(example, rerun) -> None:
    config = trial_config(example.study, 1)
    spec = config.spec.with_values({"train.discriminator_learning_rate": ABSURD})
    with pytest.raises(UserError, match=r"does not train: .* not finite by step 10"):
        rerun(type(config)(spec, {}))


FRAGILE = '''
from pathlib import Path

import jax
import jax.numpy as jnp


def weight():
    """Of a file beside this one, read whenever the penalty is compiled."""
    return float(Path(__file__).with_name("weight.txt").read_text())


def ridge(params, strength):
    return weight() * strength * sum(jnp.sum(w * w) for w in jax.tree.leaves(params))

'''


def test_a_plug_in_that_raises_fails_its_own_trials_with_the_reason(
    run, make_spec, tmp_path
) -> None:
    (tmp_path / "mine.py").write_text(FRAGILE, encoding="utf-8")
    weight = tmp_path / "weight.txt"
    spec = make_spec(
        penalty__form=["group", f"{tmp_path / 'mine.py'}:ridge"],
        penalty__order=None,
        penalty__target="both",
        train__steps=12,
    )

    def study(watch: Any, url: str) -> dict[int, FrozenTrial]:
        weight.write_text("1.0", encoding="utf-8")
        trials = run(spec, url=url, watch=watch).study.get_trials()
        return {trial.number: trial for trial in trials}

    broken = study(lambda _: weight.unlink(missing_ok=True), f"sqlite:///{tmp_path}/broken.db")
    whole = study(unwatched, f"sqlite:///{tmp_path}/whole.db")
    own = [n for n, trial in whole.items() if "mine.py" in trial.params.get("penalty.form", "")]
    assert len(own) == 2
    for number, trial in broken.items():
        if number in own:
            assert trial.state == TrialState.FAIL
            assert trial.user_attrs["reason"].startswith("mine.py, line")
            assert "FileNotFoundError" in trial.user_attrs["reason"]
        else:
            assert trial.value == whole[number].value
            assert trial.intermediate_values == whole[number].intermediate_values
            assert trial.user_attrs["result"] == whole[number].user_attrs["result"]
