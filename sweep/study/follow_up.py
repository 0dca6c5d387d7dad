"""A study after a study: its ranges narrowed round what was best, and begun with what lies in them.

A trial that is taken over is a completed trial of the new study, with the attribute `from`. It
teaches the sampler and stands in the ranking, and is none of the trials that the spec asks for.
"""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, create_trial
from pydantic import ValidationError

from normsweep.errors import UserError
from normsweep.objectives.distances import cost
from normsweep.spec.family import NETWORKS
from normsweep.spec.fields import NOT_TRAINING
from normsweep.spec.messages import OPTIONS, messages_of_values
from normsweep.spec.next_range import limits_of, narrowed
from normsweep.spec.ranges import Interval, plain
from normsweep.spec.space import resolve
from normsweep.spec.spec import Spec
from normsweep.storage import read_measurements, write_measurements
from normsweep.storage.artifacts import shared_artifacts
from normsweep.storage.events import Log, no_log
from normsweep.study.attributes import (
    config_of,
    origin_of,
    study_attributes,
    taken_over,
    write_study,
)
from normsweep.study.ranking import is_scored
from normsweep.study.records import by_file_name, load_study, study_spec

FEWEST = 4
"""Of a range that fewer trials asked for nothing is known."""


def follow_up(
    storage: RDBStorage, source: str, *, name: str | None = None, trials: int | None = None
) -> Spec:
    """The spec of the study that narrows `source`: a new one, or the one that was made before.

    The new one is called `source-2`, or by the next number that is free, unless `name` says
    otherwise. Raises `UserError` where nothing is to be narrowed, and for a name that another study
    has.
    """
    study = load_study(source, storage)
    source = study.study_name
    before = study_spec(study)
    there = {each.study_name: each for each in storage.get_all_studies()}
    base, number = _numbered(source)
    names = [name] if name is not None else (f"{base}-{n}" for n in itertools.count(number + 1))
    changes: dict[str, Any] = {} if trials is None else {"study.trials": trials}
    _with(before, changes | ({} if name is None else {"study.name": name}))
    made: Spec | None = None
    for candidate in names:
        if candidate in there and study_attributes(there[candidate]).narrowed_from == source:
            return _with(study_spec(load_study(candidate, storage)), changes)
        made = made or narrowed_spec(before, study.get_trials(deepcopy=False))
        found = _with(made, changes | {"study.name": candidate})
        # Equal: it was begun, and cut short before it could say where it is from.
        if candidate not in there or study_attributes(there[candidate]).spec == found.plain():
            return found
    raise UserError(
        f"--name {name}: a study of this name is there already, and was not narrowed from "
        f"{source!r}; choose another name"
    )


def _with(spec: Spec, changes: dict[str, Any]) -> Spec:
    try:
        return spec.with_values(changes)
    except ValidationError as error:
        raise UserError(messages_of_values(error, Spec, changes, OPTIONS)) from error


def _numbered(name: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.+)-(\d{1,6})", name)
    return (found[1], int(found[2])) if found else (name, 1)


def narrowed_spec(spec: Spec, trials: Sequence[FrozenTrial]) -> Spec:
    """A spec with each range of numbers narrowed to the span of its best quarter of trials.

    They are the completed ones of the search that asked for it, at least three. A range that fewer
    than four asked for stays. Raises `UserError` where no range changes.
    """
    if not any(isinstance(searched, Interval) for searched in spec.ranges().values()):
        raise UserError(
            f"--narrow {spec.study.name}: searches lists of choices alone; accepted: a study with "
            "a range of numbers, { low, high }"
        )
    ranked = _best_first(spec, trials)
    changed: dict[str, Interval] = {}
    for path, searched in spec.ranges().items():
        if not isinstance(searched, Interval):
            continue
        asked = [values for trial in ranked if (values := _values(spec, path, trial))]
        if len(asked) < FEWEST:
            continue
        quarter = asked[: max(3, math.ceil(len(asked) / 4))]
        *method, section, field = path.removeprefix("methods.").split(".")
        limits = limits_of(spec.alternative(method[0] if method else None), f"{section}.{field}")
        found = narrowed(searched, [value for values in quarter for value in values], limits)
        if found != searched:
            changed[path] = found
    if not changed:
        raise UserError(
            f"--narrow {spec.study.name}: nothing to narrow: {len(ranked)} trials of the search "
            f"are complete, and the best of them span every range that {FEWEST} asked for; more "
            "trials (--trials) may tell more"
        )
    return _with_ranges(spec, changed)


