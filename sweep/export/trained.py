"""A trained config as a folder: Orbax checkpoint, config, metrics and pictures."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
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
from normsweep.models.architecture import Architecture, networks
from normsweep.models.layers.mode import Mode
from normsweep.models.member import averaged
from normsweep.models.networks.contract import Variables
from normsweep.score.pictures import draw_curves, draw_grid
from normsweep.spec.config import Config, read_config, render
from normsweep.spec.spec import Spec
from normsweep.storage.files import require_room

CHECKPOINT, CONFIG, METRICS = "checkpoint", "config.toml", "metrics.json"
SAMPLES, CURVES = "samples.png", "curves.png"
_SHOWN = 64


class Generate(Protocol):
    """Gives `count` images [count, h, w, c] float32 in [−1, 1].

    A conditional model draws their classes, each as likely as any other, or takes `labels` [count],
    integers. Raises `ValueError` for labels that are not so many, or of a model that takes none.
    """

    def __call__(
        self, key: jax.Array, count: int, labels: ArrayLike | None = None
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

    Raises `UserError` for a folder that is none of these.
    """
    folder = Path(folder).absolute()
    if not (folder / CHECKPOINT).is_dir():
        raise UserError(f"{folder}: holds no {CHECKPOINT}/; `sweep train CONFIG -o DIR` writes one")
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    spec = read_config(folder / CONFIG).spec
    height, width, channels = metrics["image_shape"]
    architecture = architecture_of(spec, (height, width, channels), metrics.get("classes", 0))
    like = jax.eval_shape(networks(architecture).init, jax.random.key(0))
    with ocp.StandardCheckpointer() as checkpointer:
        stored = {
            name: checkpointer.restore(folder / CHECKPOINT / name, like[name]._asdict())
            for name in architecture.family.sampled
        }
    return _generate(spec, architecture, {name: Variables(**each) for name, each in stored.items()})


def _generate(spec: Spec, architecture: Architecture, stored: dict[str, Variables]) -> Generate:
    family = architecture.family

    def applying(name: str) -> Callable[..., jax.Array]:
        units = getattr(spec.model, f"{family.role(name)}_units")

        def applied(own: Variables, inputs: jax.Array, labels: jax.Array | None) -> jax.Array:
            mode = Mode(units=units, labels=labels)
            return networks(architecture).apply[name](own, inputs, mode)[0]

        return jax.jit(applied)

    functions = {name: applying(name) for name in stored}

    def apply(network: str, inputs: jax.Array, labels: jax.Array | None = None) -> jax.Array:
        return functions[network](stored[network], inputs, labels)

    def generate(key: jax.Array, count: int, labels: ArrayLike | None = None) -> jax.Array:
        if labels is None:
            return family.sample(apply, key, count, None)
        asked = np.asarray(labels, np.int32)
        if asked.shape != (count,):
            raise ValueError(f"labels: got the shape {asked.shape}; accepted: ({count},)")
        return family.sample_of(apply, key, jnp.asarray(asked))

    return generate


def _write(trained: Trained, config: Config, folder: Path) -> None:
    state, spec = trained.state, config.spec
    shape = trained.setup.image_shape
    stored = {name: averaged(state, name) for name in state.networks}
    require_room(folder, sum(leaf.nbytes for leaf in jax.tree.leaves(stored)))
    with ocp.StandardCheckpointer() as checkpointer:
        for name, variables in stored.items():
            checkpointer.save(folder / CHECKPOINT / name, variables._asdict())
    (folder / CONFIG).write_text(render([config], "toml"), encoding="utf-8")
    architecture = architecture_of(spec, shape, trained.setup.classes)
    sampled = {name: stored[name] for name in architecture.family.sampled}
    generate = _generate(spec, architecture, sampled)
    images = np.asarray(generate(jax.random.key(trained.seed, impl="threefry2x32"), _SHOWN))
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
