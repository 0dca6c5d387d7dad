"""`sweep data fetch`, from a server on this machine."""

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from normsweep.data import download, load_dataset
from tests.file_server import (
    CHECKSUMS,
    CONTENT,
    FIRST,
    Reply,
    Server,
)

FILES = [f"{name}.gz" for name in CONTENT]


@pytest.fixture(autouse=True)
def small(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """MNIST is what this server has; a second try comes at once."""
    monkeypatch.setattr(download, "FETCHABLE", {"mnist": download.Remote(server.url, CHECKSUMS)})
    monkeypatch.setattr(download.tenacity, "wait_exponential", lambda multiplier: lambda state: 0)


def test_what_is_fetched_is_what_a_spec_finds_and_nothing_is_fetched_twice(
    sweep,
    server: Server,
    folder: Path,
) -> None:
    called = sweep("data", "fetch", "mnist")
    assert (called.code, called.err) == (0, "")
    assert called.out == f"data/mnist: fetched {', '.join(FILES)}.\n"
    assert sorted(path.name for path in (folder / "data" / "mnist").iterdir()) == sorted(FILES)
    assert len(load_dataset("mnist").images) == 6
    server.asked.clear()
    again = sweep("data", "fetch", "mnist")
    assert again.out == "data/mnist: all of it is there, nothing was fetched.\n"
    (folder / "data" / "mnist" / FILES[0]).write_bytes(b"damaged")
    mended = sweep("data", "fetch", "mnist", "--json")
    assert json.loads(mended.out) == {
        "name": "mnist",
        "folder": "data/mnist",
        "fetched": [f"{FIRST}.gz"],
    }
    assert server.asked == [f"{FIRST}.gz"]


@pytest.mark.parametrize("way", ["environment", "option"])
def test_they_are_put_where_one_says(
    sweep, folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("SWEEP_DATA", "elsewhere" if way == "environment" else "not/there")
    option = ["-o", "elsewhere/mnist"] if way == "option" else []
    assert sweep("data", "fetch", "mnist", *option).code == 0
    assert len(list((folder / "elsewhere" / "mnist").iterdir())) == 4
    assert not (folder / "not").exists()


def test_a_mirror_is_asked_instead(
    sweep,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = download.Remote("http://127.0.0.1:9/", CHECKSUMS)
    monkeypatch.setattr(download, "FETCHABLE", {"mnist": elsewhere})
    assert sweep("data", "fetch", "mnist", "--url", server.url).code == 0
    assert server.asked == FILES


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fashion"], "data 'fashion' cannot be fetched; accepted: mnist"),
        (["mnist", "--url", "ftp://there/"], "accepted are http:// and https:// addresses"),
        (["mnist", "-o", "spec.toml/mnist"], "spec.toml/mnist: cannot be written"),
    ],
)
def test_what_cannot_be_fetched_is_told(sweep, write_spec, arguments: list[str], told: str) -> None:
    write_spec()
    called = sweep("data", "fetch", *arguments)
    assert called.code == 2
    assert told in called.err
    assert called.out == ""


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(b"", 404), "the server answered 404 Not Found; expected the file"),
        (Reply(b"", 503), "the server answered 503 Service Unavailable (3 tries); try again later"),
        (Reply(gzip.compress(b"other")), "expected content with the MD5"),
        (Reply(b"cut", declared=4000), "expected 4000 bytes, found 3 (3 tries)"),
    ],
)
def test_what_a_server_does_wrong_is_told_and_whole_files_are_kept(
    sweep,
    server: Server,
    folder: Path,
    reply: Reply,
    told: str,
) -> None:
    server.replies[FILES[1]] = [reply]
    called = sweep("data", "fetch", "mnist")
    assert called.code == 2
    assert called.err.startswith(f"error: {server.url}{FILES[1]}: ")
    assert told in called.err
    assert [path.name for path in (folder / "data" / "mnist").iterdir()] == [FILES[0]]


def test_on_a_terminal_each_file_has_its_bar(sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    from normsweep.cli import data

    monkeypatch.setattr(data, "notices", Console(stderr=True, force_terminal=True, width=100))
    called = sweep("data", "fetch", "mnist")
    assert all(name in called.err for name in FILES)
    assert "bytes" in called.err
    assert called.out.startswith("data/mnist: fetched")


def test_ctrl_c_leaves_no_half_file(server: Server, folder: Path, wait_for) -> None:
    whole = server.replies[FILES[1]]
    server.replies[FILES[1]] = [Reply(whole[0].body[:20], declared=4000, silent=True)]
    code = f"""
import signal, sys
from normsweep.cli import main
from normsweep.data import download
# Also where tests run in the background of a shell, which has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
download.FETCHABLE = {{"mnist": download.Remote({server.url!r}, {CHECKSUMS!r})}}
sys.argv = ["sweep", "data", "fetch", "mnist"]
main()
"""
    place = folder / "data" / "mnist"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: FILES[1] in server.asked and list(place.glob(".*.part")), process)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err == "Stopped; the same command goes on.\n"
    assert [path.name for path in place.iterdir()] == [FILES[0]]
