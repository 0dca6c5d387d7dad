"""Trials taken: claimed by a worker and RUNNING, in one transaction."""

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, insert, update

from normsweep.storage.schema import insert_into
from normsweep.storage.workers import claims

_TRIALS = models.BaseModel.metadata.tables["trials"]


def take(engine: Engine, trial_id: int, worker: str) -> bool:
    """Claims a trial that waits, and has it RUNNING; False where another worker has it.

    And where it does not wait: then it is not claimed either.
    """
    claim = insert_into(engine, claims).values(trial_id=trial_id, worker=worker)
    # Not its row count, which a driver need not know of an INSERT.
    claim_it = claim.on_conflict_do_nothing().returning(claims.c.trial_id)
    waiting = (_TRIALS.c.trial_id == trial_id) & (_TRIALS.c.state == TrialState.WAITING)
    start = update(_TRIALS).where(waiting)
    start = start.values(state=TrialState.RUNNING, datetime_start=datetime.now())
    with engine.connect() as connection, connection.begin() as transaction:
        if connection.execute(claim_it).first() is None:
            return False
        if connection.execute(start).rowcount:
            return True
        transaction.rollback()
        return False


def make_taken(
    study: optuna.Study,
    storage: RDBStorage,
    template: FrozenTrial,
    worker: str,
    counts: Callable[[int], bool],
) -> int | None:
    """Makes a trial from a template that waits, and takes it if its number `counts`; its id.

    None where the number does not: then the trial waits. Raises `KeyError` where the study is not
    there.
    """
    # As `RDBStorage.create_new_trial`, with the claim in the same transaction.
    with _create_scoped_session(storage.scoped_session) as session:
        models.StudyModel.find_or_raise_by_id(study._study_id, session, for_update=True)
        trial: Any = storage._get_prepared_new_trial(study._study_id, template, session)
        made = copy.deepcopy(template)
        made.number, made._trial_id = trial.number, trial.trial_id
        taken = counts(made.number)
        if taken:
            trial.state = made.state = TrialState.RUNNING
            trial.datetime_start = made.datetime_start = datetime.now()
            session.flush()
            session.execute(insert(claims).values(trial_id=made._trial_id, worker=worker))
    cached = study._storage
    # Optuna gives parameters to a trial only that it has read.
    if isinstance(cached, optuna.storages._CachedStorage):
        with cached._lock:
            cached._add_trials_to_cache(study._study_id, [made])
    return made._trial_id if taken else None
