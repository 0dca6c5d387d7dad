"""Fetching IDX files, on request only, and keeping nothing that is not what it should be."""

import gzip
import hashlib
import http.client
import os
import re
import secrets
import ssl
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import tenacity

from normsweep.errors import UserError

MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"

# Of the uncompressed files as LeCun, Cortes and Burges published them, so that any recompression
# of the same content passes. They guard against damage; MD5 is no proof against forgery.
MNIST_MD5: Mapping[str, str] = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@dataclass(frozen=True)
class Remote:
    """Where a data set's files are, and for each of them the MD5 of its uncompressed content."""

    url: str
    checksums: Mapping[str, str]


FETCHABLE: Mapping[str, Remote] = {"mnist": Remote(MNIST_URL, MNIST_MD5)}
"""What can be fetched, by the names that `data.source` has for it."""

TRIES = 3
_BLOCK = 1 << 16

Watch = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes of it that are here, and how many it has, where known."""


def unwatched(name: str, received: int, size: int | None) -> None:
    """Nobody looks."""


class _TransientError(Exception):
    """What another try may cure: no connection, a timeout, a broken transfer, a busy server."""


def download_idx(
    base_url: str,
    folder: Path,
    *,
    checksums: Mapping[str, str],
    timeout: float = 30.0,
    first_wait: float = 1.0,
    watch: Watch = unwatched,
) -> list[str]:
    """Fetches `<base_url>/<file>.gz` into the folder for every file named in `checksums`.

    A file that is there already with the right content, compressed or not, is kept and not fetched.
    A new one appears under its name only when whole and checked, so a run cut short leaves no half
    file under it. Each file gets three tries, the waits between them doubling. Returns the names of
    those that were fetched.

    Args:
        base_url: http or https address of a folder.
        folder: made when absent.
        checksums: for each file (without ".gz") the MD5, in hex, of its uncompressed content.
        timeout: seconds without any answer after which a try has failed.
        first_wait: seconds before the second try.
        watch: told of each block that has arrived.

    Raises:
        UserError: the address cannot be reached or lacks a file, the content is not the one
            expected, or the folder cannot be written.
    """
    if not re.fullmatch(r"https?://[^@?#]*", base_url):
        # Whoever pastes one with a password in it does not want to see that again.
        shown = re.sub(r"(.*?://|^).*@", r"\1***@", base_url).partition("?")[0]
        raise UserError(
            f"download from {shown!r}: accepted are http:// and https:// addresses of a folder, "
            "without user, password and parameters"
        )
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES),
        wait=tenacity.wait_exponential(multiplier=first_wait),
        retry=tenacity.retry_if_exception_type(_TransientError),
        reraise=True,
    )
    fetched = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, md5 in checksums.items():
            if not _is_there(folder, name, md5):
                target = folder / f"{name}.gz"
                url = f"{base_url.rstrip('/')}/{target.name}"
                retrying(_fetch, url, target, md5, timeout, partial(watch, target.name))
                fetched.append(target.name)
    except _TransientError as error:
        raise UserError(f"{error} ({TRIES} tries); try again later, or use a mirror") from error
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{folder}: cannot be written ({reason}); choose another one") from error
    return fetched


def _fetch(
    url: str, target: Path, md5: str, timeout: float, watch: Callable[[int, int | None], None]
) -> None:
    # Beside the target, since a rename is atomic only within one file system; the random part
    # keeps two processes that fetch the same file apart.
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        _transfer(url, part, timeout, watch)
        found = _unpacked_md5(part)
        if found != md5:
            raise UserError(
                f"{url}: expected content with the MD5 {md5}, "
                f"found {found or 'no valid gzip data'}; nothing was kept"
            )
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _transfer(
    url: str, part: Path, timeout: float, watch: Callable[[int, int | None], None]
) -> None:
    with part.open("wb") as file:
        try:
            with urllib.request.urlopen(url, timeout=timeout) as response:
                told = response.headers.get("Content-Length")
                declared = int(told) if told is not None and told.isdigit() else None
                watch(0, declared)
                while block := response.read(_BLOCK):
                    file.write(block)
                    watch(file.tell(), declared)
        except urllib.error.HTTPError as error:
            with error:
                message = f"{url}: the server answered {error.code} {error.reason}"
            if error.code >= 500 or error.code in (408, 429):
                raise _TransientError(message) from error
            raise UserError(f"{message}; expected the file") from error
        except urllib.error.URLError as error:
            raise _TransientError(f"{url}: cannot be reached ({error.reason})") from error
        except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise _TransientError(f"{url}: the transfer broke off ({reason})") from error
        received = file.tell()
    # http.client ends a read in pieces without a word when the connection closes early.
    if declared is not None and received != declared:
        raise _TransientError(f"{url}: expected {declared} bytes, found {received}")


def _is_there(folder: Path, name: str, md5: str) -> bool:
    """Whether the file that `load_idx_folder` would read has the right content."""
    names = (name, name.replace("-idx", ".idx"))
    for path in (folder / (each + ending) for each in names for ending in (".gz", "")):
        if path.is_file():
            return (_unpacked_md5(path) if path.suffix == ".gz" else _md5_of(path)) == md5
    return False


def _unpacked_md5(path: Path) -> str | None:
    """MD5 in hex of the file's uncompressed content; None where it is not valid gzip."""
    try:
        with gzip.open(path, "rb") as file:
            return hashlib.file_digest(file, _md5).hexdigest()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return None


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest()


# The flag keeps machines that forbid MD5 for security from refusing it as a checksum.
_md5 = partial(hashlib.md5, usedforsecurity=False)
