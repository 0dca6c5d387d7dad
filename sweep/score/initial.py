"""The weights that training begins with, where these are those of a trained model."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from normsweep.data.fingerprint import fingerprint
from normsweep.engine.settings import Shape, architecture_of
from normsweep.errors import UserError, in_one_line
from normsweep.models.architecture import abstract_variables
from normsweep.models.networks.contract import Variables
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.selection import parameter_paths
from normsweep.spec.fields import FACTS
from normsweep.spec.space import middle, resolve
from normsweep.spec.spec import Spec

FIELD = "model.initial"
Initial = dict[str, Variables]
"""Variables of some of the networks by name, as arrays of NumPy."""
_ACCEPTED = (
    "accepted: a folder that `sweep train` wrote, or an Orbax checkpoint whose tree has the names "
    "of networks on top, and below each its parameters, or `params` and `stats`"
)


def load_initial(spec: Spec, image_shape: Shape, classes: int) -> Initial | None:
    """The variables that the spec begins with; None where it draws them.

    Networks that the checkpoint does not hold are drawn. Raises `UserError` for a path that is no
    checkpoint, for one without any of the networks, and for arrays of other names or shapes than
    theirs; and where the shape of the networks is searched.
    """
    check_initial(spec)
    if spec.model.initial is None:
        return None
    place = f"{FIELD} = {spec.model.initial!r}"
    trees = _read(Path(spec.model.initial), place)
    found: Initial = {}
    for method in spec.methods or [None]:
        alternative = spec.alternative(method)
        config, _ = resolve(alternative, lambda path, asked: middle(asked))
        architecture = architecture_of(config, image_shape, classes)
        like = abstract_variables(architecture)
        names = architecture.family.networks()
        known = [name for name in names if name in trees]
        if not known:
            there = ", ".join(trees) or "nothing"
            raise UserError(f"{place}: holds {there}, and none of {', '.join(names)}; {_ACCEPTED}")
        for name in known:
            found[name] = _fitting(trees[name], like[name], f"{place}: its {name}")
    return found


def check_initial(spec: Spec) -> None:
    """Raises `UserError` for what is known of it without images: shapes searched, no such folder.

    Images may take minutes to read.
    """
    if spec.model.initial is None:
        return
    place = f"{FIELD} = {spec.model.initial!r}"
    _check_shapes_stay(spec, place)
    if not Path(spec.model.initial).is_dir():
        raise UserError(f"{place}: no such folder; {_ACCEPTED}")


def initial_fingerprint(initial: Initial) -> str:
    """A name for the content of the variables."""
    named: dict[str, np.ndarray] = {}
    for name, variables in sorted(initial.items()):
        paths, leaves = _paths(variables._asdict()), jax.tree.leaves(variables._asdict())
        named |= {f"{name}/{p}": leaf for p, leaf in zip(paths, leaves, strict=True)}
    return fingerprint(**named)


def _check_shapes_stay(spec: Spec, place: str) -> None:
    for path in spec.ranges():
        field = ".".join(path.split(".")[-2:])
        shaped = field.startswith("model.") and not field.endswith("_dropout")
        if shaped and FACTS[field].table:
            raise UserError(
                f"{path}: is searched, and with {place} the networks are of one shape; accepted "
                "there: one value"
            )
    if units := [name for name, value in spec.model if name.endswith("_units") and value]:
        raise UserError(f"model.{units[0]}: has no use with {place}, whose units are all in use")


def _read(path: Path, place: str) -> dict[str, Any]:
    """The trees of a checkpoint by the names of networks."""
    folder = path.absolute()
    inner = folder / "checkpoint"
    try:
        if inner.is_dir():
            return {each.name: _restored(each) for each in sorted(inner.iterdir())}
        found = _restored(folder)
    except Exception as error:
        raise UserError(f"{place}: is no checkpoint: {in_one_line(error)}; {_ACCEPTED}") from error
    if not isinstance(found, dict):
        raise UserError(f"{place}: has no names on top; {_ACCEPTED}")
    return found


def _restored(folder: Path) -> Any:
    # A third of a second, which a study that draws its weights does not wait for.
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        # As arrays of the host, whatever wrote them.
        return jax.tree.map(np.asarray, checkpointer.restore(folder))


def _fitting(tree: Any, like: Variables, place: str) -> Variables:
    """The variables of a network out of a tree, of the names, shapes and types that it has."""
    whole = isinstance(tree, dict) and "params" in tree and tree.keys() <= {"params", "stats"}
    given = {"params": tree, "stats": {}} if not whole else {"stats": {}, **tree}
    wanted = like._asdict()
    there = dict(zip(_paths(given), jax.tree.leaves(given), strict=True))
    asked = dict(zip(_paths(wanted), jax.tree.leaves(wanted), strict=True))
    for path in (*asked, *(each for each in there if each not in asked)):
        has = "nothing" if path not in there else list(np.shape(there[path]))
        wants = "nothing" if path not in asked else list(asked[path].shape)
        if has != wants:
            raise UserError(f"{place} has {has} at {path}, and the network {wants}")
    leaves = [np.asarray(there[path]).astype(asked[path].dtype) for path in asked]
    return Variables(**jax.tree.unflatten(jax.tree.structure(wanted), leaves))


def _paths(tree: PyTree) -> list[str]:
    return jax.tree.leaves(parameter_paths(tree))
