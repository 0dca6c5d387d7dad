"""The images that a spec names, be they of a table of ours or of a user's file."""

from pathlib import Path
from typing import Any

from normsweep.data import load_dataset
from normsweep.data.dataset import Dataset
from normsweep.data.decoding import Watch, unwatched
from normsweep.data.limit import limit_dataset
from normsweep.data.overview import Overview, of_dataset, of_pictures
from normsweep.data.sources import PICTURES
from normsweep.data.treatment import Treatment
from normsweep.errors import UserError
from normsweep.spec.fields import DataSection
from normsweep.spec.plugins import is_plugin


def load_images(data: DataSection, watch: Watch = unwatched) -> Dataset:
    """The data set of a spec; `watch` is told how many pictures are decoded.

    Raises `UserError` as `load_dataset` and `plugin_images` do.
    """
    given: dict[str, Any] = {
        "split": data.split,
        "pixel_range": data.range,
        "treatment": Treatment(data.size, data.colour),
        "watch": watch,
    }
    if not is_plugin(data.source):
        return load_dataset(data.source, path=data.path, limit=data.limit, **given)
    from normsweep.spec.plugins.images import plugin_images

    if data.path is not None:
        raise UserError(
            f"data.path = {data.path!r}: data.source = {data.source!r} takes none, it finds its "
            "images itself"
        )
    return limit_dataset(plugin_images(data.source, **given), data.limit)


def overview_of(data: DataSection, watch: Watch = unwatched) -> Overview:
    """What is understood of the data set of a spec; of many pictures by their headers alone.

    Raises `UserError` as `load_images` does, but for pictures that cannot be used: these are among
    what is found.
    """
    if data.source not in PICTURES or data.range is not None or data.path is None:
        return of_dataset(load_images(data, watch))
    listing = PICTURES[data.source](Path(data.path).expanduser(), data.split)
    return of_pictures(listing, Treatment(data.size, data.colour), data.limit, watch)
