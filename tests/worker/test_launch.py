"""A launch from beginning to end: what is in the database afterwards, and that it is right."""

import functools
import itertools
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optuna
import pytest
import scipy.linalg
from optuna.trial import TrialState

from normsweep.data import load_dataset, plan_folds
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.models.data import Data
from normsweep.models.member import MemberState, init, member_key
from normsweep.models.training import sample, train_chunk
from normsweep.verdict.answers import answer

ROWS = "select fold, step, fid, kid from sweep_measurements where trial_id = ? order by step, fold"
STEPS = (10, 20, 30, 40)


def curve(query: Any, path: Any, trial: optuna.trial.FrozenTrial, column: int = 2) -> np.ndarray:
    """Scores of a trial as [chunks, folds], from the table alone."""
    rows = query(path, ROWS, trial._trial_id)
    return np.array([row[column] for row in rows]).reshape(len(STEPS), -1)


def test_a_study_holds_one_baseline_and_as_many_trials_as_asked_for(example) -> None:
    trials = example.study.get_trials()
    assert example.launched.done
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 7
    roles = [trial.user_attrs["role"] for trial in trials]
    assert roles == ["baseline"] + ["search"] * 6


def test_the_baseline_is_the_same_config_without_a_penalty(example) -> None:
    baseline, other = example.study.get_trials()[:2]
    assert not any(path.startswith("penalty") for path in baseline.params)
    config, compared = baseline.user_attrs["config"], other.user_attrs["config"]
    assert config["penalty"]["form"] == "none"
    assert not {"strength", "order", "l1", "l2"} & config["penalty"].keys()
    sections = ("data", "model", "train", "score")
    assert [config[name] for name in sections] == [compared[name] for name in sections]


def test_a_baseline_takes_the_middle_of_what_is_searched_beside_the_penalty(run, make_spec) -> None:
    spec = make_spec(
        study__sampler="random",
        study__trials=1,
        train__generator_learning_rate={"low": 1e-4, "high": 1e-2, "log": True},
        train__beta1={"low": 0.1, "high": 0.7},
        penalty__strength=1e-3,
    )
    baseline = run(spec).study.get_trials()[0]
    train = baseline.user_attrs["config"]["train"]
    assert train["generator_learning_rate"] == pytest.approx(1e-3)
    assert train["beta1"] == pytest.approx(0.4)


def test_every_point_of_a_grid_is_run_once(example) -> None:
    points = [
        (trial.params["penalty.strength"], trial.params["penalty.target"])
        for trial in example.study.get_trials()[1:]
    ]
    wanted = itertools.product((1e-4, 1e-1), ("generator", "discriminator", "both"))
    assert sorted(points) == sorted(wanted)


def test_there_is_one_row_of_measurements_for_each_trial_fold_and_step(example, query) -> None:
    found = query(example.path, "select trial_id, fold, step from sweep_measurements")
    ids = [trial._trial_id for trial in example.study.get_trials()]
    assert sorted(found) == sorted(itertools.product(ids, range(2), STEPS))


def test_a_score_at_the_final_chunk_is_the_mean_of_its_rows_over_folds(example, query) -> None:
    for trial in example.study.get_trials():
        fid = curve(query, example.path, trial)
        assert trial.value == pytest.approx(fid[-1].mean(), rel=1e-14)
        assert trial.user_attrs["result"]["fold_scores"] == fid[-1].tolist()
        assert trial.user_attrs["result"]["step"] == 40
        spread = np.abs(fid[-1, 0] - fid[-1, 1]) / 2
        assert trial.user_attrs["result"]["standard_error"] == pytest.approx(spread)


