"""Curves along the training, against means and errors by NumPy."""

import numpy as np
import pytest

from normsweep.report.figures.curves import curve, learning_curves
from normsweep.report.figures.gap import generalisation_gap
from normsweep.report.figures.paths import weight_paths
from normsweep.report.figures.sparsity import sparsity

from .studies import at, measured, picture_of, spec_of, study_of

SCORES = {10: [3.0, 3.5, 4.5], 20: [1.0, 2.0, 2.5], 30: [1.5, 1.0, 3.0]}


def rows(scale: float = 1.0, **others):
    return [
        row
        for step, scores in SCORES.items()
        for row in measured(step, [scale * s for s in scores], **others)
    ]


def test_a_curve_is_the_mean_over_folds_with_its_standard_error() -> None:
    found = curve("best", rows(), "fid")
    table = np.array(list(SCORES.values()))
    assert found.steps.tolist() == [10, 20, 30]
    assert found.mean == pytest.approx(table.mean(axis=1))
    assert found.error == pytest.approx(table.std(axis=1, ddof=1) / np.sqrt(3))
    assert found.folds.tolist() == [3, 3, 3]


def test_a_missing_fold_leaves_the_others_and_one_alone_has_no_error() -> None:
    kept = [row for row in rows() if not (row.step == 20 and row.fold == 0)]
    kept = [row for row in kept if not (row.step == 30 and row.fold != 1)]
    found = curve("best", kept, "fid")
    assert found.mean == pytest.approx([np.mean(SCORES[10]), 2.25, 1.0])
    assert found.folds.tolist() == [3, 2, 1]
    assert found.error[1] == pytest.approx(0.25)
    assert np.isnan(found.error[2])


def test_what_is_no_finite_number_or_was_not_measured_is_left_out() -> None:
    odd = [*measured(10, [np.nan, np.inf, 2.0]), *measured(20, [np.nan] * 3)]
    found = curve("best", odd, "fid")
    assert (found.steps.tolist(), found.mean.tolist()) == ([10], [2.0])
    assert len(curve("best", odd, "recall").steps) == 0
    assert len(curve("best", [], "fid").steps) == 0


def test_scores_of_which_zero_is_best_are_shown_by_magnitude_unless_signs_matter() -> None:
    some = measured(10, [1.0] * 3, generalisation_gap=[-1.0, -2.0, -3.0])
    assert curve("x", some, "generalisation_gap").mean.tolist() == [2.0]
    assert curve("x", some, "generalisation_gap", signed=True).mean.tolist() == [-2.0]


TRIALS = [(at(10.0**-k), [float(k)] * 3) for k in range(1, 6)]


def test_the_baseline_and_the_best_three_are_drawn() -> None:
    study = study_of(spec_of(), [2.0] * 3, TRIALS)
    measurements = {number: rows(number + 1) for number in range(6)}
    drawn = learning_curves(picture_of(study, measurements))
    assert drawn is not None
    shown = [trace for trace in drawn.figure.data if trace.mode == "lines+markers"]
    assert [trace.name for trace in shown] == ["baseline", "best, trial 1", "trial 2", "trial 3"]
    assert list(shown[0].y) == pytest.approx([np.mean(s) for s in SCORES.values()])
    assert len({trace.line.dash for trace in shown}) == 4
    assert len({trace.marker.symbol for trace in shown}) == 4
    assert len([trace for trace in drawn.figure.data if trace.fill]) == 4
    assert (
        "baseline 3.667 at step 10, lowest 1.833 at step 20, 1.833 at step 30" in drawn.alternative
    )
    assert len(drawn.numbers.rows) == 4 * 3
    assert drawn.figure.layout.xaxis.title.text == "training step"


def test_of_a_score_where_higher_is_better_the_highest_is_told() -> None:
    study = study_of(spec_of(score__metric="coverage"), [2.0] * 3, TRIALS[:1])
    coverage = {10: 0.25, 20: 0.75, 30: 0.5}
    some = [
        row
        for step, value in coverage.items()
        for row in measured(step, [1.0] * 3, coverage=[value] * 3)
    ]
    drawn = learning_curves(picture_of(study, {1: some}))
    assert drawn is not None
    assert "0.25 at step 10, highest 0.75 at step 20, 0.5 at step 30" in drawn.alternative


def test_two_objectives_have_a_panel_each() -> None:
    spec = spec_of(score__second="recall")
    study = study_of(spec, [2.0] * 3, TRIALS[:1])
    drawn = learning_curves(picture_of(study, {1: rows(recall=[0.1, 0.2, 0.3])}))
    assert drawn is not None
    assert [axis.title.text for axis in drawn.figure.select_yaxes()] == ["FID-proxy", "recall"]


def test_the_generalisation_gap_is_drawn_where_it_was_recorded() -> None:
    study = study_of(spec_of(), [2.0] * 3, TRIALS[:1])
    assert generalisation_gap(picture_of(study, {1: rows()})) is None
    drawn = generalisation_gap(picture_of(study, {1: rows(generalisation_gap=[0.5, -0.1, 0.2])}))
    assert drawn is not None
    assert drawn.figure.data[-1].y[0] == pytest.approx(0.2)
    assert "Generalisation gap against training step: best, trial 1 0.2" in drawn.alternative


def test_factors_and_zeros_are_drawn_where_they_moved() -> None:
    study = study_of(spec_of(), [2.0] * 3, TRIALS[:1])
    still = {"strength_factor": [1.0] * 3, "generator_zeros": [0.0] * 3}
    assert weight_paths(picture_of(study, {1: rows(**still)})) is None
    moved = still | {"generator_zeros": [0.2, 0.3, 0.4]}
    drawn = weight_paths(picture_of(study, {1: rows(**moved)}))
    assert drawn is not None
    assert [axis.title.text for axis in drawn.figure.select_yaxes()] == ["zeros, generator"]
    assert "Zeros, generator against training step" in drawn.alternative


def test_other_numbers_of_weights_are_drawn_by_their_names() -> None:
    study = study_of(spec_of(), None, TRIALS[:1])
    drawn = weight_paths(picture_of(study, {0: rows(generator_norm=[5.0, 6.0, 7.0])}))
    assert drawn is not None
    assert [axis.title.text for axis in drawn.figure.select_yaxes()] == ["norm, generator"]


def test_zeros_are_drawn_against_strength_in_rising_order() -> None:
    recorded = [{"generator_zeros": 0.5 / k, "discriminator_zeros": 0.0} for k in range(1, 6)]
    picture = picture_of(study_of(spec_of(), [2.0] * 3, TRIALS, recorded=recorded))
    drawn = sparsity(picture)
    assert drawn is not None
    generator, discriminator = drawn.figure.data
    assert list(generator.x) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    assert list(generator.y) == pytest.approx([10, 12.5, 50 / 3, 25, 50])
    assert set(discriminator.y) == {0.0}
    assert "generator: up to 50 % at strength λ = 0.1" in drawn.alternative
    nothing = [{"generator_zeros": 0.0}] * 5
    assert sparsity(picture_of(study_of(spec_of(), None, TRIALS, recorded=nothing))) is None
