"""A trained config as a folder: Orbax checkpoints, config, metrics and pictures."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.typing import ArrayLike

from normsweep.engine.settings import architecture_of, strengths_of
from normsweep.engine.versions import versions
from normsweep.errors import UserError
from normsweep.export.again import Trained
from normsweep.export.going_on import CHECKPOINT, CONFIG, METRICS, STATE
from normsweep.models.architecture import Architecture, abstract_variables, networks
from normsweep.models.data import Data
from normsweep.models.layers.mode import Mode
from normsweep.models.member import averaged
from normsweep.models.networks.contract import Variables
from normsweep.objectives.aliases import PyTree
from normsweep.score.pictures import draw_curves, draw_grid
from normsweep.spec.config import Config, read_config, render
from normsweep.spec.load import from_anywhere
from normsweep.spec.spec import Spec
from normsweep.storage.files import require_room

SAMPLES, CURVES = "samples.png", "curves.png"
FITTED = "fitted"
"""Beside the networks of a checkpoint, what samples are drawn by."""
_SHOWN = 64


class Generate(Protocol):
    """Gives `count` images [count, h, w, c] float32 in [−1, 1].

    A conditional model draws their classes, each as likely as any other, or takes `labels` [count],
    integers. Raises `ValueError` for labels that are not so many, that there are not, or of a model
    that takes none.
    """

    def __call__(
        self, key: jax.Array, count: int, labels: ArrayLike | None = None
    ) -> jax.Array: ...


class Call(Protocol):
    """(network, inputs, labels) → outputs."""

    def __call__(
        self, network: str, inputs: jax.Array, labels: jax.Array | None = None
    ) -> jax.Array: ...


def check_folder(folder: str | Path) -> Path:
    """The folder to write to; raises `UserError` unless it is new, or empty, and writable."""
    folder = Path(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists and is not an empty folder; choose another (-o)")
    parent = next(parent for parent in folder.parents if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UserError(f"{folder}: cannot be created, {parent} is not a writable folder")
    return folder


def save_trained(trained: Trained, config: Config, folder: str | Path) -> Path:
    """Writes all files of a trained config, the folder appearing whole or not at all."""
    folder = check_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(trained, config, draft)
        if folder.exists():
            folder.rmdir()
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def load_generator(folder: str | Path) -> Generate:
    """Loads the generator that `sweep train` wrote: a function (key, count, labels) → images.

    Raises `UserError` for a folder that is none of these, and for a family that makes images of
    other images, whose networks `load_network` loads.
    """
    spec, architecture, classes = _read(folder)
    if architecture.family.translates:
        raise UserError(
            f'{folder}: model.family = "{spec.model.family}" makes images of images, not of a key; '
            f"accepted: load_network(folder, name) with {_named(architecture.family.networks())}"
        )
    stored = _restored(folder, architecture, architecture.family.sampled)
    fitted = Path(folder).absolute() / CHECKPOINT / FITTED
    found = None
    if fitted.is_dir():
        with ocp.StandardCheckpointer() as checkpointer:
            found = checkpointer.restore(fitted)
    return _generate(architecture, _calling(spec, architecture, stored), found, classes)


def load_network(folder: str | Path, name: str) -> Callable[[jax.Array], jax.Array]:
    """Loads one of the networks that `sweep train` wrote, as a function of a batch of its inputs.

    Images are [n, h, w, c] float32 in [−1, 1]. Raises `UserError` for a folder that is none of
    these, and for a name of no network.
    """
    spec, architecture, _ = _read(folder)
    names = architecture.family.networks()
    if name not in names:
        raise UserError(f"{folder}: has no network {name!r}; accepted: {_named(names)}")
    return partial(
        _applying(spec, architecture, name), _restored(folder, architecture, [name])[name]
    )


def _named(networks: Iterable[str]) -> str:
    return ", ".join(networks)


def _read(folder: str | Path) -> tuple[Spec, Architecture, int]:
    """What a folder of `sweep train` says of its networks, and how many classes there were."""
    folder = Path(folder).absolute()
    if not (folder / CHECKPOINT).is_dir():
        raise UserError(f"{folder}: holds no {CHECKPOINT}/; `sweep train CONFIG -o DIR` writes one")
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    spec = read_config(folder / CONFIG).spec
    height, width, channels = metrics["image_shape"]
    classes = metrics.get("classes", 0)
    return spec, architecture_of(spec, (height, width, channels), classes), classes


def _restored(
    folder: str | Path, architecture: Architecture, names: Iterable[str]
) -> dict[str, Variables]:
    """The variables of some networks by name."""
    folder = Path(folder).absolute()
    like = abstract_variables(architecture)
    with ocp.StandardCheckpointer() as checkpointer:
        stored = {
            name: checkpointer.restore(folder / CHECKPOINT / name, like[name]._asdict())
            for name in names
        }
    return {name: Variables(**each) for name, each in stored.items()}


def _applying(spec: Spec, architecture: Architecture, name: str) -> Callable[..., jax.Array]:
    """(variables, inputs, labels) → outputs, compiled, of one of the networks."""
    units = getattr(spec.model, f"{architecture.family.role(name)}_units")

    def applied(own: Variables, inputs: jax.Array, labels: jax.Array | None = None) -> jax.Array:
        mode = Mode(units=units, labels=labels)
        return networks(architecture).apply[name](own, inputs, mode)[0]

    return jax.jit(applied)


def _calling(spec: Spec, architecture: Architecture, stored: dict[str, Variables]) -> Call:
    functions = {name: _applying(spec, architecture, name) for name in stored}

    def apply(network: str, inputs: jax.Array, labels: jax.Array | None = None) -> jax.Array:
        return functions[network](stored[network], inputs, labels)

    return apply


def _generate(
    architecture: Architecture, apply: Call, data: Data | PyTree, classes: int = 0
) -> Generate:
    family = architecture.family

    def generate(key: jax.Array, count: int, labels: ArrayLike | None = None) -> jax.Array:
        if labels is None:
            return family.sample(apply, key, count, data)
        asked = np.asarray(labels, np.int32)
        if asked.shape != (count,):
            raise ValueError(f"labels: got the shape {asked.shape}; accepted: ({count},)")
        if family.by_class and not np.isin(asked, np.arange(classes)).all():
            # An array of JAX gives another row for an index that it does not have.
            raise ValueError(f"labels: accepted: whole numbers from 0 to {classes - 1}")
        return family.sample_of(apply, key, jnp.asarray(asked))

    return generate


def _write(trained: Trained, config: Config, folder: Path) -> None:
    state, spec = trained.state, config.spec
    shape = trained.setup.image_shape
    stored = {name: averaged(state, name) for name in state.networks}
    going_on = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
    require_room(folder, sum(leaf.nbytes for leaf in [*jax.tree.leaves(stored), *going_on]))
    with ocp.StandardCheckpointer() as checkpointer:
        for name, variables in stored.items():
            checkpointer.save(folder / CHECKPOINT / name, variables._asdict())
        checkpointer.save(folder / STATE, going_on)
    # A trained folder is loaded from wherever its user happens to be.
    whole = replace(config, spec=from_anywhere(spec))
    (folder / CONFIG).write_text(render([whole], "toml"), encoding="utf-8")
    architecture = architecture_of(spec, shape, trained.setup.classes)
    apply = _calling(spec, architecture, stored)
    key = jax.random.key(trained.seed, impl="threefry2x32")
    data = jax.tree.map(jnp.asarray, trained.setup.shared(trained.seed).data(0))
    fitted = architecture.family.fitted(apply, jax.random.fold_in(key, 0), data)
    if fitted is not None:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(folder / CHECKPOINT / FITTED, fitted)
    # What a family samples without data is seen as `load_generator` will have it.
    of = data if architecture.family.translates else fitted
    images = np.asarray(_generate(architecture, apply, of)(key, _SHOWN))
    trained.setup.dataset.check_read()
    draw_grid(images, folder / SAMPLES)
    draw_curves(trained.measurements, folder / CURVES, strengths_of(spec))
    metrics = {
        "seed": trained.seed,
        "steps": spec.train.steps,
        "image_shape": list(shape),
        "classes": trained.setup.classes,
        "training_images": int(trained.setup.plan.train.shape[1]),
        "samples_compared": trained.setup.samples,
        "fingerprints": trained.setup.fingerprints(),
        "versions": versions(),
        "curve": [
            {key: value for key, value in row.plain().items() if key not in ("trial_id", "fold")}
            for row in trained.measurements
        ],
    }
    (folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
