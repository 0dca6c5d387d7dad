"""An exported config scored again: the same bits, or a word on what differs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from optuna.trial import TrialState

from normsweep.export.again import score_config
from normsweep.export.configs import best_config, trial_config
from normsweep.spec.config import read_config, render


def test_the_best_config_scores_the_same_to_the_bit_after_its_way_through_a_file(
    example, tmp_path, query
) -> None:
    file = tmp_path / "best.toml"
    file.write_text(render([best_config(example.study)], "toml"))
    config = read_config(file)
    found = score_config(config)
    trial = example.study.get_trials()[config.provenance["trial"]]
    assert found.identical is True
    assert found.differences == ()
    assert list(found.fold_scores) == trial.user_attrs["result"]["fold_scores"]
    assert found.score == trial.value
    rows = query(
        example.path,
        "select fold, step, fid, kid, others from sweep_measurements "
        "where trial_id = ? order by step, fold",
        trial._trial_id,
    )
    assert [(*row, json.loads(others)) for *row, others in rows] == [
        (
            row.fold,
            row.step,
            row.fid,
            row.kid,
            {f"{player}_loss": loss for player, loss in row.losses.items()} | row.others,
        )
        for row in found.measurements
    ]


def test_every_trial_of_a_study_scores_the_same_again_the_baseline_included(example) -> None:
    for trial in example.study.get_trials():
        found = score_config(trial_config(example.study, trial.number))
        assert found.identical is True
        assert list(found.fold_scores) == trial.user_attrs["result"]["fold_scores"]


def test_a_pruned_trial_scores_the_same_at_the_chunk_where_it_was_pruned(run, make_spec) -> None:
    spec = make_spec(study__pruner="median", study__slots=1, study__startup_trials=2)
    study = run(spec).study
    pruned = [trial for trial in study.get_trials() if trial.state == TrialState.PRUNED]
    assert pruned
    for trial in pruned[:2]:
        found = score_config(trial_config(study, trial.number))
        assert found.identical is True
        assert found.step == trial.last_step < 40
        assert found.score == trial.intermediate_values[trial.last_step]


def test_a_score_at_the_best_chunk_is_the_same_again_and_at_the_same_step(run, make_spec) -> None:
    study = run(make_spec(score__at="best", study__trials=3)).study
    steps = set()
    for trial in study.get_trials():
        found = score_config(trial_config(study, trial.number))
        assert found.identical is True
        assert found.score == trial.value == min(trial.intermediate_values.values())
        steps.add(found.step)
    assert steps != {40}


def test_another_seed_is_another_score_and_says_so(example) -> None:
    config = best_config(example.study)
    found = score_config(config, seed=11)
    assert found.seed == 11
    assert found.identical is None
    assert found.differences == ("seed: 11 here, 3 in the study",)
    assert list(found.fold_scores) != config.provenance["fold_scores"]
    again = score_config(config, seed=11)
    assert again.fold_scores == found.fold_scores


def test_a_score_in_the_file_that_is_not_the_one_trained_is_not_identical(example) -> None:
    config = best_config(example.study)
    first, *others = config.provenance["fold_scores"]
    nudged = [float(np.nextafter(first, 0)), *others]
    assert (
        score_config(
            replace(config, provenance=config.provenance | {"fold_scores": nudged})
        ).identical
        is False
    )


@pytest.mark.parametrize(
    ("table", "name", "told"),
    [
        ("fingerprints", "data", "data fingerprint"),
        ("fingerprints", "features", "features fingerprint"),
        ("fingerprints", "folds", "folds fingerprint"),
        ("versions", "jax", "jax"),
        ("versions", "gone", "gone: absent here"),
    ],
)
def test_a_differing_origin_is_told_by_name(example, table: str, name: str, told: str) -> None:
    config = best_config(example.study)
    tampered = config.provenance | {table: config.provenance[table] | {name: "another"}}
    found = score_config(replace(config, provenance=tampered))
    assert found.identical is True
    assert len(found.differences) == 1
    assert found.differences[0].startswith(told)
    assert found.differences[0].endswith("another in the study")


def test_a_step_that_is_no_end_of_a_chunk_is_passed_over(example) -> None:
    config = best_config(example.study)
    for step in (5, 0, -10, 50, "10", [10], None):
        found = score_config(replace(config, provenance=config.provenance | {"step": step}))
        assert found.step == 40
        assert found.identical is True


def test_a_config_without_an_origin_is_scored_and_claims_nothing(example) -> None:
    config = best_config(example.study)
    found = score_config(replace(config, provenance={}))
    assert found.identical is None
    assert found.differences == ()
    assert list(found.fold_scores) == config.provenance["fold_scores"]


def test_progress_is_told_after_each_chunk(example) -> None:
    heard: list[tuple[int, int]] = []
    score_config(best_config(example.study), watch=lambda *steps: heard.append(steps))
    assert heard == [(10, 40), (20, 40), (30, 40), (40, 40)]