def test_a_score_at_the_best_chunk_is_the_lowest_of_the_fold_means(
    run, make_spec, query, database
) -> None:
    study = run(make_spec(score__at="best", train__generator_learning_rate=[2e-4, 5e-3])).study
    chosen = set()
    for trial in study.get_trials():
        fid = curve(query, database, trial)
        best = int(np.argmin(fid.mean(axis=1)))
        chosen.add(best)
        assert trial.value == pytest.approx(fid.mean(axis=1)[best], rel=1e-14)
        assert trial.user_attrs["result"]["fold_scores"] == fid[best].tolist()
        assert trial.user_attrs["result"]["step"] == STEPS[best]
    assert len(chosen) > 1, "the same chunk was best for all: the test shows nothing"


def test_the_metric_of_the_spec_is_the_one_that_scores(run, make_spec, query, database) -> None:
    study = run(make_spec(score__metric="kid", study__trials=2)).study
    for trial in study.get_trials():
        kid = curve(query, database, trial, column=3)
        assert trial.value == pytest.approx(kid[-1].mean(), rel=1e-14)


def test_a_trial_reports_the_fold_mean_after_each_chunk(example, query) -> None:
    for trial in example.study.get_trials():
        means = curve(query, example.path, trial).mean(axis=1)
        assert tuple(trial.intermediate_values) == STEPS
        assert list(trial.intermediate_values.values()) == pytest.approx(means, rel=1e-14)


def test_a_trials_score_is_that_of_a_gan_trained_alone(example, make_spec) -> None:
    """Data, folds and training step are ours; loop, features and distance are written anew here."""
    spec = example.spec
    trial = next(
        trial
        for trial in example.study.get_trials()[1:]
        if trial.params == {"penalty.strength": 1e-1, "penalty.target": "both"}
    )
    config = make_spec(penalty__strength=1e-1, penalty__target="both")
    data = load_dataset("digits", limit=200)
    images = jnp.asarray(data.images)
    plan = plan_folds(data.labels, 200, folds=2, feature_share=0.3, seed=0)
    program = program_of(config, (8, 8, 1), 70)
    hyperparameters = hyperparameters_of(config)
    aside = data.images[plan.feature_indices].reshape(60, 64).astype(np.float64)
    centre = aside.mean(axis=0)
    axes = np.linalg.svd(aside - centre, full_matrices=False)[2][:8].T

    # It need not run fast, and compiles faster so.
    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def train(state: MemberState, rows: jax.Array, key: jax.Array) -> MemberState:
        data = Data(images, rows, jnp.asarray(plan.feature_indices))
        return train_chunk(program, state, hyperparameters, data, key)[0]

    for fold in range(2):
        key = member_key(spec.study.seed, fold)
        state = init(program, hyperparameters, key)
        for _ in STEPS:
            state = train(state, plan.train[fold], key)
        fake = np.asarray(sample(program, state, hyperparameters, data, key, 70)).reshape(70, 64)
        real = data.images[plan.held_out[fold]].reshape(70, 64)
        a, b = ((x.astype(np.float64) - centre) @ axes for x in (fake, real))
        cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        root = scipy.linalg.sqrtm(cov_a @ cov_b).real
        shift = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
        wanted = shift + np.trace(cov_a + cov_b - 2 * root)
        assert trial.user_attrs["result"]["fold_scores"][fold] == pytest.approx(wanted, rel=1e-4)


def test_equal_seeds_give_equal_scores_to_the_bit_in_two_storages(
    example, run, make_spec, outcome
) -> None:
    assert outcome(run(make_spec()).study) == outcome(example.study)


def test_another_seed_gives_other_scores(example, run, make_spec) -> None:
    other = run(make_spec(study__seed=4, study__trials=1)).study.get_trials()[0]
    assert other.value != example.study.get_trials()[0].value


def test_the_number_of_slots_changes_no_bit_of_a_grid(example, run, make_spec, outcome) -> None:
    found = outcome(run(make_spec(study__slots=1)).study)
    wanted = outcome(example.study)
    for entries in (found, wanted):
        for entry in entries:
            del entry[6]["study"]["slots"]
    assert found == wanted


