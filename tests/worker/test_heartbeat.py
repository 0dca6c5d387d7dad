"""A worker whose heartbeat has died of a mistake of ours does not train on unseen."""

import sqlite3
import threading
import time
from functools import partial

import optuna
import pytest
from sqlalchemy.exc import OperationalError

from normsweep.storage.heartbeat import Heartbeat
from normsweep.worker import part


def test_it_gives_its_trials_back_and_ends_with_the_error(
    run, make_spec, query, databases, database, storage_url, monkeypatch
) -> None:
    """`rate` is a column that nothing but the heartbeat writes."""
    monkeypatch.setattr(part, "Heartbeat", partial(Heartbeat, every=0.01))
    trained = 0

    def break_the_table(_: object) -> None:
        nonlocal trained
        trained += 1
        if trained > 1:
            return
        with sqlite3.connect(database, timeout=30) as connection:
            connection.execute("ALTER TABLE sweep_workers RENAME COLUMN rate TO speed")
        connection.close()
        while any(thread.name == "heartbeat" for thread in threading.enumerate()):
            time.sleep(0.01)

    with pytest.raises(OperationalError, match="rate") as raised:
        run(make_spec(), watch=break_the_table)
    assert "heartbeat.py" in {path.path.name for path in raised.traceback if path.path}
    assert trained == 1
    study = optuna.load_study(study_name="small", storage=databases.open(storage_url))
    assert {trial.state.name for trial in study.get_trials()} == {"WAITING"}
    assert query(database, "select * from sweep_claims") == []
