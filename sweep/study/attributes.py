"""What we write of a study and of a trial beside Optuna's own, typed; nobody else knows the keys.

They are Optuna's user attributes, which any Optuna tool shows: what a key means may change only
with a way to read what earlier versions wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from normsweep.storage.exchange import exchange

BASELINE, SEARCH = "baseline", "search"
CONFIRM, FINAL, REPLICATE = "confirm", "final", "replicate"
"""Roles of trials: two of a search; three of a confirmation, of which the second are judged once by
the images that nothing else has touched, and the last say which configs are confirmed."""
OPEN, PAUSED, STOPPED = "open", "paused", "stopped"
"""What its user wants of a study."""

_WITH_SCORES = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Stop:
    """A search that stopped by itself: after which trial, by which numbers and rule, in words."""

    trial: int
    gain: float
    noise: float
    why: str
    rule: dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """What a confirmation was last asked for: the best `top`, by the seeds 1 to `seeds`.

    `arms` has for each arm what it is compared with, and its trial of the search if it has one.
    `looks` says when one looks, and what was planned before: stretches of (from so many seeds on,
    seeds in all, whether after each). Confirmations of earlier versions have one look, at the end.
    `parts` are how many the images were divided into, one for each seed; 0 where they were not.
    Before that so many `replicates` say which configs they are: until then there are no `arms`.
    """

    top: int
    seeds: int
    arms: dict[str, tuple[str, int | None]]
    looks: tuple[tuple[int, int, bool], ...] = ()
    parts: int = 0
    replicates: int = 0


@dataclass(frozen=True)
class StudyAttributes:
    """What is written of a study. Of one that was not made by sweep `spec` is None.

    `warnings` are of data and features; `classes` what the labels were called, or given as, by
    their numbers here, where these are others. `resumed_at` trials were there when its user wanted
    it to go on after it had stopped. `narrowed_from` names the study that it narrows, and
    `took_over` says that it has all of that one's trials that fit. A confirmation `confirms` the
    study of this name and `study_id`, and is `concluded` where all is done that was planned then;
    `looked_at` is the candidate of its final look. `references`
    are scores on each fold: of `real` images against other real ones, and of `untrained` networks.
    `auto` are the ranges that were measured, by path, see `spec.auto.plain_ranges`. `pixels` are
    those of an image. `begun_with` are the parameters of the first trials that were suggested.
    `scaled` says of a study that has another one's configs at another scale `of` which they are,
    the `id` of that one, and the `values` of the fields that were set. `written` is the `text` of
    the file that the spec was in, and the `values` that were set over it. `created` is the moment
    when it was (ISO 8601), by which it is known from others of the same spec; of studies that 0.4
    began it is not known.
    """

    spec: dict[str, Any] | None = None
    fingerprints: dict[str, Any] = field(default_factory=dict)
    feature_accuracy: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    classes: Sequence[int | str] = ()
    control: str = OPEN
    stop: Stop | None = None
    resumed_at: int = 0
    narrowed_from: str | None = None
    took_over: bool = False
    confirms: str | None = None
    study_id: int | None = None
    planned: Planned | None = None
    concluded: Planned | None = None
    looked_at: str | None = None
    references: Mapping[str, Sequence[float]] = field(default_factory=dict)
    auto: Mapping[str, Any] = field(default_factory=dict)
    pixels: int | None = None
    begun_with: Sequence[Mapping[str, Any]] | None = None
    scaled: Mapping[str, Any] | None = None
    written: Mapping[str, Any] | None = None
    created: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether sweep made the study."""
        return self.spec is not None


_KEYS = {
    "spec": "spec",
    "fingerprints": "fingerprints",
    "feature_accuracy": "feature_accuracy",
    "versions": "versions",
    "warnings": "warnings",
    "classes": "classes",
    "control": "control",
    "stop": "stopped_by_itself",
    "resumed_at": "resumed_after_stop",
    "narrowed_from": "narrowed_from",
    "took_over": "taken_over",
    "confirms": "confirms",
    "study_id": "study id",
    "planned": "planned",
    "concluded": "concluded",
    "looked_at": "looked at",
    "references": "reference scores",
    "auto": "measured ranges",
    "pixels": "pixels",
    "begun_with": "begun with",
    "scaled": "scaled",
    "written": "spec as written",
    "created": "created",
}


