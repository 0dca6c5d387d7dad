"""Trials made together, all or none, by one of several processes that want the same."""

from collections.abc import Sequence

from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial


def make_trials(
    storage: RDBStorage, study_id: int, seen: int, templates: Sequence[FrozenTrial]
) -> bool:
    """Makes these trials of a study if it has `seen` trials; False where it has more by now.

    Whoever has looked at all trials before, and found some to be missing, so makes none twice.
    Raises `KeyError` where the study is not there.
    """
    # As `RDBStorage.create_new_trial`, in one transaction for all of them.
    with _create_scoped_session(storage.scoped_session) as session:
        models.StudyModel.find_or_raise_by_id(study_id, session, for_update=True)
        there = session.query(models.TrialModel).filter_by(study_id=study_id).count()
        if there == seen:
            for template in templates:
                storage._get_prepared_new_trial(study_id, template, session)
        return there == seen
