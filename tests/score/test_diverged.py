"""Samples so far off that no distance says anything of them: a failed trial with its reason."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState
from scipy.special import softmax

from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.objectives.distances import DISTANCES, RealFeatures, kernel_distance
from normsweep.objectives.distances.reach import FARTHEST, multiple, reach
from normsweep.score.judge import make_judge
from normsweep.score.run import Failed, Run


def test_the_multiple_is_that_of_the_farthest_points_from_the_real_mean():
    real, generated = np.array([[1.0, 0], [3, 0], [2, 3]]), np.array([[2.0, 1], [6, 4]])
    # The mean is (2, 1): the farthest real point is 2 from it, the farthest generated 5.
    assert multiple(reach(real), generated) == pytest.approx(2.5)
    assert multiple(reach(real), real) == 1


def test_real_features_that_are_all_equal_are_no_measure():
    assert multiple(reach(np.ones((5, 2))), np.full((5, 2), 1e30)) == 0


@pytest.mark.parametrize("scale", [30.0, 100.0, 1e12, 3e37])
def test_what_would_have_a_negative_kernel_distance_by_chance_is_not_scored(scale):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(100, 32))
    drawn = (scale * rng.normal(size=(40, 100, 32))).astype(np.float32)
    assert min(kernel_distance(features, real) for features in drawn) < -1
    judge = make_judge([RealFeatures(real)])
    for features in drawn:
        why = judge.diverged(0, features)
        assert why is not None
        assert "times as far from the real mean" in why and "at most 6 times" in why


def test_whatever_is_scored_has_a_kernel_distance_of_the_right_sign():
    rng = np.random.default_rng(1)
    for _ in range(100):
        real, generated = rng.normal(size=(2, 100, 32))
        generated *= FARTHEST / multiple(reach(real), generated)
        assert kernel_distance(generated, real) > 0


def test_the_kernel_distance_of_a_sample_at_the_bound_keeps_its_digits():
    """It takes the diagonal off a sum, of which one far sample has nearly all."""
    rng = np.random.default_rng(2)
    real, generated = rng.normal(size=(2, 60, 4))
    generated[0] *= FARTHEST / multiple(reach(real), generated[:2] * [[1], [0]])
    of = [x.astype(np.longdouble) for x in (generated, real)]
    kernels = [(x @ y.T / 4 + 1) ** 3 for x, y in ((of[0], of[0]), (of[1], of[1]), of)]
    apart = ~np.eye(60, dtype=bool)
    expected = kernels[0][apart].mean() + kernels[1][apart].mean() - 2 * kernels[2].mean()
    assert kernel_distance(generated, real) == pytest.approx(float(expected), rel=1e-10)


UNLABELLED = [name for name, entry in DISTANCES.items() if not entry.labelled]


@pytest.mark.parametrize("scale", [1e3, 1e30, 3e37])
def test_huge_finite_features_of_one_fold_fail_the_trial_whatever_is_measured(make_spec, scale):
    """The probabilities of the classifier are not finite then, and raised."""
    spec = make_spec(score__features="classifier", score__record=UNLABELLED)
    training = np.random.default_rng(0).normal(size=(200, 8))
    real = RealFeatures(training[:100], training, lambda x: softmax(x * np.float32(10), axis=1))
    run = Run(spec, program_of(spec, (8, 8, 1), 100), hyperparameters_of(spec))
    features = np.stack([real.held_out, scale * real.held_out])[None].astype(np.float32)
    chunk: Any = SimpleNamespace(finite=np.ones((1, 2), bool), features=features)
    run.judge(SimpleNamespace(judge=make_judge([real] * 2, UNLABELLED)), chunk, 0)  # type: ignore[arg-type]
    assert isinstance(run.end, Failed)
    assert run.end.reason.startswith("samples diverged by step 10 on fold 1: features reach ")
    assert run.fold_scores == run.unstored == []


def test_a_metric_that_is_not_finite_fails_the_trial(make_spec):
    """Of real features that are huge themselves, as those of a map of the user's own may be."""
    rng = np.random.default_rng(0)
    real, generated = 1e36 * rng.normal(size=(2, 100, 8))
    spec = make_spec(score__record=["kid_blocks_error"])
    with np.errstate(over="ignore"):
        judge = make_judge([RealFeatures(real)] * 2, ("fid", "kid", "kid_blocks_error"))
    run = Run(spec, program_of(spec, (8, 8, 1), 100), hyperparameters_of(spec))
    features = np.stack([generated, generated])[None].astype(np.float32)
    chunk: Any = SimpleNamespace(
        finite=np.ones((1, 2), bool), features=features, losses={}, extras={}, labels=None
    )
    run.judge(SimpleNamespace(judge=judge), chunk, 0)  # type: ignore[arg-type]
    assert run.end == Failed("kid_blocks_error not finite by step 10 on fold 0")


def test_a_trial_whose_samples_diverge_fails_with_the_reason_and_disturbs_no_neighbour(
    run, make_spec
):
    def trials(*rates: float) -> dict[float, Any]:
        spec = make_spec(
            study__name=f"{len(rates)}",
            study__trials=len(rates),
            # Without a function at the end samples are as large as the weights make them.
            model__generator_output="linear",
            train__generator_learning_rate=list(rates),
            penalty__strength=1e-3,
            penalty__target="both",
            score__metric="kid",
        )
        found = run(spec).study.get_trials()[1:]
        return {
            trial.user_attrs["config"]["train"]["generator_learning_rate"]: trial for trial in found
        }

    mixed, alone = trials(2e-4, 1e6), trials(2e-4)
    assert mixed[1e6].state == TrialState.FAIL
    assert mixed[1e6].user_attrs["reason"].startswith("samples diverged by step 10 on fold 0: ")
    assert mixed[2e-4].state == TrialState.COMPLETE
    assert mixed[2e-4].user_attrs["result"] == alone[2e-4].user_attrs["result"]
    assert mixed[2e-4].intermediate_values == alone[2e-4].intermediate_values
