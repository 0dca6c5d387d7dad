"""A database into which another program wrote what Optuna cannot read is told in one message."""

import sqlite3
from pathlib import Path

import optuna

from normsweep.storage import open_storage
from tests.report.figures.studies import at, spec_of, study_of


def test_a_value_that_cannot_be_read_is_one_message(sweep, folder: Path) -> None:
    url = f"sqlite:///{folder / 'studies.db'}"
    study = study_of(spec_of(), [1.0, 2.0, 3.0], [(at(0.1, order=1.0), [1.0, 2.0, 4.0])])
    storage = open_storage(url, create=True)
    optuna.copy_study(from_study_name="drawn", from_storage=study._storage, to_storage=storage)
    storage.engine.dispose()
    harmed = sqlite3.connect(folder / "studies.db")
    with harmed:
        harmed.execute("UPDATE trial_values SET value = NULL")
    harmed.close()
    called = sweep("list", "--storage", url)
    assert called.code == 2
    assert "the database holds what cannot be read" in called.err.replace("\n", " ")
    assert "Traceback" not in called.err
