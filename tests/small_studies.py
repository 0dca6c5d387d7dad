"""Studies small enough to be trained in a test; all share one compiled program per slot count."""

import copy
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import create_trial

from normsweep.spec import Spec, spec_from_tables
from normsweep.storage import open_storage
from normsweep.study.attributes import CONFIRM, ArmAttributes, of_arm
from normsweep.study.confirmation import open_confirmation
from normsweep.worker.launch import Launched, launch

BASE: dict[str, dict[str, Any]] = {
    "study": {"name": "small", "trials": 6, "seed": 3, "sampler": "grid", "slots": 3},
    "data": {"source": "digits", "limit": 200},
    "model": {"latent": 8, "generator_hidden": [16], "discriminator_hidden": [16]},
    # A generator this fast is best in the middle: "final" and "best" are different chunks.
    "train": {"steps": 40, "chunks": 4, "batch": 16, "generator_learning_rate": 5e-3},
    "penalty": {
        "form": "power",
        "strength": [1e-4, 1e-1],
        "order": 2.0,
        "target": ["generator", "discriminator", "both"],
    },
    "score": {"folds": 2, "features": "pca", "dimension": 8},
}
FOLDS, CHUNKS, CHUNK_STEPS = 2, 4, 10

MakeSpec = Callable[..., Spec]
Run = Callable[..., Launched]


def make(**changes: Any) -> Spec:
    """The small spec with changes such as `study__trials=4`; None takes a field away."""
    tables = copy.deepcopy(BASE)
    for path, value in changes.items():
        section, field = path.split("__")
        tables.setdefault(section, {})
        if value is None:
            tables[section].pop(field)
        else:
            tables[section][field] = value
    return spec_from_tables(tables, "the test's spec")


@pytest.fixture(scope="session")
def make_spec() -> MakeSpec:
    return make


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a study: a copy is there in a tenth of the time that making one takes."""
    path = tmp_path_factory.mktemp("empty") / "studies.db"
    open_storage(f"sqlite:///{path}", create=True).engine.dispose()
    return path


class Databases:
    """Opens storages and closes their connections in the end; new files are copies of `empty`."""

    def __init__(self, empty: Path) -> None:
        self._empty = empty
        self._opened: list[RDBStorage] = []

    def open(self, url: str) -> RDBStorage:
        path = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///") and not path.exists():
            shutil.copyfile(self._empty, path)
        storage = open_storage(url, create=True)
        self._opened.append(storage)
        return storage

    def close(self) -> None:
        for storage in self._opened:
            storage.engine.dispose()


@pytest.fixture
def databases(empty_database: Path) -> Iterator[Databases]:
    opened = Databases(empty_database)
    yield opened
    opened.close()


@pytest.fixture
def run(databases: Databases, storage_url: str, tmp_path: Path) -> Run:
    """Launches a spec in the test's own database; `chunks` stops it after so many chunks."""

    def run(
        spec: Spec, *, url: str | None = None, chunks: int | None = None, **options: Any
    ) -> Launched:
        trained = -1

        def watch(_: Any) -> None:
            nonlocal trained
            trained += 1

        if chunks is not None:
            options = {"watch": watch, "stop": lambda: trained >= chunks, **options}
        if url is not None and not url.startswith("sqlite"):
            # By default they would lie in the folder that the tests are called in.
            options.setdefault("files", tmp_path / "files")
        return launch(spec, databases.open(url or storage_url), **options)

    return run


@dataclass(frozen=True)
class Example:
    """A study that was never stopped, for reading only."""

    spec: Spec
    path: Path
    url: str
    launched: Launched

    @property
    def study(self) -> optuna.Study:
        return self.launched.study


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Example]:
    """The whole grid of the small spec, undisturbed: the baseline and six trials."""
    path = tmp_path_factory.mktemp("example") / "studies.db"
    url = f"sqlite:///{path}"
    opened = Databases(empty_database)
    yield Example(make(), path, url, launch(make(), opened.open(url)))
    opened.close()


@pytest.fixture(scope="session")
def outcome() -> Callable[[optuna.Study], list[Any]]:
    """All that a study found, trial by trial, without clocks and processes; for comparison by ==.

    Floats are compared as they are, hence to the bit.
    """

    def outcome(study: optuna.Study) -> list[Any]:
        return [
            (
                trial.number,
                trial.state.name,
                trial.value,
                trial.params,
                trial.intermediate_values,
                trial.user_attrs.get("role"),
                trial.user_attrs.get("config"),
                trial.user_attrs.get("result"),
                trial.user_attrs.get("reason"),
            )
            for trial in study.get_trials()
        ]

    return outcome


@pytest.fixture(scope="session")
def query() -> Callable[..., list[tuple[Any, ...]]]:
    """Reads a database file with plain SQL, past all of our code."""

    def query(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    return query


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file behind `storage_url`."""
    return tmp_path / "studies.db"


@pytest.fixture
def copied_example(example: Example, database: Path) -> Path:
    """The finished example in the test's own database, to be written to."""
    source, target = sqlite3.connect(example.path), sqlite3.connect(database)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    return database


def confirm_by_hand(
    study: optuna.Study, storage: RDBStorage, scores: Sequence[float] = (2.0, 2.0, 2.0)
) -> None:
    """Adds a seed of its best trial for each of the scores, and of the baseline, whose are 3."""
    held = open_confirmation(study, storage)
    (best, *_) = sorted((t for t in study.get_trials() if t.number), key=lambda trial: trial.value)
    for seed, own in enumerate(scores, 1):
        for arm, trial, score in (("baseline", 0, 3.0), (f"trial {best.number}", best.number, own)):
            curve = np.full((4, 2), score + seed / 100)
            about = ArmAttributes(CONFIRM, arm, "baseline", trial, seed, {}, {}, curve)
            held.add_trial(create_trial(value=score, user_attrs=of_arm(about)))
