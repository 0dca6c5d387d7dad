"""A config as a file: written with its provenance, and read back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit
import yaml

from normsweep.errors import UserError
from normsweep.spec.auto import AUTO, auto_fields
from normsweep.spec.load import (
    PROVENANCE,
    beside,
    changed,
    parse_toml,
    read_text,
    spec_from_tables,
)
from normsweep.spec.spec import Spec

FORMATS = ("toml", "json", "yaml")
LIST = "configs"
"""The key under which a file holds more than one config."""


@dataclass(frozen=True)
class Config:
    """A spec without ranges, and where it came from."""

    spec: Spec
    provenance: dict[str, Any]

    def tables(self) -> dict[str, Any]:
        """Nested tables, as written to files."""
        return self.spec.plain() | {PROVENANCE: self.provenance}


def render(configs: list[Config], form: str) -> str:
    """One config, or several under the key `configs`, as text in TOML, JSON or YAML."""
    tables = [_without_none(config.tables()) for config in configs]
    document = tables[0] if len(tables) == 1 else {LIST: tables}
    if form == "json":
        return json.dumps(document, indent=2) + "\n"
    if form == "yaml":
        return yaml.safe_dump(document, sort_keys=False)
    if form == "toml":
        return tomlkit.dumps(document)
    raise UserError(f"--format {form}: accepted: {', '.join(FORMATS)}")


def read_config(
    path: str | Path,
    values: Mapping[str, Any] | None = None,
    called: Mapping[str, str] = MappingProxyType({}),
) -> Config:
    """Reads an exported config, its format told by its ending; a plain spec without ranges will do.

    With `values` set over what it says, as in `load_spec`, it is another config, without a
    provenance. Raises `UserError` that names the file and field.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; `sweep export STUDY -o {path}` writes one")
    tables = _parse(path)
    if isinstance(several := tables.get(LIST), list):
        raise UserError(
            f"{path}: holds {len(several)} configs; accepted is a file with one "
            "(`sweep export STUDY --trial N`)"
        )
    spec = spec_from_tables(beside(tables, path.parent), str(path))
    spec = changed(spec, values or {}, called, str(path))
    if auto := auto_fields(spec):
        raise UserError(
            f'{path}: {auto[0]} = "{AUTO}" is a search range; a config has a value for each field'
        )
    if ranges := list(spec.ranges()):
        raise UserError(
            f"{path}: {ranges[0]} is a search range; a config has a value for each field"
        )
    if spec.methods:
        raise UserError(
            f"{path}: methods.{next(iter(spec.methods))} is an alternative of a search; a config "
            "has its settings in its own sections"
        )
    provenance = tables.get(PROVENANCE, {})
    _check_table(provenance, f"{path}: {PROVENANCE}")
    for part in ("fingerprints", "versions"):
        _check_table(provenance.get(part, {}), f"{path}: {PROVENANCE}.{part}")
    return Config(spec, {} if values else provenance)


def _check_table(value: Any, name: str) -> None:
    if not isinstance(value, dict):
        raise UserError(f"{name}: must be a table, got {value!r}")


def _parse(path: Path) -> dict[str, Any]:
    text = read_text(path)
    if path.suffix not in (".json", ".yaml", ".yml"):
        return parse_toml(text, str(path))
    try:
        tables = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    # A number of thousands of digits, and brackets nested by the thousand.
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: is not valid {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(tables, dict):
        raise UserError(f"{path}: must hold tables of settings, got {tables!r}")
    return tables


def _without_none(tables: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in tables.items()
        if value is not None
    }
