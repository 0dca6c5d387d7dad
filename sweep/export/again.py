"""One config trained outside a study: scored again on all folds, or trained on all its data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from threadpoolctl import threadpool_limits

from normsweep.data.decoding import Watch as Decoding
from normsweep.engine.devices import use_all_cores
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.engine.versions import versions
from normsweep.errors import UserError
from normsweep.export.going_on import Begun
from normsweep.models.member import MemberState
from normsweep.score.run import Failed, Run
from normsweep.score.setup import Setup, prepare
from normsweep.score.training import Training
from normsweep.spec.config import Config
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement
from normsweep.study.records import by_file_name, imported_by

Watch = Callable[[int, int], None]
"""Called after each chunk with the steps done and the steps in all."""


def unwatched(done: int, total: int) -> None:
    """Looks at nothing."""
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


def score_config(
    config: Config,
    *,
    seed: int | None = None,
    watch: Watch = unwatched,
    decoding: Decoding = unwatched,
) -> Rescored:
    """Trains a config on every fold and scores it, with its study's seed unless told another.

    The data split and the feature map stay those of the config, so that scores of different seeds
    can be compared. `decoding` is told how many pictures of the data are decoded.

    Raises `UserError` for unusable data, or a member that does not stay finite.
    """
    use_all_cores()
    spec = config.spec
    setup = prepare(spec, decoding, known=config.provenance.get("fingerprints", {}))
    used_seed = spec.study.seed if seed is None else seed
    run, _ = train_alone(spec, setup, used_seed, watch)
    chosen = run.final_chunk()
    steps = [(index + 1) * run.program.chunk_steps for index in range(run.chunks)]
    same_seed = used_seed == config.provenance.get("seed")
    if same_seed and (stored_step := config.provenance.get("step")) in steps:
        # A pruned trial's score is that of its last chunk, not of the last chunk there is.
        chosen = steps.index(stored_step)
    result = run.result(chosen)
    second = result.second_fold_scores
    found = {"fold_scores": result.fold_scores, "second_fold_scores": second}
    return Rescored(
        fold_scores=result.fold_scores,
        score=float(np.mean(result.fold_scores)),
        standard_error=result.standard_error,
        step=result.step,
        seed=used_seed,
        measurements=tuple(run.unstored),
        identical=_identical(config.provenance, found) if same_seed else None,
        differences=tuple(_differences(config.provenance, setup, used_seed)),
        second_fold_scores=second,
        second_score=float(np.mean(second)) if second else None,
    )


def _identical(provenance: dict[str, Any], found: dict[str, tuple[float, ...]]) -> bool | None:
    """Whether all scores that the provenance holds are those found; None where it holds none.

    Files of an earlier day hold no scores by the second metric.
    """
    stored = {name: provenance[name] for name in found if provenance.get(name) is not None}
    return all(list(found[name]) == scores for name, scores in stored.items()) if stored else None


@dataclass(frozen=True)
class Trained:
    """A config trained on the images of all folds: all but those set aside for something else.

    `measurements` compare samples with the images of the first fold, which are trained on here:
    they show how well the GAN fits, not how well it generalises. One that was gone on with has them
    of all its chunks.
    """

    state: MemberState
    setup: Setup
    seed: int
    measurements: tuple[Measurement, ...]


def train_config(
    spec: Spec,
    *,
    seed: int | None = None,
    begun: Begun | None = None,
    watch: Watch = unwatched,
    decoding: Decoding = unwatched,
) -> Trained:
    """Trains one member of a config on all of its training data; else as `score_config`.

    What was `begun` is gone on with, by its seed, to the `train.steps` of the config.
    """
    use_all_cores()
    setup = prepare(spec, decoding, known={} if begun is None else begun.fingerprints)
    used_seed = spec.study.seed if seed is None else seed
    if begun is not None:
        begun.check_data(setup.fingerprints())
        used_seed = begun.seed
    everything = np.sort(setup.plan.held_out.reshape(-1))[None]
    plan = replace(setup.plan, train=everything)
    setup = replace(setup, plan=plan, judge=setup.judge.only(0))
    run, training = train_alone(spec, setup, used_seed, watch, begun)
    state: MemberState = jax.tree.map(lambda leaf: leaf[0], training.state_of(run, 0))
    return Trained(state, setup, used_seed, tuple(run.unstored))


def train_alone(
    spec: Spec, setup: Setup, seed: int, watch: Watch = unwatched, begun: Begun | None = None
) -> tuple[Run, Training]:
    """Trains a config on the folds of a setup to its end, by a seed.

    Raises `UserError` where it does not stay finite.
    """
    alone = spec.with_values({"study.seed": seed, "study.slots": 1})
    training = Training(alone, setup)
    program = program_of(spec, setup.image_shape, setup.samples, classes=setup.classes)
    run = Run(spec, program, hyperparameters_of(spec, family=program.family))
    if begun is not None:
        for row in begun.measurements:
            run.add_chunk([row])
        training.put_state(run, 0, begun.state_like(training.like(run)))
    with threadpool_limits(limits=1, user_api="blas"):
        while run.end is None:
            for _ in training.advance([run]):
                watch(run.steps, spec.train.steps)
    if isinstance(run.end, Failed):
        raise UserError(f"the config does not train: {run.end.reason}")
    return run, training


def _differences(provenance: dict[str, Any], setup: Setup, seed: int) -> Iterator[str]:
    if "seed" in provenance and provenance["seed"] != seed:
        yield f"seed: {seed} here, {provenance['seed']} in the study"
    stored = by_file_name(provenance.get("fingerprints", {}))
    here = setup.fingerprints()
    for name, value in by_file_name(here).items():
        if name in stored and stored[name] != value:
            imported = ", ".join(imported_by(name, here))
            within = f" (of it and of what it imports: {imported})" if imported else ""
            told = f"{_short(value)} here, {_short(stored[name])} in the study"
            yield f"{name} fingerprint: {told}{within}"
    found = versions()
    for name, value in provenance.get("versions", {}).items():
        if found.get(name) != value:
            yield f"{name}: {found.get(name, 'absent')} here, {value} in the study"


def _short(value: Any) -> str:
    """A fingerprint as far as a line has room: the first digits tell any two apart."""
    return ", ".join(str(each)[:12] for each in (value if isinstance(value, list) else [value]))
