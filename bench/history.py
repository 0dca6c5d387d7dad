"""What a trial costs beside its training in a study that has thousands of trials behind it."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import create_trial

from bench.rows import print_rows, row
from normsweep import Spec, launch, load_spec
from normsweep.spec.space import unconditional_space
from normsweep.storage import open_storage
from normsweep.study.progress import Progress
from normsweep.worker.submit import submit

FEW, MANY, TIMED = 1_000, 10_000, 40
SHORT = {"train.steps": 8, "train.chunks": 1, "study.slots": 1, "score.features": "pca"}
SHORT |= {"confirm.seeds": 0, "confirm.holdout": 0.0}


def spec(trials: int) -> Spec:
    """A study of trials of one short chunk, one at a time, by TPE."""
    return load_spec("digits", SHORT | {"study.trials": trials})


def fill(url: str, trials: int) -> None:
    """Submits the study, and adds trials as workers leave them: with drawn settings and scores."""
    of_none = spec(1)
    storage, study, *_ = submit(of_none, url)
    space = unconditional_space(of_none)
    random = np.random.default_rng(0)
    for _ in range(trials):
        value = float(random.normal())
        result = {"fold_scores": [value] * 3, "standard_error": 0.1, "step": 8, "recorded": {}}
        study.add_trial(
            create_trial(
                params={name: drawn(asked, random) for name, asked in space.items()},
                distributions=space,
                value=value,
                intermediate_values={8: value},
                user_attrs={"role": "search", "config": of_none.plain(), "result": result},
            )
        )
    storage.engine.dispose()


def drawn(asked: BaseDistribution, random: np.random.Generator) -> Any:
    """A value of a distribution."""
    if isinstance(asked, CategoricalDistribution):
        return asked.choices[random.integers(len(asked.choices))]
    assert isinstance(asked, FloatDistribution)
    low, high = (np.log([asked.low, asked.high])) if asked.log else (asked.low, asked.high)
    value = float(random.uniform(low, high))
    return float(np.clip(np.exp(value), asked.low, asked.high)) if asked.log else value


def ours(url: str, trials: int) -> float:
    """Median seconds of a trial outside its training: asked, scored, reported, told, and shown."""
    clock: list[tuple[float, float]] = []

    def watch(progress: Progress) -> None:
        clock.append((time.monotonic(), progress.training))

    launch(spec(trials + TIMED), url, watch=watch)
    passed = np.diff(np.array(clock), axis=0)
    # The first ones read the history.
    return median((passed[:, 0] - passed[:, 1])[3:])


def optunas(url: str, trials: int) -> float:
    """Median seconds of Optuna's own ask, suggest, report and tell."""
    storage = open_storage(url)
    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.load_study(study_name="digits", storage=storage, sampler=sampler)
    space = unconditional_space(spec(trials))
    seconds = []
    for _ in range(TIMED):
        begun = time.monotonic()
        trial = study.ask(space)
        trial.report(0.5, 8)
        study.tell(trial, 0.5)
        seconds.append(time.monotonic() - begun)
    storage.engine.dispose()
    return median(seconds[3:])


def main() -> None:
    """Measures both in the same databases, first Optuna, then us."""
    found: dict[int, tuple[float, float]] = {}
    for trials in (FEW, MANY):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{Path(folder) / 'studies.db'}"
            fill(url, trials)
            theirs = optunas(url, trials)
            # Those that Optuna alone has told are none of the spec's.
            found[trials] = ours(url, trials), theirs
    (few, few_optuna), (many, many_optuna) = found[FEW], found[MANY]
    print_rows(
        [
            row(
                f"ask, report and tell after {MANY:,} trials, median",
                f"{1000 * many:.0f} ms",
                "≤ 100 ms",
            ),
            row(
                f"the same, {MANY:,} trials against {FEW:,}",
                f"{many / few:.1f} ×  (Optuna's own: {many_optuna / few_optuna:.1f} ×, "
                f"{1000 * many_optuna:.0f} ms)",
                "≤ Optuna's",
            ),
        ]
    )


if __name__ == "__main__":
    main()
