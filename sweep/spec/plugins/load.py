"""From a reference to the object in a user's file.

A file is read when a study begins, and stays what it was then until the next one does; where
nothing has changed, that finds the same objects. What it imports from its folder goes with it:
`sources.py`, `modules.py`.
"""

import inspect
import os
import re
import traceback
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from normsweep.errors import UserError
from normsweep.spec.plugins.modules import PREFIX, run_sources
from normsweep.spec.plugins.sources import Sources, read_sources

SEPARATOR = ".py:"
FORBIDDEN_VARIABLE = "SWEEP_NO_PLUGINS"
"""Set to anything but nothing, no plug-in is run: here, nor in processes that this one starts."""

_COUNTS_FROM = "a relative path counts from the spec's folder, or else from the current one"


def is_plugin(name: str) -> bool:
    """Whether a name in a spec is a reference to a user's file rather than to a table of ours."""
    return SEPARATOR in name


def load_plugin(reference: str, field: str) -> Any:
    """The object at `path/to/file.py:name`, of any kind; a relative path is from here.

    `field` is the field of the spec that holds the reference, for messages.

    Raises:
        UserError: it is no reference, plug-ins are forbidden, there is no such file or no such
            name in it, or the file fails while it is run (with the exception and its line).
    """
    where = f"{field} = {reference!r}"
    name = reference.rpartition(":")[2]
    if not is_plugin(reference) or not name.isidentifier():
        raise UserError(f"{where}: accepted is path/to/file.py:name")
    check_allowed(reference, field)
    path = plugin_path(reference)
    if path not in _CURRENT and not path.is_file():
        whole = reference.startswith("~") or Path(reference).is_absolute()
        told = "" if whole else f"; {_COUNTS_FROM}"
        raise UserError(f"{where}: no such file: {path}{told}")
    try:
        module = _current(path).module
    # A file that calls sys.exit is as much at fault as one that raises anything else.
    except (Exception, SystemExit) as error:
        raise UserError(f"{where}: {in_one_line(error, path)}") from error
    if not hasattr(module, name):
        there = ", ".join(_public_names(module)) or "none"
        raise UserError(f"{where}: no {name!r} in {path.name}; there are: {there}")
    return getattr(module, name)


def look_again() -> None:
    """Has every file read again when it is next asked for, so that an edit is seen."""
    _CURRENT.clear()


def check_allowed(reference: str, field: str) -> None:
    """Raises `UserError` where the user wants no plug-in to run."""
    if os.environ.get(FORBIDDEN_VARIABLE):
        raise UserError(
            f"{field} = {reference!r}: a file of code, which --no-plugins ({FORBIDDEN_VARIABLE}) "
            "forbids to run; accepted without: `sweep options` networks, penalties, features, "
            "samplers and data"
        )


def plugin_fingerprint(reference: str) -> str:
    """SHA-256, in hex, over the bytes of a reference's file, as it was when it was read.

    And over those of its neighbours, where it imports any.
    """
    return _current(plugin_path(reference)).fingerprint


def imported_files(path: str) -> tuple[str, ...]:
    """The neighbours that a file imports, from its folder on; none if it has not been read."""
    known = _CURRENT.get(plugin_path(f"{path}:"))
    return () if known is None else known.neighbours


def plugin_content(reference: str) -> Hashable:
    """What is equal where `load_plugin` gives the same object for a reference."""
    path = plugin_path(reference)
    return path, _current(path).fingerprint


def plugin_path(reference: str) -> Path:
    """The absolute path of a reference's file."""
    return Path(reference.rpartition(":")[0]).expanduser().absolute()


def in_one_line(error: BaseException, path: Path) -> str:
    """An exception of a user's code in one line: file, line, type and message.

    The file is the one at `path`, or the neighbour that the exception comes from.
    """
    file, line = str(path), None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename in _FILES:
            file, line = frame.filename, frame.lineno
    if isinstance(error, SyntaxError) and error.filename in {str(path), *_FILES}:
        file, line = error.filename, error.lineno
    name = Path(file).name
    place = f"{name}, line {line}" if line else name
    message = re.sub(rf"{PREFIX}\w+\.", "", str(error)).strip().splitlines()
    return f"{place}: {type(error).__name__}" + (f": {message[0]}" if message else "")


def fault_of_plugin(error: BaseException) -> str | None:
    """An exception as `in_one_line`, if it came out of a plug-in that has been run; None if not."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in _FILES:
            return in_one_line(error, Path(frame.filename))
    # What is raised in a callback of a compiled program comes back as text.
    lines = re.findall(r'File "(.+)", line (\d+)', str(error))
    for file, line in reversed(lines):
        if file in _FILES:
            return f"{Path(file).name}, line {line}: {str(error).strip().splitlines()[-1]}"
    return None


@dataclass(frozen=True)
class _Plugin:
    module: ModuleType
    fingerprint: str
    neighbours: tuple[str, ...]


_CURRENT: dict[Path, _Plugin] = {}
"""Those in use."""

_RUN: dict[tuple[Path, str], _Plugin] = {}
"""All that have been run, by path and fingerprint: programs are compiled once for each object."""

_FILES: set[str] = set()
"""Their files, with those of their neighbours and those that failed."""


def _current(path: Path) -> _Plugin:
    if path not in _CURRENT:
        sources = read_sources(path)
        _FILES.update(map(str, sources.files))
        key = path, sources.fingerprint()
        if key not in _RUN:
            _RUN[key] = _Plugin(run_sources(sources), key[1], _neighbours(sources, path))
        _CURRENT[path] = _RUN[key]
    return _CURRENT[path]


def _neighbours(sources: Sources, path: Path) -> tuple[str, ...]:
    others = (file for file in sources.files if file != path)
    return tuple(sorted(file.relative_to(path.parent).as_posix() for file in others))


def _public_names(module: ModuleType) -> list[str]:
    package = module.__name__.partition(".")[0]

    def own(value: Any) -> bool:
        if inspect.isfunction(value) or inspect.isclass(value):
            return value.__module__.partition(".")[0] == package
        return not inspect.ismodule(value)

    return sorted(k for k, value in vars(module).items() if not k.startswith("_") and own(value))
