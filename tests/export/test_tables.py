"""All trials of a study as one table: nothing is lost, and no kind of trial is in the way."""

import csv
import io
import sys
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from normsweep.errors import UserError
from normsweep.export.formats import exported, format_of
from normsweep.export.tables.as_csv import csv_table
from normsweep.export.tables.as_parquet import parquet_table
from normsweep.export.tables.rows import Table, table_of
from normsweep.spec import Spec
from normsweep.spec.space import distribution
from normsweep.storage import Measurement, read_measurements, write_measurements
from normsweep.storage.migrate import migrate
from normsweep.study.attributes import (
    BASELINE,
    CONFIRM,
    SEARCH,
    ArmAttributes,
    Result,
    of_arm,
    of_role,
    plain_result,
)
from normsweep.study.confirmation import confirmation_name, find_confirmation

FIXED = ["study", "trial", "role", "state", "method"]
OF_ARM = ["arm", "against", "seed"]
OF_MEMBER = ["fold", "step", "scored"]
METRICS = ["fid", "kid", "generator_loss", "discriminator_loss"]
Written = Callable[..., tuple[optuna.Study, Any]]


@pytest.fixture
def written(make_spec: Callable[..., Spec], databases: Any, storage_url: str) -> Written:
    """A study with trials given as (state, steps measured): with `others` beside the metrics."""

    def written(
        *trials: tuple[TrialState, int], objectives: int = 1, others: tuple[str, ...] = ()
    ) -> tuple[optuna.Study, Any]:
        spec = make_spec(study__sampler="random")
        storage = databases.open(storage_url)
        migrate(storage.engine)
        study = optuna.create_study(
            storage=storage, study_name="small", directions=["minimize"] * objectives
        )
        study.set_user_attr("spec", spec.plain())
        for number, (state, steps) in enumerate(trials):
            search = spec.penalty.strength
            asked = {"penalty.strength": distribution(search)} if number else {}
            done = state in (TrialState.COMPLETE, TrialState.PRUNED)
            made = create_trial(
                state=state,
                values=[0.5] * objectives if state == TrialState.COMPLETE else None,
                params=dict.fromkeys(asked, 1e-4),
                distributions=asked,
                user_attrs=of_role(SEARCH if number else BASELINE)
                | ({"result": plain_result(Result((0.25, 0.75), 10 * steps))} if done else {}),
            )
            trial_id = storage.create_new_trial(study._study_id, template_trial=made)
            rows = [
                Measurement(
                    trial_id,
                    fold,
                    10 * step,
                    0.1 + 0.2,
                    1 / 3,
                    {"generator": fold, "discriminator": step},
                    measured,
                )
                for step in range(1, steps + 1)
                for fold in range(2)
                for measured in [dict.fromkeys(others, 0.25)]
            ]
            write_measurements(storage.engine, rows)
        return study, storage

    return written


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_table_of_a_real_study_has_every_row_of_its_database(example, databases) -> None:
    storage = databases.open(example.url)
    table = table_of(example.study, storage)
    searched = ["penalty.strength", "penalty.target"]
    recorded = [
        "strength_factor",
        *("generator_zeros", "discriminator_zeros", "generator_norm", "discriminator_norm"),
    ]
    assert list(table.columns)[: len(FIXED) + 5] == FIXED + OF_ARM + searched
    assert set(table.columns) == {*FIXED, *OF_ARM, *searched, *OF_MEMBER, *METRICS, *recorded}
    rows = read(csv_table(table))
    trials = example.study.get_trials()
    assert len(rows) == 7 * 4 * 2
    for row in rows:
        trial = trials[int(row["trial"])]
        assert (row["study"], row["state"]) == ("small", "complete")
        assert row["role"] == trial.user_attrs["role"]
        assert {row[name] for name in OF_ARM} == {""}
        strength = trial.params.get("penalty.strength")
        assert row["penalty.strength"] == ("" if strength is None else repr(strength))
        stored = {
            (entry.fold, entry.step): entry
            for entry in read_measurements(storage.engine, trial._trial_id)
        }[int(row["fold"]), int(row["step"])]
        assert all(float(row[name]) == stored.value(name) for name in METRICS + recorded)
        assert row["scored"] == str(int(row["step"]) == 40)


