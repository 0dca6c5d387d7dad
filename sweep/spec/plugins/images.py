"""A user's own images."""

import inspect
from collections.abc import Callable
from typing import Any

from normsweep.data.dataset import Dataset
from normsweep.data.decoding import Watch, unwatched
from normsweep.data.own import ACCEPTED, load_own
from normsweep.data.pixels import Range
from normsweep.data.treatment import AS_THEY_ARE, Treatment
from normsweep.errors import UserError
from normsweep.spec.plugins.load import in_one_line, load_plugin, plugin_path

FIELD = "data.source"
ALL = "train"
"""The split of what has no others."""


def plugin_images(
    reference: str,
    *,
    split: str = ALL,
    treatment: Treatment = AS_THEY_ARE,
    pixel_range: Range | None = None,
    watch: Watch = unwatched,
) -> Dataset:
    """The data set of the user's object (`load_own`), or of what their function returns.

    A function or a class takes nothing, or `split` ("train" or "test"), which others have not.

    Raises:
        UserError: as `load_plugin` and `load_own` do; the function fails, or takes something else;
            there is no such split.
    """
    where, path = f"{FIELD} = {reference!r}", plugin_path(reference)
    found = load_plugin(reference, FIELD)
    if callable(found) and (isinstance(found, type) or not hasattr(found, "__getitem__")):
        arguments = _arguments(found, where, split)
        try:
            found = found(**arguments)
        except (Exception, SystemExit) as error:
            raise UserError(f"{where}: {in_one_line(error, path)}; {ACCEPTED}") from error
    elif split != ALL:
        raise UserError(f"data.split = {split!r}: {where} is no function of split, so it has none")
    return load_own(
        found,
        reference.rpartition(":")[2],
        origin=where,
        treatment=treatment,
        pixel_range=pixel_range,
        watch=watch,
        told=lambda error: in_one_line(error, path),
    )


def _arguments(function: Callable[..., Any], where: str, split: str) -> dict[str, str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    # What is compiled may have none.
    except (TypeError, ValueError):
        parameters = {}.values()
    needed = [
        each.name
        for each in parameters
        if each.default is each.empty
        and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        and each.name != "split"
    ]
    if needed:
        raise UserError(
            f"{where}: takes {', '.join(needed)}; accepted is a function of nothing, or of split"
        )
    if any(each.name == "split" for each in parameters):
        return {"split": split}
    if split != ALL:
        raise UserError(f"data.split = {split!r}: {where} takes no split, so it has none")
    return {}
