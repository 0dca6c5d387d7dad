"""Pictures in tar archives ("shards"), in WebDataset's layout.

Files of one key, which is the name up to its first dot, belong together: `0001.png` is a picture,
`0001.cls` its label, a whole number as text. Others, such as `0001.json`, are passed over.

References:
    https://github.com/webdataset/webdataset
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from normsweep.data.faults import error_of
from normsweep.data.layout import shown
from normsweep.data.listing import Listing
from normsweep.data.shards import shards_of, stamp_of
from normsweep.data.tar import Member, members
from normsweep.data.treatment import MOST_BYTES, PictureError
from normsweep.errors import UserError

PICTURES = ("png", "jpg", "jpeg", "webp")
LABEL = "cls"

ACCEPTED = (
    "accepted are tar archives with pictures (.png, .jpg, .jpeg, .webp) and, of all of them or of "
    "none, a .cls of the same name, which holds a whole number >= 0"
)
_PACKED = "; compressed ones (.tar.gz) are to be unpacked before: gunzip"
_NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)")
_LONGEST_LABEL = 32
_MOST, _MOST_BYTES = 128, 2**22


def list_webdataset(path: Path, split: str = "train") -> Listing:
    """The pictures of one tar archive, or of those of a split in a folder (`shards_of`).

    The headers are read once; pictures are read from where they lie. Links and devices are never
    followed, and nothing is written.

    Raises:
        UserError: there is no such archive; some are damaged or end too early; pictures have no
            label though others have, or the label of a key has no picture; a key has two. All of
            these are named in one message.
    """
    files = shards_of(path, split, ".tar", _PACKED)
    origin = shown(str(path))
    shards = [_read(file) for file in files]
    faults = [fault for shard in shards for fault in shard.faults]
    labelled = any(key.label is not None for shard in shards for key in shard.keys.values())
    for shard in shards:
        # What an archive lacks that is cut off may be in the rest.
        for name, key in ({} if shard.broken else shard.keys).items():
            if key.picture is None:
                faults.append(f"{shard.name}, {name}: a .cls, and no picture")
            elif labelled and key.label is None:
                faults.append(f"{shard.name}, {name}: no .cls, which others have")
    if faults:
        raise error_of(origin, faults, ACCEPTED)
    pictures = [key for shard in shards for key in shard.keys.values()]
    if not pictures:
        raise UserError(f"{origin}: no picture; {ACCEPTED}")
    return Listing(
        name=shown(path.stem if path.is_file() else path.absolute().name),
        origin=origin,
        names=tuple(
            f"{shard.name}, {key.picture.name}"
            for shard in shards
            for key in shard.keys.values()
            if key.picture is not None
        ),
        parts=tuple(part for shard in shards for part in _parts(shard)),
        labels=np.array([key.label for key in pictures], np.int64) if labelled else None,
        classes=None,
        stamp=stamp_of(files, "webdataset"),
    )


@dataclass
class _Key:
    picture: Member | None = None
    label: int | None = None


@dataclass
class _Shard:
    """What an archive holds; `broken` where it could not be read to its end."""

    file: Path
    keys: dict[str, _Key]
    faults: list[str]
    broken: bool = False

    @property
    def name(self) -> str:
        return shown(self.file.name)


@dataclass(frozen=True)
class _Run:
    """A part of a listing: some pictures of an archive."""

    file: Path
    stored: tuple[Member, ...]

    def __len__(self) -> int:
        return len(self.stored)

    def read(self) -> Iterator[bytes | Exception]:
        with self.file.open("rb") as file:
            for each in self.stored:
                if each.size > MOST_BYTES:
                    yield PictureError(f"more than {MOST_BYTES} bytes")
                    continue
                content = os.pread(file.fileno(), each.size, each.offset)
                whole = len(content) == each.size
                yield content if whole else EOFError("the archive has become shorter")


def _parts(shard: _Shard) -> Iterator[_Run]:
    some: list[Member] = []
    size = 0
    for key in shard.keys.values():
        assert key.picture is not None
        some.append(key.picture)
        size += key.picture.size
        if len(some) == _MOST or size > _MOST_BYTES:
            yield _Run(shard.file, tuple(some))
            some, size = [], 0
    if some:
        yield _Run(shard.file, tuple(some))


def _read(path: Path) -> _Shard:
    shard = _Shard(path, {}, [])
    try:
        with path.open("rb") as file:
            for member in members(file.fileno()):
                _add(shard, member, file.fileno())
    except (OSError, ValueError) as error:
        shard.faults.append(f"{shard.name}: cannot be read to its end ({error})")
        shard.broken = True
    return shard


def _add(shard: _Shard, member: Member, file: int) -> None:
    match = _NAME.fullmatch(member.name)
    ending = "" if match is None else match[2].lower()
    if match is None or (ending != LABEL and ending not in PICTURES):
        return
    where = f"{shard.name}, {member.name}"
    if not member.is_file:
        shard.faults.append(f"{where}: is no plain file; links and devices are not followed")
        return
    key = shard.keys.setdefault(match[1], _Key())
    if ending != LABEL:
        if key.picture is not None:
            shard.faults.append(f"{where}: the key has a picture before, {key.picture.name}")
        key.picture = member
        return
    if key.label is not None:
        shard.faults.append(f"{where}: the key has a .cls before")
    # Text of any other alphabet's digits would pass for a number, too.
    content = os.pread(file, min(member.size, _LONGEST_LABEL), member.offset).strip()
    if member.size <= _LONGEST_LABEL and content.isdigit() and int(content) < 2**31:
        key.label = int(content)
    else:
        shard.faults.append(f"{where}: holds {content!r}, no whole number >= 0")
        key.label = 0
