"""The files that hold a data set together, by their names."""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from normsweep.data.faults import error_of
from normsweep.errors import UserError

_SPLITS = {"train": "train", "training": "train", "test": "test"} | dict.fromkeys(
    ("valid", "validation", "val", "dev"), "validation"
)
_COUNTED = re.compile(r"^(.*)-(\d{5})-of-(\d{5})(\..*)$")


def shards_of(path: Path, split: str, suffix: str, otherwise: str = "") -> list[Path]:
    """The files of a split: the one at `path`, or those in the folder there.

    In a folder they lie in it, in its `data`, or in a folder called as the split is. A word of a
    file's name says which split it is of (`train-00000-of-00002.parquet`, `cifar-test-3.tar`);
    where no name has one, all are of "train". `otherwise` is said, of what else can be done, where
    there is no such file.

    Raises:
        UserError: there is none, of this split none, or some of a number are missing; or some
            names say of which split they are, and others do not.
    """
    accepted = f"accepted is a {suffix} file, or a folder of them{otherwise}"
    if path.is_file():
        if split != "train" and _split_of(path) != split:
            raise UserError(
                f"data.split = {split!r}: {path} is one file, which has only 'train'; "
                f"accepted: a folder of files with the split in their names, or the file of it"
            )
        if path.suffix != suffix:
            raise UserError(f"{path}: is no {suffix} file by its name; {accepted}")
        return [path]
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder; {accepted}")
    for folder in (path / split, path / "data" / split):
        if found := _in(folder, suffix):
            return _complete(path, found)
    found = _in(path, suffix) or _in(path / "data", suffix)
    if not found:
        raise UserError(f"{path}: no {suffix} file in this folder, nor in its data/; {accepted}")
    splits = {file: _split_of(file) for file in found}
    unknown = [file.name for file, of in splits.items() if of is None]
    if len(unknown) == len(found):
        if split != "train":
            raise UserError(
                f"data.split = {split!r}: no file in {path} has a split in its name, so all are "
                f"'train'; accepted: {split}-….{suffix[1:]} beside train-….{suffix[1:]}"
            )
        return _complete(path, found)
    if unknown:
        raise error_of(
            str(path),
            [f"{name}: its name says no split" for name in unknown],
            "accepted: the split (train, test) in the names of all files, or of none",
        )
    chosen = [file for file in found if splits[file] == split]
    if not chosen:
        there = ", ".join(sorted({str(of) for of in splits.values()}))
        raise UserError(f"data.split = {split!r}: {path} has the splits {there}")
    return _complete(path, chosen)


def stamp_of(files: Iterable[Path], *further: object) -> str:
    """SHA-256, in hex, over the places, sizes and times of files, and what else counts."""
    told = hashlib.sha256()
    for file in files:
        status = file.stat()
        times = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n"
        told.update(os.fsencode(file.resolve()) + times.encode())
    told.update(repr(further).encode())
    return told.hexdigest()


def _in(folder: Path, suffix: str) -> list[Path]:
    # Of names that begin with a dot, some are what macOS keeps beside the files of another disk.
    return sorted(
        file for file in folder.glob(f"*{suffix}") if file.is_file() and file.name[0] != "."
    )


def _split_of(file: Path) -> str | None:
    words = re.split(r"[-_.]", file.name.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)


def _complete(path: Path, files: Sequence[Path]) -> list[Path]:
    """The files, if of those that say how many there are none is missing."""
    names = {file.name for file in files}
    series = {found.group(1, 3, 4) for name in names if (found := _COUNTED.match(name))}
    whole = {
        f"{before}-{number:05d}-of-{count}{after}"
        for before, count, after in series
        for number in range(int(count))
    }
    missing = whole - names
    if missing:
        raise error_of(
            str(path),
            [f"{name} is missing" for name in sorted(missing)],
            "accepted are all files of a data set, or one alone",
        )
    return list(files)
