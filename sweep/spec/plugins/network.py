"""Networks of the user's own."""

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any

from normsweep.errors import UserError
from normsweep.models.families.own import OwnModel
from normsweep.models.networks.own import OwnNetwork
from normsweep.spec.plugins.load import in_one_line, load_plugin, plugin_content, plugin_path

FIELD = "model.network"
ACCEPTED = (
    "accepted is a function bring(image_shape, classes, settings) that returns an OwnModel, or the "
    "OwnNetworks of the family by name (normsweep.models; docs/your-model.md)"
)

Shape = tuple[int, int, int]


def plugin_model(
    reference: str, image_shape: Shape, classes: int, settings: Mapping[str, Any]
) -> OwnModel:
    """What the user's function gives for images [h, w, c] of some classes, and settings.

    The same arguments, to the same content, give the same object.

    Raises:
        UserError: as `load_plugin` does, where the function fails, and where it returns something
            else.
    """
    load_plugin(reference, FIELD)
    told = tuple((name, _hashable(value)) for name, value in sorted(settings.items()))
    return _model(reference, plugin_content(reference), image_shape, classes, told)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def _model(
    reference: str,
    content: Hashable,
    image_shape: Shape,
    classes: int,
    settings: tuple[tuple[str, Any], ...],
) -> OwnModel:
    # Programs are compiled once for each function: they must be the same ones each time.
    del content
    found = load_plugin(reference, FIELD)
    where = f"{FIELD} = {reference!r}"
    if not callable(found) or isinstance(found, type):
        raise UserError(f"{where}: it is of type {type(found).__name__}; {ACCEPTED}")
    try:
        made = found(image_shape, classes, dict(settings))
    except (Exception, SystemExit) as error:
        told = in_one_line(error, plugin_path(reference))
        raise UserError(f"{where}: {told}; {ACCEPTED}") from error
    if isinstance(made, Mapping):
        made = OwnModel(made)
    if not isinstance(made, OwnModel):
        raise UserError(f"{where}: returns a {type(made).__name__}; {ACCEPTED}")
    for name, network in made.networks.items():
        if not isinstance(network, OwnNetwork):
            raise UserError(
                f"{where}: its network {name!r} is a {type(network).__name__}; accepted is an "
                "OwnNetwork(init, apply), or what from_linen, from_nnx, from_equinox or from_haiku "
                "of normsweep.models returns"
            )
    return made
