"""Pictures in a folder of the user's own."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from normsweep.data.layout import (
    ACCEPTED,
    LABELS_FILE,
    Given,
    Parts,
    hidden,
    labels_in,
    layout_of,
    shown,
)
from normsweep.data.listing import Listing
from normsweep.data.treatment import MOST_BYTES, PictureError
from normsweep.errors import UserError

A_PART = 100
"""Pictures that one thread reads and decodes before it looks for more."""


@dataclass(frozen=True)
class Files:
    """A part of a listing: some files."""

    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self) -> Iterator[bytes | Exception]:
        """Their contents, or why one has none."""
        for path in self.paths:
            try:
                yield _content(path)
            except (OSError, PictureError) as error:
                yield error


def list_folder(path: Path, split: str = "train") -> Listing:
    """The pictures of a folder: in class folders, or flat.

    - Folders `train` and `test` hold the splits, if no others are there but such of a validation.
    - `trainA`, `trainB`, `testA` and `testB` hold two sets of images, of the labels 0 and 1.
    - A folder that holds nothing but one other is passed through, so one class alone is no class.
    - Pictures may lie deeper in a class folder; links are followed, but for those to a folder that
      they lie in.
    - Hidden files and folders are passed over, and files of other endings are counted and told.
    - `dataset.json` at the top, as StyleGAN has it, has the labels, and then folders say nothing.

    Raises `UserError` for a folder that is none, that cannot be read, or holds no picture.
    """
    origin = shown(str(path))
    if not path.is_dir():
        absent = "a file, and no folder" if path.exists() else "no such folder"
        raise UserError(f"{origin}: {absent}; {ACCEPTED}")
    files, folders = _walk(path, origin)
    names = sorted(files)
    found = layout_of(names, folders, split, origin, _given(path, origin))
    chosen = [names[i] for i in found.chosen]
    places = ["/".join((str(path), *parts)) for parts in chosen]
    stamp = hashlib.sha256()
    for number, parts in enumerate(chosen):
        label = None if found.labels is None else int(found.labels[number])
        stamp.update(os.fsencode(f"{'/'.join(parts)}\n{files[parts]} {label}\n"))
    return Listing(
        name=shown(path.absolute().name) or "folder",
        origin=origin,
        names=tuple(shown("/".join(parts)) for parts in chosen),
        parts=tuple(Files(tuple(places[i : i + A_PART])) for i in range(0, len(places), A_PART)),
        labels=found.labels,
        classes=found.classes,
        stamp=f"folder {stamp.hexdigest()}",
        told=found.told,
    )


def _walk(path: Path, origin: str) -> tuple[dict[Parts, str], list[Parts]]:
    """All files below a folder with what tells that they have changed, and all folders."""
    files: dict[Parts, str] = {}
    folders: list[Parts] = []
    closed: list[str] = []

    def walk(folder: str, parts: Parts, outer: frozenset[tuple[int, int]]) -> None:
        try:
            entries = list(os.scandir(folder))
            known = os.stat(folder)
        except OSError as error:
            closed.append(f"  {shown(folder)} ({error.strerror or error})")
            return
        inside = outer | {(known.st_dev, known.st_ino)}
        for entry in entries:
            if hidden(entry.name):
                continue
            below = (*parts, entry.name)
            try:
                found = entry.stat()
            # A link to nowhere is told with all else that cannot be read.
            except OSError:
                files[below] = "absent"
                continue
            if not stat.S_ISDIR(found.st_mode):
                files[below] = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
            elif (found.st_dev, found.st_ino) not in inside:
                folders.append(below)
                walk(entry.path, below, inside)

    walk(str(path), (), frozenset())
    if closed:
        raise UserError("\n".join((f"{origin}: folders cannot be read", *closed[:100])))
    return files, folders


def _given(path: Path, origin: str) -> Given | None:
    file = path / LABELS_FILE
    try:
        return labels_in(file.read_bytes(), origin) if file.is_file() else None
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{shown(str(file))}: cannot be read ({reason})") from error


def _content(path: str) -> bytes:
    # A pipe that nobody writes to is opened without waiting.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as file:
        known = os.fstat(file.fileno())
        if not stat.S_ISREG(known.st_mode):
            raise PictureError("no file, but a device, pipe or folder")
        if known.st_size > MOST_BYTES:
            raise PictureError(f"more than {MOST_BYTES} bytes")
        return file.read()
