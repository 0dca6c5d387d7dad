"""How far a confirmation is."""

import time

import optuna
from optuna.trial import TrialState

from normsweep.spec.spec import Spec
from normsweep.study.attributes import CONFIRM, FINAL, REPLICATE, study_attributes
from normsweep.study.confirmation import find_confirmation, first_of_each, trainings
from normsweep.study.progress import Progress, seconds_left

PHASE = "confirming"
"""The phase of a study whose confirmation is trained."""


def ended_of(confirmation: optuna.Study) -> int:
    """How many trainings of a confirmation have ended."""
    return len(trainings(confirmation))


def is_unconcluded(study: optuna.Study, storage: optuna.storages.RDBStorage) -> bool:
    """Whether a confirmation of a study is planned, and not all of it is done."""
    held = find_confirmation(study, storage)
    if held is None:
        return False
    written = study_attributes(held)
    wanted = written.planned
    if wanted is None or written.concluded == wanted:
        return False
    there = {(e.role, e.arm, e.seed) for e in trainings(held)}
    # Earlier versions did not say that they were done, and trained all that was planned.
    if written.concluded is None and written.looked_at is None and not wanted.looks:
        asked = ((CONFIRM, arm, seed) for arm in wanted.arms for seed in range(1, wanted.seeds + 1))
        return not all(key in there for key in asked)
    return True


def progress_of_confirmation(
    spec: Spec,
    confirmation: optuna.Study,
    before: int,
    begun: float,
    *,
    final: int,
    idle: float = 0.0,
    phase: str = PHASE,
) -> Progress:
    """The progress of a confirmation since `begun`, before which so many trainings had ended.

    It may need fewer than it counts: a look may end it. `final` is how many images are held out for
    the look at the end. For `idle` seconds nothing was trained.
    """
    written = study_attributes(confirmation)
    wanted, trials = written.planned, first_of_each(confirmation.get_trials(deepcopy=False))
    states = [trial.state for trial in trials.values()]
    running = [trial for trial in trials.values() if trial.state == TrialState.RUNNING]
    complete = sum(state.is_finished() for state in states) - before
    total = complete
    if wanted is not None and written.concluded != wanted:
        ended = {key for key, trial in trials.items() if trial.state.is_finished()}
        asked = {(CONFIRM, arm, k) for arm in wanted.arms for k in range(1, wanted.seeds + 1)}
        looked = sum(role == FINAL for role, _, _ in ended)
        total += len(asked - ended) + (max(0, 2 * wanted.seeds - looked) if final else 0)
        if not wanted.arms:
            raced = sum(role == REPLICATE for role, _, _ in ended)
            total += max(0, wanted.replicates - raced) + (wanted.top + 1) * wanted.seeds
    steps = sum(max(trial.intermediate_values, default=0) for trial in running)
    partial, elapsed = steps / spec.train.steps, time.monotonic() - begun
    behind = complete + partial
    return Progress(
        study=f"{spec.study.name}, confirming",
        phase=phase,
        total=total,
        complete=complete,
        running=len(running),
        pruned=0,
        failed=0,
        best_score=None,
        best_number=None,
        baseline_score=None,
        elapsed=elapsed,
        training=0.0,
        partial=partial,
        remaining=seconds_left(elapsed - idle, behind, total - behind),
    )
