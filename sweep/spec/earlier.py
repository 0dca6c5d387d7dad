"""Specs that earlier versions wrote: what those did where this one does something else."""

from collections.abc import Mapping
from typing import Any

Tables = Mapping[str, Any]


def completed(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables of a whole spec as a version stored or exported it, saying what it did.

    Set are fields that a version had not and whose default is not what it did; a field that had
    another meaning is moved. Tables of this version are returned as they are.
    """
    # A whole spec holds each field that has a default: this one since 0.5.
    if not isinstance(tables.get("train"), dict) or "decay" in tables["train"]:
        return tables
    methods = tables.get("methods", {})
    shared = _done_before(tables)
    if methods:
        # What is idle in the spec itself may count in a method.
        shared = {path: value for path, value in shared.items() if value is not None}
    found = _with(tables, shared)
    if methods:
        found["methods"] = {
            name: _completed_method(tables, own, shared) for name, own in methods.items()
        }
    return found


def _completed_method(tables: Tables, own: Tables, shared: Tables) -> dict[str, Any]:
    alternative = dict(tables)
    for section, table in own.items():
        alternative[section] = {**alternative.get(section, {}), **table}
    before = _done_before(alternative)
    return _with(own, dict(before.items() - shared.items()))


def _done_before(tables: Tables) -> dict[str, Any]:
    """What versions before 0.5 did, by dotted path; None takes a field away.

    An end that is a range stays as it is: what it was to one choice of another field it may not be
    to the next.
    """
    found: dict[str, Any] = {}
    train = tables["train"]
    optimizers = _each(train.get("optimizer"))
    # A range too: no trial of such an optimiser can be without it.
    if "rmsprop" in optimizers and train.get("beta2") is not None:
        found["train.decay"] = train["beta2"]
        if optimizers == ["rmsprop"]:
            found["train.beta2"] = None
    end = train.get("learning_rate_end")
    if train.get("learning_rate_schedule") == "exponential" and isinstance(end, float):
        # No lower, whatever was asked of it.
        found["train.learning_rate_end"] = max(end, 1e-6)
    switches = (("gradient_penalty", "kind"), ("augment", "policy"))
    used = (_each(tables.get(section, {}).get(field, "none")) for section, field in switches)
    if all(set(names) - {"none"} for names in used):
        found["gradient_penalty.images"] = "augmented"
    return found


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _with(tables: Tables, values: Tables) -> dict[str, Any]:
    found = dict(tables)
    for path, value in values.items():
        section, field = path.split(".")
        table = found.get(section, {})
        if value is not None:
            found[section] = {**table, field: value}
        elif field in table:
            found[section] = {key: old for key, old in table.items() if key != field}
    return found
