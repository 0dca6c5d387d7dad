"""What is wrong with a spec, in words."""

import difflib
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError


def messages(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """What is wrong with the tables of a `model`, a line for each mistake."""
    return [_message(dict(detail), model) for detail in error.errors()]


OPTIONS = {"study.name": "--name", "study.trials": "--trials"}
"""The fields that a command line sets, and by which of its options."""


def messages_of_values(
    error: ValidationError,
    model: type[BaseModel],
    values: Collection[str],
    called: Mapping[str, str] = MappingProxyType({}),
    file: str = "",
) -> str:
    """What is wrong with tables of which the fields at some paths, the `values`, were given anew.

    A line that is about one of these begins with what it is `called`, or else its path; others
    begin with the `file`.
    """
    lines = []
    for detail, message in zip(error.errors(), messages(error, model), strict=True):
        place = ".".join(map(str, detail["loc"]))
        if place in values:
            lines.append(called.get(place, place) + message.removeprefix(place))
            continue
        for line in message.splitlines():
            # Of a section as a whole, or of a method's, whose lines name them themselves.
            head = line.partition(":")[0]
            given = [path for path in values if f"{path}.".startswith(f"{head}.")]
            before = called.get(given[0], given[0]) if given else file
            rest = line.removeprefix(f"{given[0]}: ") if given else line
            lines.append(f"{before}: {rest}" if before else line)
    return "\n".join(lines)


def _message(detail: dict[str, Any], model: type[BaseModel]) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if not place or (place == "methods" and "ctx" in detail):
        # What concerns several sections, or one of a method's, names them itself.
        return str(detail["ctx"]["error"]) if "ctx" in detail else detail["msg"]
    if detail["type"] == "extra_forbidden":
        return f"{place}: unknown key{_accepted_keys(detail['loc'], model)}"
    if detail["type"] == "missing":
        return f"{place}: missing, and has no default"
    if detail["type"] == "value_error":
        return f"{place}: {detail['ctx']['error']}"
    if detail["type"].startswith("model_type"):
        return f"{place}: must be a table of settings, got {detail['input']!r}"
    if detail["type"] == "string_pattern_mismatch":
        return (
            f"{place}: got {detail['input']!r}; accepted: letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    return f"{place}: {detail['msg'].lower()}, got {detail['input']!r}"


def _accepted_keys(location: tuple[str | int, ...], model: type[BaseModel]) -> str:
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation
        assert isinstance(annotation, type)
        model = annotation
    known = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f' (did you mean "{close[0]}"?)' if close else ""
    return f"{hint}; accepted: {', '.join(known)}"
