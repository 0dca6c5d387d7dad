"""What a study answers: the ranking against the baseline, and how far to trust it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from normsweep.objectives.distances import cost
from normsweep.spec.auto import AutoRange, ranges_of_plain
from normsweep.spec.baseline import held_in_the_middle
from normsweep.spec.fields import FACTS, KIND_FIELDS, SWITCHES
from normsweep.spec.next_range import edge_of, limits_of, outward
from normsweep.spec.penalty_fields import field_value, given_coefficients
from normsweep.spec.ranges import Interval
from normsweep.spec.space import METHOD
from normsweep.spec.spec import Spec
from normsweep.study.attributes import (
    chosen_method,
    config_of,
    is_foreign,
    result_of,
    role,
    standard_error,
    study_attributes,
    twin_of,
)
from normsweep.study.belongings import missing
from normsweep.study.endings import collapses, failures, infeasible
from normsweep.study.plan import plan_as_made
from normsweep.study.pruning import early_pruning
from normsweep.study.ranking import (
    baseline_of,
    best_first,
    direction_of,
    is_pruned,
    is_scored,
)
from normsweep.study.records import study_spec
from normsweep.study.stopping import why_stopped
from normsweep.study.tally import tally
from normsweep.verdict.doubts import of_a_collapsed_best, of_others, of_twins


@dataclass(frozen=True)
class Ranked:
    """A finished trial: its score, the scores per fold that it is the mean of, and its config.

    `plain` is its config as it is stored. `kind` is its method, or what it chose for the
    `KIND_FIELDS`. `parameters` are the values that the search chose, by path, without the method's
    name. `recorded` is what else was measured at `step`, as means over folds. `second_fold_scores`
    are those by the second metric, and empty with one metric.
    """

    number: int
    role: str
    score: float
    standard_error: float
    fold_scores: tuple[float, ...]
    step: int
    plain: dict[str, Any]
    method: str | None
    kind: str
    parameters: dict[str, Any]
    recorded: dict[str, float]
    second_fold_scores: tuple[float, ...] = ()

    @cached_property
    def config(self) -> Spec:
        """The config, checked when it is asked for: of thousands of trials, few ever are."""
        return Spec.stored(self.plain)

    @property
    def target(self) -> str:
        """The network or networks that the penalty is on; `none` without one."""
        penalty = self.plain["penalty"]
        return "none" if penalty["form"] == "none" else str(penalty["target"])

    @property
    def order(self) -> float | None:
        """The order p of the penalty's norm, where its form has one."""
        found: float | None = self.plain["penalty"].get("order")
        return found

    @property
    def second(self) -> float | None:
        """The score by the second metric, where there is one."""
        return float(np.mean(self.second_fold_scores)) if self.second_fold_scores else None

    def setting(self, path: str) -> Any:
        """The value of its config at a dotted path; None where it is not set."""
        section, field = path.split(".")
        return self.plain.get(section, {}).get(field)

    @property
    def acting(self) -> str:
        """The penalty's form; without one, what else regularises, such as the gradient penalty."""
        return _acting(self.plain)

    def penalty(self) -> dict[str, Any]:
        """The form, the target and the coefficients."""
        penalty = self.config.penalty
        if penalty.form == "none":
            return {"form": "none"}
        return {"form": penalty.form, "target": penalty.target} | given_coefficients(penalty)


@dataclass(frozen=True)
class Difference:
    """Best minus baseline, paired by fold: the folds' mean and its standard error."""

    mean: float
    standard_error: float


