"""The configs of a study's trials, with their provenance."""

import optuna
from optuna.trial import TrialState

from normsweep.errors import UserError
from normsweep.spec.config import Config
from normsweep.study.attributes import is_foreign, study_attributes, versions_of
from normsweep.verdict.answers import Ranked, answer, ranked


def best_configs(study: optuna.Study, top: int = 1) -> list[Config]:
    """The `top` best configs of a study's search, best first.

    Raises `UserError` where the study has completed none.
    """
    read = answer(study)
    found = read.ranking
    if not found:
        short = " that is feasible by score.require" if read.missed else ""
        raise UserError(f"study {study.study_name!r} has no completed trial{short} yet")
    return [_config(study, entry) for entry in found[:top]]


def best_config(study: optuna.Study) -> Config:
    """The config with the best score in a study's search; a confirmation may favour another.

    That one is `trial_config(study, confirmation.best.trial.number)`.
    """
    return best_configs(study)[0]


def trial_config(study: optuna.Study, number: int) -> Config:
    """The config of one trial, the baseline's and a pruned one's included."""
    trials = {trial.number: trial for trial in study.get_trials(deepcopy=False)}
    if number not in trials:
        raise UserError(
            f"--trial {number}: study {study.study_name!r} has the trials 0 … {len(trials) - 1}"
            if trials
            else f"--trial {number}: study {study.study_name!r} has no trials yet"
        )
    if trials[number].state not in (TrialState.COMPLETE, TrialState.PRUNED):
        raise UserError(
            f"--trial {number}: is {trials[number].state.name} and has no score; "
            "accepted: a completed or pruned trial"
        )
    if is_foreign(trials[number]):
        raise UserError(
            f"--trial {number}: was added by other code than sweep and has no config; accepted: a "
            "trial that sweep has trained"
        )
    return _config(study, ranked(trials[number]))


def _config(study: optuna.Study, entry: Ranked) -> Config:
    written = study_attributes(study)
    trial = study.get_trials(deepcopy=False)[entry.number]
    spec = entry.config
    return Config(
        spec,
        {
            "study": study.study_name,
            "trial": entry.number,
            "role": entry.role,
            "score": entry.score,
            "standard_error": entry.standard_error,
            "fold_scores": list(entry.fold_scores),
            "second_score": entry.second,
            "second_fold_scores": list(entry.second_fold_scores) or None,
            "step": entry.step,
            "seed": spec.study.seed,
            "folds": spec.score.folds,
            "chunks": spec.train.chunks,
            "fingerprints": written.fingerprints,
            "feature_accuracy": written.feature_accuracy,
            "versions": versions_of(trial),
            **({"measured_ranges": dict(written.auto)} if written.auto else {}),
        },
    )
