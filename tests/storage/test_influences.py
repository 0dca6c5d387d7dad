"""Influences as they are stored: for every image that has judged, exactly."""

from collections.abc import Iterator

import numpy as np
import pytest
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from sqlalchemy import inspect, text

from normsweep.storage import open_storage
from normsweep.storage.influences import add_influences, clear_influences, read_influences


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    opened = open_storage(storage_url, create=True)
    yield opened
    opened.engine.dispose()


def trial_of(storage: RDBStorage) -> int:
    return int(storage.create_new_trial(storage.create_new_study([StudyDirection.MINIMIZE])))


def write(storage: RDBStorage, trial: int, by_step: dict[int, np.ndarray]) -> None:
    with storage.engine.begin() as connection:
        add_influences(connection, trial, by_step)


@pytest.mark.parametrize("images", [1, 8, 21])
def test_what_is_read_is_what_was_written_as_float32(storage, images: int) -> None:
    one, other = trial_of(storage), trial_of(storage)
    values = np.random.default_rng(images).normal(size=(3, images))
    values[1, ::2] = np.nan
    write(storage, one, {10: values[0], 20: values[1]})
    write(storage, other, {10: values[2]})
    found = read_influences(storage.engine, {one, other}, {10, 20})
    assert found.keys() == {(one, 10), (one, 20), (other, 10)}
    for (_, _), wanted, read in zip(found, values[[0, 1, 2]], found.values(), strict=True):
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read[:images], wanted.astype(np.float32))
        assert np.isnan(read[images:]).all() and len(read) < images + 8
    assert read_influences(storage.engine, {one}, {20}).keys() == {(one, 20)}


def test_a_trial_s_own_replace_those_of_one_that_was_deleted_without_them(storage) -> None:
    trial = trial_of(storage)
    write(storage, trial, {10: np.ones(9), 20: np.ones(9)})
    clear_influences(storage.engine, trial)
    for _ in range(2):
        write(storage, trial, {10: np.zeros(9)})
    found = read_influences(storage.engine, {trial}, {10, 20})
    assert found.keys() == {(trial, 10)}
    assert not found[trial, 10][:9].any()


def test_they_go_with_their_trial(storage) -> None:
    trial = trial_of(storage)
    write(storage, trial, {10: np.ones(9)})
    storage.delete_study(storage.get_all_studies()[0]._study_id)
    assert read_influences(storage.engine, {trial}, {10}) == {}


def test_a_database_of_an_earlier_version_that_is_only_read_has_none(storage) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text("DROP TABLE sweep_influences"))
    assert not inspect(storage.engine).has_table("sweep_influences")
    assert read_influences(storage.engine, {1}, {10}) == {}


def test_what_another_program_has_cut_off_is_none(storage) -> None:
    trial = trial_of(storage)
    write(storage, trial, {10: np.ones(9), 20: np.ones(9)})
    with storage.engine.begin() as connection:
        cut = text("UPDATE sweep_influences SET influence = :some WHERE step = 10")
        connection.execute(cut, {"some": b"\0\0\0"})
    assert read_influences(storage.engine, {trial}, {10, 20}).keys() == {(trial, 20)}