@dataclass(frozen=True)
class Answer:
    """A study's answer so far.

    `ranking` holds the completed trials of the search, best first, by the first metric; what other
    code has added is none of them. `front` are those that no other beats in both metrics, in the
    same order; empty with one metric. `stopped_by_itself` says after which trial the search did,
    and why. `references` are the scores, on each fold, of what every study is to be seen beside.
    `counts` are all trials by their states; `repeated` of the completed ones took over the
    result of another of the same config, and stand in no ranking, figure or statistic. `collapses`
    say by which step and why trials collapsed, which are ranked by the score that they had then;
    `pruned` are the pruned ones at their last score, in the order of their numbers;
    `infeasible` what trials miss that is required of them, which stand in no ranking either. `auto`
    are the ranges that were measured, by path. `scaled` says of which study, and with which fields
    set, its configs are; None where they are its own.
    """

    study: str
    spec: Spec
    counts: dict[str, int]
    baseline: Ranked | None
    ranking: tuple[Ranked, ...]
    best_per_target: dict[str, Ranked]
    best_per_kind: dict[str, Ranked]
    trials_per_kind: dict[str, int]
    front: tuple[Ranked, ...]
    warnings: tuple[str, ...]
    failures: dict[int, str]
    collapses: dict[int, str]
    infeasible: dict[int, str]
    pruned: tuple[Ranked, ...]
    feature_accuracy: float | None
    stopped_by_itself: str | None = None
    references: Mapping[str, Sequence[float]] = field(default_factory=dict)
    repeated: int = 0
    auto: Mapping[str, AutoRange] = field(default_factory=dict)
    scaled: Mapping[str, Any] | None = None

    @property
    def missed(self) -> bool:
        """Whether a trial of the search has a score, and is infeasible."""
        own = set() if self.baseline is None else {self.baseline.number}
        return bool(self.infeasible.keys() - own)

    @property
    def counts_in_words(self) -> str:
        """How many trials are in which state, in words; none of them where none is made yet."""
        again = {"complete": f" ({self.repeated} of these configs again)"} if self.repeated else {}
        counts = self.counts.items()
        return ", ".join(f"{n} {state}{again.get(state, '')}" for state, n in counts if n)

    @property
    def best(self) -> Ranked | None:
        """The completed trial of the search with the best score."""
        return self.ranking[0] if self.ranking else None

    @property
    def beats_baseline(self) -> bool | None:
        """Whether any config has a better score than the baseline; None where either is missing.

        With two metrics: a better one by either.
        """
        if self.best is None or self.baseline is None:
            return None
        first, *second = self.spec.score.objectives
        better = cost(first, self.best.score) < cost(first, self.baseline.score)
        return better or any(
            cost(metric, _second(entry)) < cost(metric, _second(self.baseline))
            for metric in second
            for entry in self.front
        )

    @property
    def unpaired(self) -> str | None:
        """Why the best one cannot be compared with the baseline; None where it can.

        And where either is not there yet.
        """
        if self.best is None or self.baseline is None:
            return None
        return _unpaired(self.best, self.baseline)

    @property
    def difference(self) -> Difference | None:
        """How far the best one's score is from the baseline's; None where folds have no pairs."""
        if self.best is None or self.baseline is None or self.unpaired is not None:
            return None
        paired = np.subtract(self.best.fold_scores, self.baseline.fold_scores)
        return Difference(float(paired.mean()), standard_error(paired))


def answer(study: optuna.Study) -> Answer:
    """Reads the answer of a study from its database; it may be empty, or still running.

    Raises `UserError` for a study that was not made by sweep.
    """
    spec = study_spec(study)
    trials = study.get_trials(deepcopy=False)
    stopped = why_stopped(study)
    foreign = [trial.number for trial in trials if is_foreign(trial)]
    scored = (trial for trial in trials if is_scored(trial))
    direction = direction_of(spec.score.metric)
    searched = [ranked(trial) for trial in best_first(scored, direction)]
    unpenalised = baseline_of(trial for trial in trials if not is_foreign(trial))
    baseline = None if unpenalised is None else ranked(unpenalised)
    twins = {trial.number: twin for trial in trials if (twin := twin_of(trial)) is not None}
    collapsed = collapses(trials)
    counts = tally(trials, plan_as_made(spec, trials), direction, stopped=stopped is not None)
    per_target: dict[str, Ranked] = {}
    per_kind: dict[str, Ranked] = {}
    for entry in searched:
        per_target.setdefault(entry.target, entry)
        per_kind.setdefault(entry.kind, entry)
    return Answer(
        study=study.study_name,
        spec=spec,
        counts=counts.by_state(),
        baseline=baseline,
        ranking=tuple(searched),
        best_per_target=per_target,
        best_per_kind=per_kind,
        trials_per_kind=Counter(entry.kind for entry in searched),
        front=_front(spec, searched),
        warnings=(
            *study_attributes(study).warnings,
            *early_pruning(spec),
            *_warnings(spec, searched[0] if searched else None, baseline),
            *of_a_collapsed_best([entry.number for entry in searched], collapsed),
            *of_others(foreign),
            *of_twins(twins),
            *missing(study),
        ),
        failures=failures(trials),
        collapses=collapsed,
        infeasible=infeasible(spec, trials),
        pruned=tuple(ranked(trial) for trial in trials if is_pruned(trial)),
        feature_accuracy=study_attributes(study).feature_accuracy,
        stopped_by_itself=stopped,
        references=study_attributes(study).references,
        repeated=len(twins.keys() - collapsed.keys()),
        auto=ranges_of_plain(study_attributes(study).auto),
        scaled=study_attributes(study).scaled,
    )


