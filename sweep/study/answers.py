"""What a study answers: the ranking against the baseline, and how far to trust it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.spec.penalty_fields import coefficient_fields, field_value
from sweep.spec.ranges import Interval
from sweep.spec.spec import Spec
from sweep.study.records import BASELINE, role, study_spec
from sweep.study.trial_run import standard_error

EDGE = 0.02
"""The share of a range, on its own scale, that counts as its edge."""


@dataclass(frozen=True)
class Ranked:
    """A finished trial: its score, the scores per fold that it is the mean of, and its config."""

    number: int
    role: str
    score: float
    standard_error: float
    fold_scores: tuple[float, ...]
    step: int
    config: Spec

    def penalty(self) -> dict[str, Any]:
        """The form, the target and the coefficients that count."""
        penalty = self.config.penalty
        if penalty.form == "none":
            return {"form": "none"}
        fields = coefficient_fields(penalty.form, penalty.target, penalty.separate_strengths)
        values = {field: getattr(penalty, field) for field in fields}
        return {"form": penalty.form, "target": penalty.target, **values}


@dataclass(frozen=True)
class Difference:
    """Best minus baseline, paired by fold: the folds' mean and its standard error."""

    mean: float
    standard_error: float


@dataclass(frozen=True)
class Answer:
    """A study's answer so far. `ranking` holds the completed trials of the search, best first."""

    study: str
    spec: Spec
    counts: dict[str, int]
    baseline: Ranked | None
    ranking: tuple[Ranked, ...]
    best_per_target: dict[str, Ranked]
    warnings: tuple[str, ...]
    failures: dict[int, str]
    feature_accuracy: float | None

    @property
    def best(self) -> Ranked | None:
        """The completed trial of the search with the lowest score."""
        return self.ranking[0] if self.ranking else None

    @property
    def difference(self) -> Difference | None:
        """How much lower the best one's score is than the baseline's."""
        if self.best is None or self.baseline is None:
            return None
        paired = np.subtract(self.best.fold_scores, self.baseline.fold_scores)
        return Difference(float(paired.mean()), standard_error(paired))


def answer(study: optuna.Study) -> Answer:
    """Reads the answer of a study from its database; it may be empty, or still running.

    Raises `UserError` for a study that was not made by sweep.
    """
    spec = study_spec(study)
    trials = study.get_trials(deepcopy=False)
    complete = [ranked(trial) for trial in trials if trial.state == TrialState.COMPLETE]
    searched = sorted(
        (entry for entry in complete if entry.role != BASELINE),
        key=lambda entry: (entry.score, entry.number),
    )
    baselines = [entry for entry in complete if entry.role == BASELINE]
    per_target: dict[str, Ranked] = {}
    for entry in searched:
        per_target.setdefault(entry.penalty().get("target", "none"), entry)
    return Answer(
        study=study.study_name,
        spec=spec,
        counts={
            state.name.lower(): sum(trial.state == state for trial in trials)
            for state in TrialState
        },
        baseline=baselines[0] if baselines else None,
        ranking=tuple(searched),
        best_per_target=per_target,
        warnings=tuple(_warnings(spec, searched[0] if searched else None, baselines)),
        failures={
            trial.number: str(trial.user_attrs.get("reason", "no reason was stored"))
            for trial in trials
            if trial.state == TrialState.FAIL
        },
        feature_accuracy=study.user_attrs.get("feature_accuracy"),
    )


def ranked(trial: FrozenTrial) -> Ranked:
    """A trial that has a result, completed or pruned."""
    result = trial.user_attrs["result"]
    return Ranked(
        number=trial.number,
        role=role(trial),
        score=float(np.mean(result["fold_scores"])),
        standard_error=result["standard_error"],
        fold_scores=tuple(result["fold_scores"]),
        step=result["step"],
        config=Spec.model_validate(trial.user_attrs["config"]),
    )


def _warnings(spec: Spec, best: Ranked | None, baselines: list[Ranked]) -> list[str]:
    if best is None:
        return []
    found = []
    if baselines and baselines[0].score <= best.score:
        found.append("no searched config scores better than the baseline")
    if others := [path for path in spec.ranges() if not path.startswith("penalty.")]:
        found.append(
            f"{', '.join(others)}: searched beside the penalty; the baseline holds the middle, so "
            "its difference from the best is not the penalty's alone"
        )
    for field, value in best.penalty().items():
        searched = None if field in ("form", "target") else field_value(spec.penalty, field)
        if isinstance(searched, Interval) and (side := _edge(searched, value)):
            found.append(
                f"the best {field} = {value:.4g} lies at the {side} edge of its range "
                f"{searched.low:g} … {searched.high:g}: the optimum may lie outside; widen it"
            )
    return found


def _edge(searched: Interval, value: float) -> str | None:
    scale = math.log if searched.log else float
    low, high, at = scale(searched.low), scale(searched.high), scale(value)
    share = (at - low) / (high - low)
    return "lower" if share <= EDGE else "upper" if share >= 1 - EDGE else None
