"""Which pictures a tree of files holds: their split, their labels and what these are called."""

import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from normsweep.data.treatment import ENDINGS
from normsweep.errors import UserError

LABELS_FILE = "dataset.json"
"""StyleGAN's file of labels."""

ACCEPTED = (
    "accepted are class folders, a flat folder, either in train/ and test/, or trainA/, trainB/, "
    "testA/ and testB/"
)

_SPLITS = ("train", "test", "val", "valid", "validation")
_SETS = ("A", "B")
_JUNK = ("thumbs.db", "desktop.ini")
_MOST_NAMED = 100

Parts = tuple[str, ...]
"""The names on the way to a file, its own the last."""


@dataclass(frozen=True)
class Layout:
    """Which of some files are the pictures of a split.

    Attributes:
        chosen: indices of the files, in the order of their names.
        labels: [chosen] integers, or None.
        classes: what the labels are called; None where they are numbers.
        told: what was assumed and left out.
    """

    chosen: tuple[int, ...]
    labels: np.ndarray | None
    classes: tuple[str, ...] | None
    told: tuple[str, ...]


@dataclass(frozen=True)
class Given:
    """The labels that a file gives pictures by their paths; None where it says that none have."""

    by_path: Mapping[str, int] | None


def hidden(name: str) -> bool:
    """Whether a file or folder is none of the user's: of the system's, or of an editor's."""
    return name.startswith(".") or name == "__MACOSX" or name.lower() in _JUNK


def shown(name: str) -> str:
    """A file's name as text that can be printed, whatever bytes it is made of."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def layout_of(
    files: Sequence[Parts],
    folders: Iterable[Parts],
    split: str,
    origin: str,
    given: Given | None = None,
) -> Layout:
    """What the places of files say of them; those that are `hidden` are left out before.

    Args:
        files: all of a source.
        folders: all of them, empty ones too.
        split: "train" or "test".
        origin: what messages start with.
        given: the labels of a file beside the pictures; None without such a file.

    Raises:
        UserError: there is no picture of the split, or pictures lie beside class folders; not all
            have a label, where some are given.
    """
    pictures = [i for i, parts in enumerate(files) if _ending(parts[-1]) in ENDINGS]
    left_out = _left_out([files[i] for i in set(range(len(files))) - set(pictures)], origin)
    if not pictures:
        others = f" ({left_out[0].removeprefix(f'{origin}: ')})" if left_out else ""
        raise UserError(
            f"{origin}: holds no picture{others}; accepted are files that end in "
            f"{', '.join(ENDINGS)}"
        )
    pictures.sort(key=lambda i: files[i])
    if given is not None:
        _only_train(split, origin, LABELS_FILE)
        return _labelled(files, pictures, given.by_path, left_out, origin)
    depth, pictures, sets = _descend(files, pictures, split, origin)
    if sets:
        labels = np.array([_SETS.index(files[i][depth][-1]) for i in pictures])
        return Layout(tuple(pictures), labels, _SETS, left_out)
    classes = _classes(files, pictures, depth, origin)
    if not classes:
        return Layout(tuple(pictures), None, None, left_out)
    inside = files[pictures[0]][:depth]
    there = {f[depth] for f in folders if len(f) == depth + 1 and f[:depth] == inside}
    if empty := sorted(there - set(classes)):
        named = ", ".join(shown(name) for name in empty[:_MOST_NAMED])
        left_out += (f"{origin}: class folders without a picture are left out: {named}",)
    labels = np.array([classes[files[i][depth]] for i in pictures])
    return Layout(tuple(pictures), labels, tuple(map(shown, classes)), left_out)


def labels_in(text: bytes, origin: str) -> Given | None:
    """The labels of StyleGAN's `dataset.json`; None for JSON that is something else.

    Raises `UserError` for text that is no JSON, and labels that are no whole numbers >= 0.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{origin}: {LABELS_FILE} is not valid JSON: {error}") from error
    if not isinstance(found, dict) or "labels" not in found:
        return None
    rows = found["labels"]
    if rows is None:
        return Given(None)
    accepted = 'accepted is {"labels": [["path/of.png", 0], …]}, whole numbers >= 0, or null'
    if not isinstance(rows, list):
        raise UserError(f"{origin}: labels in {LABELS_FILE} are no list; {accepted}")
    labels: dict[str, int] = {}
    for row in rows:
        match row:
            case [str(name), int(label)] if not isinstance(label, bool) and 0 <= label < 2**31:
                labels[name] = label
            case _:
                shortened = str(row)[:80]
                raise UserError(f"{origin}: {LABELS_FILE} has the label {shortened}; {accepted}")
    return Given(labels)


