"""Going on with a trained folder, up to more training steps."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from normsweep.engine.versions import versions
from normsweep.errors import UserError, in_one_line
from normsweep.models.member import MemberState
from normsweep.spec.config import Config, read_config
from normsweep.spec.fields import counts
from normsweep.spec.plugins import is_plugin
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement
from normsweep.study.records import by_file_name

CHECKPOINT, CONFIG, METRICS, STATE = "checkpoint", "config.toml", "metrics.json", "state"
"""Of a trained folder: its networks, its config, what was measured, and all that goes on."""

_LOSS = "_loss"


@dataclass(frozen=True)
class Begun:
    """A training to be gone on with: its config, seed and measurements, and its member's arrays.

    `fingerprints` and `versions` are those that it was trained with.
    """

    config: Config
    seed: int
    steps: int
    measurements: tuple[Measurement, ...]
    state: Path
    fingerprints: dict[str, Any]
    versions: dict[str, Any]

    def state_like(self, like: MemberState) -> MemberState:
        """Its state; `like` has the shapes and dtypes, with the leading axis of one fold, as it."""
        leaves, structure = jax.tree.flatten(like)
        wanted = [jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype) for leaf in leaves]
        try:
            with ocp.StandardCheckpointer() as checkpointer:
                found = checkpointer.restore(self.state, wanted)
            rows = [np.asarray(array)[None] for array in found]
        # Orbax has no error of its own for what it cannot read, and one for each kind of it.
        except Exception as error:
            raise UserError(f"{self.state}: cannot be read: {in_one_line(error)}") from error
        if [(a.shape, a.dtype) for a in rows] != [(leaf.shape, leaf.dtype) for leaf in leaves]:
            raise UserError(f"{self.state}: is not the state of a training of its {CONFIG}")
        state: MemberState = jax.tree.unflatten(structure, rows)
        return state

    def check_data(self, fingerprints: dict[str, Any]) -> None:
        """Raises `UserError` where the data are not those that it was trained on."""
        here = by_file_name(fingerprints)
        for name, value in by_file_name(self.fingerprints).items():
            if here.get(name) != value:
                accepted = "the same images" if name == "data" else "the same"
                raise UserError(
                    f"{name}: the fingerprint is {here.get(name)} here, and {value} where "
                    f"it was trained; accepted: {accepted}"
                )

    def differences(self) -> Iterator[str]:
        """Why going on need not give the bits of one longer training."""
        yield from spread_over_steps(self.config.spec)
        found = versions()
        for name, value in self.versions.items():
            if found.get(name) != value:
                yield f"{name}: {found.get(name, 'absent')} here, {value} where it was trained"


def read_begun(folder: Path) -> Begun:
    """What `sweep train` left in a folder; raises `UserError` where that is not gone on with."""
    if not (folder / STATE).is_dir() or not (folder / METRICS).is_file():
        raise UserError(
            f"{folder}: holds no {STATE}/ to go on with; `sweep train CONFIG -o DIR` writes one, "
            "and versions before 0.5.0 did not"
        )
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return Begun(
        config=read_config(folder / CONFIG),
        seed=metrics["seed"],
        steps=metrics["steps"],
        measurements=tuple(_measurement(row) for row in metrics["curve"]),
        state=(folder / STATE).absolute(),
        fingerprints=metrics["fingerprints"],
        versions=metrics["versions"],
    )


def with_steps(spec: Spec, steps: int, option: str = "--steps", after: int = 0) -> Spec:
    """A config trained for so many steps, in chunks as long as they were, `after` so many.

    Raises `UserError`, which calls `steps` by its `option`, for a number that these do not divide.
    """
    chunk = spec.train.steps // spec.train.chunks
    if steps % chunk or steps <= after:
        beyond = f" above {after}" if after else ""
        raise UserError(
            f"{option} {steps}: accepted: multiples of {chunk}, the steps of a chunk{beyond}"
        )
    return spec.with_values({"train.steps": steps, "train.chunks": steps // chunk})


def spread_over_steps(spec: Spec) -> Iterator[str]:
    """What goes by the share of all steps that is done, and so another way in a longer training."""
    train, schedule = spec.train, spec.penalty.schedule
    told = "goes by the share of all steps, and was begun for fewer"
    if train.learning_rate_schedule != "constant":
        yield f'train.learning_rate_schedule = "{train.learning_rate_schedule}" {told}'
    if train.learning_rate_warmup:
        yield f"train.learning_rate_warmup = {train.learning_rate_warmup:g} {told}"
    if spec.penalty.form != "none" and schedule not in ("constant", "adaptive"):
        yield f'penalty.schedule = "{schedule}" {told}'
    if counts("train.kl_warmup", spec.value) and train.kl_warmup:
        yield f"train.kl_warmup = {train.kl_warmup:g} {told}"
    if is_plugin(spec.model.family):
        yield f'model.family = "{spec.model.family}" is told how many steps there are'


def _measurement(row: dict[str, Any]) -> Measurement:
    losses = {name.removesuffix(_LOSS): row[name] for name in row if name.endswith(_LOSS)}
    return Measurement(
        trial_id=0,
        fold=0,
        step=row["step"],
        fid=row["fid"],
        kid=row["kid"],
        losses=losses,
        others=row["others"],
    )
