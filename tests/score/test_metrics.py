"""Studies by other metrics than the FID: which way is better, two at once, and what is recorded."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import StudyDirection

from normsweep.cli.answers import print_answer
from normsweep.cli.as_json import answer_as_json
from normsweep.errors import UserError
from normsweep.export.again import score_config
from normsweep.export.configs import best_config, trial_config
from normsweep.spec.config import read_config, render
from normsweep.storage import open_storage
from normsweep.study.overview import overview
from normsweep.verdict.answers import answer
from normsweep.worker.launch import launch

STEPS = (10, 20, 30, 40)


class Scored:
    """A finished study of the small spec by some metric."""

    def __init__(self, spec: Any, url: str) -> None:
        self.storage = open_storage(url, create=True)
        self.spec = spec
        self.study = launch(spec, self.storage).study
        self.trials = self.study.get_trials()

    def curve(self, trial: optuna.trial.FrozenTrial, name: str) -> np.ndarray:
        """A number of a trial as [chunks, folds], read with plain SQL."""
        text = "select fid, others from sweep_measurements where trial_id = ? order by step, fold"
        with self.storage.engine.connect() as connection:
            rows = connection.exec_driver_sql(text, (trial._trial_id,)).fetchall()
        values = [fid if name == "fid" else json.loads(others)[name] for fid, others in rows]
        return np.array(values).reshape(len(STEPS), -1)


@pytest.fixture(scope="module")
def study_by(make_spec, tmp_path_factory) -> Iterator[Callable[..., Scored]]:
    """Launches a study once for all tests that ask for it."""
    made: dict[str, Scored] = {}

    def study_by(metric: str, **score: Any) -> Scored:
        name = str((metric, score))
        if name not in made:
            changes = {f"score__{field}": value for field, value in score.items()}
            url = f"sqlite:///{tmp_path_factory.mktemp('metric') / 'studies.db'}"
            made[name] = Scored(make_spec(score__metric=metric, **changes), url)
        return made[name]

    yield study_by
    for entry in made.values():
        entry.storage.engine.dispose()


def check_bits(study: optuna.Study, number: int, folder: Any) -> None:
    """An exported config scores again what it scored in the study."""
    file = folder / "config.toml"
    file.write_text(render([trial_config(study, number)], "toml"), encoding="utf-8")
    found = score_config(read_config(file))
    result = study.get_trials()[number].user_attrs["result"]
    assert found.identical is True
    assert list(found.fold_scores) == result["fold_scores"]
    assert list(found.second_fold_scores) == result.get("second_fold_scores", [])
    assert found.step == result["step"]


def coverage(study_by: Callable[..., Scored]) -> Scored:
    return study_by("coverage", record=["copying", "density"], at="best")


def test_coverage_is_maximised_and_scored_at_its_best_chunk(study_by) -> None:
    made = coverage(study_by)
    assert made.study.direction == StudyDirection.MAXIMIZE
    assert made.study.metric_names == ["coverage (mean over folds)"]
    for trial in made.trials:
        means = made.curve(trial, "coverage").mean(axis=1)
        assert trial.value == pytest.approx(means.max(), rel=1e-14)
        assert trial.user_attrs["result"]["step"] == STEPS[int(np.argmax(means))]
        assert list(trial.intermediate_values.values()) == pytest.approx(means, rel=1e-14)
    assert len({trial.value for trial in made.trials}) > 1, "the test shows nothing"


def test_the_highest_coverage_is_the_best(study_by, tmp_path) -> None:
    made = coverage(study_by)
    found = answer(made.study)
    values = [trial.value for trial in made.trials[1:]]
    assert [entry.score for entry in found.ranking] == pytest.approx(sorted(values, reverse=True))
    assert overview(made.storage)[0].best == max(values)
    assert best_config(made.study).provenance["score"] == pytest.approx(max(values))
    worse = "no searched config scores better than the baseline" in found.warnings
    assert worse == (made.trials[0].value >= max(values))
    assert found.best is not None
    check_bits(made.study, found.best.number, tmp_path)


def test_an_answer_by_coverage_can_be_printed_with_a_baseline_of_zero(study_by, capsys) -> None:
    found = answer(coverage(study_by).study)
    print_answer(found, None)
    assert found.baseline is not None
    object.__setattr__(found.baseline, "score", 0.0)
    print_answer(found, None)
    first, second = capsys.readouterr().out.split("Against the baseline: ")[1:]
    assert "coverage" in first
    assert "× its score" not in second.splitlines()[0]


def test_the_launch_tells_the_highest_coverage_so_far(run, make_spec) -> None:
    heard: list[Any] = []
    study = run(make_spec(score__metric="coverage", study__trials=3), watch=heard.append).study
    trials = study.get_trials()
    best = max(trials[1:], key=lambda trial: (trial.value, -trial.number))
    assert (heard[-1].best_score, heard[-1].best_number) == (best.value, best.number)
    assert heard[-1].baseline_score == trials[0].value


def test_copying_is_best_at_0_from_either_side(study_by, tmp_path) -> None:
    made = study_by("copying")
    assert made.study.direction == StudyDirection.MINIMIZE
    stored = []
    for trial in made.trials:
        last = made.curve(trial, "copying")[-1]
        stored.extend(last)
        assert trial.value == pytest.approx(np.abs(last).mean(), rel=1e-14)
        assert trial.user_attrs["result"]["fold_scores"] == np.abs(last).tolist()
    assert min(trial.value for trial in made.trials) >= 0
    found = answer(made.study)
    assert [entry.score for entry in found.ranking] == pytest.approx(
        sorted(trial.value for trial in made.trials[1:])
    )
    check_bits(made.study, made.study.best_trial.number, tmp_path)


def test_what_is_recorded_beside_the_score_is_stored_and_changes_no_score(
    study_by, example
) -> None:
    made = study_by("fid", record=["coverage", "copying"])
    plain = [trial.user_attrs["result"]["fold_scores"] for trial in example.study.get_trials()]
    assert [trial.user_attrs["result"]["fold_scores"] for trial in made.trials] == plain
    # The same trials by another metric measured the same.
    other = coverage(study_by)
    for trial, twin in zip(made.trials, other.trials, strict=True):
        assert trial.params == twin.params
        for name in ("coverage", "copying"):
            assert np.array_equal(made.curve(trial, name), other.curve(twin, name))
        assert np.isfinite(made.curve(trial, "copying")).all()


def test_the_answer_tells_the_means_over_folds_of_what_is_recorded(study_by) -> None:
    made = coverage(study_by)
    for entry in answer(made.study).ranking:
        for name in ("copying", "density"):
            chunk = made.curve(made.trials[entry.number], name)[STEPS.index(entry.step)]
            assert entry.recorded[name] == pytest.approx(chunk.mean(), rel=1e-14)
    told = answer_as_json(answer(made.study))["best"]["recorded"]
    assert {"copying", "density"} <= told.keys()


def test_what_is_recorded_survives_the_export_and_is_measured_again(study_by, tmp_path) -> None:
    made = study_by("fid", record=["coverage", "copying"])
    trial = made.trials[1]
    for form in ("toml", "json", "yaml"):
        file = tmp_path / f"config.{form}"
        file.write_text(render([trial_config(made.study, 1)], form), encoding="utf-8")
        assert read_config(file).spec.score.record == ("coverage", "copying")
    rows = score_config(read_config(file)).measurements
    for name in ("coverage", "copying"):
        again = np.array([row.value(name) for row in rows]).reshape(len(STEPS), -1)
        assert np.array_equal(again, made.curve(trial, name))


def pareto(study_by: Callable[..., Scored]) -> Scored:
    return study_by("fid", second="recall")


def test_with_two_metrics_the_study_has_two_directions_and_two_values(study_by) -> None:
    made = pareto(study_by)
    assert made.study.directions == [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE]
    for trial in made.trials:
        fid, recall = (made.curve(trial, name)[-1] for name in ("fid", "recall"))
        assert trial.values == pytest.approx([fid.mean(), recall.mean()], rel=1e-14)
        assert trial.intermediate_values == {}
        result = trial.user_attrs["result"]
        assert result["fold_scores"] == fid.tolist()
        assert result["second_fold_scores"] == recall.tolist()


def test_the_front_is_of_the_trials_that_no_other_beats_in_both(study_by) -> None:
    made = pareto(study_by)
    values = {trial.number: trial.values for trial in made.trials[1:]}

    def beaten(number: int) -> bool:
        fid, recall = values[number]
        return any(
            other[0] <= fid and other[1] >= recall and other != values[number]
            for other in values.values()
        )

    found = answer(made.study)
    wanted = [number for number in values if not beaten(number)]
    assert [entry.number for entry in found.front] == sorted(wanted, key=values.__getitem__)
    assert [entry.second for entry in found.ranking] == pytest.approx(
        [values[entry.number][1] for entry in found.ranking]
    )
    assert [entry.score for entry in found.ranking] == pytest.approx(
        sorted(value[0] for value in values.values())
    )
    told = answer_as_json(found)
    assert told["second_metric"] == "recall"
    assert [entry["trial"] for entry in told["front"]] == [e.number for e in found.front]
    folds = made.trials[found.ranking[0].number].user_attrs["result"]["second_fold_scores"]
    assert told["ranking"][0]["second_fold_scores"] == folds


def test_a_study_of_two_metrics_is_listed_by_the_first(study_by) -> None:
    made = pareto(study_by)
    (listed,) = overview(made.storage)
    assert listed.complete == 7
    assert listed.metrics == ("fid", "recall")
    assert listed.best == min(trial.values[0] for trial in made.trials[1:])
    assert listed.baseline == made.trials[0].values[0]


def test_the_front_is_shown(study_by, capsys) -> None:
    found = answer(pareto(study_by).study)
    print_answer(found, None)
    shown = capsys.readouterr().out.split("Pareto front: no trial is better in both")[1]
    rows = [line.split() for line in shown.split("\n\n")[0].splitlines()]
    numbers = [int(row[0]) for row in rows if row and row[0].isdecimal()]
    assert numbers == [entry.number for entry in found.front]


def test_a_trial_of_two_metrics_scores_the_same_again(study_by, tmp_path) -> None:
    made = pareto(study_by)
    check_bits(made.study, answer(made.study).front[-1].number, tmp_path)


def test_an_export_of_two_metrics_has_the_scores_of_both_and_all_must_be_the_same(
    study_by,
) -> None:
    made = pareto(study_by)
    config = trial_config(made.study, 1)
    told = config.provenance
    assert told["second_fold_scores"] == made.curve(made.trials[1], "recall")[-1].tolist()
    assert told["second_score"] == made.trials[1].values[1]
    found = score_config(config)
    assert found.second_score == told["second_score"]
    first, *others = told["second_fold_scores"]
    nudged = told | {"second_fold_scores": [float(np.nextafter(first, 2)), *others]}
    assert score_config(replace(config, provenance=nudged)).identical is False
    earlier = {k: v for k, v in told.items() if not k.startswith("second")}
    assert score_config(replace(config, provenance=earlier)).identical is True


def test_a_stopped_study_of_two_metrics_goes_on(study_by, run) -> None:
    made = pareto(study_by)
    assert not run(made.spec, chunks=5).done
    again = run(made.spec)
    assert again.done
    found = [(t.values, t.params, t.user_attrs["result"]) for t in again.study.get_trials()]
    assert found == [(t.values, t.params, t.user_attrs["result"]) for t in made.trials]


def test_another_direction_of_a_stored_study_is_another_spec(study_by) -> None:
    made = study_by("copying")
    spec = made.spec.with_values({"score.metric": "recall"})
    with pytest.raises(UserError, match=r"score\.metric: in the study copying, now recall"):
        launch(spec, made.storage)