class Attributed(Protocol):
    """A study of Optuna's, or a summary of one."""

    @property
    def user_attrs(self) -> dict[str, Any]: ...


def study_attributes(study: Attributed) -> StudyAttributes:
    """What is written of a study; one query, where it is no summary."""
    stored = study.user_attrs
    found = {name: stored[key] for name, key in _KEYS.items() if stored.get(key) is not None}
    if "stop" in found:
        found["stop"] = Stop(**found["stop"])
    for name in {"planned", "concluded"} & found.keys():
        found[name] = _planned(found[name])
    return StudyAttributes(**found)


def _planned(stored: Mapping[str, Any]) -> Planned:
    arms = {name: (against, trial) for name, (against, trial) in stored["arms"].items()}
    looks = tuple((after, seeds, each) for after, seeds, each in stored.get("looks", ()))
    return Planned(**{**stored, "arms": arms, "looks": looks})


def write_study(study: optuna.Study, **values: Any) -> None:
    """Writes some of the `StudyAttributes`, in the order given; None: there is none any more."""
    for name, value in values.items():
        if isinstance(value, Stop):
            value = dict(vars(value))
        study.set_user_attr(_KEYS[name], _plain(value) if isinstance(value, Planned) else value)


def exchange_planned(
    study: optuna.Study, storage: RDBStorage, before: Planned, after: Planned
) -> bool:
    """Writes what a confirmation is asked for, unless that is something else than before by now."""

    def still(stored: Any) -> bool:
        return stored is not None and _planned(stored) == before

    return exchange(storage.engine, study._study_id, _KEYS["planned"], _plain(after), still)


def _plain(planned: Planned) -> dict[str, Any]:
    return vars(planned) | {"arms": {name: list(arm) for name, arm in planned.arms.items()}}


def attributes_of_copy(
    before: Mapping[str, Any], name: str, study_id: int | None = None
) -> dict[str, Any]:
    """The user attributes of a copy of a study under a name, from those of the study.

    `study_id` is that of the copy that a confirmation confirms, which then has the name.
    """
    stored = dict(before)
    if study_id is not None:
        return stored | {_KEYS["confirms"]: name, _KEYS["study_id"]: study_id}
    spec = stored[_KEYS["spec"]]
    stored[_KEYS["spec"]] = spec | {"study": spec["study"] | {"name": name}}
    if scaled := stored.get(_KEYS["scaled"]):
        # Where it is copied to, that study has another number, if it is there.
        stored[_KEYS["scaled"]] = scaled | {"id": None}
    return stored


@dataclass(frozen=True)
class Result:
    """The scores of a trial on each fold, at `step`, and what else was measured there.

    `recorded` are means over folds. With one metric `second_fold_scores` are empty. `collapsed`:
    by which step and why the model was dead, if it was.
    """

    fold_scores: tuple[float, ...]
    step: int
    recorded: Mapping[str, float] = field(default_factory=dict)
    second_fold_scores: tuple[float, ...] = ()
    collapsed: str | None = None

    @property
    def standard_error(self) -> float:
        """That of the mean of the scores."""
        return standard_error(self.fold_scores)


def standard_error(scores: Sequence[float] | np.ndarray) -> float:
    """The standard error of the mean over folds: sample deviation over √folds."""
    # The outer hold-out is one fold. Of scores that are not finite it is none either.
    with np.errstate(invalid="ignore"):
        return float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0


