"""What networks of the user's own must do, tried once before anything trains.

Each message says what to do. Nothing is trained: the networks are drawn, and called on a few images
of the data; losses are traced.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.data import Dataset
from normsweep.engine.settings import program_of
from normsweep.errors import UserError
from normsweep.models.architecture import Architecture, networks
from normsweep.models.data import Data
from normsweep.models.families.contract import Labelled
from normsweep.models.families.own import OwnFamily
from normsweep.models.layers.mode import Mode
from normsweep.models.networks.contract import Shape, Variables
from normsweep.models.networks.own import ANY, OutputError
from normsweep.objectives.aliases import PyTree
from normsweep.score.own_losses import trace_own_losses
from normsweep.spec.bounds import metrics_asked
from normsweep.spec.family import CONDITIONS
from normsweep.spec.plugins import is_plugin
from normsweep.spec.plugins.load import in_one_line, plugin_path
from normsweep.spec.ranges import each
from normsweep.spec.space import idle, middle, resolve
from normsweep.spec.spec import Spec, path_in

NETWORK = "model.network"
IMAGES = 4
"""So many images a network is called with."""

_SPREADS = (1.0, 30.0) * 4
"""Deviations of what is added to all weights, a draw each: with such weights no logit that is free
stays in [0, 1], wherever it began."""

FLOAT = "float32"
"""What parameters are."""


def check_own_networks(spec: Spec, dataset: Dataset) -> tuple[str, ...]:
    """Tries the networks of the user's own that a spec names; what looks wrong, as sentences.

    Raises `UserError` for what would train something else than the user thinks, or nothing.
    """
    warnings: list[str] = []
    for method in spec.methods or [None]:
        alternative = spec.alternative(method)
        place = path_in(NETWORK, method)
        for reference in each(alternative.model.network):
            for way in _ways(alternative) if is_plugin(reference) else ():
                config, _ = resolve(alternative, lambda path, asked: middle(asked))
                chosen = {NETWORK: reference} | way
                config = config.with_values(chosen | idle(config, chosen))
                warnings += _Trial(config, alternative, dataset, place).warnings()
    return tuple(dict.fromkeys(warnings))


def _ways(spec: Spec) -> Iterator[dict[str, Any]]:
    """The ways to tell networks labels that a spec searches: each has shapes of its own."""
    asked = [each(spec.value(path)) for path in CONDITIONS]
    for values in product(*asked):
        yield dict(zip(CONDITIONS, values, strict=True))


class _Trial:
    """One reference of a spec, and what is known of its networks."""

    def __init__(self, config: Spec, spec: Spec, dataset: Dataset, place: str) -> None:
        shape = dataset.images.shape[1:]
        self._config, self._spec = config, spec
        self._where = f"{place} = {config.model.network!r}"
        self._path = plugin_path(config.model.network)
        self._program = program_of(
            config, (shape[0], shape[1], shape[2]), IMAGES, classes=dataset.class_count
        )
        self._architecture: Architecture = self._program.architecture
        family = self._architecture.family
        assert isinstance(family, OwnFamily)
        self._family = family
        rows = np.arange(IMAGES, dtype=np.int32) % len(dataset.images)
        labels = None if dataset.labels is None else jnp.asarray(dataset.labels[rows])
        images = jnp.asarray(dataset.images[rows])
        self._data = Data(images, jnp.asarray(rows), jnp.asarray(rows), labels)

    def warnings(self) -> Iterator[str]:
        """Raises `UserError`; yields what only looks wrong."""
        self._check_fields()
        variables = self._drawn()
        for name in self._family.networks():
            self._check_input(name, variables[name])
        yield from self._sampled(variables)
        for name in self._family.networks():
            inputs = self._inputs(name)
            if inputs is not None:
                self._check_state(name, variables[name], inputs)
                self._check_output(name, variables[name], inputs)
                if self._judges(name):
                    yield from self._judged(name, variables[name], inputs)
        self._check_losses()

    def _refuse(self, told: str) -> UserError:
        return UserError(f"{self._where}: {told}")

    def _run(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            # As the training step draws, whatever the user has set.
            with jax.threefry_partitionable(True):
                return jax.device_get(jax.jit(function)(*arguments))
        except UserError:
            raise
        except Exception as error:
            raise self._refuse(f"{what}: {in_one_line(error, self._path)}") from error

    def _check_fields(self) -> None:
        """Losses of the user's own know nothing of what the family's do beside theirs."""
        family, spec = self._family, self._spec
        idle = {
            "gradient_penalty.kind": set(each(spec.gradient_penalty.kind)) - {"none"},
            "augment.policy": set(each(spec.augment.policy)) - {"none"},
        }
        judges = {name for name in self._shapes() if self._gives_logits(name)}
        judging = [player for player, names in family.players.items() if judges & set(names)]
        own = [player for player in judging or family.players if player in family.model.losses]
        for path, values in idle.items():
            if own and values:
                raise UserError(
                    f'{path} = "{sorted(values)[0]}" has no effect with {self._where}, whose loss '
                    f'of the {own[0]} is its own; accepted: "none"'
                )
        gone = set(family.base.figures) - set(family.figures)
        for field, name in metrics_asked(spec):
            if name in gone:
                raise UserError(f'score.{field} = "{name}" is not measured with losses of your own')

    def _shapes(self) -> dict[str, Any]:
        return self._family.base.shapes(self._architecture.image_shape)

    def _labelled(self, name: str) -> Labelled:
        base, shape = self._family.base, self._architecture.image_shape
        return base.labelled(name, shape) if name in base.networks() else Labelled()

    @property
    def _of_family(self) -> str:
        return f'model.family = "{self._spec.model.family}"'

    def _drawn(self) -> dict[str, Variables]:
        """The networks of one key, drawn twice, and of another."""
        init = networks(self._architecture).init
        first, second = jax.random.key(1), jax.random.key(2)
        one, other = self._run("init", lambda a, b: (init(a), init(b)), first, second)
        again = self._run("init", lambda a: init(a), first)
        for name in self._family.networks():
            if not jax.tree.leaves(one[name].params):
                raise self._refuse(f"its {name} has no parameters; init must return some to train")
            if others := {str(leaf.dtype) for leaf in jax.tree.leaves(one[name].params)} - {FLOAT}:
                raise self._refuse(
                    f"its {name} has parameters of {', '.join(sorted(others))}; accepted: {FLOAT}, "
                    "and in the state, which is not trained, any (train.precision says in what "
                    "networks multiply)"
                )
            # Before it is compared: NaN equals nothing.
            if bad := _not_finite(one[name]):
                raise self._refuse(f"its {name} begins with {bad} that is not finite")
            if not _is_equal(one[name], again[name]):
                raise self._refuse(
                    f"its {name} has other weights each time it is drawn from one key; draw all "
                    "of them with jax.random and the key that init is given"
                )
            if _is_equal(one[name].params, other[name].params):
                raise self._refuse(
                    f"its {name} has the same weights whatever the key; make the module in the "
                    "function that you give, from the key that this is given"
                )
        found: dict[str, Variables] = one
        return found

    def _apply(
        self,
        name: str,
        variables: Variables,
        inputs: Any,
        train: bool,
        labels: jax.Array | None = None,
    ) -> Any:
        mode = Mode(training=train, key=jax.random.key(3), labels=labels)
        try:
            return networks(self._architecture).apply[name](variables, inputs, mode)
        except OutputError as error:
            words = self._labelled(name).outputs
            reason = f", which is of {self._of_family} with {words}" if words else ""
            raise self._refuse(f"its {name} {error}{reason}") from error

    def _sampled(self, variables: dict[str, Variables]) -> Iterator[str]:
        def sample(variables: dict[str, Variables]) -> jax.Array:
            def apply(network: str, inputs: Any, labels: jax.Array | None = None) -> jax.Array:
                own = variables[network]
                found: jax.Array = self._apply(network, own, inputs, False, labels)[0]
                return found

            return self._family.sample(apply, jax.random.key(4), IMAGES, self._data)

        images = self._run("sample", sample, variables)
        wanted = (IMAGES, *self._architecture.image_shape)
        if images.shape != wanted:
            raise self._refuse(f"samples {list(images.shape)}; accepted are images {list(wanted)}")
        if not np.isfinite(images).all():
            raise self._refuse("its samples are not all finite")
        low, high = float(images.min()), float(images.max())
        if low < -1.001 or high > 1.001:
            raise self._refuse(
                f"its samples lie in [{low:.3g}, {high:.3g}]; accepted are pixels in [−1, 1]: end "
                "with tanh"
            )
        if low >= 0:
            yield (
                f"{self._where}: all pixels of its first samples lie in [{low:.3g}, {high:.3g}], "
                "and those of the data in [−1, 1]: end with tanh instead of sigmoid, or with "
                "2·x − 1 behind it"
            )

    def _inputs(self, name: str) -> Any:
        """What the family calls a network with: an image or a vector; None where that is unsaid."""
        if name not in self._shapes():
            return None
        shape = self._shapes()[name].inputs
        if shape == self._architecture.image_shape:
            return self._data.images
        return jax.random.normal(jax.random.key(5), (IMAGES, *shape), np.float32)

    def _judges(self, name: str) -> bool:
        """Whether a network gives logits to a loss of the family's."""
        of_family = any(
            name in names and player not in self._family.model.losses
            for player, names in self._family.players.items()
        )
        return self._gives_logits(name) and of_family

    def _gives_logits(self, name: str) -> bool:
        """Whether a network of the family's gives a logit, and what labels add to that."""
        shapes = self._shapes().get(name)
        return shapes is not None and (shapes.outputs == () or bool(self._labelled(name).outputs))

    def _check_input(self, name: str, variables: Variables) -> None:
        """What takes inputs without labels alone fails with a message of JAX, which says no why."""
        told = self._labelled(name)
        if told.bare is None or self._family.alone:
            return
        given = self._shapes()[name].inputs
        if not self._takes(name, variables, given) and self._takes(name, variables, told.bare):
            raise self._refuse(
                f"its {name} takes [{_listed('n', *told.bare)}]; accepted: "
                f"[{_listed('n', *given)}], which is of {self._of_family} with {told.inputs}"
            )

    def _takes(self, name: str, variables: Variables, shape: Shape) -> bool:
        own: Any = dict(self._architecture.networks)[name]
        inputs = jax.ShapeDtypeStruct((IMAGES, *shape), np.float32)
        key, labels = jax.random.key(3), self._data.labels
        try:
            jax.eval_shape(lambda x: own.apply(*variables, x, labels, key, False)[0], inputs)
        except Exception:
            return False
        return True

    def _check_output(self, name: str, variables: Variables, inputs: Any) -> None:
        """Of those that judge by more than a logit, whose width nothing else has looked at."""
        if self._shapes()[name].outputs != ANY:
            labels = self._data.labels

            def outputs(variables: Variables, inputs: Any) -> jax.Array:
                found: jax.Array = self._apply(name, variables, inputs, False, labels)[0]
                return found

            self._run(f"its {name}", outputs, variables, inputs)

    def _check_state(self, name: str, variables: Variables, inputs: Any) -> None:
        own = dict(self._architecture.networks)[name]
        apply: Any = own.apply  # type: ignore[attr-defined]

        def states(variables: Variables, inputs: Any) -> tuple[PyTree, PyTree]:
            call = partial(apply, *variables, inputs, self._data.labels, jax.random.key(3))
            return call(False)[1], call(True)[1]

        kept, moved = self._run(f"its {name}", states, variables, inputs)
        before = variables.stats
        if not _is_equal(kept, before):
            raise self._refuse(
                f"the state of its {name} changes in a call with train=False; there it must stay "
                "as it is, as with stored averages"
            )
        if not _is_alike(moved, before):
            raise self._refuse(
                f"the state of its {name} has other names, shapes or types after a call than "
                "before; they must stay, as training goes on from it"
            )

    def _check_losses(self) -> None:
        if not self._family.model.losses:
            return
        try:
            fault = trace_own_losses(self._config, self._program, self._data)
        except Exception as error:
            raise self._refuse(f"its losses: {in_one_line(error, self._path)}") from error
        if fault:
            raise self._refuse(fault)

    def _judged(self, name: str, variables: Variables, inputs: Any) -> Iterator[str]:
        noise = jax.random.uniform(jax.random.key(6), inputs.shape, minval=-1, maxval=1)
        changed = jnp.concatenate([inputs[:1], noise[1:]])
        leaves, structure = jax.tree.flatten(variables.params)

        def outputs(params: PyTree, inputs: Any) -> jax.Array:
            own = variables._replace(params=params)
            found: jax.Array = self._apply(name, own, inputs, True, self._data.labels)[0]
            return found

        def drawn(given: tuple[jax.Array, jax.Array]) -> jax.Array:
            key, spread = given
            keys = jax.random.split(key, len(leaves))
            moved = [
                w + (spread * jax.random.normal(k, w.shape)).astype(w.dtype)
                for k, w in zip(keys, map(jnp.asarray, leaves), strict=True)
            ]
            params = jax.tree.unflatten(structure, moved)
            return jnp.stack([outputs(params, some) for some in (inputs, noise)])

        def tried(params: PyTree) -> tuple[jax.Array, jax.Array, jax.Array]:
            draws = jax.random.split(jax.random.key(7), len(_SPREADS)), jnp.array(_SPREADS)
            return jax.lax.map(drawn, draws), outputs(params, inputs), outputs(params, changed)

        of_draws, found, beside_others = self._run(f"its {name}", tried, variables.params)
        if not np.isfinite(found).all():
            raise self._refuse(f"logits of its {name} are not finite")
        # Of several outputs the first is the logit; what others say is added to it, or to the loss.
        logits = of_draws.reshape(*of_draws.shape[:3], -1)[..., 0]
        logits = logits[np.isfinite(logits)]
        if logits.size and logits.min() >= 0 and logits.max() <= 1:
            raise self._refuse(
                f"its {name} squashes its logits to [0, 1]; return logits, without the sigmoid at "
                "the end: the losses have it already"
            )
        penalised = set(each(self._spec.gradient_penalty.kind)) - {"none"}
        if penalised and not np.allclose(found[0], beside_others[0], rtol=1e-4, atol=1e-6):
            yield (
                f"{self._where}: what its {name} says of an image depends on the others of the "
                f"batch, as with batch statistics, and gradient_penalty.kind = "
                f'"{sorted(penalised)[0]}" is of each image by itself; take layer, instance or '
                "spectral normalisation there (arXiv:1704.00028, sec. 4)"
            )


def _listed(*sizes: str | int) -> str:
    return ", ".join(map(str, sizes))


def _is_alike(tree: PyTree, other: PyTree) -> bool:
    structures: list[Any] = [jax.tree.structure(each) for each in (tree, other)]
    if structures[0] != structures[1]:
        return False
    leaves = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    return all(np.shape(a) == np.shape(b) and a.dtype == b.dtype for a, b in leaves)


def _is_equal(tree: PyTree, other: PyTree) -> bool:
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=False)
    return _is_alike(tree, other) and all(np.array_equal(a, b) for a, b in pairs)


def _not_finite(variables: Variables) -> str:
    bad = [leaf for leaf in jax.tree.leaves(variables) if not np.isfinite(leaf).all()]
    return "a weight or a state" if bad else ""
