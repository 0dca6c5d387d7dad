"""One config trained outside a study: scored again on all folds, or trained on all its data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from threadpoolctl import threadpool_limits

from normsweep.engine.devices import local_devices, use_all_cores
from normsweep.engine.population import Population
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.engine.versions import versions
from normsweep.errors import UserError
from normsweep.export.configs import Config
from normsweep.models.member import MemberState
from normsweep.objectives.distances import cost, scored
from normsweep.score.measure import measure
from normsweep.score.setup import Setup, prepare
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement
from normsweep.worker.trial_run import standard_error

Heard = Callable[[int, int], None]
"""Called after each chunk with the steps done and the steps in all."""


def unheard(done: int, total: int) -> None:
    """Listens to nothing."""
    del done, total


@dataclass(frozen=True)
class Rescored:
    """A config scored again. `differences` says what is not as its provenance has it.

    `identical` is of all scores per fold that the provenance holds, the second metric's included;
    None where it holds none, or the seed is another one. With one metric `second_fold_scores` are
    empty.
    """

    fold_scores: tuple[float, ...]
    score: float
    standard_error: float
    step: int
    seed: int
    measurements: tuple[Measurement, ...]
    identical: bool | None
    differences: tuple[str, ...]
    second_fold_scores: tuple[float, ...]
    second_score: float | None


def score_config(config: Config, *, seed: int | None = None, heard: Heard = unheard) -> Rescored:
    """Trains a config on every fold and scores it, with its study's seed unless told another.

    The data split and the feature map stay those of the config, so that scores of different seeds
    can be compared. Raises `UserError` for unusable data, or a member that does not stay finite.
    """
    use_all_cores()
    spec = config.spec
    setup = prepare(spec)
    used_seed = spec.study.seed if seed is None else seed
    rows, _ = _train(spec, setup, used_seed, heard)
    folds = spec.score.folds
    metric = spec.score.metric
    curve = _curve(rows, metric, folds)
    chosen = len(curve) - 1
    if spec.score.at == "best":
        chosen = int(np.argmin([cost(metric, mean) for mean in curve.mean(axis=1)]))
    chunk_steps = spec.train.steps // spec.train.chunks
    chunk_ends = range(chunk_steps, spec.train.steps + 1, chunk_steps)
    stored_step: Any = config.provenance.get("step")
    same_seed = used_seed == config.provenance.get("seed")
    if same_seed and stored_step in chunk_ends:
        # A pruned trial's score is that of its last chunk, not of the last chunk there is.
        chosen = chunk_ends.index(stored_step)
    scores = curve[chosen]
    second = np.array([])
    if spec.score.second is not None:
        second = _curve(rows, spec.score.second, folds)[chosen]
    found = {"fold_scores": scores.tolist(), "second_fold_scores": second.tolist()}
    return Rescored(
        fold_scores=tuple(scores.tolist()),
        score=float(scores.mean()),
        standard_error=standard_error(scores),
        step=(chosen + 1) * chunk_steps,
        seed=used_seed,
        measurements=tuple(rows),
        identical=_identical(config.provenance, found) if same_seed else None,
        differences=tuple(_differences(config.provenance, setup, used_seed)),
        second_fold_scores=tuple(second.tolist()),
        second_score=float(second.mean()) if len(second) else None,
    )


def _curve(rows: list[Measurement], metric: str, folds: int) -> np.ndarray:
    """The scores by a metric [chunks, folds]."""
    return np.array([scored(metric, row.value(metric)) for row in rows]).reshape(-1, folds)


def _identical(provenance: dict[str, Any], found: dict[str, list[float]]) -> bool | None:
    """Whether all scores that the provenance holds are those found; None where it holds none.

    Files of an earlier day hold no scores by the second metric.
    """
    stored = {name: provenance[name] for name in found if provenance.get(name) is not None}
    return all(found[name] == scores for name, scores in stored.items()) if stored else None


@dataclass(frozen=True)
class Trained:
    """A config trained on the images of all folds: all but those set aside for something else.

    `measurements` compare samples with the images of the first fold, which are trained on here:
    they show how well the GAN fits, not how well it generalises.
    """

    state: MemberState
    setup: Setup
    seed: int
    measurements: tuple[Measurement, ...]


def train_config(spec: Spec, *, seed: int | None = None, heard: Heard = unheard) -> Trained:
    """Trains one member of a config on all of its training data."""
    use_all_cores()
    setup = prepare(spec)
    used_seed = spec.study.seed if seed is None else seed
    everything = np.sort(setup.plan.held_out.reshape(-1))[None]
    plan = replace(setup.plan, train=everything)
    setup = replace(setup, plan=plan, judge=setup.judge.only(0))
    rows, population = _train(spec, setup, used_seed, heard)
    state: MemberState = jax.tree.map(lambda leaf: leaf[0, 0], population.states())
    return Trained(state, setup, used_seed, tuple(rows))


def _train(
    spec: Spec, setup: Setup, seed: int, heard: Heard
) -> tuple[list[Measurement], Population]:
    """Trains one slot to the end, measuring each chunk; `UserError` where it gets non-finite."""
    program = program_of(spec, setup.image_shape, setup.samples)
    population = Population(program, setup.features, setup.shared(seed), 1, local_devices())
    hyperparameters = hyperparameters_of(spec)
    rows: list[Measurement] = []
    with threadpool_limits(limits=1, user_api="blas"):
        for index in range(spec.train.chunks):
            chunk = population.advance([hyperparameters], [index == 0])
            step = (index + 1) * program.chunk_steps
            if not chunk.finite.all():
                raise UserError(
                    f"the config does not train: loss, weights or samples not finite by step {step}"
                )
            rows += measure(setup, chunk, step)
            heard(step, spec.train.steps)
    return rows, population


def _differences(provenance: dict[str, Any], setup: Setup, seed: int) -> Iterator[str]:
    if "seed" in provenance and provenance["seed"] != seed:
        yield f"seed: {seed} here, {provenance['seed']} in the study"
    stored = provenance.get("fingerprints", {})
    for name, value in setup.fingerprints().items():
        if name in stored and stored[name] != value:
            yield f"{name} fingerprint: {value} here, {stored[name]} in the study"
    found = versions()
    for name, value in provenance.get("versions", {}).items():
        if found.get(name) != value:
            yield f"{name}: {found.get(name, 'absent')} here, {value} in the study"
