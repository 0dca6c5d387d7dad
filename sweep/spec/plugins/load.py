"""From a reference to the object in a user's file.

The file is run once in a process, under a name that no import can collide with, so a folder called
`models` beside it is no obstacle. Equal references give the same object. Nothing is added to the
import path: a plug-in is one file, with whatever installed packages it imports.
"""

import hashlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from normsweep.errors import UserError

SEPARATOR = ".py:"
FORBIDDEN_VARIABLE = "SWEEP_NO_PLUGINS"
"""Set to anything but nothing, no plug-in is run: here, nor in processes that this one starts."""


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
    if not path.is_file():
        raise UserError(f"{where}: no such file: {path}")
    try:
        module, _ = _module(path)
    # A file that calls sys.exit is as much at fault as one that raises anything else.
    except (Exception, SystemExit) as error:
        raise UserError(f"{where}: {told(error, path)}") from error
    if not hasattr(module, name):
        there = ", ".join(_public_names(module)) or "none"
        raise UserError(f"{where}: no {name!r} in {path.name}; there are: {there}")
    return getattr(module, name)


def check_allowed(reference: str, field: str) -> None:
    """Raises `UserError` where the user wants no plug-in to run."""
    if os.environ.get(FORBIDDEN_VARIABLE):
        raise UserError(
            f"{field} = {reference!r}: a file of code, which --no-plugins ({FORBIDDEN_VARIABLE}) "
            "forbids to run; accepted without: `sweep options penalties` and "
            "`sweep options features`"
        )


def plugin_fingerprint(reference: str) -> str:
    """SHA-256, in hex, over the bytes of a reference's file as it was when it was run."""
    return _module(plugin_path(reference))[1]


def plugin_path(reference: str) -> Path:
    """The absolute path of a reference's file."""
    return Path(reference.rpartition(":")[0]).expanduser().absolute()


def told(error: BaseException, path: Path) -> str:
    """An exception of a user's code in one line: file, line, type and message."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(path):
            line = frame.lineno
    place = f"{path.name}, line {line}" if line else path.name
    message = str(error).strip().splitlines()
    return f"{place}: {type(error).__name__}" + (f": {message[0]}" if message else "")


def fault_of_plugin(error: BaseException) -> str | None:
    """An exception as `told`, if it came out of a plug-in that has been run; None if not."""
    frames = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
    for path in _RUN:
        if str(path) in frames:
            return told(error, path)
        # What is raised in a callback of a compiled program comes back as text.
        if lines := re.findall(rf'File "{re.escape(str(path))}", line (\d+)', str(error)):
            return f"{path.name}, line {lines[-1]}: {str(error).strip().splitlines()[-1]}"
    return None


_RUN: list[Path] = []
"""The files that have been run, which they are once in a process."""


@cache
def _module(path: Path) -> tuple[ModuleType, str]:
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    name = f"_sweep_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Data classes and pickles look their module up by its name.
    sys.modules[name] = module
    _RUN.append(path)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module, fingerprint


def _public_names(module: ModuleType) -> list[str]:
    def own(value: Any) -> bool:
        if inspect.isfunction(value) or inspect.isclass(value):
            return value.__module__ == module.__name__
        return not inspect.ismodule(value)

    return sorted(k for k, value in vars(module).items() if not k.startswith("_") and own(value))
