"""The configs that a study found, at another scale: longer training, wider networks, more images.

λ is searched where training is cheap and used where it is dear. What is found there holds here if
it is shown here: so the configs are trained again with other fields, each against the baseline with
these fields, as a study of its own whose confirmation tests them all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import RDBStorage

from normsweep.errors import UserError
from normsweep.spec.load import changed
from normsweep.spec.ranges import Choices, Interval, plain
from normsweep.spec.space import may_ask
from normsweep.spec.spec import Spec
from normsweep.study.attributes import study_attributes
from normsweep.study.records import load_study, study_spec
from normsweep.verdict.answers import Answer, answer
from normsweep.verdict.arms import arms
from normsweep.verdict.headline import verdict_headline
from normsweep.verdict.reading import Confirmation, read_confirmation
from normsweep.verdict.words import number, settings

SEEDS = 8
"""How many seeds at most where neither spec nor user says."""
FACTOR = 3.0
"""By how much λ is divided and multiplied to see whether its optimum has moved."""


@dataclass(frozen=True)
class Scaled:
    """A study of the configs of another one, `of`, with the fields `values` set.

    `configs` are the parameters of its trials; empty where it is there already, and has them.
    """

    spec: Spec
    of: optuna.Study
    values: dict[str, Any]
    configs: list[dict[str, Any]]


@dataclass(frozen=True)
class Scale:
    """What became of a study's configs at another scale; nothing yet without `confirmed`."""

    study: str
    values: Mapping[str, Any]
    confirmed: Confirmation | None

    @property
    def setting(self) -> str:
        """The fields that make the scale, in words."""
        return ", ".join(f"{path} = {number(value)}" for path, value in self.values.items())


def at_scale(
    study: optuna.Study,
    storage: RDBStorage,
    values: Mapping[str, Any],
    called: Mapping[str, str],
    *,
    name: str | None = None,
    top: int | None = None,
    seeds: int | None = None,
    rescale: bool = False,
) -> Scaled:
    """The study that confirms the best configs of `study` with the fields `values` set.

    With `rescale` each also at its strengths divided and multiplied by `FACTOR`. The one that was
    made before, if it was: then its configs are what they were. `called` is what messages call a
    field. Raises `UserError` for values that are not accepted, for a study without the scores of a
    baseline and a config, and for a name that another study has.
    """
    found = answer(study)
    name = _name(study.study_name, values, rescale) if name is None else name
    wanted = changed(found.spec, values, called)
    limit = (wanted.confirm.seeds or SEEDS) if seeds is None else seeds
    before = _before(name, study, values, storage)
    if before is not None and top is None and not rescale:
        return Scaled(_of_seeds(before, seeds), study, dict(values), [])
    top = wanted.confirm.top if top is None else top
    chosen = arms(found, study.get_trials(deepcopy=False), top)
    names = may_ask(wanted)
    configs = [
        {name: value for name, value in arm.parameters.items() if name in names}
        for arm in chosen
        if not arm.is_baseline
    ]
    if rescale:
        wanted, configs = _rescaled(wanted, configs)
    configs = [config for place, config in enumerate(configs) if config not in configs[:place]]
    if before is not None:
        there = study_attributes(load_study(name, storage)).begun_with
        if configs != there:
            raise UserError(
                f"--name {name}: the study of this name has other configs; choose another name, or "
                "leave out --top and --rescale to go on with it"
            )
        return Scaled(_of_seeds(before, seeds), study, dict(values), [])
    fixed = {
        "study.name": name,
        "study.trials": len(configs),
        "study.begin": None,
        "study.sampler": "random",
        "study.pruner": "none",
        "stop.patience": None,
        "confirm.seeds": limit,
        "confirm.top": len(configs),
    }
    spec = changed(wanted, fixed, {"study.name": f"--name {name}"})
    return Scaled(spec, study, dict(values), configs)


def read_scales(study: optuna.Study, storage: RDBStorage) -> tuple[Scale, ...]:
    """The scales at which a study's configs were tried, in the order in which they were asked."""
    found = []
    for each in storage.get_all_studies():
        scaled = study_attributes(each).scaled
        if scaled is None or not _is_of(scaled, study):
            continue
        try:
            there = optuna.load_study(study_name=each.study_name, storage=storage)
            confirmed = read_confirmation(there, storage)
        except (KeyError, UserError):
            # Deleted meanwhile, or of a version that this one cannot read.
            continue
        found.append(Scale(each.study_name, scaled["values"], confirmed))
    return tuple(found)


def told_of(found: Answer) -> str | None:
    """Of which study the configs of a study at another scale are, and at which; None of others."""
    if found.scaled is None:
        return None
    of = found.scaled["of"]
    return f"The configs of {of}, with {Scale(found.study, found.scaled['values'], None).setting}."


