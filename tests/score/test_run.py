"""A config in training: the chunk that its score is of, and what fails it."""

import numpy as np
import pytest

from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.score.run import Run


@pytest.mark.parametrize("metric", ["fid", "recall"])
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_the_best_chunk_is_never_one_whose_score_is_not_finite(make_spec, metric, broken):
    spec = make_spec(score__metric=metric, score__at="best")
    run = Run(spec, program_of(spec, (8, 8, 1), 16), hyperparameters_of(spec))
    run.fold_scores = [np.array([[score, score]]) for score in (broken, 0.5, 0.5)]
    assert run.final_chunk() == 1
