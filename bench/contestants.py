"""From nothing to a confirmed answer: what each contestant of `bench.answer` does, in its process.

All search the same spec and confirm their best config by the same test: on folds dealt anew and
other seeds, with a look after each from the third on. What a peer has of ours are the images, the
folds, the feature map and the arithmetic of the test; its networks, training, search and scores are
its own. A confirmation of ours also looks at images that nothing else has touched; a peer's does
not.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna

from bench.peers import BASELINE, Begin, Config, Settings, TrainFold
from normsweep import launch, load_spec, open_storage
from normsweep.data.folds import deal_again
from normsweep.score.features import feature_values
from normsweep.score.setup import Setup, prepare
from normsweep.spec import Spec
from normsweep.verdict.effect import adjusted, paired_effect
from normsweep.verdict.reading import read_confirmation
from normsweep.verdict.statistics.looks import look_at, looks, planned_further
from normsweep.worker.arm_work import CONFIRMING

SEARCHED = ("penalty.strength", "penalty.order", "penalty.target")


class Answer(NamedTuple):
    """What a contestant ends with.

    `parameters` are values of `SEARCHED`, by path; the confirmed scores are means over `seeds` and
    folds.
    """

    parameters: dict[str, Any]
    verdict: str
    score: float
    baseline_score: float
    seeds: int


class Case(NamedTuple):
    """A built-in study, and what is changed in it. A peer's script has networks of 128 × 128."""

    study: str
    values: dict[str, Any]


QUICK = "quick"
CASES: Mapping[str, Case] = {
    "digits": Case("digits", {}),
    "28×28": Case(
        "mnist",
        {
            "study.trials": 15,
            "data.limit": 4000,
            "train.steps": 4000,
            "score.samples": 600,
            "confirm.top": 1,
        },
    ),
    # To see all contestants come to an answer, in minutes; start and compilation are most of it.
    QUICK: Case(
        "digits",
        {
            "study.trials": 4,
            "train.steps": 400,
            "train.chunks": 4,
            "score.folds": 2,
            "score.features": "pca",
            "confirm.seeds": 3,
            "confirm.holdout": 0.0,
        },
    ),
}


def fresh(setup: Setup, spec: Spec, purpose: int, seed: int) -> tuple[Setup, int]:
    """Folds dealt anew for a seed, as a confirmation deals them, and the seed to train by."""
    data = setup.dataset
    drawn = (spec.data.seed, purpose, seed)
    plan = deal_again(setup.plan, data.labels, drawn, groups=data.groups)
    own = np.random.SeedSequence([spec.study.seed, purpose, seed]).generate_state(1)[0]
    return setup.with_plan(plan), int(own & 0x7FFFFFFF)


def by_sweep(spec: Spec, folder: Path) -> Answer:
    """This tool: a launch, which ends with the confirmation."""
    storage = open_storage(f"sqlite:///{folder}/studies.db", create=True)
    found = read_confirmation(launch(spec, storage).study, storage)
    assert found is not None
    best = found.best
    parameters = {path: best.trial.config.value(path) for path in SEARCHED}
    return Answer(parameters, found.verdict, best.score, best.baseline_score, len(best.scores))


def by_flax(spec: Spec, folder: Path) -> Answer:
    """The script around Optuna that trains by Flax NNX."""
    from bench.peers.flax_script import trainer

    return by_script(trainer, spec, folder)


def by_torch(spec: Spec, folder: Path) -> Answer:
    """The same by PyTorch, on one thread, its faster setting on matrices this small."""
    from bench.peers.torch_script import trainer

    return by_script(lambda images, settings: trainer(images, settings, threads=1), spec, folder)


def by_script(trainer: Callable[[np.ndarray, Settings], Begin], spec: Spec, folder: Path) -> Answer:
    """A search by Optuna with TPE and its median pruner, and the confirmation of its best trial."""
    from bench.peers.study import search

    setup = prepare(spec)
    # A copy, as a script would have it: PyTorch warns of arrays that are read-only.
    images, plan = np.array(setup.dataset.images[:]), setup.plan
    strength = spec.penalty.strength
    settings = Settings(
        spec.train.steps,
        spec.train.chunks,
        spec.model.latent,
        spec.train.generator_learning_rate,
        strength.low,
        strength.high,
    )
    begin = trainer(images, settings)
    study = search(
        begin,
        images,
        list(zip(plan.train.copy(), plan.held_out[:, : setup.samples].copy(), strict=True)),
        lambda some: feature_values(setup.features, setup.feature_params, some),
        settings,
        spec.study.trials,
        f"sqlite:///{folder}/peer.db",
        spec.study.seed,
        optuna.pruners.MedianPruner(),
    )
    return confirm(begin, Config(**study.best_params), setup, spec)