def _descend(
    files: Sequence[Parts], pictures: list[int], split: str, origin: str
) -> tuple[int, list[int], bool]:
    """How deep class folders are, the pictures of the split, and whether they are two sets."""
    depth, wanted = 0, False
    while True:
        tops = {files[i][depth] for i in pictures if len(files[i]) > depth + 1}
        direct = any(len(files[i]) == depth + 1 for i in pictures)
        if tops and not direct and not wanted:
            both = {f"{name}{each}" for name in _SPLITS for each in _SETS}
            if tops <= both:
                sets = [f"{split}{each}" for each in _SETS]
                return depth, _inside(files, pictures, depth, sets, split, origin), True
            if tops <= set(_SPLITS):
                pictures = _inside(files, pictures, depth, [split], split, origin)
                depth, wanted = depth + 1, True
                continue
        # One folder in another says nothing, as archives often have it.
        if len(tops) != 1 or direct:
            break
        depth += 1
    if not wanted:
        _only_train(split, origin, "train/ and test/")
    return depth, pictures, False


def _inside(
    files: Sequence[Parts],
    pictures: list[int],
    depth: int,
    wanted: Collection[str],
    split: str,
    origin: str,
) -> list[int]:
    there = {files[i][depth] for i in pictures}
    if missing := [name for name in wanted if name not in there]:
        raise UserError(
            f'{origin}: data.split = "{split}" needs pictures in {missing[0]}/; found are '
            f"{', '.join(f'{name}/' for name in sorted(there))}"
        )
    return [i for i in pictures if files[i][depth] in wanted]


def _only_train(split: str, origin: str, otherwise: str) -> None:
    if split != "train":
        what = "has one split alone" if otherwise == LABELS_FILE else f"has no {otherwise}"
        raise UserError(f'{origin}: data.split = "{split}": {what}; accepted: train')


def _classes(
    files: Sequence[Parts], pictures: list[int], depth: int, origin: str
) -> Mapping[str, int]:
    """The label of each class folder; none where there are no such folders."""
    direct = [files[i] for i in pictures if len(files[i]) == depth + 1]
    tops = {files[i][depth] for i in pictures if len(files[i]) > depth + 1}
    if tops and direct:
        named = ", ".join(shown("/".join(parts)) for parts in direct[:3])
        raise UserError(
            f"{origin}: {len(direct)} pictures lie beside class folders ({named}"
            f"{', …' if len(direct) > 3 else ''}); {ACCEPTED}"
        )
    return {name: label for label, name in enumerate(in_order(tops))}


def in_order(names: Collection[str]) -> list[str]:
    """Names of classes in the order of their labels: of whole numbers by these, others by name."""
    if all(name.isascii() and name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _labelled(
    files: Sequence[Parts],
    pictures: list[int],
    given: Mapping[str, int] | None,
    told: tuple[str, ...],
    origin: str,
) -> Layout:
    if given is None:
        return Layout(tuple(pictures), None, None, told)
    names = ["/".join(files[i]) for i in pictures]
    if missing := [name for name in names if name not in given]:
        lines = [f"  {shown(name)}" for name in missing[:_MOST_NAMED]]
        if len(missing) > _MOST_NAMED:
            lines.append(f"  … and {len(missing) - _MOST_NAMED} more")
        raise UserError(
            "\n".join(
                (
                    f"{origin}: {len(missing)} of {len(names)} pictures have no label in "
                    f"{LABELS_FILE}; accepted is one for each, or null for all",
                    *lines,
                )
            )
        )
    if more := len(given) - len(set(names)):
        told += (f"{origin}: {more} labels in {LABELS_FILE} are of no picture",)
    return Layout(tuple(pictures), np.array([given[name] for name in names]), None, told)


def _left_out(others: Iterable[Parts], origin: str) -> tuple[str, ...]:
    endings = Counter(
        _ending(parts[-1]) or "without an ending" for parts in others if parts[-1] != LABELS_FILE
    )
    if not endings:
        return ()
    number = endings.total()
    kinds = ", ".join(f"{count} {shown(kind)}" for kind, count in endings.most_common(8))
    files = "file is" if number == 1 else "files are"
    return (f"{origin}: {number} {files} left out that by name are no pictures ({kinds})",)


def _ending(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return f".{ending.lower()}" if stem else ""
