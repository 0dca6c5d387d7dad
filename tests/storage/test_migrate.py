"""Our tables from version to version, beside Optuna's own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from optuna.storages import RDBStorage
from sqlalchemy import inspect, text

from normsweep.errors import UserError
from normsweep.storage import Measurement, open_storage, read_measurements, write_measurements
from normsweep.storage.migrate import VERSION_TABLE
from normsweep.storage.schema import metadata


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    opened = open_storage(storage_url, create=True)
    yield opened
    opened.engine.dispose()


def ours(storage: RDBStorage) -> set[str]:
    return {name for name in inspect(storage.engine).get_table_names() if "sweep" in name}


def test_the_migrations_make_the_tables_that_the_code_describes(storage) -> None:
    assert ours(storage) == {"sweep_measurements", "sweep_workers", "sweep_claims", VERSION_TABLE}
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


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_tables_of_versions_that_wrote_no_number_are_known_and_keep_their_rows(
    storage, storage_url, version: str
) -> None:
    study = storage.create_new_study([1])  # type: ignore[list-item]
    trial = storage.create_new_trial(study)
    write_measurements(storage.engine, [Measurement(trial, 0, 10, 1.0, 2.0, 3.0, 4.0)])
    with storage.engine.begin() as connection:
        for table in ("sweep_workers", "sweep_claims", VERSION_TABLE):
            connection.execute(text(f"DROP TABLE {table}"))
        if version == "0001":
            connection.execute(text("ALTER TABLE sweep_measurements DROP COLUMN others"))
    again = open_storage(storage_url, create=True)
    assert "sweep_claims" in ours(again)
    assert read_measurements(again.engine, trial)[0].kid == 2.0
    again.engine.dispose()


def test_tables_of_a_later_version_are_refused_by_their_number(storage, storage_url) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(UserError, match="its sweep tables are of version 9999, of a newer sweep"):
        open_storage(storage_url, create=True)


def test_many_that_migrate_at_once_make_each_table_once(storage_url) -> None:
    # Optuna's tables first, which are not made for several at once.
    RDBStorage(storage_url).engine.dispose()
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: open_storage(storage_url, create=True), range(6)))
    assert len(ours(opened[0])) == 4
    for storage in opened:
        storage.engine.dispose()
