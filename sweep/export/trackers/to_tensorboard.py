"""A study as event files of TensorBoard: a folder for each trial, below that of the study."""

import io
import os
import re
import struct
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from normsweep.errors import UserError
from normsweep.export.trackers.entry import OF_STUDY, Entry

Add = Callable[[Any], None]

_OWNER = ".sweep"
"""The file that says which study a folder is of."""


class TensorBoard:
    """Adds to the files in a folder what they do not hold yet, by tensorboardX."""

    accepted: ClassVar[str] = "tensorboard:DIR"
    takes_unended = True
    faults: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, where: str) -> None:
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise UserError(
                "log to tensorboard: needs tensorboardX, which is not installed: "
                "pip install 'normsweep[tensorboard]'"
            ) from error
        if not where:
            raise UserError("log to tensorboard: names no folder; accepted: tensorboard:DIR")
        self.shown = f"tensorboard:{where}"
        self._folder = Path(where).expanduser().absolute()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"log to {self.shown}: cannot be made a folder: {error}") from error
        if not os.access(self._folder, os.W_OK):
            raise UserError(f"log to {self.shown}: {self._folder} is not a writable folder")
        self._writers: dict[str, Any] = {}
        self._there: dict[str, set[tuple[str, int]]] = {}
        self._files = count()

    def write(self, entry: Entry) -> None:
        """Adds what is new of an entry; raises `UserError` in the folder of another study."""
        folder = self._folder / entry.of
        folder.mkdir(exist_ok=True)
        _check_owner(folder / _OWNER, entry)
        place = folder / entry.name
        if entry.name == OF_STUDY:
            # What it says changes; what a file holds does not.
            for old in place.glob("events.out.tfevents.*"):
                old.unlink()
            self._there.pop(entry.name, None)
        if entry.name not in self._there:
            self._there[entry.name] = set(_held(place))
        there = self._there[entry.name]
        new = [(tag, step, add) for tag, step, add in _items(entry) if (tag, step) not in there]
        if new and entry.name not in self._writers:
            self._writers[entry.name] = self._open(place)
        for tag, step, add in new:
            add(self._writers[entry.name])
            there.add((tag, step))
        if entry.name in self._writers:
            self._writers[entry.name].flush()
            if entry.ended or entry.name == OF_STUDY:
                self._writers.pop(entry.name).close()

    def _open(self, place: Path) -> Any:
        from tensorboardX import SummaryWriter

        # Two files of a second would have one name, and the later one take the other's place.
        suffix = f".{os.getpid()}.{next(self._files)}"
        return SummaryWriter(str(place), filename_suffix=suffix)

    def close(self) -> None:
        """Closes the files of what has not ended."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


def _items(entry: Entry) -> Iterator[tuple[str, int, Add]]:
    """All of an entry: tags as they stand in files, steps, and what adds each to a writer."""
    for step, values in sorted(entry.curves.items()):
        for name, value in values.items():
            yield _clean(name), step, partial(_add_scalar, name, value, step)
    if not entry.ended and entry.name != OF_STUDY:
        return
    for name, png in entry.pictures.items():
        yield _clean(name), entry.step, partial(_add_picture, name, png, entry.step)
    rows = (f"| {name} | {value} |" for name, value in (entry.tags | entry.config).items())
    fenced = {
        name: text if name.endswith(".md") else f"```\n{text}```"
        for name, text in entry.texts.items()
    }
    table = "\n".join(["| | |", "|---|---|", *rows])
    for name, text in (fenced | {"settings": table}).items():
        tag = f"{_clean(name)}/text_summary"
        yield tag, entry.step, partial(_add_text, name, text, entry.step)
    if entry.searched:
        yield _HYPERPARAMETERS, 0, partial(_add_hyperparameters, entry.searched)


_HYPERPARAMETERS = "_hparams_/session_start_info"


def _add_scalar(name: str, value: float, step: int, writer: Any) -> None:
    writer.add_scalar(name, value, step)


def _add_text(name: str, text: str, step: int, writer: Any) -> None:
    writer.add_text(name, text, step)


def _add_picture(name: str, png: bytes, step: int, writer: Any) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    writer.add_image(name, pixels, step, dataformats="HWC")


def _add_hyperparameters(searched: dict[str, Any], writer: Any) -> None:
    """In the trial's own files: `SummaryWriter.add_hparams` begins a folder of another name."""
    from tensorboardX.summary import hparams

    for summary in hparams(searched, {"score": 0.0}):
        writer.file_writer.add_summary(summary, 0)


def _clean(name: str) -> str:
    """A tag as tensorboardX writes it."""
    return re.sub(r"[^-/\w.]", "_", name)


def _held(place: Path) -> Iterator[tuple[str, int]]:
    """The tags and steps in the event files of a folder, up to where one was cut short.

    A record is its length (8 bytes), a checksum (4), the event, and another checksum (4).
    """
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(place.glob("events.out.tfevents.*")):
        with path.open("rb") as file:
            while len(head := file.read(12)) == 12:
                (length,) = struct.unpack("<Q", head[:8])
                if len(data := file.read(length + 4)) < length + 4:
                    break
                event = Event.FromString(data[:-4])
                for value in event.summary.value:
                    yield value.tag, event.step


def _check_owner(path: Path, entry: Entry) -> None:
    if not path.exists():
        path.write_text(entry.identity, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != entry.identity:
        raise UserError(
            f"log to tensorboard: {path.parent} holds another study called {entry.of!r}; "
            "accepted: another folder"
        )
