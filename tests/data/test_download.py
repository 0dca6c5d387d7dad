"""Downloads from a server on this machine that can misbehave."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from normsweep.data import download as download_module
from normsweep.data import load_dataset
from normsweep.data.download import download_idx
from normsweep.errors import UserError


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
CONTENT = {
    "train-images-idx3-ubyte": idx_bytes(IMAGES),
    "train-labels-idx1-ubyte": idx_bytes(np.arange(6)),
    "t10k-images-idx3-ubyte": idx_bytes(IMAGES[:3]),
    "t10k-labels-idx1-ubyte": idx_bytes(np.arange(3)),
}
CHECKSUMS = {name: hashlib.md5(content).hexdigest() for name, content in CONTENT.items()}
FIRST = next(iter(CONTENT))


@dataclass(frozen=True)
class Reply:
    """What the server answers: it may declare more bytes than it sends."""

    body: bytes
    status: int = 200
    declared: int | None = None


@dataclass(frozen=True)
class Server:
    """`replies[file]` are given out in turn, the last one for ever; `asked` is what came in."""

    url: str
    replies: dict[str, list[Reply]]
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/mnist/")
            script.asked.append(name)
            replies = script.replies.get(name, [Reply(b"", 404)])
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            self.send_response(reply.status)
            size = len(reply.body) if reply.declared is None else reply.declared
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        url = f"http://127.0.0.1:{http.server_port}/mnist/"
        good = {f"{name}.gz": [Reply(gzip.compress(body))] for name, body in CONTENT.items()}
        script = Server(url, good)
        thread = threading.Thread(target=partial(http.serve_forever, poll_interval=0.01))
        thread.start()
        yield script
        http.shutdown()
        thread.join()


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


def test_loading_mnist_downloads_only_when_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "MNIST_URL", server.url)
    monkeypatch.setattr(download_module, "download_idx", fetch)
    folder = tmp_path / "mnist"
    with pytest.raises(UserError, match="no such folder"):
        load_dataset("mnist", path=folder)
    assert server.asked == []
    assert load_dataset("mnist", path=folder, split="test", download=True).images.shape[0] == 3
    assert len(server.asked) == 4
    load_dataset("mnist", path=folder, download=True)
    assert len(server.asked) == 4