def test_a_finished_study_launched_again_runs_nothing(
    example, copied_example, run, outcome, query
) -> None:
    def rows() -> list[Any]:
        return query(copied_example, "select * from sweep_measurements order by 1, 2, 3")

    before, heard = rows(), []
    again = run(example.spec, watch=heard.append)
    assert again.done
    assert again.training_seconds == 0
    assert [progress.running for progress in heard] == [0]
    assert outcome(again.study) == outcome(example.study)
    assert rows() == before


def test_fewer_trials_than_there_are_run_nothing_either(
    example, copied_example, run, make_spec, outcome
) -> None:
    again = run(make_spec(study__trials=2))
    assert again.done
    assert outcome(again.study) == outcome(example.study)


@pytest.mark.parametrize("sampler", ["grid", "tpe", "random", "qmc"])
def test_more_trials_go_on_from_those_there_are(run, make_spec, outcome, sampler) -> None:
    order = {"low": 1.0, "high": 2.0, "step": 0.5}
    changes = {"study__sampler": sampler, "penalty__order": order}
    few = outcome(run(make_spec(study__trials=2, **changes)).study)
    many = outcome(run(make_spec(study__trials=4, **changes)).study)
    assert len(few) == 3
    assert len(many) == 5
    assert many[:3] == few
    assert {entry[1] for entry in many} == {"COMPLETE"}


def test_a_grid_asked_for_more_trials_than_it_has_points_ends_with_its_points(
    example, run, make_spec
) -> None:
    launched = run(make_spec(study__trials=50))
    assert launched.done
    assert len(launched.study.get_trials()) == 7


def test_no_time_at_all_trains_nothing_and_leaves_nothing_running(run, make_spec) -> None:
    launched = run(make_spec(), timeout=1e-9)
    assert not launched.done
    assert launched.training_seconds == 0
    states = {trial.state for trial in launched.study.get_trials()}
    assert states == {TrialState.WAITING}


def test_a_timeout_ends_after_the_running_chunk_and_a_later_launch_goes_on(
    example, run, make_spec, outcome, monkeypatch
) -> None:
    ticks = itertools.count()
    with monkeypatch.context() as patched:
        clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))
        patched.setattr("normsweep.worker.launch.time", clock)
        first = run(make_spec(), timeout=15)
    assert not first.done
    states = [trial.state for trial in first.study.get_trials()]
    assert TrialState.RUNNING not in states
    assert 0 < states.count(TrialState.COMPLETE) < 7
    second = run(make_spec(), timeout=600)
    assert second.done
    assert outcome(second.study) == outcome(example.study)


def test_optuna_itself_finds_the_best_of_ours_and_the_baseline(example) -> None:
    loaded = optuna.load_study(study_name="small", storage=example.url)
    found = answer(example.study)
    assert found.best is not None
    assert found.baseline is not None
    best = min((found.best, found.baseline), key=lambda entry: entry.score)
    assert loaded.best_trial.number == best.number
    assert loaded.best_value == pytest.approx(best.score, rel=1e-14)
    assert loaded.best_value == min(trial.value for trial in loaded.get_trials())
    loaded._storage._backend.engine.dispose()


def test_progress_counts_up_to_the_whole_and_tells_best_and_baseline(run, make_spec) -> None:
    heard: list[Any] = []
    study = run(make_spec(), watch=heard.append).study
    assert [progress.total for progress in heard] == [7] * len(heard)
    finished = [progress.finished for progress in heard]
    assert finished == sorted(finished)
    assert (finished[0], finished[-1]) == (0, 7)
    assert all(progress.running <= 3 for progress in heard)
    last, trials = heard[-1], study.get_trials()
    assert last.running == 0
    assert last.remaining == 0
    assert last.baseline_score == trials[0].value
    assert last.best_score == min(trial.value for trial in trials[1:])
    assert trials[last.best_number].value == last.best_score