def confirm(begin: Begin, best: Config, setup: Setup, spec: Spec) -> Answer:
    """The best config against the baseline, until a look is certain or all seeds are there."""
    plan = planned_further((), 0, spec.confirm.seeds, each=spec.confirm.looks == "each")
    training = begin(best), begin(BASELINE)
    scores: tuple[list[np.ndarray], ...] = ([], [])
    influences = []
    verdict = "unclear"
    for seed in range(1, spec.confirm.seeds + 1):
        dealt, own = fresh(setup, spec, CONFIRMING, seed)
        found = [trained(train, dealt, own) for train in training]
        for side, (of_folds, _) in zip(scores, found, strict=True):
            side.append(of_folds)
        influences.append(found[0][1] - found[1][1])
        if seed in looks(plan):
            sides = (np.stack(side) for side in scores)
            effect = paired_effect("fid", *sides, np.stack(influences), look_at(plan, seed))
            (effect,) = adjusted([effect])
            if effect is not None and effect.is_certain:
                verdict = "helps" if effect.estimate.mean < 0 else "hurts"
                break
    parameters = dict(zip(SEARCHED, best, strict=True))
    means = [float(np.mean(side)) for side in scores]
    return Answer(parameters, verdict, *means, len(influences))


def trained(train: TrainFold, setup: Setup, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A peer's scores [folds] after all steps, and the influences on them of all images [images].

    NaN of an image that does not judge, as in `score/influence.py`.
    """
    held_out = setup.plan.held_out
    images = np.sort(held_out.ravel())
    scores, influences = np.empty(len(held_out)), np.full(len(images), np.nan)
    for fold, judging in enumerate(held_out[:, : setup.samples]):
        *_, samples = train(setup.plan.train[fold].copy(), seed + fold, setup.samples)
        features = feature_values(setup.features, setup.feature_params, samples)
        scores[fold] = setup.judge.measure(fold, features)["fid"]
        influences[np.searchsorted(images, judging)] = setup.judge.influences("fid", fold, features)
    return scores, influences


@dataclass(frozen=True)
class Contestant:
    """How one comes from nothing to an answer.

    `values` change the spec, `of_case` that of a case; `keeps` is whether it may keep what it
    compiles, in a folder that is empty at first. `needs` is a package that may be absent. `targets`
    are how many times this tool's time its own is to be, by case.
    """

    title: str
    run: Callable[[Spec, Path], Answer]
    values: Mapping[str, Any] = field(default_factory=dict)
    of_case: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    keeps: bool = False
    needs: str = "flax"
    targets: Mapping[str, str] = field(default_factory=dict)


OURS = "sweep"
CONTESTANTS: Mapping[str, Contestant] = {
    OURS: Contestant("this tool from nothing", by_sweep, keeps=True),
    "auto": Contestant(
        'the same with strength = "auto" and study.begin = "suggested"',
        by_sweep,
        {"penalty.strength": "auto", "study.begin": "suggested"},
        keeps=True,
    ),
    # What a spec of today can say of it. That dead trials end early, and that a config asked for
    # again is not trained again, stays as it is.
    "0.4": Contestant(
        "this tool with 0.4.0's defaults",
        by_sweep,
        {"study.pruner": "none", "confirm.seeds": 5, "confirm.looks": "end"},
        {"28×28": {"study.pruner": "median", "study.pruner_warmup": 4}},
        targets={"digits": "≥ 3 ×", "28×28": "≥ 3 ×"},
    ),
    "flax": Contestant(
        "Optuna + Flax NNX", by_flax, targets={"digits": "≥ 20 ×", "28×28": "≥ 10 ×"}
    ),
    "torch": Contestant("Optuna + PyTorch eager", by_torch, needs="torch"),
}


def spec_of(case: str, contestant: Contestant | None, seed: int, trials: int | None) -> Spec:
    """What is searched; by no contestant as the built-in study has it."""
    study, values = CASES[case]
    if contestant is not None:
        values = values | dict(contestant.values) | dict(contestant.of_case.get(case, {}))
    own = {} if trials is None else {"study.trials": trials}
    return load_spec(study, values | own | {"study.seed": seed})


def main() -> None:
    """Runs one contestant, and prints its answer as JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("seed", type=int)
    parser.add_argument("--trials", type=int)
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    contestant = CONTESTANTS[asked.contestant]
    spec = spec_of(asked.case, contestant, asked.seed, asked.trials)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(contestant.run(spec, Path(folder))._asdict()), flush=True)


if __name__ == "__main__":
    main()