@dataclass(frozen=True)
class ArmAttributes:
    """What is written of a trial of a confirmation: the training of an arm by a seed.

    `trial` is its number in the search, if it has one. `curve` are the scores [chunks, folds] by
    the first metric; None where it failed for `reason`, and as it is read where one is not finite.
    As it is read it `has_scores` then, too, and `trial_id`, under which our tables know it.
    """

    role: str
    arm: str
    against: str
    trial: int | None
    seed: int
    config: dict[str, Any]
    versions: dict[str, str]
    curve: np.ndarray | None = None
    result: Result | None = None
    reason: str | None = None
    has_scores: bool = field(default=False, compare=False)
    trial_id: int | None = field(default=None, compare=False)


Trial = FrozenTrial | optuna.Trial

_ROLE, _CONFIG, _METHOD, _VERSIONS = "role", "config", "method", "versions"
_RESULT, _REASON, _DEATHS, _ORIGIN = "result", "reason", "retries", "from"
_TWIN, _WITHDRAWN = "same config as", "withdrawn"
_ARM, _AGAINST, _TRIAL, _SEED, _CURVE = "arm", "against", "trial", "seed", "curve"


def role(trial: Trial) -> str:
    """`baseline` or `search`; `confirm`, `final` or `replicate` in a confirmation."""
    return str(trial.user_attrs.get(_ROLE, SEARCH))


def of_role(role: str) -> dict[str, Any]:
    """The attributes of a trial that is made for a role."""
    return {_ROLE: role}


def has_begun(trial: Trial) -> bool:
    """Whether it is written down what a trial trains."""
    return _CONFIG in trial.user_attrs


def config_of(trial: Trial) -> dict[str, Any]:
    """The config that a trial trained, as it is stored; raises `KeyError` where it never began."""
    found: dict[str, Any] = trial.user_attrs[_CONFIG]
    return found


def chosen_method(trial: Trial) -> str | None:
    """The method that a trial chose, if its study has any."""
    found: str | None = trial.user_attrs.get(_METHOD)
    return found


def versions_of(trial: Trial) -> dict[str, str]:
    """The versions that a trial was trained with."""
    return dict(trial.user_attrs.get(_VERSIONS, {}))


def of_begin(
    config: dict[str, Any], method: str | None, versions: dict[str, str]
) -> dict[str, Any]:
    """The attributes that say what a trial trains."""
    chosen = {} if method is None else {_METHOD: method}
    return {_CONFIG: config, **chosen, _VERSIONS: versions}


def has_result(trial: Trial) -> bool:
    """Whether a trial has scores on folds."""
    return _RESULT in trial.user_attrs


def result_of(trial: Trial) -> Result | None:
    """The scores of a trial, if it has any."""
    stored = trial.user_attrs.get(_RESULT)
    return None if stored is None else _result(stored)


def of_result(result: Result) -> dict[str, Any]:
    """The attributes of a trial that has scores."""
    return {_RESULT: plain_result(result)}


def plain_result(result: Result) -> dict[str, Any]:
    """A result as it is stored."""
    stored = {
        "fold_scores": list(result.fold_scores),
        "standard_error": result.standard_error,
        "step": result.step,
        "recorded": dict(result.recorded),
    }
    others = {"second_fold_scores": [*result.second_fold_scores], "collapsed": result.collapsed}
    return stored | {name: value for name, value in others.items() if value}


def _result(stored: Mapping[str, Any]) -> Result:
    return Result(
        fold_scores=tuple(stored["fold_scores"]),
        step=stored["step"],
        # Version 0.1 measured nothing beside the score.
        recorded=stored.get("recorded", {}),
        second_fold_scores=tuple(stored.get("second_fold_scores", ())),
        collapsed=stored.get("collapsed"),
    )


def collapse_of(trial: Trial) -> str | None:
    """By which step and why a trial ended as collapsed, if it did."""
    stored = trial.user_attrs.get(_RESULT)
    return None if stored is None else stored.get("collapsed")


def reason_of(trial: Trial) -> str | None:
    """Why a trial has failed, where that is known."""
    found: str | None = trial.user_attrs.get(_REASON)
    return found


