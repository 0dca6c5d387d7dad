"""Which configs are trained again: the best of different kinds, and what each is compared with."""

from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from sweep.errors import UserError
from sweep.search.baseline import held_in_the_middle
from sweep.spec.spec import Spec
from sweep.study.answers import Answer, Ranked

BASELINE_ARM = "baseline"


@dataclass(frozen=True)
class Arm:
    """A config to train again, by a name that is its own within the study.

    `against` is the name of the arm without the penalty that it is compared with: its own, for such
    an arm. `trial` is its number in the search, if it has one; `method`, `parameters` and
    `distributions` are that trial's.
    """

    name: str
    against: str
    config: Spec
    trial: int | None
    method: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)

    @property
    def is_baseline(self) -> bool:
        return self.name == self.against


def candidates(found: Answer, top: int) -> list[Ranked]:
    """The best config of each kind and target, the best `top` of these, best first.

    Neighbours of the best one of all would say the same once more.
    """
    chosen: dict[tuple[str, str], Ranked] = {}
    for entry in found.ranking:
        chosen.setdefault((entry.kind, entry.target), entry)
    return list(chosen.values())[:top]


def arms(found: Answer, trials: list[FrozenTrial], top: int) -> list[Arm]:
    """The baseline and the candidates of a study.

    Where the search chose settings beside the penalty, the baseline holds their middle: a candidate
    with others of these is compared with a baseline that has its own.

    Raises `UserError` where the study has no baseline's score, or no config's.
    """
    for entry, what in ((found.baseline, "its baseline"), (found.best, "a config of its search")):
        if entry is None:
            raise UserError(
                f"study {found.study!r} cannot be confirmed: no score of {what} is there yet"
            )
    assert found.baseline is not None
    first = found.baseline
    base = Arm(BASELINE_ARM, BASELINE_ARM, first.config, first.number)
    by_name = {base.name: base}
    beside = held_in_the_middle(found.spec)
    for entry in candidates(found, top):
        own = _with_settings(base.config, entry.config, beside)
        against = base.name if own == base.config else f"{BASELINE_ARM} of trial {entry.number}"
        by_name.setdefault(against, Arm(against, against, own, None))
        trial = trials[entry.number]
        name = f"trial {entry.number}"
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


def _with_settings(baseline: Spec, config: Spec, paths: list[str]) -> Spec:
    """A baseline with the values that a config has at these paths."""
    return baseline.with_values({path: _value(config, path) for path in paths})


def _value(config: Spec, path: str) -> Any:
    section, field = path.split(".")
    return getattr(getattr(config, section), field)
