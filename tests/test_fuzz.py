"""Specs, images, databases and URLs that nobody would write: a message or an answer, nothing else.

Never a traceback, an answer that takes over ten seconds, a secret, or a file half written.

    make fuzz                 # many more than the few of each that are tried here
"""

import contextlib
import io
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import psycopg
import pytest
import tomlkit
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from optuna.storages import RDBStorage

from normsweep.cli.main import main
from normsweep.data.sources import load_dataset
from normsweep.errors import UserError
from normsweep.search.samplers import check_sampler
from normsweep.spec import load_spec
from normsweep.spec.config import read_config
from normsweep.spec.fields import SECTIONS
from normsweep.spec.space import check_ranges, unconditional_space
from normsweep.storage import connect, open_storage, write_measurements
from normsweep.storage.urls import shown
from tests.report.figures.studies import at, measured, spec_of, study_of

EXAMPLES = int(os.environ.get("SWEEP_FUZZ", "25"))
"""Of each kind; where the number is given, other ones each time."""
SECONDS = 10

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="SWEEP_FUZZ" not in os.environ,
    # To explain a failure the code is traced, which takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    database=None,
    suppress_health_check=list(HealthCheck),
)


class _TooSlow(BaseException):
    """No error that anything would take for one of its own."""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Raises `_TooSlow` in what takes too long."""

    def over(*_: object) -> None:
        raise _TooSlow(f"took over {SECONDS} s")

    # Seconds of this process, and of the clock many more: other tests may run beside these.
    timers = {signal.SIGPROF: (signal.ITIMER_PROF, 1), signal.SIGALRM: (signal.ITIMER_REAL, 6)}
    before = {number: signal.signal(number, over) for number in timers}
    for timer, times in timers.values():
        signal.setitimer(timer, times * SECONDS)
    try:
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


# JSON and TOML have the same values, but for null; the numbers at which something changes.
numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-2, 70),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e39, 1e308, 5e-324, 0.99999999999]),
)
words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "none", "power", "both", "a.py:b", "λ", "../x", "\x00", "1e5", "128-128"]),
)
scalars = st.one_of(numbers, words, st.booleans())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(words, inner, max_size=3),
        st.fixed_dictionaries(
            {"low": inner, "high": inner},
            optional={"log": st.one_of(st.booleans(), inner), "step": inner},
        ),
    ),
    max_leaves=6,
)
FIELDS = sorted(
    f"{section}.{field}" for section, model in SECTIONS.items() for field in model.model_fields
)
places = st.one_of(
    st.sampled_from(FIELDS),
    st.sampled_from([*SECTIONS, "methods", "methods.a", "methods.a.penalty", "provenance", "x"]),
    words,
)


def put(tables: dict[str, Any], place: str, value: Any) -> None:
    """Sets what stands at a dotted path, whatever is on the way."""
    *parents, last = place.split(".")
    for parent in parents:
        if not isinstance(tables.get(parent), dict):
            tables[parent] = {}
        tables = tables[parent]
    tables[last] = value


def written(content: bytes, folder: Path, ending: str) -> Path:
    path = folder / f"spec{ending}"
    path.write_bytes(content)
    return path


def checks(read: Any, path: Path) -> None:
    """Reads a file; what is none of ours is a `UserError` that names the file."""
    before = path.read_bytes()
    with in_time():
        try:
            read(path)
        except UserError as error:
            assert str(path) in str(error) or str(error)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def submittable(path: Path) -> None:
    """All that is checked of a spec before its data are looked at."""
    spec = load_spec(path)
    assert load_spec(path).plain() == spec.plain()
    check_ranges(spec)
    check_sampler(spec.study.sampler, unconditional_space(spec))


@fuzzed
@given(changes=st.lists(st.tuples(places, values), min_size=1, max_size=3), form=st.data())
def test_a_spec_with_anything_in_any_field(changes, form, tmp_path_factory) -> None:
    tables = spec_of().plain()
    for place, value in changes:
        put(tables, place, value)
    ending = form.draw(st.sampled_from([".toml", ".json"]))
    try:
        text = tomlkit.dumps(tables) if ending == ".toml" else json.dumps(tables)
        content = text.encode()
    # Hypothesis has words that TOML has not.
    except (ValueError, TypeError, AttributeError, tomlkit.exceptions.TOMLKitError):
        return
    folder = tmp_path_factory.mktemp("spec")
    checks(submittable if ending == ".toml" else read_config, written(content, folder, ending))
    shutil.rmtree(folder)


@fuzzed
@given(
    cut=st.integers(0, 400),
    inserted=st.one_of(
        st.binary(max_size=20), st.text(max_size=20).map(lambda t: t.encode("utf8", "replace"))
    ),
    removed=st.integers(0, 40),
    ending=st.sampled_from([".toml", ".json", ".yaml"]),
)
def test_a_spec_with_anything_in_its_text(cut, inserted, removed, ending, tmp_path_factory) -> None:
    plain = spec_of().plain()
    content = (tomlkit.dumps(plain) if ending == ".toml" else json.dumps(plain)).encode()
    content = content[:cut] + inserted + content[cut + removed :]
    folder = tmp_path_factory.mktemp("text")
    path = written(content, folder, ending)
    checks(submittable if ending == ".toml" else read_config, path)
    shutil.rmtree(folder)


DTYPES = ["u1", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "?", "U3", "M8[s]", "O"]
shapes = st.lists(st.sampled_from([0, 1, 2, 3, 4, 7, 8, 12]), max_size=5)


def drawn_array(data: st.DataObject) -> np.ndarray:
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    shape = tuple(data.draw(shapes))
    some = np.zeros(shape, dtype)
    for place in range(min(some.size, 3)):
        value = data.draw(st.sampled_from([0, 1, 255, -1, 2.5, np.nan, np.inf, 1e39, 1e300]))
        with contextlib.suppress(OverflowError, ValueError, TypeError), np.errstate(all="ignore"):
            some.reshape(-1)[place] = value
    return some


@fuzzed
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_images_of_any_kind(data, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("images")
    path = folder / "x.npz"
    arrays = {"images": drawn_array(data)}
    if data.draw(st.booleans()):
        arrays["labels"] = drawn_array(data)
    np.savez(path, **arrays)
    content = path.read_bytes()
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(content)))
        content = content[:at] + data.draw(st.binary(max_size=8)) + content[at + 4 :]
        path.write_bytes(content)

    def read(path: Path) -> None:
        found = load_dataset("npz", path=path, limit=data.draw(st.sampled_from([None, 2, 5])))
        assert found.labels is None or len(found.images) == len(found.labels)

    checks(read, path)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a confirmation, without training."""
    path = tmp_path_factory.mktemp("database") / "studies.db"
    spec = spec_of()
    trials = [(at(10.0**-k, order=1.0), [k, k + 1.0, k + 2.0]) for k in range(1, 5)]
    study = study_of(spec, [1.0, 2.0, 3.0], trials, failed=1)
    storage = open_storage(f"sqlite:///{path}", create=True)
    optuna.copy_study(
        from_study_name=study.study_name, from_storage=study._storage, to_storage=storage
    )
    made = optuna.load_study(study_name="drawn", storage=storage)
    for key, value in {"control": "open", "versions": {"jax": "1"}, "fingerprints": {}}.items():
        made.set_user_attr(key, value)
    for trial in made.get_trials()[:-1]:
        rows = measured(40, trial.user_attrs["result"]["fold_scores"])
        write_measurements(storage.engine, [replace(r, trial_id=trial._trial_id) for r in rows])
    storage.engine.dispose()
    return path


