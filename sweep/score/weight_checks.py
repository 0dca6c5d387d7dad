"""Whether a study's networks take its images, and its penalties find weights in them."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import jax

from normsweep.data import Dataset
from normsweep.engine.settings import Shape, architecture_of
from normsweep.errors import UserError
from normsweep.models.architecture import abstract_variables, networks
from normsweep.models.optimizers import optimizers_with
from normsweep.objectives.selection import keep, parameter_paths, select
from normsweep.spec.family import FAMILIES, networks_of
from normsweep.spec.fields import PenaltySection, default
from normsweep.spec.penalty_fields import form_entry
from normsweep.spec.plugins import check_penalty, is_plugin
from normsweep.spec.ranges import Interval, each
from normsweep.spec.space import idle, middle, own_fields, resolve
from normsweep.spec.spec import Spec, path_in


def check_networks(spec: Spec, dataset: Dataset) -> None:
    """An architecture does not map every shape of images."""
    height, width, channels = dataset.images.shape[1:]
    for method in spec.methods or [None]:
        ours = (k for k in each(spec.alternative(method).model.network) if not is_plugin(k))
        for kind in ours:
            config = _with_defaults(_config(spec.alternative(method)), {"model.network": kind})
            try:
                shape = (height, width, channels)
                networks(architecture_of(config, shape, dataset.class_count))
            except ValueError as error:
                raise UserError(
                    f'{path_in("model.network", method)} = "{kind}": {error}'
                ) from error


def check_penalised(spec: Spec, dataset: Dataset) -> None:
    """A pattern that matches nothing would train a whole study without its penalty, unnoticed."""
    height, width, channels = dataset.images.shape[1:]
    for method in spec.methods or [None]:
        alternative = spec.alternative(method)
        penalty = alternative.penalty
        for network in _selected_networks(alternative):
            shape = (height, width, channels)
            for which, weights in _weights(alternative, network, shape, dataset.class_count):
                where = f"of the {network} {which}"
                _check_selection(penalty, weights, path_in("penalty.weights", method), where)


def _config(spec: Spec) -> Spec:
    """Some config of a spec without methods."""
    return resolve(spec, lambda path, asked: middle(asked))[0]


def _with_defaults(config: Spec, values: dict[str, Any]) -> Spec:
    """The config with these values, and the defaults of what then has no effect."""
    return config.with_values(values | idle(config, values))


def _check_selection(penalty: PenaltySection, weights: Any, path: str, where: str) -> None:
    selected = keep(weights, select(weights, penalty.weights))
    pattern = f"{path} = {penalty.weights!r}"
    if not jax.tree.leaves(selected):
        raise UserError(f"{pattern} matches no weight {where}; there are: {_names(weights)}")
    for form in (form for form in each(penalty.form) if form != "none"):
        if form_entry(form).matrices and not jax.tree.leaves(_matrices(selected)):
            raise UserError(
                f'{pattern} matches no matrix {where}, and form = "{form}" acts on matrices alone; '
                f"there are: {_names(_matrices(weights))}"
            )
        if is_plugin(form):
            check_penalty(form, selected, layered="layer" in each(penalty.scope))


def _matrices(weights: Any) -> Any:
    return keep(weights, jax.tree.map(lambda leaf: leaf.ndim > 1, weights))


def _names(weights: Any) -> str:
    return ", ".join(jax.tree.leaves(parameter_paths(weights)))


def _selected_networks(spec: Spec) -> list[str]:
    """The networks that a penalty or constraint names; without one, those that decay."""
    family = spec.model.family
    known = FAMILIES[family].networks
    if set(each(spec.penalty.form)) != {"none"}:
        targets = [networks_of(target, family) for target in each(spec.penalty.target)]
        return [network for network in known if any(network in some for some in targets)]
    decays = set(optimizers_with("weight_decay")) & set(each(spec.train.optimizer))
    return list(known) if decays else []


def _weights(
    spec: Spec, network: str, image_shape: Shape, classes: int
) -> Iterator[tuple[str, Any]]:
    """The weights of networks of a role as shapes, for all kinds, depths and normalisations.

    Each behind words for the kind or depth, or for the user's file. Nothing else that is searched
    changes their paths.
    """
    config = _config(spec)
    for kind in filter(is_plugin, each(spec.model.network)):
        own_config = _with_defaults(config, {"model.network": kind})
        for weights in _weights_of(own_config, network, image_shape, classes):
            yield f"of {kind}", weights
    ours = [kind for kind in each(spec.model.network) if not is_plugin(kind)]
    if not ours:
        return
    config = _with_defaults(config, {"model.network": ours[0]} | dict.fromkeys(own_fields(config)))
    own = [f"{network}_{name}" for name in ("hidden", "layers", "normalisation")]
    choices = (ours, *(_options(getattr(spec.model, name)) for name in own))
    fields = ["network", *own]
    found: dict[tuple[str, str], Spec] = {}
    for values in product(*choices):
        paths = [f"model.{name}" for name in fields]
        each_config = _with_defaults(config, dict(zip(paths, values, strict=True)))
        kind, hidden, layers, normalisation = (each_config.value(path) for path in paths)
        depth = len(hidden) if layers is None else layers
        which = f"with {depth} hidden layers" if kind == default("model.network") else f"({kind})"
        found.setdefault((which, normalisation), each_config)
    for (which, _), each_config in found.items():
        for weights in _weights_of(each_config, network, image_shape, classes):
            yield which, weights


def _weights_of(config: Spec, network: str, image_shape: Shape, classes: int) -> Iterator[Any]:
    architecture = architecture_of(config, image_shape, classes)
    variables = abstract_variables(architecture)
    for name in architecture.family.networks():
        if architecture.family.role(name) == network:
            yield variables[name].params


def _options(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Interval):
        return tuple(range(int(value.low), int(value.high) + 1, int(value.step or 1)))
    return each(value)
