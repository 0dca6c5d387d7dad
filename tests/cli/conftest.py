"""`sweep` called in this process, and as a process of its own where signals matter."""

import copy
import fcntl
import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import jax
import pytest
import tomlkit

from bench.soak.kills import undisturbed
from bench.soak.ledger import Entry
from bench.soak.study import Study
from normsweep.cli import main
from normsweep.spec import Spec, load_spec
from normsweep.storage import open_storage
from normsweep.study.records import load_study
from normsweep.worker.launch import launch
from tests.file_server import server  # noqa: F401  (a fixture)
from tests.small_studies import confirm_by_hand

BASE: dict[str, dict[str, Any]] = {
    "study": {"name": "small", "trials": 6, "seed": 3, "sampler": "grid", "slots": 3},
    "data": {"source": "digits", "limit": 200},
    "model": {"latent": 8, "generator_hidden": [16], "discriminator_hidden": [16]},
    "train": {"steps": 40, "chunks": 4, "batch": 16, "generator_learning_rate": 5e-3},
    "penalty": {
        "form": "power",
        "strength": [1e-4, 1e-1],
        "order": 2.0,
        "target": ["generator", "discriminator", "both"],
    },
    "score": {"folds": 2, "features": "pca", "dimension": 8},
}


@dataclass(frozen=True)
class Called:
    """What a call of `sweep` left behind."""

    code: int
    out: str
    err: str


Sweep = Callable[..., Called]
WriteSpec = Callable[..., Path]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of every test here: its own, with no storage named by the environment."""
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)
    monkeypatch.delenv("SWEEP_DATA", raising=False)
    # Set, so that what --no-plugins makes of it is undone.
    monkeypatch.setenv("SWEEP_NO_PLUGINS", "")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sweep:
    """Calls the entry point with arguments; what it prints is not on a terminal."""

    def sweep(*arguments: str | Path) -> Called:
        monkeypatch.setattr(sys, "argv", ["sweep", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Called(int(ended.value.code or 0), out, err)

    return sweep


def write(path: Path, **changes: Any) -> Path:
    tables = copy.deepcopy(BASE)
    for place, value in changes.items():
        section, _, field = place.partition("__")
        table, key = (tables.setdefault(section, {}), field) if field else (tables, section)
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    path.write_text(tomlkit.dumps(tables), encoding="utf-8")
    return path


@pytest.fixture
def write_spec(folder: Path) -> WriteSpec:
    """Writes the small spec with changes such as `study__trials=4` or `penalty=None`."""
    return lambda name="spec.toml", **changes: write(folder / name, **changes)


@dataclass(frozen=True)
class Example:
    """A finished study in a file, for reading only."""

    spec: Spec
    url: str
    trials: list[Any]


def launched(folder: Path, **changes: Any) -> Iterator[Example]:
    spec = load_spec(write(folder / "spec.toml", **changes))
    url = f"sqlite:///{folder / 'studies.db'}"
    storage = open_storage(url, create=True)
    yield Example(spec, url, launch(spec, storage).study.get_trials())
    storage.engine.dispose()


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The small study, launched through Python and never stopped."""
    yield from launched(tmp_path_factory.mktemp("example"))


@pytest.fixture
def confirmed(example, folder: Path) -> None:
    """The example with three seeds of its best trial and the baseline, written by hand."""
    path = folder / "studies.db"
    source, target = sqlite3.connect(example.url.removeprefix("sqlite:///")), sqlite3.connect(path)
    source.backup(target)
    source.close(), target.close()
    storage = open_storage(f"sqlite:///{path}")
    confirm_by_hand(load_study("small", storage), storage)
    storage.engine.dispose()


LONG = {"train__steps": 400, "train__chunks": 40}
"""Ten times as many chunks of the same program: long enough to be interrupted."""


@pytest.fixture(scope="session")
def long_example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The long study, never stopped."""
    yield from launched(tmp_path_factory.mktemp("long"), **LONG)


@pytest.fixture
def write_long_spec(write_spec: WriteSpec) -> Callable[[], Path]:
    return lambda: write_spec(**LONG)


@pytest.fixture(scope="session")
def compiled() -> Path:
    """The folder of compiled programs that all processes share."""
    return Path(jax.config.jax_compilation_cache_dir)


@pytest.fixture(scope="session")
def soaked() -> Study:
    """The study that workers, launches and servers are stopped under: two waves of trials."""
    return Study(searched=11, chunks=40)


@pytest.fixture(scope="session")
def undisturbed_of(
    tmp_path_factory: pytest.TempPathFactory, compiled: Path
) -> Callable[[Study], list[Entry]]:
    """What a study finds that nobody disturbs: trained once for all processes of a test run."""
    of_all = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_all = of_all.parent

    def undisturbed_of(study: Study) -> list[Entry]:
        found = of_all / f"undisturbed-{study.trials}-{study.rows}.pickle"
        with found.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not found.exists():
                folder = tmp_path_factory.mktemp("undisturbed")
                found.write_bytes(pickle.dumps(undisturbed(study, folder, compiled)))
        entries: list[Entry] = pickle.loads(found.read_bytes())
        return entries

    return undisturbed_of


@pytest.fixture(scope="session")
def undisturbed_soak(soaked: Study, undisturbed_of: Callable[[Study], list[Entry]]) -> list[Entry]:
    """What the study finds that nobody disturbs."""
    return undisturbed_of(soaked)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts `sweep` as a process of its own; whatever still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str | Path, stderr: "int | IO[str]" = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", "from normsweep.cli import main; main()", *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Waits until something is true, as long as some processes run."""

    def wait_for(what: Callable[[], Any], *processes: Any, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "waited too long"
            for process in processes:
                assert process.poll() is None, process.communicate()
            time.sleep(0.02)

    return wait_for


@pytest.fixture(scope="session")
def outcome() -> Callable[[list[Any]], list[Any]]:
    """All that a study found, trial by trial, without clocks and processes; floats to the bit."""

    def outcome(trials: list[Any]) -> list[Any]:
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
            )
            for trial in trials
        ]

    return outcome


@pytest.fixture
def read_trials() -> Callable[..., list[Any]]:
    """The trials of a study, read with Optuna alone."""
    import optuna

    def read_trials(url: str, name: str = "small") -> list[Any]:
        storage = optuna.storages.RDBStorage(url)
        try:
            return optuna.load_study(study_name=name, storage=storage).get_trials()
        finally:
            storage.engine.dispose()

    return read_trials


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