ROWS = {
    "study_user_attributes": ("key", "value_json"),
    "study_system_attributes": ("key", "value_json"),
    "trial_user_attributes": ("key", "value_json"),
    "trial_system_attributes": ("key", "value_json"),
    "trials": ("state", "datetime_start", "datetime_complete", "number"),
    "trial_values": ("value", "value_type", "objective"),
    "trial_params": ("param_name", "param_value", "distribution_json"),
    "sweep_measurements": ("fold", "step", "fid", "kid", "others"),
    "sweep_influences": ("step", "judged", "influence"),
    "sweep_workers": ("host", "pid", "seen"),
    "studies": ("study_name",),
    "study_directions": ("direction", "objective"),
}
"""What a program of somebody else's may have written."""


def harm(path: Path, data: st.DataObject) -> None:
    connection = sqlite3.connect(path)
    for _ in range(data.draw(st.integers(1, 3))):
        table = data.draw(st.sampled_from(sorted(ROWS)))
        column = data.draw(st.sampled_from(ROWS[table]))
        value: Any = data.draw(st.one_of(values, st.none()))
        if column.endswith("json") or column == "others" or isinstance(value, list | dict):
            value = json.dumps(value)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            value = float(value)
        which = data.draw(st.integers(0, 12))
        kind = data.draw(st.sampled_from(["update", "update", "update", "delete"]))
        with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):
            rowid = f"rowid = (SELECT rowid FROM {table} LIMIT 1 OFFSET {which})"
            if kind == "delete":
                connection.execute(f"DELETE FROM {table} WHERE {rowid}")
            else:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {rowid}", (value,))
    connection.commit()
    connection.close()