def of_reason(reason: str) -> dict[str, Any]:
    """The attributes of a trial that fails, and why."""
    return {_REASON: reason}


def deaths_of(trial: Trial) -> int:
    """How often a trial was in the hands of a worker that died."""
    return int(trial.user_attrs.get(_DEATHS, 0))


def of_deaths(deaths: int) -> dict[str, Any]:
    """The attributes of a trial that so often was."""
    return {_DEATHS: deaths}


def origin_of(trial: Trial) -> str | None:
    """The study and the number of the trial that this one was taken over from, if it was."""
    found: str | None = trial.user_attrs.get(_ORIGIN)
    return found


def taken_over(trial: FrozenTrial, origin: str) -> dict[str, Any]:
    """The attributes of a trial that is taken over from an earlier study."""
    return trial.user_attrs | {_ORIGIN: origin}


def is_taken_over(trial: FrozenTrial) -> bool:
    """Whether an earlier study made the trial."""
    return _ORIGIN in trial.user_attrs


def twin_of(trial: Trial) -> int | None:
    """The number of the trial of the same config whose result was taken over, if it was."""
    found: int | None = trial.user_attrs.get(_TWIN)
    return found


def of_twin(number: int) -> dict[str, Any]:
    """The attributes of a trial that is not trained, since another of the same config was."""
    return {_TWIN: number}


def is_foreign(trial: FrozenTrial) -> bool:
    """Whether other code has ended the trial: samplers learn from its value, but it has no scores.

    It is none of the trials that a spec asks for, and stands in no ranking.
    """
    return trial.state in _WITH_SCORES and _RESULT not in trial.user_attrs


def counts_in_search(trial: FrozenTrial) -> bool:
    """Whether it is one of the trials that a spec asks for beside the baseline.

    Written out, since it is asked several times a trial, of thousands.
    """
    stored = trial.user_attrs
    if stored.get(_ROLE) == BASELINE or _ORIGIN in stored:
        return False
    return _RESULT in stored or trial.state not in _WITH_SCORES


def of_withdrawn() -> dict[str, Any]:
    """The attributes of a trial of a confirmation that ends since nobody asks for it any more."""
    return {_WITHDRAWN: True} | of_reason("it is not asked for any more")


def arm_of(trial: Trial) -> ArmAttributes | None:
    """What a trial of a confirmation says of itself; None of any other, or one withdrawn."""
    stored = trial.user_attrs
    if _ARM not in stored or _WITHDRAWN in stored:
        return None
    curve, result = stored.get(_CURVE), stored.get(_RESULT)
    # Earlier versions stored such curves, of which no mean or least score can be taken.
    whole = curve is not None and bool(np.isfinite(curve).all())
    return ArmAttributes(
        role=stored[_ROLE],
        arm=stored[_ARM],
        against=stored[_AGAINST],
        trial=stored[_TRIAL],
        seed=stored[_SEED],
        config=stored[_CONFIG],
        versions=stored.get(_VERSIONS, {}),
        curve=np.array(curve) if whole else None,
        result=None if result is None else _result(result),
        reason=stored.get(_REASON),
        has_scores=curve is not None,
        trial_id=trial._trial_id,
    )


def of_curve(curve: np.ndarray) -> dict[str, Any]:
    """The attributes of a trial of a confirmation with scores [chunks, folds]."""
    return {_CURVE: curve.tolist()}


def of_arm(arm: ArmAttributes) -> dict[str, Any]:
    """The attributes of a trial of a confirmation, as they are stored."""
    found = {
        _ROLE: arm.role,
        _ARM: arm.arm,
        _AGAINST: arm.against,
        _TRIAL: arm.trial,
        _SEED: arm.seed,
        _CONFIG: arm.config,
        _VERSIONS: arm.versions,
    }
    if arm.curve is not None:
        found |= of_curve(arm.curve)
    if arm.result is not None:
        found |= of_result(arm.result)
    if arm.reason is not None:
        found |= of_reason(arm.reason)
    return found
