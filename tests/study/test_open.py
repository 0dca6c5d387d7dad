"""A study that exists: gone on with if it is the same one, refused untouched if it is not."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages._cached_storage import _CachedStorage
from sklearn.datasets import load_digits

from normsweep.errors import UserError
from normsweep.export.again import score_config
from normsweep.export.configs import best_config
from normsweep.storage import open_storage
from normsweep.study.records import load_study, study_spec
from normsweep.verdict.answers import Ranked, answer


@pytest.fixture
def dump(database: Path) -> Callable[[], list[str]]:
    """Everything in the test's database, as SQL."""

    def dump() -> list[str]:
        connection = sqlite3.connect(database)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    return dump


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("penalty.strength", [1e-4, 1e-2], "[0.0001, 0.1], now [0.0001, 0.01]"),
        ("penalty.order", 1.5, "2.0, now 1.5"),
        ("train.batch", 8, "16, now 8"),
        ("study.seed", 4, "3, now 4"),
        ("study.sampler", "tpe", "grid, now tpe"),
        ("score.samples", 50, "not set, now 50"),
        ("data.limit", None, "200, now not set"),
    ],
)
def test_a_differing_spec_is_refused_with_the_difference_shown(
    copied_example, run, make_spec, dump, path: str, value: Any, shown: str
) -> None:
    before = dump()
    with pytest.raises(UserError) as caught:
        run(make_spec(**{path.replace(".", "__"): value}))
    message = str(caught.value)
    assert "study.name: 'small'" in message
    differences = [line for line in message.splitlines() if line.startswith("  ")]
    assert differences == [f"  {path}: in the study {shown}"]
    assert "--name" in message
    assert dump() == before


def test_every_difference_is_shown(copied_example, run, make_spec) -> None:
    with pytest.raises(UserError) as caught:
        run(make_spec(train__batch=8, study__pruner="median", study__trials=50))
    differences = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert [line.split(":")[0].strip() for line in differences] == ["study.pruner", "train.batch"]


def test_the_number_of_trials_is_no_difference(copied_example, run, make_spec) -> None:
    study = run(make_spec(study__trials=7)).study
    assert study_spec(study) == make_spec(study__trials=7)


def test_data_that_have_changed_are_refused(run, make_spec, tmp_path, dump) -> None:
    digits = load_digits()
    images = digits.images.astype(np.float32)[:200] / 16
    path = tmp_path / "digits.npz"
    np.savez(path, images=images, labels=digits.target[:200])
    spec = make_spec(data__source="npz", data__path=str(path), data__limit=None, study__trials=1)
    assert run(spec).done
    before = dump()
    images[7] = images[8]
    np.savez(path, images=images, labels=digits.target[:200])
    with pytest.raises(UserError, match=r"study 'small': its data.* another fingerprint") as caught:
        run(spec)
    assert "--name" in str(caught.value)
    assert dump() == before


def test_another_programs_study_of_that_name_is_refused(run, make_spec, storage_url, dump) -> None:
    storage = optuna.storages.RDBStorage(storage_url)
    study = optuna.create_study(storage=storage, study_name="small")
    study.tell(study.ask(), 1.0)
    storage.engine.dispose()
    open_storage(storage_url, create=True).engine.dispose()
    before = dump()
    with pytest.raises(UserError, match=r"study\.name: 'small' .* not made by sweep"):
        run(make_spec())
    assert dump() == before


@pytest.mark.parametrize("directions", [["maximize"], ["minimize", "minimize"]])
def test_an_empty_study_with_another_aim_is_refused(
    run, make_spec, storage_url, dump, directions: list[str]
) -> None:
    storage = open_storage(storage_url, create=True)
    optuna.create_study(storage=storage, study_name="small", directions=directions)
    storage.engine.dispose()
    before = dump()
    with pytest.raises(UserError, match=r"study\.name: 'small' .* not made by sweep"):
        run(make_spec())
    assert dump() == before


def test_two_studies_live_in_one_storage(copied_example, run, make_spec, outcome, storage_url):
    other = run(make_spec(study__name="other", study__trials=1)).study
    assert [trial.number for trial in other.get_trials()] == [0, 1]
    storage = open_storage(storage_url)
    assert len(load_study("small", storage).get_trials()) == 7
    storage.engine.dispose()


def test_an_unknown_study_is_told_with_those_there_are(example) -> None:
    storage = open_storage(example.url)
    with pytest.raises(UserError, match=r"'smal' .* there: small"):
        load_study("smal", storage)
    storage.engine.dispose()


