"""Configs that are worth a first look: by rules of thumb, and by what earlier studies found."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from pydantic import ValidationError

from normsweep.errors import UserError, in_one_line
from normsweep.spec.auto import auto_fields, provisional
from normsweep.spec.fields import SWITCHES
from normsweep.spec.penalty_fields import field_value
from normsweep.spec.queued import check_value
from normsweep.spec.space import METHOD, middle, resolve
from normsweep.spec.spec import Spec
from normsweep.spec.thumb import RULES, thumbs
from normsweep.study.attributes import study_attributes
from normsweep.study.records import study_spec
from normsweep.verdict.answers import Ranked, answer
from normsweep.verdict.reading import Confirmation, read_confirmation
from normsweep.verdict.wording import WORDS
from normsweep.verdict.words import metric_name, number, settings

MOST = 5
"""Of earlier studies, so many are told of."""


@dataclass(frozen=True)
class Suggestion:
    """Parameters of a trial, by the names under which it is asked for them, and why.

    `source` is a paper, or a study and its trial. `unfit` says why the study does not begin with
    it: it cannot have it, or a confirmation says that it does not help; None where it does.
    """

    parameters: Mapping[str, Any]
    why: str
    source: str
    unfit: str | None = None


@dataclass(frozen=True)
class Images:
    """What is to be known of the images of a study: pixels of each, and their fingerprint."""

    pixels: int
    fingerprint: str


def by_rules(spec: Spec, images: Images) -> list[Suggestion]:
    """What rules of thumb say of a spec."""
    found = []
    for thumb in thumbs(spec, images.pixels):
        why, value = f"{thumb.path} = {thumb.value:.4g} ({thumb.rule.told()})", thumb.value
        unfit = None if thumb.parameters else f"the spec has {thumb.has:g}"
        if unfit is None:
            unfit = _unfit(spec, thumb.parameters)
        parameters = thumb.parameters or {thumb.path: value}
        found.append(Suggestion(parameters, why, thumb.rule.source, unfit))
    return found


def by_studies(spec: Spec, images: Images, storage: RDBStorage) -> list[Suggestion]:
    """What the other studies of a storage found that train the same family, the latest first.

    Where a study has a confirmation with a score, the config that its verdict is about, told by
    its confirmed scores, and left out where these are no better than the baseline's or the word is
    that it does not help; else the best of its search, where that is better than its baseline.
    First those that a confirmation says help, and last those that are left out for what it says.
    """
    families = {spec.alternative(method).model.family for method in spec.methods or [None]}
    found: list[tuple[_Taken, Suggestion]] = []
    summaries = sorted(storage.get_all_studies(), key=lambda each: each._study_id, reverse=True)
    for summary in summaries:
        written = study_attributes(summary)
        if not written.is_ours or written.confirms or summary.study_name == spec.study.name:
            continue
        study = optuna.load_study(study_name=summary.study_name, storage=storage)
        try:
            if study_spec(study).model.family not in families:
                continue
            taken = _taken(study, storage)
        except UserError:
            # Of another version of sweep.
            continue
        if taken is not None:
            found.append((taken, _of_trial(spec, images, study, taken)))
    found.sort(key=lambda pair: (pair[0].not_better, not pair[0].helps))
    return [made for _, made in found[:MOST]]


@dataclass(frozen=True)
class _Taken:
    """The config that a study is told by, and what is said of it: whether a confirmation says that
    it `helps`, or by its confirmed scores it is `not_better` than its baseline.
    """

    trial: Ranked
    said: str
    helps: bool = False
    not_better: bool = False


def _taken(study: optuna.Study, storage: RDBStorage) -> _Taken | None:
    found, confirmed = answer(study), read_confirmation(study, storage)
    metric = metric_name(found.spec.score.metric)
    if confirmed is not None and (confirmed.best.is_paired or confirmed.best.diverged):
        best, verdict = confirmed.best, confirmed.verdict
        said = "confirmed: " + ("" if verdict == "helps" else f"{_word(confirmed)}, ")
        if best.is_paired:
            said += f"{metric} {number(best.score)} against {number(best.baseline_score)} without"
        else:
            said += "with its baseline it stayed finite on no seed"
        better = verdict not in ("hurts", "negligible") and best.is_paired and best.lead > 0
        return _Taken(best.trial, said, verdict == "helps", not (verdict == "helps" or better))
    if found.best is None or found.baseline is None or not found.beats_baseline:
        return None
    scores = f"{number(found.best.score)} against {number(found.baseline.score)}"
    return _Taken(found.best, f"not confirmed: {metric} {scores} without")


def _word(confirmed: Confirmation) -> str:
    word = WORDS[confirmed.verdict]
    return f"{word} {number(confirmed.smallest)}" if confirmed.verdict == "negligible" else word


def _of_trial(spec: Spec, images: Images, study: optuna.Study, taken: _Taken) -> Suggestion:
    best, said = taken.trial, taken.said
    try:
        config, scaled = _for_size(spec, images, study, best.config)
    except ValidationError as error:
        # It needs a file of the user's that is not there any more.
        config, scaled = best.config, f"not rescaled: {in_one_line(error)}"
    why = ", ".join(filter(None, (best.kind, settings(best))))
    why = "; ".join(filter(None, (f"{why} ({said})", scaled)))
    source = f"{study.study_name}#{best.number}"
    if taken.not_better:
        unfit = "by its confirmation it is no better than its baseline"
        return Suggestion(best.parameters, why, source, unfit)
    reasons = []
    for method in spec.methods or [None]:
        try:
            return Suggestion(_asked(spec, method, config), why, source)
        except UserError as error:
            reasons.append(str(error))
        except ValidationError as error:
            reasons.append(in_one_line(error))
    return Suggestion(best.parameters, why, source, reasons[0])


def _for_size(
    spec: Spec, images: Images, study: optuna.Study, config: Spec
) -> tuple[Spec, str | None]:
    """The config of another study for the images of this one, and what was done to it."""
    kind = config.gradient_penalty.kind
    if not any(rule.by_size and rule.name == kind for rule in RULES):
        return config, None
    written = study_attributes(study)
    before = written.pixels
    if written.fingerprints.get("data") == images.fingerprint:
        before = images.pixels
    if before is None:
        return config, "not rescaled: of images of unknown size"
    batch = resolve(provisional(spec), lambda name, asked: middle(asked))[0].train.batch
    factor = (images.pixels / batch) / (before / config.train.batch)
    if factor == 1:
        return config, None
    strength = config.gradient_penalty.strength * factor
    changed = config.with_values({"gradient_penalty.strength": strength})
    return changed, f"gradient_penalty.strength times {factor:.3g}, by pixels / batch"


def _asked(spec: Spec, method: str | None, config: Spec) -> dict[str, Any]:
    """What a trial is to be asked for that regularises as a config does.

    Raises `UserError` where the spec cannot. What it searches beside is left to it, where the
    config has no value of it that it takes.
    """
    found: dict[str, Any] = {}

    def ask(name: str, asked: BaseDistribution) -> Any:
        if name == METHOD:
            found[name] = method
            return method
        section, field = name.split(".")[-2:]
        value = field_value(config.penalty, field) if section == "penalty" else None
        if section != "penalty" and section in type(config).model_fields:
            value = getattr(getattr(config, section), field, None)
        value = "-".join(map(str, value)) if isinstance(value, tuple) else value
        try:
            if value is None or not _is_measured(spec, name):
                check_value(name, value, asked)
        except UserError:
            if section in SWITCHES:
                raise
            return middle(asked)
        found[name] = value
        return value

    made, _ = resolve(provisional(spec), ask)
    for section in SWITCHES:
        mine, theirs = made.plain()[section], config.plain()[section]
        for field in sorted(mine.keys() | theirs.keys()):
            if mine.get(field) != theirs.get(field):
                raise UserError(
                    f"{section}.{field} is {_shown(mine.get(field))} here, "
                    f"{_shown(theirs.get(field))} there"
                )
    return found


def _unfit(spec: Spec, parameters: Mapping[str, Any]) -> str | None:
    """Why a trial of a spec cannot have some parameters; None where it can."""
    asked_for = set()

    def ask(name: str, asked: BaseDistribution) -> Any:
        asked_for.add(name)
        if name not in parameters:
            return middle(asked)
        if not _is_measured(spec, name):
            check_value(name, parameters[name], asked)
        return parameters[name]

    try:
        resolve(provisional(spec), ask)
    except UserError as error:
        return str(error)
    except ValidationError as error:
        return in_one_line(error)
    missing = [name for name in parameters if name not in asked_for]
    return f"{missing[0]} is not asked for" if missing else None


def _is_measured(spec: Spec, name: str) -> bool:
    """Whether the range of what a trial is asked for is "auto"."""
    return any(path.removeprefix("methods.") == name for path in auto_fields(spec))


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def fitting(suggestions: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """Those that a study begins with, of equal parameters the first."""
    seen: list[Mapping[str, Any]] = []
    for each in suggestions:
        if each.unfit is None and each.parameters not in seen:
            seen.append(each.parameters)
            yield each
