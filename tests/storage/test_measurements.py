"""Our table of measurements, beside those of Optuna."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.storages import RDBStorage
from sqlalchemy import inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from normsweep.storage import Measurement, open_storage, read_measurements, write_measurements
from normsweep.storage.measurements import measurements
from normsweep.storage.migrate import migrate


@pytest.fixture(scope="module")
def storage(new_url: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RDBStorage]:
    opened = open_storage(new_url(tmp_path_factory.mktemp("m")), create=True)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def study(storage: RDBStorage) -> Iterator[optuna.Study]:
    yield optuna.create_study(storage=storage, study_name="study")
    optuna.delete_study(study_name="study", storage=storage)


def measured(trial: int, fold: int = 0, step: int = 500, fid: float = 1.5) -> Measurement:
    return Measurement(trial, fold, step, fid, 0.25, {"generator": 0.5, "discriminator": -0.75})


def new_trial(study: optuna.Study) -> int:
    return study.ask()._trial_id


def test_what_was_written_is_read_by_step_and_fold(
    storage: RDBStorage, study: optuna.Study
) -> None:
    engine = storage.engine
    mine, other = new_trial(study), new_trial(study)
    rows = [measured(mine, fold, step, fold + step) for step in (500, 1000) for fold in (0, 1, 2)]
    write_measurements(engine, reversed(rows))
    write_measurements(engine, [measured(other, fid=9.0)])
    assert read_measurements(engine, mine) == rows
    assert read_measurements(engine, other) == [measured(other, fid=9.0)]
    assert read_measurements(engine, other + 1) == []


def test_nothing_is_written_for_no_rows(storage: RDBStorage) -> None:
    write_measurements(storage.engine, [])
    with storage.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sweep_measurements")).scalar() == 0


def test_a_measurement_written_again_replaces_itself_and_no_other(
    storage: RDBStorage, study: optuna.Study
) -> None:
    trial = new_trial(study)
    rows = [measured(trial, fold) for fold in range(3)]
    write_measurements(storage.engine, rows)
    write_measurements(storage.engine, rows)
    assert read_measurements(storage.engine, trial) == rows
    again = Measurement(trial, 1, 500, 7.0, 8.0, {"generator": 9.0, "discriminator": 10.0})
    write_measurements(storage.engine, [again])
    assert read_measurements(storage.engine, trial) == [rows[0], again, rows[2]]


def test_creating_the_table_again_keeps_what_is_in_it(
    storage: RDBStorage, study: optuna.Study
) -> None:
    trial = new_trial(study)
    write_measurements(storage.engine, [measured(trial)])
    migrate(storage.engine)
    assert read_measurements(storage.engine, trial) == [measured(trial)]


# SQLite keeps a whole number without its point, and so a zero without its sign.
numbers = st.floats(allow_nan=False).map(lambda number: number + 0.0)
losses = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(numbers, numbers, losses, losses), min_size=1))
def test_all_64_bits_of_a_number_are_kept(
    storage: RDBStorage, study: optuna.Study, values: list[tuple[float, float, float, float]]
) -> None:
    trial = new_trial(study)
    rows = [
        Measurement(trial, fold, 1, fid, kid, {"generator": one, "discriminator": other})
        for fold, (fid, kid, one, other) in enumerate(values)
    ]
    write_measurements(storage.engine, rows)
    found = read_measurements(storage.engine, trial)
    read = [(row.fid, row.kid, *row.losses.values()) for row in found]
    assert [[number.hex() for number in four] for four in read] == [
        [number.hex() for number in four] for four in values
    ]


def test_a_measurement_of_no_trial_is_refused(storage: RDBStorage) -> None:
    with pytest.raises(IntegrityError):
        write_measurements(storage.engine, [measured(12345)])


@pytest.mark.parametrize("field", ["fid", "kid"])
def test_a_number_that_is_none_is_refused(
    storage: RDBStorage, study: optuna.Study, field: str
) -> None:
    if storage.engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL's numbers know NaN")
    trial = new_trial(study)
    with pytest.raises(IntegrityError):
        write_measurements(storage.engine, [replace(measured(trial), **{field: math.nan})])
    assert read_measurements(storage.engine, trial) == []


def test_a_batch_with_one_bad_row_is_not_written_by_halves(
    storage: RDBStorage, study: optuna.Study
) -> None:
    trial = new_trial(study)
    with pytest.raises(IntegrityError):
        write_measurements(storage.engine, [measured(trial), measured(trial + 100)])
    assert read_measurements(storage.engine, trial) == []


def test_deleting_a_study_deletes_its_measurements_and_no_others(storage: RDBStorage) -> None:
    trials = {}
    for name in ("kept", "deleted"):
        study = optuna.create_study(storage=storage, study_name=name)
        trials[name] = new_trial(study)
        write_measurements(storage.engine, [measured(trials[name], fold) for fold in range(2)])
    optuna.delete_study(study_name="deleted", storage=storage)
    assert optuna.get_all_study_names(storage) == ["kept"]
    assert read_measurements(storage.engine, trials["deleted"]) == []
    assert len(read_measurements(storage.engine, trials["kept"])) == 2
    optuna.delete_study(study_name="kept", storage=storage)


def test_deleting_a_trial_deletes_its_measurements(
    storage: RDBStorage, study: optuna.Study
) -> None:
    kept, deleted = new_trial(study), new_trial(study)
    write_measurements(storage.engine, [measured(kept), measured(deleted)])
    with storage.engine.begin() as connection:
        connection.execute(text("DELETE FROM trials WHERE trial_id = :t"), {"t": deleted})
    assert read_measurements(storage.engine, deleted) == []
    assert read_measurements(storage.engine, kept) == [measured(kept)]


def test_a_database_that_optuna_wrote_alone_has_no_measurements(storage_url: str) -> None:
    alone = RDBStorage(storage_url)
    trial = new_trial(optuna.create_study(storage=alone))
    alone.engine.dispose()
    opened = open_storage(storage_url)
    assert read_measurements(opened.engine, trial) == []
    assert not inspect(opened.engine).has_table("sweep_measurements")
    opened.engine.dispose()


def test_optuna_reads_a_database_with_our_table(storage: RDBStorage, study: optuna.Study) -> None:
    trial = study.ask()
    write_measurements(storage.engine, [measured(trial._trial_id)])
    study.tell(trial, 0.5)
    alone = RDBStorage(str(storage.engine.url))
    assert optuna.load_study(study_name="study", storage=alone).best_value == 0.5
    alone.engine.dispose()


def test_the_table_has_a_column_for_every_field_but_the_losses(storage: RDBStorage) -> None:
    columns = [
        column["name"] for column in inspect(storage.engine).get_columns("sweep_measurements")
    ]
    # Which players there are is the model's; their losses are among the others.
    assert columns == [field.name for field in fields(Measurement) if field.name != "losses"]
    (key,) = inspect(storage.engine).get_foreign_keys("sweep_measurements")
    assert (key["referred_table"], key["options"]) == ("trials", {"ondelete": "CASCADE"})


def test_numbers_have_double_precision_on_a_server_too() -> None:
    definition = str(CreateTable(measurements).compile(dialect=postgresql.dialect()))
    assert definition.count("FLOAT(53) NOT NULL") == 2
    assert "others JSON" in definition


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_other_metrics_are_kept_by_name_with_all_their_bits(
    storage: RDBStorage, study: optuna.Study, others: dict[str, float]
) -> None:
    trial = new_trial(study)
    write_measurements(storage.engine, [replace(measured(trial), others=others)])
    (read,) = read_measurements(storage.engine, trial)
    assert {name: value.hex() for name, value in read.others.items()} == {
        name: value.hex() for name, value in others.items()
    }


def test_other_metrics_that_are_no_finite_numbers_are_left_out(
    storage: RDBStorage, study: optuna.Study
) -> None:
    trial = new_trial(study)
    others = {"recall": 0.5, "copying": math.nan, "density": math.inf, "gap": -math.inf}
    write_measurements(storage.engine, [replace(measured(trial), others=others)])
    (read,) = read_measurements(storage.engine, trial)
    assert read.others == {"recall": 0.5}


def test_other_metrics_written_again_replace_all_that_were_there(
    storage: RDBStorage, study: optuna.Study
) -> None:
    trial = new_trial(study)
    for others in ({"recall": 0.5, "density": 1.0}, {"recall": 0.25}):
        write_measurements(storage.engine, [replace(measured(trial), others=others)])
    (read,) = read_measurements(storage.engine, trial)
    assert read.others == {"recall": 0.25}


def test_a_metric_is_found_by_its_name_wherever_it_is_kept() -> None:
    row = replace(measured(1), others={"recall": 0.75})
    values = {"fid": 1.5, "kid": 0.25, "generator_loss": 0.5, "discriminator_loss": -0.75}
    assert {name: row.value(name) for name in values} == values
    assert row.value("recall") == 0.75
    for name in ("precision", "step", "others"):
        with pytest.raises(KeyError):
            row.value(name)


OLD_TABLE = """CREATE TABLE sweep_measurements (
    trial_id INTEGER NOT NULL, fold INTEGER NOT NULL, step INTEGER NOT NULL,
    fid FLOAT NOT NULL, kid FLOAT NOT NULL,
    generator_loss FLOAT NOT NULL, discriminator_loss FLOAT NOT NULL,
    PRIMARY KEY (trial_id, fold, step),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id) ON DELETE CASCADE)"""


@pytest.fixture
def old_trial(storage_url: str) -> int:
    """A trial with one measurement in a database as version 0.1 made it."""
    alone = RDBStorage(storage_url)
    trial = new_trial(optuna.create_study(storage=alone))
    with alone.engine.begin() as connection:
        connection.execute(text(OLD_TABLE))
        connection.execute(
            text("INSERT INTO sweep_measurements VALUES (:t, 0, 500, 1.5, 0.25, 0.5, -0.75)"),
            {"t": trial},
        )
    alone.engine.dispose()
    return trial


def column_names(storage: RDBStorage) -> list[str]:
    return [column["name"] for column in inspect(storage.engine).get_columns("sweep_measurements")]


def test_a_database_of_version_0_1_is_read_and_left_as_it_is(
    storage_url: str, old_trial: int
) -> None:
    opened = open_storage(storage_url)
    assert read_measurements(opened.engine, old_trial) == [measured(old_trial)]
    assert "others" not in column_names(opened)
    opened.engine.dispose()


def test_a_database_of_version_0_1_is_given_the_new_column_once(
    storage_url: str, old_trial: int
) -> None:
    for _ in range(2):
        opened = open_storage(storage_url, create=True)
        assert column_names(opened) == ["trial_id", "fold", "step", "fid", "kid", "others"]
        assert read_measurements(opened.engine, old_trial)[0] == measured(old_trial)
        new = replace(measured(old_trial, fold=1), others={"recall": 0.5})
        write_measurements(opened.engine, [new])
        assert read_measurements(opened.engine, old_trial) == [measured(old_trial), new]
        opened.engine.dispose()


def test_two_that_open_a_database_of_version_0_1_at_once_add_one_column(
    storage_url: str, old_trial: int
) -> None:
    storages = [open_storage(storage_url) for _ in range(4)]
    with ThreadPoolExecutor(len(storages)) as pool:
        list(pool.map(lambda storage: migrate(storage.engine), storages))
    assert column_names(storages[0]).count("others") == 1
    assert read_measurements(storages[0].engine, old_trial) == [measured(old_trial)]
    for storage in storages:
        storage.engine.dispose()
