"""A server of files on this machine, which can misbehave."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest


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
    """What the server answers: it may declare more bytes than it sends, and fall silent then."""

    body: bytes
    status: int = 200
    declared: int | None = None
    silent: bool = False


@dataclass(frozen=True)
class Server:
    """`replies[file]` are given out in turn, the last one for ever; `asked` is what came in."""

    url: str
    replies: dict[str, list[Reply]]
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serves the files of a small MNIST."""
    monkeypatch.setenv("no_proxy", "*")
    ended = threading.Event()

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
            if reply.silent:
                ended.wait()

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        url = f"http://127.0.0.1:{http.server_port}/mnist/"
        good = {f"{name}.gz": [Reply(gzip.compress(body))] for name, body in CONTENT.items()}
        script = Server(url, good)
        thread = threading.Thread(target=partial(http.serve_forever, poll_interval=0.01))
        thread.start()
        yield script
        ended.set()
        http.shutdown()
        thread.join()
