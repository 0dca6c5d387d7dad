"""Reading a spec: from a TOML file, from a built-in name, or from tables."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from normsweep.errors import UserError
from normsweep.spec.earlier import completed
from normsweep.spec.messages import messages_of_values
from normsweep.spec.spec import Spec

PROVENANCE = "provenance"
"""The table that an exported config carries beside the sections of a spec."""


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
    spec = spec_from_tables(parse_toml(text, name), name)
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
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from error


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