def _name(study: str, values: Mapping[str, Any], rescale: bool) -> str:
    said = [f"{path.split('.')[-1]}-{number(value)}" for path, value in values.items()]
    parts = [study, "at", *said, *(["rescaled"] if rescale else [])]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts))[:100]


def _is_of(scaled: Mapping[str, Any], study: optuna.Study) -> bool:
    """Not so where that study was deleted, and this one has its name. A copy does not say."""
    return scaled["of"] == study.study_name and scaled["id"] in (None, study._study_id)


def _of_seeds(spec: Spec, seeds: int | None) -> Spec:
    return spec if seeds is None else changed(spec, {"confirm.seeds": seeds})


def _before(
    name: str, study: optuna.Study, values: Mapping[str, Any], storage: RDBStorage
) -> Spec | None:
    """The spec of the study that was made for this before, and has its configs."""
    there = {each.study_name: each for each in storage.get_all_studies()}
    if name not in there:
        return None
    written = study_attributes(there[name])
    scaled = written.scaled
    if scaled is None or not _is_of(scaled, study) or scaled["values"] != dict(values):
        raise UserError(
            f"--name {name}: a study of this name is there already, and is not "
            f"{study.study_name!r} with these settings; choose another name"
        )
    # One that was cut short before it had them is made once more.
    return None if written.begun_with is None else study_spec(load_study(name, storage))


def _rescaled(spec: Spec, configs: list[dict[str, Any]]) -> tuple[Spec, list[dict[str, Any]]]:
    """Each config also with its strengths divided and multiplied, in a spec that accepts these."""
    spec, configs = _with_a_fixed_strength(spec, configs)
    paths = [path for path in spec.ranges() if _is_strength(path)]
    if not paths:
        raise UserError(
            f"--rescale: {spec.study.name} searches no strength; accepted: a study with one"
        )
    every = [
        {
            name: value * factor if _is_strength(name) and value else value
            for name, value in config.items()
        }
        for config in configs
        for factor in (1.0, 1 / FACTOR, FACTOR)
    ]
    for path in paths:
        own = path.removeprefix("methods.").rsplit(".", 1)[0]
        values = [
            value
            for config in every
            for name, value in config.items()
            if _is_strength(name) and name.rsplit(".", 1)[0] == own
        ]
        spec = changed(spec, {path: plain(_with_room(spec.ranges()[path], values))})
    return spec, every


def _with_a_fixed_strength(
    spec: Spec, configs: list[dict[str, Any]]
) -> tuple[Spec, list[dict[str, Any]]]:
    """A strength that is one value is a range of one, so that there may be others beside it."""
    if spec.methods or any(_is_strength(path) for path in spec.ranges()):
        return spec, configs
    for path in ("penalty.strength", "gradient_penalty.strength"):
        section = path.split(".")[0]
        switch = "form" if section == "penalty" else "kind"
        value = spec.value(path)
        if spec.value(f"{section}.{switch}") != "none" and value:
            spec = changed(spec, {path: [value, FACTOR * value]})
            configs = [config | {path: value} for config in configs]
    return spec, configs


def _with_room(searched: Interval | Choices, values: list[float]) -> Interval | Choices:
    if not values:
        return searched
    if isinstance(searched, Choices):
        return Choices(tuple(dict.fromkeys([*searched.options, *values])))
    low, high = min(searched.low, *values), max(searched.high, *values)
    return Interval(low, high, searched.log)


def _is_strength(name: str) -> bool:
    """Whether a field, or what a trial was asked, is λ, of one network or of both."""
    # A study with methods is asked for "method" as well, which is of no section.
    owner, _, field = name.rpartition(".")
    return owner.endswith("penalty") and field.endswith("strength")


COLUMNS = ("set", "verdict", "config", "score", "baseline", "difference", "95 % interval", "study")


def rows(scales: Iterable[Scale]) -> Iterator[tuple[str, ...]]:
    """For each config at each scale a cell for each of the `COLUMNS`."""
    for scale in scales:
        if scale.confirmed is None:
            yield (scale.setting, "not confirmed", *("–" for _ in COLUMNS[3:]), scale.study)
            continue
        word = verdict_headline(scale.confirmed).word
        for entry in scale.confirmed.candidates:
            bounds = None if entry.effect is None else entry.effect.estimate
            yield (
                scale.setting,
                word,
                settings(entry.trial) or entry.trial.kind,
                number(entry.score),
                number(entry.baseline_score),
                "–" if bounds is None else f"{bounds.mean:+.3g}",
                "–" if bounds is None else f"{bounds.low:+.3g} … {bounds.high:+.3g}",
                scale.study,
            )
