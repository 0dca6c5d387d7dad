"""Which column of a Parquet file holds pictures, and which labels: by types and usual names."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from normsweep.errors import UserError

IMAGE_NAMES = ("image", "img", "images", "picture", "photo")
LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "category")
"""The usual names of columns, which decide where several columns could be meant."""

ACCEPTED = (
    "accepted are Parquet files as Hugging Face's datasets write them: a column of encoded "
    "pictures (struct<bytes, path>, or binary), and one of labels (integers or text) if wanted"
)


@dataclass(frozen=True)
class Columns:
    """The column of pictures, that of labels, and the names of the classes that labels number."""

    image: str
    label: str | None
    classes: tuple[str, ...] | None

    def __str__(self) -> str:
        label = "no labels" if self.label is None else f"labels {self.label!r}"
        known = "" if self.classes is None else f" of the classes {', '.join(self.classes)}"
        return f"pictures {self.image!r} and {label}{known}"


def columns_of(schema: Any, where: str) -> Columns:
    """The columns of a schema of pyarrow's.

    A single column of a type that pictures have is that of pictures; of several, the one with a
    usual name. Labels are the only ClassLabel of Hugging Face's `datasets`, else what has a usual
    name: any other column of integers may be a number of something else.

    Raises:
        UserError: there is no such column of pictures, or there are several of either.
    """
    features = _features(schema)
    there = ", ".join(f"{each.name} ({each.type})" for each in schema) or "none"
    pictures = [each.name for each in schema if _holds_pictures(each.type)]
    image = _one(pictures, IMAGE_NAMES)
    if image is None:
        what = f"any of the columns {', '.join(pictures)} may" if pictures else "no column can"
        raise UserError(
            f"{where}: {what} be the one of pictures; there are: {there}; {ACCEPTED}; of "
            f"several that may hold pictures, one is called {', '.join(IMAGE_NAMES)}"
        )
    kinds = {each.name: each.type for each in schema if each.name != image}
    classed = [name for name in kinds if features.get(name, {}).get("_type") == "ClassLabel"]
    usual = [
        name
        for name, kind in kinds.items()
        if name.lower() in LABEL_NAMES and (is_integer(kind) or is_text(kind))
    ]
    found = classed if len(classed) == 1 else usual
    if len(found) > 1:
        raise UserError(
            f"{where}: any of the columns {', '.join(found)} may be the one of labels; there are: "
            f"{there}; accepted is one of these, the others left out or called otherwise"
        )
    if not found:
        return Columns(image, None, None)
    names = features.get(found[0], {}).get("names")
    known = isinstance(names, list) and is_integer(kinds[found[0]])
    return Columns(image, found[0], tuple(map(str, names)) if known else None)


def is_struct(kind: Any) -> bool:
    return str(kind).startswith("struct<")


def is_integer(kind: Any) -> bool:
    return str(kind).removeprefix("u").startswith("int")


def is_text(kind: Any) -> bool:
    """Whether a type is one of text, be it by a dictionary."""
    value = kind.value_type if str(kind).startswith("dictionary<") else kind
    return str(value) in ("string", "large_string", "string_view")


def _holds_pictures(kind: Any) -> bool:
    if is_struct(kind):
        inside = (kind.field(place) for place in range(kind.num_fields))
        return any(each.name == "bytes" and _is_binary(each.type) for each in inside)
    return _is_binary(kind)


def _is_binary(kind: Any) -> bool:
    return str(kind) in ("binary", "large_binary", "binary_view")


def _one(names: Sequence[str], usual: Sequence[str]) -> str | None:
    """The one of these names, or the one of them that is usual; None where it may be several."""
    found = names if len(names) == 1 else [name for name in names if name.lower() in usual]
    return found[0] if len(found) == 1 else None


def _features(schema: Any) -> dict[str, Any]:
    """What Hugging Face's `datasets` wrote of each column, by its name."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    # Another program may write another thing by that name.
    except (KeyError, TypeError, ValueError):
        return {}
    return {k: v for k, v in told.items() if isinstance(v, dict)} if isinstance(told, dict) else {}