def test_a_trials_score_is_the_mean_of_the_rows_that_say_so(example, databases) -> None:
    table = table_of(example.study, databases.open(example.url))
    rows = [row for row in read(csv_table(table)) if row["scored"] == "True"]
    for trial in example.study.get_trials():
        scores = [float(row["fid"]) for row in rows if int(row["trial"]) == trial.number]
        assert sum(scores) / 2 == pytest.approx(trial.value, rel=1e-15)


def test_a_confirmation_is_in_it_with_every_seed_fold_and_step(
    run: Any, make_spec: Callable[..., Spec], databases: Any, storage_url: str
) -> None:
    searched = {"low": 1e-3, "high": 1e-2, "log": True}
    spec = make_spec(
        study__sampler="random",
        study__trials=1,
        # Searched beside the penalty: the candidate is compared with a baseline of its own.
        train__generator_learning_rate=searched,
        confirm__seeds=2,
        confirm__top=1,
        confirm__holdout=0.2,
    )
    study, storage = run(spec).study, databases.open(storage_url)
    held = find_confirmation(study, storage)
    assert held is not None
    own = "baseline of trial 1"
    rows = read(csv_table(table_of(study, storage)))
    found = [row for row in rows if row["role"] in ("confirm", "final")]
    assert len(rows) == len(found) + 2 * 2 * 4
    assert {row["study"] for row in found} == {"small"}
    told = {(row["role"], row["arm"], row["against"], row["trial"]) for row in found}
    assert told == {
        ("confirm", "baseline", "baseline", "0"),
        ("confirm", "trial 1", own, "1"),
        ("confirm", own, own, ""),
        ("final", "trial 1", own, "1"),
        ("final", own, own, ""),
    }
    stored = {
        (*(str(trial.user_attrs[name]) for name in ("role", "arm", "seed")), row.fold, row.step): (
            trial.params,
            row,
        )
        for trial in held.get_trials()
        for row in read_measurements(storage.engine, trial._trial_id)
    }
    assert len(stored) == 3 * 2 * 2 * 4 + 2 * 2 * 4
    for row in found:
        key = (row["role"], row["arm"], row["seed"], int(row["fold"]), int(row["step"]))
        params, measured = stored.pop(key)
        assert all(float(row[name]) == measured.value(name) for name in METRICS)
        rate = params.get("train.generator_learning_rate")
        assert row["train.generator_learning_rate"] == ("" if rate is None else repr(rate))
        assert row["scored"] == str(measured.step == 40)
    assert not stored


def test_what_two_processes_have_confirmed_at_once_is_in_it_once(
    written: Written, parquet: Any
) -> None:
    study, storage = written((TrialState.COMPLETE, 1), (TrialState.COMPLETE, 1))
    held = optuna.create_study(storage=storage, study_name=confirmation_name("small"))
    for arm, trial in (("baseline", 0), ("trial 1", 1), ("trial 1", 1)):
        said = ArmAttributes(CONFIRM, arm, "baseline", trial, seed=1, config={}, versions={})
        held.add_trial(create_trial(state=TrialState.FAIL, user_attrs=of_arm(said)))
    content = exported(study, storage, "parquet")
    rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    last = [(row["arm"], row["seed"], row["state"], row["fold"]) for row in rows[-2:]]
    assert len(rows) == 2 * 2 + 2
    assert last == [("baseline", 1, "fail", None), ("trial 1", 1, "fail", None)]


def test_an_empty_study_is_a_line_of_names(written: Written) -> None:
    table = table_of(*written())
    assert csv_table(table).decode().splitlines() == [
        ",".join(FIXED + OF_ARM + OF_MEMBER + METRICS)
    ]


