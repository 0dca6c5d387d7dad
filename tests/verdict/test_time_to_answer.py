"""The measurement of the time to a confirmed answer measures what it says."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import optuna
import pytest

from bench import answer
from bench.answer import (
    RECORD,
    Run,
    Target,
    expected_running_time,
    judged,
    measure,
    read_runs,
    rows_of,
    run,
    target_of,
)
from bench.contestants import (
    CASES,
    CONTESTANTS,
    SEARCHED,
    by_script,
    fresh,
    spec_of,
    trained,
)
from bench.peers import BASELINE, Begin, Config, Settings, TrainFold
from normsweep import UserError
from normsweep.engine.population import Chunk
from normsweep.score.influence import image_influences
from normsweep.score.setup import prepare
from normsweep.spec import Spec

TINY = {
    "study.trials": 2,
    "study.slots": 2,
    "data.limit": 300,
    "model.latent": 8,
    "model.generator_hidden": [16],
    "model.discriminator_hidden": [16],
    "train.steps": 8,
    "train.chunks": 2,
    "score.folds": 2,
    "score.features": "pca",
    "score.dimension": 8,
    "score.record": [],
    "confirm.seeds": 3,
    "confirm.holdout": 0.0,
}
PARAMETERS = {"penalty.strength": 1e-3, "penalty.order": 1.5, "penalty.target": "both"}
TARGET = Target(1.0, 0.1)


def tiny() -> Spec:
    return spec_of("digits", CONTESTANTS["sweep"], 1, None).with_values(TINY)


def a_run(contestant: str, seconds: float, referee: float | None, seed: int = 1) -> Run:
    found = Run("digits", contestant, seed, None, seconds, 2 * seconds, None, 0.5)
    return found if referee is None else replace(found, parameters=PARAMETERS, referee=referee)


def figures(runs: list[Run]) -> dict[str, str]:
    return {row["what"]: row["figure"] for row in rows_of("digits", runs, TARGET)}


def test_the_expected_running_time_is_that_of_beginning_anew_until_it_is_reached() -> None:
    # By its other definition: a success, after as many failures as there are to one on average.
    times, reached = np.array([10.0, 20, 30, 44]), np.array([True, False, False, True])
    share = reached.mean()
    expected = times[reached].mean() + (1 - share) / share * times[~reached].mean()
    assert expected_running_time(times.tolist(), reached.tolist()) == pytest.approx(expected)
    assert expected_running_time([10, 20], [False, False]) == np.inf


def test_the_target_is_one_standard_error_of_a_score_beyond_the_best() -> None:
    target = target_of(np.array([[1.0, 3], [2, 2]]))
    # Of two folds the standard error is half their distance.
    assert target == (2.0, pytest.approx(0.5))
    assert target.most == pytest.approx(2.5)


def test_a_contestant_s_time_is_told_as_a_multiple_of_ours() -> None:
    ours = [a_run("sweep", 10, 1.05), a_run("sweep", 30, 1.2, seed=2)]
    found = figures([*ours, a_run("flax", 100, 0.9)])
    assert found["time to a confirmed answer, digits: this tool from nothing"] == (
        "40 s  (80 s of the processor; 1 of 2 reached 1.10: 1.05, 1.20)"
    )
    assert found["this tool from nothing against Optuna + Flax NNX, digits"] == "2.5 ×"


def test_of_who_never_reached_it_only_a_bound_is_told() -> None:
    found = figures([a_run("sweep", 10, 1.0), a_run("torch", 60, 3.0), a_run("flax", 50, None)])
    assert found["this tool from nothing against Optuna + PyTorch eager, digits"] == "> 6.0 ×"
    assert found["this tool from nothing against Optuna + Flax NNX, digits"] == "> 5.0 ×"
    assert "> 50 s" in found["time to a confirmed answer, digits: Optuna + Flax NNX"]
    found = figures([a_run("sweep", 10, 2.0), a_run("flax", 50, 1.0)])
    assert "did not reach" in found["this tool from nothing against Optuna + Flax NNX, digits"]


def test_what_is_measured_is_not_measured_again_but_where_it_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def fake(case: str, name: str, seed: int, trials: int | None, cap: float | None) -> Run:
        made.append((name, seed, cap))
        found = {"parameters": PARAMETERS} if name == "sweep" or cap is None else {}
        return Run(case, name, seed, trials, 5.0, 9.0, cap, 0.0, **found)

    monkeypatch.setattr(answer, "target_for", lambda case: TARGET)
    monkeypatch.setattr(answer, "_prepared", lambda case: (None, None))
    asked = Namespace(
        cases=["digits"],
        seeds=[1],
        only=["sweep", "flax"],
        trials=None,
        cap=60.0,
        out=tmp_path / "runs.jsonl",
    )

    def again(**changes: object) -> list[dict[str, str]]:
        return measure(Namespace(**vars(asked) | changes), fake, lambda *_: np.array([[0.9, 1.1]]))

    again()
    again(cap=30.0)
    assert made == [("sweep", 1, 60.0), ("flax", 1, 60.0)]
    rows = again(cap=None)
    assert made[2:] == [("flax", 1, None)]
    assert rows[0]["figure"].startswith("5 s  (9 s of the processor; 1 of 1 reached 1.10: 1.00)")
    assert len(read_runs(asked.out)) == 2


def test_a_run_that_takes_too_long_is_ended_and_is_no_success() -> None:
    found = run("digits", "flax", 1, None, cap=0.01)
    assert (found.parameters, found.cap) == (None, 0.01)
    assert found.seconds > 0.01


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("flax", "torch")]


@pytest.mark.parametrize("name", ["sweep", *SLOW])
def test_each_contestant_comes_to_an_answer(name: str, tmp_path: Path) -> None:
    contestant = CONTESTANTS[name]
    if contestant.needs == "torch":
        pytest.importorskip("torch", reason="a peer needs torch")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # What is written for a peer is written for JAX as it comes.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        found = contestant.run(tiny(), tmp_path)
    assert tuple(found.parameters) == SEARCHED
    assert found.parameters["penalty.target"] in ("generator", "discriminator", "both")
    assert found.verdict in ("helps", "hurts", "unclear")
    assert found.score > 0 and found.baseline_score > 0
    assert found.seeds == 3


def test_a_script_confirms_the_best_of_its_search_and_looks_after_each_seed(
    tmp_path: Path,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = tiny().with_values({"study.trials": 9, "confirm.seeds": 5})
    chunks = []

    def trainer(images: np.ndarray, settings: Settings) -> Begin:
        def begin(config: Config) -> TrainFold:
            # Images that are trained on, with the more noise the weaker the penalty is.
            noise = 0.9 if config == BASELINE else 0.05 - 0.01 * np.log10(config.strength)

            def fold(indices: np.ndarray, seed: int, count: int) -> Iterator[np.ndarray]:
                random = np.random.default_rng(seed)
                for _ in range(settings.chunks):
                    chunks.append(seed)
                    real = images[indices[:count]]
                    yield real + random.normal(0, noise, real.shape).astype(np.float32)

            return fold

        return begin

    found = by_script(trainer, spec, tmp_path)
    assert found.verdict == "helps"
    assert found.parameters["penalty.strength"] > 1e-3
    assert 3 <= found.seeds < 5
    assert found.score < found.baseline_score
    of_search = len(chunks) - 2 * found.seeds * 2 * 2
    # Of 9 trials, two folds and two chunks some were pruned after the first.
    assert 9 * 2 < of_search < 9 * 2 * 2


def test_the_referee_gives_a_config_the_same_scores_again() -> None:
    spec = tiny()
    setup = prepare(spec)
    scores = judged(spec, setup, PARAMETERS, seeds=2)
    assert scores.shape == (2, 2)
    np.testing.assert_array_equal(judged(spec, setup, PARAMETERS, seeds=1), scores[:1])


def test_images_move_a_peer_s_scores_as_they_move_ours() -> None:
    spec = tiny()
    setup, _ = fresh(prepare(spec), spec, 7, 1)
    chosen = [setup.dataset.images[indices[: setup.samples]] for indices in setup.plan.train]
    by_fold = iter(chosen)
    scores, influences = trained(lambda *_: iter([next(by_fold)]), setup, 0)
    features = np.stack([setup.features(setup.feature_params, each) for each in chosen])[None]
    nothing = np.zeros((1, 2))
    chunk = Chunk(features, nothing, {}, nothing, {})
    ours = image_influences(setup, "fid", chunk, 0, {})
    np.testing.assert_allclose(influences, ours, rtol=1e-9)
    expected = [setup.judge.measure(fold, found)["fid"] for fold, found in enumerate(features[0])]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_a_target_is_of_the_spec_that_it_was_recorded_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / RECORD.name
    monkeypatch.setattr(answer, "RECORD", record)
    with pytest.raises(UserError, match=r"no record of digits: python -m bench\.answer record"):
        answer.target_for("digits")
    monkeypatch.setattr(answer, "_prepared", lambda case: (tiny(), None))
    spec = answer.of_search(tiny())
    record.write_text(answer.json.dumps({"digits": {"spec": spec, "scores": [[1.0, 2.0]]}}))
    assert answer.target_for("digits").best == 1.5
    monkeypatch.setattr(answer, "_prepared", lambda case: (spec_of("digits", None, 0, None), None))
    with pytest.raises(UserError, match="no record"):
        answer.target_for("digits")


def test_the_cases_are_studies_that_a_peer_can_search() -> None:
    for case in CASES:
        spec = spec_of(case, None, 0, None)
        assert spec.model.generator_hidden == spec.model.discriminator_hidden == (128, 128)
        assert spec.train.generator_learning_rate == spec.train.discriminator_learning_rate
        assert (spec.penalty.order.low, spec.penalty.order.high) == (1.0, 2.0)
        assert (spec.train.batch, spec.confirm.top, spec.score.metric) == (64, 1, "fid")


def test_what_0_4_did_and_what_auto_does_are_said_by_specs() -> None:
    before = spec_of("28×28", CONTESTANTS["0.4"], 3, 6)
    assert (before.study.pruner, before.study.pruner_warmup) == ("median", 4)
    assert (before.confirm.seeds, before.confirm.looks) == (5, "end")
    assert (before.study.seed, before.study.trials) == (3, 6)
    auto = spec_of("digits", CONTESTANTS["auto"], 1, None)
    assert (auto.penalty.strength, auto.study.begin) == ("auto", "suggested")
