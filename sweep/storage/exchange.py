"""An attribute of a study, written only while it is still what its writer has read."""

import json
from collections.abc import Callable
from typing import Any

from optuna.storages._rdb import models
from sqlalchemy import Engine, select, update

_ATTRIBUTES = models.BaseModel.metadata.tables["study_user_attributes"]


def exchange(
    engine: Engine, study_id: int, key: str, value: Any, still: Callable[[Any], bool]
) -> bool:
    """Writes an attribute that is there, if what is stored is `still` what it was.

    False where it is not, or is there no more: then another was faster.
    """
    columns = _ATTRIBUTES.c
    of = (columns.study_id == study_id) & (columns.key == key)
    with engine.begin() as connection:
        # Whoever else writes it waits; an SQLite file has one writer at a time as it is.
        found = select(columns.value_json).where(of).with_for_update()
        stored = connection.execute(found).scalar_one_or_none()
        if stored is None or not still(json.loads(stored)):
            return False
        connection.execute(update(_ATTRIBUTES).where(of).values(value_json=json.dumps(value)))
        return True