def test_trials_that_failed_wait_or_were_pruned_are_in_it(written: Written) -> None:
    states = [
        (TrialState.FAIL, 0),
        (TrialState.FAIL, 1),
        (TrialState.PRUNED, 2),
        (TrialState.WAITING, 0),
        (TrialState.RUNNING, 1),
    ]
    rows = read(csv_table(table_of(*written(*states))))
    counts = [sum(row["trial"] == str(number) for row in rows) for number in range(5)]
    assert counts == [1, 2, 4, 1, 2]
    assert [row["state"] for row in rows if row["fold"] in ("", "0")] == [
        "fail",
        "fail",
        "pruned",
        "pruned",
        "waiting",
        "running",
    ]
    assert (rows[0]["fold"], rows[0]["step"], rows[0]["fid"]) == ("", "", "")
    assert [row["step"] for row in rows if row["scored"] == "True"] == ["20", "20"]


def test_two_objectives_are_columns_like_any_metric(written: Written) -> None:
    study, storage = written(
        (TrialState.COMPLETE, 1), (TrialState.COMPLETE, 1), objectives=2, others=("recall",)
    )
    rows = read(csv_table(table_of(study, storage)))
    assert [row["recall"] for row in rows] == ["0.25"] * 4
    assert [float(row["fid"]) for row in rows] == [0.1 + 0.2] * 4


def test_a_study_that_optuna_wrote_alone_is_refused_by_its_name(databases, storage_url) -> None:
    storage = databases.open(storage_url)
    study = optuna.create_study(storage=storage, study_name="theirs")
    for form in ("csv", "parquet"):
        with pytest.raises(UserError, match="study 'theirs' was not made by sweep"):
            exported(study, storage, form)


@pytest.fixture
def parquet() -> Any:
    return pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")


def test_parquet_holds_the_same_cells_with_their_types(written: Written, parquet: Any) -> None:
    study, storage = written(
        (TrialState.COMPLETE, 2), (TrialState.COMPLETE, 1), (TrialState.FAIL, 0), others=("recall",)
    )
    table = table_of(study, storage)
    found = parquet.read_table(io.BytesIO(exported(study, storage, "parquet")))
    assert found.column_names == list(table.columns)
    rows = list(zip(*(column.to_pylist() for column in found.columns), strict=True))
    assert rows == table.rows
    names = dict(zip(found.column_names, map(str, found.schema.types), strict=True))
    assert (names["trial"], names["fold"], names["scored"]) == ("int64", "int64", "bool")
    assert (names["study"], names["fid"], names["recall"]) == ("string", "double", "double")
    assert names["penalty.strength"] == "double"


def test_parquet_of_an_empty_study_has_the_types_too(written: Written, parquet: Any) -> None:
    study, storage = written()
    found = parquet.read_table(io.BytesIO(exported(study, storage, "parquet")))
    assert found.num_rows == 0
    assert "null" not in map(str, found.schema.types)


def test_without_pyarrow_a_message_says_how_to_install_it(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'normsweep\[parquet\]'.*without it: csv"):
        parquet_table(Table({}, []))


def test_a_parameter_of_several_types_is_the_wider_one(parquet: Any) -> None:
    table = Table({"a": float, "b": str}, [(1, "x"), (0.5, 3), (None, None)])
    found = parquet.read_table(io.BytesIO(parquet_table(table)))
    assert found.to_pydict() == {"a": [1.0, 0.5, None], "b": ["x", "3", None]}


def test_a_table_is_of_all_trials_and_parquet_needs_a_file(written: Written) -> None:
    study, storage = written()
    for options in ({"trial": 0}, {"top": 2}):
        with pytest.raises(UserError, match="names configs; --format csv holds all trials"):
            exported(study, storage, "csv", **options)
    with pytest.raises(UserError, match="--format parquet: is no text; accepted with -o FILE"):
        format_of("parquet", None)
