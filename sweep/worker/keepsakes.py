"""What is kept of a trial beside its scores: its picture, and what these are to be seen by."""

import io
from pathlib import Path

import numpy as np
import optuna

from normsweep.engine.population import SHOWN
from normsweep.errors import in_one_line
from normsweep.score.pictures import draw_grid
from normsweep.score.references import reference_scores
from normsweep.score.run import Completed
from normsweep.score.training import Training, is_of_no_trial
from normsweep.spec.plugins import fault_of_plugin
from normsweep.storage.artifacts import REAL, SAMPLES, picture_of_trial, put_on_study
from normsweep.storage.events import Log
from normsweep.study.attributes import write_study
from normsweep.worker.trial_run import TrialRun


def draw_samples(run: TrialRun, files: Path, log: Log) -> dict[str, str]:
    """Writes a grid of samples of a trial that is about to end, a fold below the other.

    Returns the system attribute that tells of it, if there is one.
    """
    if run.images is None or run.chunks < run.config.train.chunks:
        return {}
    folds, count, *shape = run.images.shape
    grid = io.BytesIO()
    draw_grid(run.images.reshape(folds * count, *shape), grid, columns=count)
    try:
        return picture_of_trial(files, run.known, SAMPLES, grid.getvalue())
    except OSError as error:
        log("picture not written", reason=str(error), trial=run.trial.number)
        return {}


def keep_references(
    run: TrialRun, training: Training, study: optuna.Study, files: Path, log: Log
) -> None:
    """Adds to a study, once its baseline is trained, what its scores are to be seen beside.

    Its score is known by then: what a lack of memory or a user's file denies here is left out.
    Raises what `is_of_no_trial`.
    """
    if not run.is_baseline or not isinstance(run.end, Completed):
        return
    setup = training.setup
    references: dict[str, list[float]] = {}
    try:
        references = reference_scores(training, run)
    except Exception as error:
        if is_of_no_trial(error):
            raise
        log("references not measured", reason=fault_of_plugin(error) or in_one_line(error))
    write_study(study, references=references)
    rows = setup.plan.held_out[:, : min(SHOWN, setup.samples)]
    grid = io.BytesIO()
    draw_grid(np.asarray(setup.dataset.images[rows.ravel()]), grid, columns=rows.shape[1])
    try:
        put_on_study(files, study, REAL, grid.getvalue())
    except OSError as error:
        log("picture not written", reason=str(error))
