"""Downloads from a server on this machine that can misbehave."""

import gzip
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from normsweep.data import load_dataset
from normsweep.data.download import download_idx
from normsweep.errors import UserError
from tests.file_server import (
    CHECKSUMS,
    CONTENT,
    FIRST,
    IMAGES,
    Reply,
    Server,
)

fetch: Callable[..., None] = partial(
    download_idx, checksums=CHECKSUMS, timeout=2.0, first_wait=0.01
)


def test_four_whole_files_arrive_and_nothing_else(server: Server, tmp_path: Path) -> None:
    fetch(server.url, tmp_path / "new" / "mnist")
    arrived = {p.name: gzip.decompress(p.read_bytes()) for p in (tmp_path / "new/mnist").iterdir()}
    assert arrived == {f"{name}.gz": content for name, content in CONTENT.items()}
    dataset = load_dataset("mnist", path=tmp_path / "new" / "mnist")
    np.testing.assert_allclose(dataset.images[..., 0], IMAGES / 127.5 - 1, atol=1e-6)


def test_files_that_are_right_are_kept_and_a_wrong_one_is_fetched_again(
    server: Server, tmp_path: Path
) -> None:
    fetch(server.url, tmp_path)
    (tmp_path / f"{FIRST}.gz").write_bytes(gzip.compress(b"damaged since"))
    server.asked.clear()
    fetch(server.url.rstrip("/"), tmp_path)
    assert server.asked == [f"{FIRST}.gz"]
    assert gzip.decompress((tmp_path / f"{FIRST}.gz").read_bytes()) == CONTENT[FIRST]


@pytest.mark.parametrize(
    "hiccup",
    [
        Reply(b"busy", 503),
        Reply(b"slow down", 429),
        Reply(b"cut", declared=1000),
        Reply(b"", declared=1000),
    ],
)
def test_a_server_that_fails_twice_and_then_answers_is_good_enough(
    server: Server, tmp_path: Path, hiccup: Reply
) -> None:
    server.replies[f"{FIRST}.gz"][:0] = [hiccup, hiccup]
    fetch(server.url, tmp_path)
    assert server.asked.count(f"{FIRST}.gz") == 3
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("reply", "tries", "message"),
    [
        (Reply(b"", 404), 1, "the server answered 404"),
        (Reply(b"", 500), 3, r"the server answered 500.*3 tries"),
        (Reply(gzip.compress(CONTENT[FIRST])[:50], declared=4000), 3, "expected 4000 bytes"),
        (Reply(gzip.compress(CONTENT[FIRST])[:50]), 1, "found no valid gzip data"),
        (Reply(b"<html>log in first</html>"), 1, "found no valid gzip data"),
        (Reply(gzip.compress(b"other")), 1, f"expected content with the MD5 {CHECKSUMS[FIRST]}"),
    ],
)
def test_what_is_not_the_file_is_refused_and_leaves_nothing(
    server: Server, tmp_path: Path, reply: Reply, tries: int, message: str
) -> None:
    server.replies[f"{FIRST}.gz"] = [reply]
    with pytest.raises(UserError, match=message) as caught:
        fetch(server.url, tmp_path)
    assert f"{server.url}{FIRST}.gz" in str(caught.value)
    assert server.asked == [f"{FIRST}.gz"] * tries
    assert list(tmp_path.iterdir()) == []


def test_a_refused_file_leaves_the_one_that_was_there(server: Server, tmp_path: Path) -> None:
    before = gzip.compress(b"older")
    (tmp_path / f"{FIRST}.gz").write_bytes(before)
    server.replies[f"{FIRST}.gz"] = [Reply(b"corrupt")]
    with pytest.raises(UserError):
        fetch(server.url, tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    # Bound and closed again: nobody listens on this port.
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        url = f"http://127.0.0.1:{http.server_port}/"
    with pytest.raises(UserError, match=f"{url}.*cannot be reached.*3 tries"):
        fetch(url, tmp_path)


def test_an_address_that_is_not_http_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="accepted are http"):
        fetch(tmp_path.as_uri(), tmp_path)


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"file/mnist: cannot be written"):
        fetch(server.url, tmp_path / "file" / "mnist")


def test_what_is_there_by_another_name_or_unpacked_is_not_fetched(
    server: Server, tmp_path: Path
) -> None:
    first, second, third, fourth = CONTENT
    (tmp_path / first).write_bytes(CONTENT[first])
    (tmp_path / second.replace("-idx", ".idx")).write_bytes(CONTENT[second])
    (tmp_path / f"{third}.gz").write_bytes(gzip.compress(CONTENT[third]))
    (tmp_path / fourth).write_bytes(CONTENT[fourth] + b"more")
    assert fetch(server.url, tmp_path) == server.asked == [f"{fourth}.gz"]
    assert load_dataset("mnist", path=tmp_path, split="test").images.shape[0] == 3
    assert fetch(server.url, tmp_path) == []


def test_whoever_watches_is_told_of_what_has_arrived(server: Server, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    body = gzip.compress(CONTENT[FIRST])
    server.replies[f"{FIRST}.gz"] = [Reply(body[:100], declared=len(body)), Reply(body)]
    fetch(server.url, tmp_path, watch=lambda *facts: told.append(facts))
    of_first = [facts[1:] for facts in told if facts[0] == f"{FIRST}.gz"]
    # The second try begins anew.
    assert of_first == [(n, len(body)) for n in (0, 100, 0, len(body))]
    assert {facts[0] for facts in told} == {f"{name}.gz" for name in CONTENT}


def test_loading_fetches_nothing_and_says_how_to(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    with pytest.raises(UserError) as caught:
        load_dataset("mnist", path=folder)
    assert f"{folder}: no such folder" in str(caught.value)
    assert str(caught.value).endswith(f"; or fetch them:  sweep data fetch mnist -o '{folder}'")
    with pytest.raises(UserError) as caught:
        load_dataset("fashion_mnist", path=folder)
    assert "sweep data" not in str(caught.value)
    assert not folder.exists()
