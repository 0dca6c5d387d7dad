"""The headers of a tar archive, one after the other, with the places of what they name.

Python's `tarfile` takes a header that it cannot read for the end of the archive, and five times as
long, which counts with a hundred thousand small files.

References:
    IEEE Std 1003.1, pax: ustar and pax interchange formats; GNU tar manual, Basic Tar Format.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

REGULAR = (b"0", b"\0", b"7")
_LINKS = (b"1", b"2", b"3", b"4", b"5", b"6")
"""Links, devices and folders: nothing follows their header, whatever its size says."""

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_SUM = slice(148, 156)
_LONGEST_NAME = 2**16


class Member(NamedTuple):
    """What a header says: a name, whether it is a plain file, and where its bytes lie."""

    name: str
    is_file: bool
    offset: int
    size: int


def members(file: int) -> Iterator[Member]:
    """The members of the archive that is open as the descriptor `file`, read by `os.pread`.

    Raises `ValueError` where the archive is damaged, ends too early, or goes on after its end mark.
    """
    length = os.fstat(file).st_size
    offset = 0
    told: dict[str, str] = {}
    while (header := os.pread(file, _BLOCK, offset)) != _ZEROS:
        if len(header) < _BLOCK:
            raise ValueError("no end mark: it is cut off, or was not closed when it was written")
        kind, begin = header[156:157], offset + _BLOCK
        try:
            summed = sum(header) - sum(header[_SUM]) + 8 * ord(" ")
            if _octal(header[_SUM]) != summed:
                raise ValueError
            size = 0 if kind in _LINKS else int(told.pop("size", _octal(header[124:136])))
            if size < 0:
                raise ValueError
        except ValueError as error:
            raise ValueError(f"no header of a file at byte {offset}") from error
        offset = begin + -(-size // _BLOCK) * _BLOCK
        if begin + size > length:
            raise ValueError(f"cut off: what begins at byte {begin} has {size} bytes")
        if kind in (b"x", b"L"):
            # They say what counts for the next header.
            told |= _told(os.pread(file, min(size, _LONGEST_NAME), begin), kind)
        elif kind not in (b"g", b"K"):
            plain = kind in REGULAR and not any(key.startswith("GNU.sparse") for key in told)
            yield Member(told.get("path") or _name(header), plain, begin, size)
            told = {}
    # Archives that were put together have several ends, and only the first would be read.
    if os.pread(file, 2**20, offset).strip(b"\0"):
        raise ValueError(f"something follows its end mark at byte {offset}: another archive?")


def _octal(field: bytes) -> int:
    text = field.strip(b" \0")
    return int(text, 8) if text else 0


def _name(header: bytes) -> str:
    name = _text(header[:100].partition(b"\0")[0])
    before = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return f"{_text(before)}/{name}" if before else name


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _told(content: bytes, kind: bytes) -> dict[str, str]:
    if kind == b"L":
        return {"path": _text(content.partition(b"\0")[0])}
    found = {}
    while content:
        # Each is "LENGTH KEY=VALUE\n", its own length and all.
        length, blank, _ = content.partition(b" ")
        if not blank or not length.isdigit() or not len(length) < int(length) <= len(content):
            raise ValueError("an extended header that is none")
        key, _, value = content[len(length) + 1 : int(length) - 1].partition(b"=")
        found[_text(key)] = _text(value)
        content = content[int(length) :]
    return found
