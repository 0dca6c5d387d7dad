"""Pictures in a zip archive, which is not unpacked: as StyleGAN has them, or in class folders."""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from normsweep.data.layout import LABELS_FILE, Given, Parts, hidden, labels_in, layout_of, shown
from normsweep.data.listing import Listing
from normsweep.data.treatment import MOST_BYTES, PictureError
from normsweep.errors import UserError

A_PART = 100
ACCEPTED = "accepted is a zip archive of pictures, with dataset.json, in class folders, or flat"

_ENCRYPTED = 1


@dataclass(frozen=True)
class Entries:
    """A part of a listing: some entries of an archive, which stays open as long as they are."""

    archive: zipfile.ZipFile
    entries: tuple[zipfile.ZipInfo, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def read(self) -> Iterator[bytes | Exception]:
        """Their contents, or why one has none."""
        for entry in self.entries:
            # What a damaged entry raises is whatever its codec trips over.
            try:
                yield _content(self.archive, entry)
            except Exception as error:
                yield error


def list_zip(path: Path, split: str = "train") -> Listing:
    """The pictures of a zip archive.

    With `dataset.json`, as StyleGAN's `dataset_tool.py` writes it, that has their labels, or says
    that they have none; else the folders in the archive do, as for `list_folder`. Names are only
    ever looked up, so that "../" in them does no harm.

    Raises `UserError` for a file that is no zip archive or holds no picture.
    """
    origin = shown(str(path))
    if not path.is_file():
        absent = 'a folder (data.source = "folder")' if path.is_dir() else "no such file"
        raise UserError(f"{origin}: {absent}; {ACCEPTED}")
    try:
        archive = zipfile.ZipFile(path)
    # As of an entry.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{origin}: cannot be read ({reason}); {ACCEPTED}") from error
    entries: dict[Parts, zipfile.ZipInfo] = {}
    folders: list[Parts] = []
    for entry in archive.infolist():
        parts = tuple(part for part in entry.filename.split("/") if part not in ("", ".", ".."))
        if not any(map(hidden, parts)) and parts:
            folders += [parts[:depth] for depth in range(1, len(parts))]
            if entry.is_dir():
                folders.append(parts)
            else:
                entries[parts] = entry
    names = sorted(entries)
    given = _given(archive, entries.get((LABELS_FILE,)), origin)
    found = layout_of(names, folders, split, origin, given)
    chosen = [entries[names[i]] for i in found.chosen]
    known = path.stat()
    # A sum of 32 bits alone may be that of other bytes, and a damaged entry still has it.
    stamp = hashlib.sha256(f"{known.st_size} {known.st_mtime_ns} {known.st_ctime_ns}\n".encode())
    for number, entry in enumerate(chosen):
        label = None if found.labels is None else int(found.labels[number])
        facts = f"{entry.filename}\n{entry.file_size} {entry.CRC} {label}\n"
        stamp.update(facts.encode("utf-8", "surrogateescape"))
    return Listing(
        name=shown(path.stem),
        origin=origin,
        names=tuple(shown("/".join(names[i])) for i in found.chosen),
        parts=tuple(
            Entries(archive, tuple(chosen[i : i + A_PART])) for i in range(0, len(chosen), A_PART)
        ),
        labels=found.labels,
        classes=found.classes,
        stamp=f"zip {stamp.hexdigest()}",
        told=found.told,
    )


def _given(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | None, origin: str) -> Given | None:
    if entry is None:
        return None
    try:
        text = _content(archive, entry)
    except Exception as error:
        raise UserError(f"{origin}: {LABELS_FILE} cannot be read ({error})") from error
    return labels_in(text, origin)


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.flag_bits & _ENCRYPTED:
        raise PictureError("encrypted")
    if entry.file_size > MOST_BYTES:
        raise PictureError(f"more than {MOST_BYTES} bytes")
    with archive.open(entry) as file:
        return file.read()
