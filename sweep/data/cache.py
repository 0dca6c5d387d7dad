"""Where what can be made again is kept for the next time: decoded pictures, compiled programs."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "SWEEP_CACHE"
OFF = "off"


def cache_folder(kind: str) -> Path | None:
    """The folder of a kind below $SWEEP_CACHE, else below the user's cache; None where it is off.

    It need not exist. It may be deleted at any time.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named == OFF:
        return None
    return (Path(named).expanduser() if named else platformdirs.user_cache_path("normsweep")) / kind


_DIGEST = hashlib.sha256().digest_size


class KeptFiles:
    """A folder of files, each the digest of its content, and the content.

    What cannot be read, or is not what was written, is not there; what cannot be written is not
    kept. Above the `limit` of bytes those go that were used longest ago, in the folders beside it
    too.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._path = folder
        self._limit = limit

    def get(self, key: str) -> bytes | None:
        """The content of a key; None where none is kept."""
        place = self._path / key
        with contextlib.suppress(OSError):
            whole = place.read_bytes()
            digest, content = whole[:_DIGEST], whole[_DIGEST:]
            if digest == hashlib.sha256(content).digest():
                with contextlib.suppress(OSError):
                    os.utime(place)
                return content
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keeps the content of a key: the file is there as a whole or not at all."""
        with contextlib.suppress(OSError):
            # Compiled programs, which lie here, are run: no one else may write them.
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, draft = tempfile.mkstemp(dir=self._path)
            try:
                with open(number, "wb") as file:
                    file.write(hashlib.sha256(value).digest() + value)
                os.replace(draft, self._path / key)
            except BaseException:
                os.unlink(draft)
                raise
            self._make_room()

    def _make_room(self) -> None:
        """Removes what was used longest ago, drafts that were never finished among it."""
        found = []
        for path in self._path.parent.glob("*/*"):
            # Another process may remove it, too.
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        size = sum(each for _, each, _ in found)
        for _, each, path in sorted(found):
            if size <= self._limit:
                return
            path.unlink(missing_ok=True)
            size -= each
