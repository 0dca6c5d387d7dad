"""Reading a spec: from a TOML file, from a built-in name, or from tables."""

import codecs
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from normsweep.errors import UserError
from normsweep.spec.earlier import completed
from normsweep.spec.messages import messages_of_values
from normsweep.spec.plugins.load import is_plugin, plugin_path
from normsweep.spec.spec import Spec

PROVENANCE = "provenance"
"""The table that an exported config carries beside the sections of a spec."""

PATHS = (("data", "path"), ("model", "initial"))
"""The fields, by section, that are a path on the user's disk and no reference to code."""


def built_in_names() -> list[str]:
    """The names of the studies that come with the package."""
    folder = files("normsweep") / "studies"
    names = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_spec(
    source: str | Path,
    values: Mapping[str, Any] | None = None,
    called: Mapping[str, str] = MappingProxyType({}),
) -> Spec:
    """Reads a spec from a TOML file, or by the name of a built-in study.

    `values` are set over what it says, by dotted path: `{"study.trials": 12}`. Raises `UserError`
    with the file, the field, the value and what is accepted; of one of the `values` with its path,
    or what that is `called` where it was given.
    """
    name, text = read_source(source)
    tables = parse_toml(text, name)
    if str(source) not in built_in_names():
        tables = beside(tables, Path(source).parent)
    return changed(spec_from_tables(tables, name), values or {}, called, name)


@dataclass(frozen=True)
class Written:
    """A spec as its user wrote it: the text of its file, and the values that were set over it."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


def as_written(source: str | Path, values: Mapping[str, Any]) -> Written:
    """What `load_spec` of the same arguments reads, before it means anything."""
    return Written(read_source(source)[1], dict(values))


def changed(
    spec: Spec,
    values: Mapping[str, Any],
    called: Mapping[str, str] = MappingProxyType({}),
    name: str = "",
) -> Spec:
    """A spec with the fields at dotted paths set, as `load_spec` does it; `name` is its file's."""
    if not values:
        return spec
    try:
        return spec.with_values(values)
    except ValidationError as error:
        raise UserError(messages_of_values(error, Spec, values, called, name)) from error


def read_source(source: str | Path) -> tuple[str, str]:
    """The name and the text of a spec file or built-in study."""
    if str(source) in built_in_names():
        text = (files("normsweep") / "studies" / f"{source}.toml").read_text(encoding="utf-8")
        return f"built-in study {source}", text
    path = Path(source)
    if not path.is_file():
        raise UserError(
            f"{source}: no such file, and no built-in study of that name; "
            f"built in: {', '.join(built_in_names())}"
        )
    return str(path), read_text(path)


def read_text(path: Path) -> str:
    """A text file in UTF-8, or with the mark of UTF-16 at its beginning.

    Programs of Windows write either, and before UTF-8 a mark too, which is none of the text.
    """
    try:
        content = path.read_bytes()
        marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if marked else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as text: {error}; accepted: a text in UTF-8"
        ) from error


def beside(tables: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The tables of a spec with each reference to a user's file that lies in the spec's folder.

    That comes first; what is not there is looked for in the current folder, as it is written.
    """

    def found(reference: str) -> str:
        file, _, name = reference.rpartition(":")
        place = folder.absolute() / file
        # As it is written, it is found from anywhere that has the same files.
        here = Path(file).is_absolute() or file.startswith("~") or place == Path(file).absolute()
        return reference if here or not place.is_file() else f"{place}:{name}"

    return _with_references(tables, found)


def from_anywhere(spec: Spec) -> Spec:
    """The same spec, with each path of a file or folder of the user's made absolute.

    What is relative counts from the current folder: once it is read, a spec has no other.
    """
    tables = _with_references(
        spec.plain(), lambda own: f"{plugin_path(own)}:{own.rpartition(':')[2]}"
    )
    for section, name in PATHS:
        if (path := tables[section].get(name)) is not None:
            tables[section][name] = str(Path(path).expanduser().absolute())
    return Spec.model_validate(tables)


def _with_references(tables: dict[str, Any], changed: Callable[[str], str]) -> dict[str, Any]:
    """Tables in which each reference to a user's file is replaced."""

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replaced(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [replaced(each) for each in value]
        return changed(value) if isinstance(value, str) and is_plugin(value) else value

    made = replaced(tables)
    assert isinstance(made, dict)
    return made


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text; `name` is for the message of the `UserError`."""
    try:
        return tomllib.loads(text)
    # A number of thousands of digits and brackets nested by the thousand end in the other two.
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{name}: is not valid TOML: {error}") from error


def spec_from_tables(tables: dict[str, Any], name: str) -> Spec:
    """Checks the tables of a spec; `name` is for the message of the `UserError`.

    Those that an earlier version exported train as they did there.
    """
    sections = {key: value for key, value in tables.items() if key != PROVENANCE}
    if PROVENANCE in tables:
        sections = completed(sections)
    try:
        return Spec.model_validate(sections)
    except ValidationError as error:
        raise UserError(messages_of_values(error, Spec, (), file=name)) from error
