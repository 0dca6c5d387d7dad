"""Studies written by hand, whose numbers are known, and pictures of them."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial

from normsweep.report.figures import Picture
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.baseline import baseline
from normsweep.spec.space import resolve
from normsweep.storage import Measurement
from normsweep.study.attributes import CONFIRM
from normsweep.study.confirmation import confirmation_name
from normsweep.verdict.answers import answer
from normsweep.verdict.reading import Confirmation, read_confirmation

TABLES: dict[str, dict[str, Any]] = {
    "study": {"name": "drawn", "trials": 9, "sampler": "random"},
    "train": {"steps": 40, "chunks": 4},
    "penalty": {
        "form": "power",
        "strength": {"low": 1e-5, "high": 1e-1, "log": True},
        "order": [1.0, 2.0],
        "target": ["generator", "discriminator"],
    },
    "score": {"folds": 3, "features": "pca"},
}

LOSSES = {"generator": 0.5, "discriminator": 0.6}
Rows = Sequence[Measurement]
Trial = tuple[dict[str, Any], Sequence[float]]


def spec_of(**changes: Any) -> Spec:
    """The spec above with changes such as `penalty__order=2.0`."""
    tables = copy.deepcopy(TABLES)
    for path, value in changes.items():
        section, _, field = path.partition("__")
        if field:
            tables.setdefault(section, {})[field] = value
        else:
            tables[section] = value
    return spec_from_tables(tables, "the test's spec")


def at(strength: float, target: str = "generator", order: float = 1.0, **more: Any) -> dict:
    """What a search chose, by path."""
    chosen = {"strength": strength, "target": target, "order": order}
    return {f"penalty.{name}": value for name, value in chosen.items()} | more


def measured(step: int, scores: Sequence[float], **others: Sequence[float]) -> list[Measurement]:
    """Rows of one step, one for each fold."""
    return [
        Measurement(0, fold, step, score, 0.1, LOSSES, {k: v[fold] for k, v in others.items()})
        for fold, score in enumerate(scores)
    ]


def error_of(scores: Sequence[float]) -> float:
    """s/√n, and not a number for one fold or for scores that are none."""
    if len(scores) < 2 or not np.isfinite(scores).all():
        return math.nan
    return float(np.std(scores, ddof=1) / math.sqrt(len(scores)))


def study_of(
    spec: Spec,
    base: Sequence[float] | None,
    trials: Sequence[Trial] = (),
    *,
    failed: int = 0,
    recorded: Sequence[Mapping[str, float]] = (),
    seconds: Sequence[Sequence[float]] = (),
) -> optuna.Study:
    """A study with a baseline and trials of the search given as (choices, scores of the folds)."""
    with_two = spec.score.second is not None
    study = optuna.create_study(
        study_name=spec.study.name, directions=["minimize"] * (1 + with_two)
    )
    study.set_user_attr("spec", spec.plain())

    def add(
        role: str, config: Spec, scores: Sequence[float], index: int, method: Any, **asked: Any
    ) -> None:
        result = {
            "fold_scores": list(scores),
            "standard_error": error_of(scores),
            "step": 40,
            "recorded": dict(recorded[index]) if index < len(recorded) else {},
        }
        values = [float(np.mean(scores))]
        if with_two:
            other = seconds[index] if 0 <= index < len(seconds) else [1.0] * len(scores)
            result["second_fold_scores"] = list(other)
            values.append(float(np.mean(other)))
        attributes = {"role": role, "config": config.plain(), "result": result}
        if method is not None:
            attributes["method"] = method
        study.add_trial(create_trial(values=values, user_attrs=attributes, **asked))

    if base is not None:
        add("baseline", baseline(spec), base, len(recorded), None)
    for index, (chosen, scores) in enumerate(trials):
        params: dict[str, Any] = {}
        distributions: dict[str, Any] = {}

        def ask(
            name: str,
            asked: Any,
            chosen: dict[str, Any] = chosen,
            params: dict[str, Any] = params,
            distributions: dict[str, Any] = distributions,
        ) -> Any:
            params[name], distributions[name] = chosen[name], asked
            return chosen[name]

        config, method = resolve(spec, ask)
        add("search", config, scores, index, method, params=params, distributions=distributions)
    for _ in range(failed):
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"reason": "too <wild>"}))
    return study


def confirmation_of(
    study: optuna.Study,
    scores: Mapping[int, float],
    *,
    noise: float = 0.01,
    early: Mapping[int, float] | None = None,
) -> Confirmation:
    """The confirmation of trials with these scores, by number; 0 is the baseline.

    `noise` is the deviation of folds, `early` what some score at their second chunk of four.
    """
    storage: Any = study._storage
    held = optuna.create_study(storage=storage, study_name=confirmation_name(study.study_name))
    generator = np.random.default_rng(0)
    for number, score in scores.items():
        for seed in range(1, 6):
            curve = generator.normal(score, noise, (4, 3))
            curve[1] += (early or {}).get(number, score) - score
            about = {
                "role": CONFIRM,
                "arm": f"trial {number}" if number else "baseline",
                "against": "baseline",
                "trial": number,
                "seed": seed,
                "config": {},
                "curve": curve.tolist(),
            }
            held.add_trial(create_trial(value=score, user_attrs=about))
    found = read_confirmation(study, storage)
    assert found is not None
    return found


def picture_of(
    study: optuna.Study,
    measurements: Mapping[int, Rows] | None = None,
    confirmed: Confirmation | None = None,
) -> Picture:
    """The picture that a study's records make, with rows of measurements by trial."""
    return Picture(
        answer(study),
        tuple(
            trial
            for trial in study.get_trials()
            if trial.state == TrialState.COMPLETE and trial.user_attrs["role"] == "search"
        ),
        {number: tuple(rows) for number, rows in (measurements or {}).items()},
        confirmed,
    )