def ranked(trial: FrozenTrial) -> Ranked:
    """A trial that has a result, completed or pruned."""
    result = result_of(trial)
    assert result is not None
    plain, method = config_of(trial), chosen_method(trial)
    # A method's own parameters carry its name in front of section and field. The order that a
    # database reads them in is of no meaning: a copy has another.
    named = {
        ".".join(str(name).split(".")[-2:]): value
        for name, value in trial.params.items()
        if name != METHOD
    }
    parameters = {path: named[path] for path in sorted(named, key=place)}
    chosen = [str(parameters[field]) for field in KIND_FIELDS if field in parameters]
    kind = ", ".join([*([method] if method else []), *chosen]) or _acting(plain)
    return Ranked(
        number=trial.number,
        role=role(trial),
        score=float(np.mean(result.fold_scores)),
        standard_error=result.standard_error,
        fold_scores=result.fold_scores,
        step=result.step,
        plain=plain,
        method=method,
        kind=kind,
        parameters=parameters,
        recorded=dict(result.recorded),
        second_fold_scores=result.second_fold_scores,
    )


def _acting(plain: dict[str, Any]) -> str:
    """The penalty's form; without one, the names in the other sections that something is on by."""
    values = [str(plain.get(section, {}).get(field, "none")) for section, field in SWITCHES.items()]
    on = [value for value in values if value != "none"]
    return on[0] if values[0] != "none" else ", ".join(on) or "none"


def _front(spec: Spec, searched: list[Ranked]) -> tuple[Ranked, ...]:
    """The trials that no other beats in one metric without being worse in the other."""
    if spec.score.second is None:
        return ()
    first, second = spec.score.objectives
    front: list[Ranked] = []
    least = math.inf
    for entry in sorted(
        searched, key=lambda e: (cost(first, e.score), cost(second, _second(e)), e.number)
    ):
        if (found := cost(second, _second(entry))) < least:
            front.append(entry)
            least = found
    return tuple(front)


def _second(entry: Ranked) -> float:
    assert entry.second is not None
    return entry.second


def _unpaired(best: Ranked, baseline: Ranked) -> str | None:
    """Why two trials have no difference on each fold; None where they have."""
    counts = len(best.fold_scores), len(baseline.fold_scores)
    if counts[0] != counts[1]:
        why = f"trial {best.number} has the scores of {counts[0]}, the baseline of {counts[1]}"
    elif not np.isfinite([*best.fold_scores, *baseline.fold_scores]).all():
        why = "not all of their scores are finite numbers"
    else:
        return None
    return f"the best config cannot be compared with the baseline fold by fold: {why}"


def _warnings(spec: Spec, best: Ranked | None, baseline: Ranked | None) -> list[str]:
    if best is None:
        return []
    metric = spec.score.metric
    found = []
    if baseline is not None and (apart := _unpaired(best, baseline)):
        found.append(apart)
    if baseline is not None and cost(metric, baseline.score) <= cost(metric, best.score):
        found.append("no searched config scores better than the baseline")
    if others := held_in_the_middle(spec):
        found.append(
            f"{', '.join(others)}: searched beside the penalty; the baseline holds the middle, so "
            "its difference from the best is not the penalty's alone"
        )
    alternative = spec.alternative(best.method)
    for path, value in best.parameters.items():
        section, field = path.split(".")
        own = section == "penalty"
        searched = field_value(alternative.penalty, field) if own else alternative.value(path)
        if isinstance(searched, Interval) and (side := edge_of(searched, value)):
            at = (
                f"the best {short(path)} = {value:.4g} lies at the {side} edge of its range "
                f"{searched.low:g} … {searched.high:g}"
            )
            grown = outward(searched, side, limits_of(alternative, path))
            found.append(f"{at}: {_beyond(grown)}")
    return found


def _beyond(grown: Interval | None) -> str:
    """What to do about an edge."""
    if grown is None:
        return "the field accepts nothing beyond it"
    return f"the optimum may lie outside; widen it, to {grown.low:g} … {grown.high:g} for instance"


def place(path: str) -> tuple[int, str]:
    """Where a setting stands: the fields of a spec in their order, then all else."""
    return (list(FACTS).index(path) if path in FACTS else len(FACTS), path)


def short(path: str) -> str:
    """A parameter's name in tables: without its section where that is the penalty or a network."""
    section, field = path.split(".")
    return field if section in ("penalty", "model", "train") else path