def call(*arguments: str) -> tuple[int, str]:
    """Calls `sweep` in this process; its exit code, and all that it prints."""
    opened: list[RDBStorage] = []
    original = connect.optuna_storage

    def recorded(*arguments: Any, **options: Any) -> RDBStorage:
        opened.append(original(*arguments, **options))
        return opened[-1]

    told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    before = sys.argv
    connect.optuna_storage = recorded
    sys.argv = ["sweep", *arguments]
    try:
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told), in_time():
            main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = before
        connect.optuna_storage = original
        for storage in opened:
            storage.engine.dispose()
    return code, told.buffer.getvalue().decode()  # type: ignore[attr-defined]


@fuzzed
@given(data=st.data())
def test_a_database_with_anything_in_it(data, database, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("harmed")
    path = folder / "studies.db"
    shutil.copy(database, path)
    if data.draw(st.integers(0, 4)):
        harm(path, data)
    else:
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 20))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
    commands = [
        ("list",),
        ("show", "drawn"),
        ("show", "drawn", "--json"),
        ("status", "--json"),
        ("export", "drawn", "-o", str(folder / "best.toml")),
        ("export", "drawn", "--format", "csv"),
        ("copy", "drawn", "--to", f"sqlite:///{folder / 'copy.db'}"),
    ]
    command = data.draw(st.sampled_from(commands))
    code, told = call(*command, "--storage", f"sqlite:///{path}")
    assert "Traceback" not in told, (command, told)
    assert code in (0, 1, 2), command
    if command[0] == "export" and code:
        assert not (folder / "best.toml").exists()
    if "--json" in command and code == 0:
        json.loads(told)
    shutil.rmtree(folder)


SECRET = "g3heim7"
pieces = st.one_of(
    st.sampled_from([*"@:/?&=#%'\" \\", "postgresql", "+psycopg", "sqlite", "://", "me"]),
    st.sampled_from(["password", "sslmode", "127.0.0.1:1", "user", "%40", "port", "x.db", "file:"]),
    st.text(max_size=3),
)


FRONTS = [
    *("postgresql+psycopg://me:{}", "postgresql://me:{}", "me:{}", "password={}", "sqlite://me:{}"),
    *("x://?password={}", "sqlite:///x.db?key={}", "postgresql:me:{}", "host=h password='{}'"),
]


def refuses(*_: object, **given: Any) -> None:
    """No server, and no search for one: what the driver would say has all but the password."""
    told = ", ".join(f"{name} {given.get(name)!r}" for name in ("host", "port", "user", "dbname"))
    raise psycopg.OperationalError(f"connection failed: {told}")


@fuzzed
@given(
    data=st.data(),
    front=st.sampled_from(FRONTS),
    rest=st.lists(pieces, max_size=6),
)
def test_a_url_of_any_form_with_a_secret_in_it(data, front, rest, tmp_path_factory) -> None:
    ends = ["@127.0.0.1:1/db", "", "@"]
    url = front.format(SECRET) + data.draw(st.sampled_from(ends)) + "".join(rest)
    if "\0" in url or len(url.encode("utf8", "replace")) != len(url.encode("utf8", "ignore")):
        return
    folder = tmp_path_factory.mktemp("url")
    before, connected = Path.cwd(), psycopg.connect
    os.chdir(folder)
    psycopg.connect = refuses
    try:
        assert SECRET not in shown(url), url
        code, told = call("list", f"--storage={url}")
        assert code == 2, (url, told)
        assert SECRET not in told.replace("\n", ""), (url, told)
        assert "Traceback" not in told, (url, told)
        assert list(folder.iterdir()) == []
    finally:
        os.chdir(before)
        psycopg.connect = connected
        shutil.rmtree(folder)
