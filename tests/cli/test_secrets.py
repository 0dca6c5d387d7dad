"""The password of a storage is told to nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from optuna.storages import RDBStorage
from sqlalchemy import create_engine, inspect, make_url, text

from normsweep.storage import connect

SECRET = "g3heim-s3cret"


@pytest.fixture(autouse=True)
def closed(monkeypatch) -> Iterator[None]:
    """A command leaves closing its connections to the end of its process, which here goes on."""
    opened: list[RDBStorage] = []
    original = connect.optuna_storage

    def recorded(*arguments: Any, **options: Any) -> RDBStorage:
        opened.append(original(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(connect, "optuna_storage", recorded)
    yield
    for storage in opened:
        storage.engine.dispose()


@pytest.fixture
def url(postgres) -> str:
    """A database on a server that takes any password."""
    return make_url(postgres.new_url()).set(password=SECRET).render_as_string(hide_password=False)


def stored(url: str) -> str:
    """All that is in a database."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        found = repr([connection.execute(text(f"select * from {t}")).fetchall() for t in tables])
    engine.dispose()
    return found


def test_no_command_prints_logs_or_stores_it(sweep, write_spec, folder, url, monkeypatch) -> None:
    spec = write_spec(study__trials=1)
    best = folder / "best.toml"
    calls = [
        ("submit", spec),
        ("worker", "--log-json"),
        ("worker", "small"),
        ("worker", "unknown"),
        ("launch", spec),
        ("launch", spec, "--name", "cut", "--timeout", "1e-9", f"--storage={url}"),
        ("list",),
        ("list", "--json"),
        ("show", "small"),
        ("show", "small", "--json"),
        ("show", "unknown"),
        ("status",),
        ("status", "--json"),
        ("pause", "small"),
        ("stop", "unknown"),
        ("export", "small", "-o", best),
        ("export", "small", "--format", "json"),
    ]
    for given in ("option", "environment"):
        if given == "environment":
            monkeypatch.setenv("SWEEP_STORAGE", url)
        # What a launch starts has it from its environment in any case.
        pool = ("launch", spec, "--name", "other", "--workers", "2")
        for call in (*calls, *([pool] if given == "option" else [])):
            called = sweep(*call, *(["--storage", url] if given == "option" else []))
            assert SECRET not in called.out + called.err, call
        for command in ("launch", "worker", "show"):
            assert SECRET not in sweep(command, "--help").out
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert best in files
    assert not [path for path in files if SECRET in path.read_text(errors="replace")]
    assert "small" in stored(url)
    assert SECRET not in stored(url)


def test_it_is_in_no_list_of_processes(start, wait_for, write_spec, url, monkeypatch) -> None:
    monkeypatch.setenv("SWEEP_STORAGE", url)
    spec = write_spec(train__steps=4000, train__chunks=400)
    launch = psutil.Process(start("launch", spec, "--workers", "2").pid)
    wait_for(lambda: len(launch.children()) == 2)
    family = [launch, *launch.children()]
    assert len(family) == 3
    for process in family:
        assert SECRET not in " ".join(process.cmdline())
    for process in family:
        process.kill()


@pytest.mark.parametrize("url", [f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/none"])
def test_a_server_that_does_not_answer_is_named_without_it(sweep, write_spec, url: str) -> None:
    for call in (("submit", write_spec()), ("worker",), ("status",)):
        called = sweep(*call, "--storage", url)
        assert called.code == 2
        assert "postgresql+psycopg://me:***@127.0.0.1:1/none" in called.err
        assert SECRET not in called.out + called.err
        assert "Traceback" not in called.err


NOT_QUITE = (
    f"postgresql+psycopg://me:p@{SECRET}@127.0.0.1:1/none",
    f"postgresql:me:{SECRET}@127.0.0.1/none",
    f"postgresql+psycopg://127.0.0.1:1/none?user=me&password={SECRET}",
    f"host=127.0.0.1 port=1 user=me password={SECRET}",
)


@pytest.mark.parametrize("url", NOT_QUITE)
def test_what_is_not_quite_a_url_is_told_without_it(sweep, write_spec, url: str) -> None:
    spec = write_spec()
    for call in (
        ("submit", spec),
        ("launch", spec),
        ("worker", "--log-json"),
        ("status", "--json"),
    ):
        called = sweep(*call, "--storage", url)
        assert called.code == 2
        assert SECRET not in called.out + called.err, call
        assert "Traceback" not in called.err


@pytest.mark.parametrize(
    "url", [f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/none", NOT_QUITE[0]]
)
def test_a_url_in_another_place_of_a_call_is_told_without_it(sweep, example, url: str) -> None:
    for call in (
        ("list", url),
        ("list", "--storge", url),
        ("launch", url),
        ("launch", "digits", "--trials", url),
        ("show", url, "--storage", example.url),
        ("options", url),
        ("score", url),
        ("data", "fetch", "mnist", "--url", url),
        ("data", "fetch", "mnist", "--url", f"https://me:{SECRET}@127.0.0.1:1/mnist"),
        ("data", "fetch", "mnist", "--url", f"https://127.0.0.1:1/mnist?token={SECRET}"),
    ):
        called = sweep(*call)
        assert called.code == 2
        # The frames of a mistake in a call break lines.
        assert SECRET not in "".join((called.out + called.err).split()), call


def test_a_mistake_of_ours_is_told_with_its_traceback_and_without_it(sweep, monkeypatch) -> None:
    url = f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/none"

    def broken(*arguments: Any, **options: Any) -> None:
        raise TypeError(f"of {url}: {SECRET}")

    monkeypatch.setattr("normsweep.storage.open_storage", broken)
    called = sweep("status", "--storage", url)
    assert called.code == 1
    assert "Traceback" in called.err and "TypeError" in called.err
    assert SECRET not in called.out + called.err