@pytest.mark.parametrize("survivors", [0, 1, 4])
def test_a_creation_cut_short_is_finished_by_the_next_launch(
    example, run, make_spec, outcome, monkeypatch, survivors: int
) -> None:
    make, calls = _CachedStorage.create_new_trial, 0

    def cut_short(self: _CachedStorage, *args: Any, **kwargs: Any) -> int:
        nonlocal calls
        calls += 1
        if calls > survivors:
            raise KeyboardInterrupt
        return make(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(_CachedStorage, "create_new_trial", cut_short)
        with pytest.raises(KeyboardInterrupt):
            run(make_spec())
    assert outcome(run(make_spec()).study) == outcome(example.study)


def test_bad_data_write_no_database(run, make_spec, database, storage_url) -> None:
    from normsweep.worker.launch import launch

    with pytest.raises(UserError, match=r"data\.path"):
        launch(make_spec(data__source="npz", data__limit=None), storage_url)
    assert not database.exists()


FIELDS_OF_0_1 = {
    "study": {"name", "trials", "seed", "sampler", "pruner", "startup_trials", "slots"}
    | {"pruner_warmup", "pruner_percentile"},
    "data": {"source", "path", "split", "limit", "seed"},
    "model": {"kind", "latent", "latent_distribution"}
    | {"generator_hidden", "generator_activation", "generator_output"}
    | {"discriminator_hidden", "discriminator_activation"},
    "train": {"steps", "chunks", "batch", "discriminator_steps", "loss", "beta1", "beta2", "ema"}
    | {"generator_learning_rate", "discriminator_learning_rate"},
    "penalty": {"form", "target", "order", "strength", "l1", "l2", "separate_strengths", "weights"},
    "score": {"metric", "at", "folds", "samples", "features", "dimension", "feature_share"},
}


@pytest.fixture
def older(copied_example: Path) -> Path:
    """The finished example as version 0.1 would have stored it."""

    def cut(text: str) -> str:
        tables = json.loads(text)
        return json.dumps(
            {
                section: {
                    field: tables[section][field] for field in fields & tables[section].keys()
                }
                for section, fields in FIELDS_OF_0_1.items()
            }
        )

    connection = sqlite3.connect(copied_example)
    for table, key in (("study_user_attributes", "spec"), ("trial_user_attributes", "config")):
        rows = connection.execute(f"select rowid, value_json from {table} where key = '{key}'")
        for row, text in rows.fetchall():
            assert "coupling" in text
            change = f"update {table} set value_json = ? where rowid = ?"
            connection.execute(change, (cut(text), row))
    connection.execute("alter table sweep_measurements drop column others")
    connection.commit()
    connection.close()
    return copied_example


def in_full(entry: Ranked) -> Ranked:
    return replace(entry, plain=entry.config.plain())


def test_a_study_of_an_earlier_version_answers_and_exports_as_before(
    older, example, storage_url
) -> None:
    storage = open_storage(storage_url)
    study = load_study("small", storage)
    found, wanted = answer(study), answer(example.study)
    assert study_spec(study) == example.spec
    # What an earlier version has stored lacks the fields that were added since.
    assert [in_full(entry) for entry in found.ranking] == list(wanted.ranking)
    assert found.baseline is not None
    assert in_full(found.baseline) == wanted.baseline
    assert score_config(best_config(study)).identical is True
    storage.engine.dispose()


def test_a_study_of_an_earlier_version_is_gone_on_with(
    older, example, run, make_spec, outcome, query
) -> None:
    again = run(make_spec())
    assert again.done
    assert again.training_seconds == 0
    assert study_spec(again.study) == example.spec
    scores = [entry[2:5] + entry[7:] for entry in outcome(again.study)]
    assert scores == [entry[2:5] + entry[7:] for entry in outcome(example.study)]


def test_a_study_whose_training_drew_other_random_numbers_is_not_gone_on_with(
    older, run, make_spec
) -> None:
    connection = sqlite3.connect(older)
    query = "select rowid, value_json from study_user_attributes where key = 'fingerprints'"
    for row, text in connection.execute(query).fetchall():
        without = {name: value for name, value in json.loads(text).items() if name != "training"}
        change = "update study_user_attributes set value_json = ? where rowid = ?"
        connection.execute(change, (json.dumps(without), row))
    connection.commit()
    connection.close()
    with pytest.raises(UserError, match="its training has another fingerprint"):
        run(make_spec())


def test_a_field_of_a_later_version_is_a_difference_where_it_is_set(
    older, run, make_spec, dump
) -> None:
    before = dump()
    with pytest.raises(UserError) as caught:
        run(make_spec(penalty__coupling="decoupled", score__record=["recall"]))
    differences = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert differences == [
        "  penalty.coupling: in the study loss, now decoupled",
        "  score.record: in the study [], now ['recall']",
    ]
    # Opening it has given our table the column that it had not, and touched nothing else.
    ours = "sweep_measurements"
    assert [line for line in dump() if ours not in line] == [
        line for line in before if ours not in line
    ]