def _with_ranges(spec: Spec, changed: dict[str, Interval]) -> Spec:
    made = spec
    for path, found in changed.items():
        tables = made.plain()
        *parents, field = path.split(".")
        table = tables
        for parent in parents:
            table = table[parent]
        table[field] = plain(found)
        try:
            made = Spec.model_validate(tables)
        except ValidationError:
            # What a field accepts may depend on others; then its range stays what it was.
            continue
    return made


def _best_first(spec: Spec, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Completed trials of the search; with two metrics those that fewer others beat in both."""
    metrics = spec.score.objectives
    complete = [trial for trial in trials if is_scored(trial)]
    costs = {
        t.number: tuple(cost(m, v) for m, v in zip(metrics, t.values, strict=True))
        for t in complete
    }

    def beaten_by(mine: tuple[float, ...]) -> int:
        if len(mine) == 1:
            return 0
        others = costs.values()
        return sum(o != mine and all(a <= b for a, b in zip(o, mine, strict=True)) for o in others)

    return sorted(complete, key=lambda t: (beaten_by(costs[t.number]), costs[t.number], t.number))


def _values(spec: Spec, path: str, trial: FrozenTrial) -> list[float]:
    """What a trial was given from a range: a shared strength may be asked for by each network."""
    own = path.removeprefix("methods.")
    owner, field = own.rsplit(".", 1)
    names = [own, *(f"{owner}.{network}_{field}" for network in NETWORKS)]
    ranges = {other.removeprefix("methods.") for other in spec.ranges()} - {own}
    return [trial.params[name] for name in names if name in trial.params and name not in ranges]


def take_over(
    study: optuna.Study,
    source: optuna.Study,
    storage: RDBStorage,
    fingerprints: dict[str, Any],
    log: Log = no_log,
) -> int:
    """Gives a study the completed trials of another that lie in its ranges; how many it has then.

    Only where data, folds, features and training are the same. Made once for a study; what was cut
    short is finished by the next call.
    """
    write_study(study, narrowed_from=source.study_name)
    there = {origin_of(trial): trial for trial in study.get_trials(deepcopy=False)}
    if study_attributes(study).took_over:
        return len(there.keys() - {None})
    if by_file_name(study_attributes(source).fingerprints) != by_file_name(fingerprints):
        log("no trials taken over", study=study.study_name, reason="other data or versions")
        write_study(study, took_over=True)
        return 0
    spec, taken = study_spec(study), 0
    for trial in source.get_trials(deepcopy=False):
        if not is_scored(trial):
            continue
        asked = _within(spec, trial)
        if asked is None:
            continue
        origin = f"{source.study_name}#{trial.number}"
        made = there.get(origin)
        trial_id = _copy(study, trial, asked, origin) if made is None else made._trial_id
        rows = read_measurements(storage.engine, trial._trial_id)
        write_measurements(storage.engine, [replace(row, trial_id=trial_id) for row in rows])
        taken += 1
    write_study(study, took_over=True)
    log("trials taken over", study=study.study_name, trials=taken, source=source.study_name)
    return taken


def _copy(
    study: optuna.Study, trial: FrozenTrial, asked: dict[str, BaseDistribution], origin: str
) -> int:
    copied = create_trial(
        state=trial.state,
        values=trial.values,
        params=trial.params,
        distributions=asked,
        user_attrs=taken_over(trial, origin),
        system_attrs=shared_artifacts(trial.system_attrs),
        intermediate_values=trial.intermediate_values,
    )
    # `Study.add_trial`, which does not say which trial it made.
    return study._storage.create_new_trial(study._study_id, template_trial=copied)


def _within(spec: Spec, trial: FrozenTrial) -> dict[str, BaseDistribution] | None:
    """What a spec would ask of a trial, where its answers are accepted and make the same config."""
    asked: dict[str, BaseDistribution] = {}

    def ask(name: str, distribution: BaseDistribution) -> Any:
        value = trial.params[name]
        if not distribution._contains(distribution.to_internal_repr(value)):
            raise KeyError(name)
        asked[name] = distribution
        return value

    try:
        config, _ = resolve(spec, ask)
    # ValueError: a choice that is none any more.
    except (KeyError, ValueError):
        return None
    before = Spec.stored(config_of(trial))
    same = _training(config) == _training(before) and asked.keys() == trial.params.keys()
    same = same and config.study.seed == before.study.seed
    return asked if same else None


def _training(config: Spec) -> dict[str, Any]:
    return {name: table for name, table in config.plain().items() if name not in NOT_TRAINING}
