"""`FIELD=VALUE`, as a command line sets fields of a spec."""

import re
import tomllib
from collections.abc import Sequence
from datetime import date, time
from typing import Any

from normsweep.errors import UserError

OPTION = "--set"
_FIELD = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")


def assignments(given: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values by their dotted paths, and what a message calls each path; a later one counts.

    A value is read as TOML; what is none, and a date, is a text. Raises `UserError` for what has no
    `=`, or no path of a section and a field before it.
    """
    values: dict[str, Any] = {}
    called: dict[str, str] = {}
    for each in given:
        path, equals, text = each.partition("=")
        path = path.strip()
        if not equals or not _FIELD.fullmatch(path):
            raise UserError(
                f"{OPTION} {each}: accepted: SECTION.FIELD=VALUE, such as train.steps=8000 "
                "(`sweep options` lists the fields)"
            )
        values[path], called[path] = value_of(text.strip()), f"{OPTION} {each}"
    return values, called


def value_of(text: str) -> Any:
    """What a text means in TOML, or the text itself where it means nothing there."""
    try:
        tables = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return text
    value = tables.pop("value")
    # A name may look like a date, which no field is; a second line would be another key.
    return text if tables or isinstance(value, date | time) else value
