"""What is wrong with a spec, in words."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError


def messages(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """What is wrong with the tables of a `model`, a line for each mistake."""
    return [_message(dict(detail), model) for detail in error.errors()]


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
