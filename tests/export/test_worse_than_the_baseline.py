"""What is exported although it scores worse than the baseline is said to."""

import pytest

from normsweep.export.formats import worse_than_baseline
from tests.report.figures.studies import at, spec_of, study_of


@pytest.mark.parametrize(
    ("scores", "of_best", "of_second"),
    [
        ([[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], "trial 1 scores worse", "trial 2 scores worse"),
        ([[0.0, 1.0, 2.0], [7.0, 8.0, 9.0]], None, "trial 2 scores worse"),
        ([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]], None, None),
    ],
)
def test_a_config_worse_than_the_baseline_is_warned_of(scores, of_best, of_second) -> None:
    trials = [(at(10.0**-k, order=1.0), folds) for k, folds in enumerate(scores, 1)]
    study = study_of(spec_of(), [1.0, 2.0, 3.0], trials)
    for trial, expected in ((None, of_best), (2, of_second), (0, None)):
        found = worse_than_baseline(study, trial)
        assert found is None if expected is None else expected in (found or "")


def test_the_difference_is_told_where_the_scores_look_alike() -> None:
    study = study_of(spec_of(), [1.0, 2.0, 3.0], [(at(0.1, order=1.0), [1.0, 2.0, 3.0003])])
    assert (worse_than_baseline(study) or "").endswith(
        "fid 2, and 2 of the baseline, trial 0: worse by 0.0001"
    )
