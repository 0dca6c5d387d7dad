"""Our tables from version to version, beside Optuna's own."""

import importlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from sqlalchemy import inspect, text

from normsweep.errors import UserError
from normsweep.storage import Measurement, open_storage, read_measurements
from normsweep.storage import migrate as migrate_module
from normsweep.storage.migrate import VERSION_TABLE
from normsweep.storage.schema import metadata


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    opened = open_storage(storage_url, create=True)
    yield opened
    opened.engine.dispose()


TABLES = ("sweep_claims", "sweep_workers", "sweep_influences", "sweep_measurements")


def ours(storage: RDBStorage) -> set[str]:
    return {name for name in inspect(storage.engine).get_table_names() if "sweep" in name}


@pytest.mark.parametrize("begun_by", [None, "0001"])
def test_the_migrations_make_the_tables_that_the_code_describes(
    storage, begun_by: str | None
) -> None:
    """Those of a new database are made at once, and are the same."""
    if begun_by is not None:
        made_by(begun_by, storage)
        migrate_module.migrate(storage.engine)
    assert ours(storage) == {*TABLES, VERSION_TABLE}
    with storage.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda thing, name, kind, reflected, other: (
                    kind != "table" or (name.startswith("sweep_") and name != VERSION_TABLE)
                ),
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []


LOSS = 0.1 + 0.2
"""More digits than SQLite's own JSON keeps."""


def made_by(version: str, storage: RDBStorage) -> int:
    """Our tables as a version made them, with rows of one trial; its identifier."""
    trial = storage.create_new_trial(storage.create_new_study([StudyDirection.MINIMIZE]))
    with storage.engine.begin() as connection:
        for table in (*TABLES, VERSION_TABLE):
            connection.execute(text(f"DROP TABLE {table}"))
        config = migrate_module._config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        others = ("", "") if version == "0001" else (", others", ", :others")
        for fold in range(3):
            connection.execute(
                text(
                    "INSERT INTO sweep_measurements (trial_id, fold, step, fid, kid, "
                    f"generator_loss, discriminator_loss{others[0]}) "
                    f"VALUES (:trial, :fold, 10, 1.0, 2.0, :loss, -4.0{others[1]})"
                ),
                {
                    "trial": trial,
                    "fold": fold,
                    "loss": LOSS,
                    "others": json.dumps({"precision": fold / 10}) if version > "0002" else None,
                },
            )
        if version < "0003":
            # They wrote no number.
            connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    return trial


def rows_of(version: str, trial: int) -> list[Measurement]:
    losses = {"generator": LOSS, "discriminator": -4.0}
    return [
        Measurement(
            trial, fold, 10, 1.0, 2.0, losses, {"precision": fold / 10} if version > "0002" else {}
        )
        for fold in range(3)
    ]


@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
def test_tables_of_earlier_versions_keep_their_rows(storage, storage_url, version: str) -> None:
    trial = made_by(version, storage)
    # A database that is only read stays as it is.
    assert read_measurements(storage.engine, trial) == rows_of(version, trial)
    again = open_storage(storage_url, create=True)
    assert {"sweep_claims", "sweep_influences"} < ours(again)
    columns = {column["name"] for column in inspect(again.engine).get_columns("sweep_measurements")}
    assert columns == {"trial_id", "fold", "step", "fid", "kid", "others"}
    assert read_measurements(again.engine, trial) == rows_of(version, trial)
    again.engine.dispose()


def test_a_migration_of_more_rows_than_are_read_at_once_loses_none(
    storage, storage_url, monkeypatch
) -> None:
    trial = made_by("0003", storage)
    losses = importlib.import_module("normsweep.storage.migrations.versions.0004_losses")
    with storage.engine.begin() as connection:
        for step in range(20, 1020, 10):
            connection.execute(
                text(
                    "INSERT INTO sweep_measurements (trial_id, fold, step, fid, kid, "
                    f"generator_loss, discriminator_loss) VALUES ({trial}, 0, {step}, 1.0, 2.0, "
                    f"{step}, -4.0)"
                )
            )
        monkeypatch.setattr(losses, "_AT_ONCE", 7)
        with Operations.context(MigrationContext.configure(connection)):
            losses.upgrade()
    found = {row.step: row.losses["generator"] for row in read_measurements(storage.engine, trial)}
    assert found == {10: LOSS} | {step: float(step) for step in range(20, 1020, 10)}


def test_tables_of_a_later_version_are_refused_by_their_number(storage, storage_url) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(UserError, match="its sweep tables are of version 9999, of a newer sweep"):
        open_storage(storage_url, create=True)


def test_the_newest_version_is_that_of_the_last_migration() -> None:
    assert migrate_module._known()[-1] == migrate_module.NEWEST


def test_many_that_migrate_at_once_make_each_table_once(storage_url) -> None:
    # Optuna's tables first, which are not made for several at once.
    RDBStorage(storage_url).engine.dispose()
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: open_storage(storage_url, create=True), range(6)))
    assert len(ours(opened[0])) == 5
    for storage in opened:
        storage.engine.dispose()
