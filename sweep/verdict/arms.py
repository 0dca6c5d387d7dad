"""Which configs are trained again: the best of different kinds, and what each is compared with."""

from collections.abc import Iterable, Iterator

from optuna.trial import FrozenTrial

from normsweep.errors import UserError
from normsweep.spec.baseline import baseline, held_in_the_middle
from normsweep.spec.fields import METHOD_SECTIONS, fields
from normsweep.spec.spec import Spec
from normsweep.study.confirmation import Arm
from normsweep.verdict.answers import Answer, Ranked

BASELINE_ARM = "baseline"
_STRENGTHS = fields("penalty", lambda facts: facts.coefficient == "strength")


def candidates(found: Answer, top: int) -> list[Ranked]:
    """The best config of each kind and target, the best `top` of these, best first.

    Neighbours of the best one of all would say the same once more, but where they are what is asked
    about: another study's configs at another scale.
    """
    chosen: dict[tuple[str, ...], Ranked] = {}
    for entry in contenders(found):
        kind = (entry.kind, entry.target) if found.scaled is None else (arm_name(entry),)
        chosen.setdefault(kind, entry)
        if len(chosen) == top:
            break
    return list(chosen.values())


def contenders(found: Answer) -> Iterator[Ranked]:
    """All configs of which there is something to confirm, best first.

    Not one that is its own baseline, such as a penalty's form "none", or a strength 0 among the
    choices.
    """
    return (entry for entry in found.ranking if not _is_its_baseline(found, entry))


def arms(found: Answer, trials: list[FrozenTrial], top: int) -> list[Arm]:
    """The baseline and the candidates of a study.

    Raises `UserError` where the study has no baseline's score, or no config's.
    """
    first = found.baseline
    chosen = candidates(found, top) if first is not None else []
    if first is None or not chosen:
        what = "its baseline" if first is None else "a config other than its baseline"
        raise UserError(
            f"study {found.study!r} cannot be confirmed: no score of {what} is there yet"
        )
    return arms_of(found, trials, chosen)


def arms_of(found: Answer, trials: list[FrozenTrial], chosen: Iterable[Ranked]) -> list[Arm]:
    """The baseline and these configs of a study that has its baseline's score.

    Where the search chose settings beside the penalty, the baseline holds their middle: a config
    with others of these is compared with a baseline that has its own.
    """
    assert found.baseline is not None
    first = found.baseline
    base = Arm(BASELINE_ARM, BASELINE_ARM, first.config, first.number)
    by_name = {base.name: base}
    for entry in chosen:
        own = _own_baseline(found, entry)
        against = base.name if own is base.config else f"{BASELINE_ARM} of trial {entry.number}"
        by_name.setdefault(against, Arm(against, against, own, None))
        trial = trials[entry.number]
        name = arm_name(entry)
        by_name[name] = Arm(
            name=name,
            against=against,
            config=entry.config,
            trial=entry.number,
            method=entry.method,
            parameters=trial.params,
            distributions=trial.distributions,
        )
    return list(by_name.values())


def arm_name(entry: Ranked) -> str:
    """The name of the arm that trains a trial's config again."""
    return f"trial {entry.number}"


def _own_baseline(found: Answer, entry: Ranked) -> Spec:
    """The study's baseline, or where a config has other settings beside the penalty, one with its.

    Made anew rather than changed: what counts and what does not follows from these settings.
    """
    assert found.baseline is not None
    first = found.baseline.config
    settings = {path: entry.config.value(path) for path in held_in_the_middle(found.spec)}
    if all(value == first.value(path) for path, value in settings.items()):
        return first
    return baseline(found.spec, settings)


def _is_its_baseline(found: Answer, entry: Ranked) -> bool:
    if not _is_without_penalty(entry):
        return False
    own = _own_baseline(found, entry)
    # The number of trials, for one, may have grown between the two.
    others = (name for name in METHOD_SECTIONS if name != "penalty")
    return all(getattr(entry.config, name) == getattr(own, name) for name in others)


def _is_without_penalty(entry: Ranked) -> bool:
    penalty = entry.plain["penalty"]
    strengths = [
        value for name, value in penalty.items() if name in _STRENGTHS and value is not None
    ]
    # A constraint has a radius instead.
    return penalty["form"] == "none" or (bool(strengths) and not any(strengths))
