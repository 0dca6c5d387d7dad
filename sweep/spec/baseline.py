"""The config that all others of a study are compared with."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from normsweep.spec.facts import KEPT, MOST
from normsweep.spec.fields import FACTS, SWITCHES, default, most
from normsweep.spec.ranges import Range, each
from normsweep.spec.space import distribution, idle, middle, no_penalty
from normsweep.spec.spec import Spec


def baseline(spec: Spec, settings: Mapping[str, Any] = MappingProxyType({})) -> Spec:
    """The config that all others are compared with: no penalty, nothing that is searched to help.

    Regularisers that the spec holds fixed stay. Searched ones are off, and searched networks
    whole; other searched settings are as `settings` has them by path, or else at the middle of
    their range, or its first choice.
    """
    plain = spec.alternative(None)
    values: dict[str, Any] = {}
    for path, searched in plain.ranges().items():
        section = path.split(".")[0]
        if section == "penalty":
            continue
        if section in SWITCHES:
            whole = (other for other in FACTS if other.startswith(f"{section}."))
            values |= {other: default(other) for other in whole}
            values[f"{section}.{SWITCHES[section]}"] = "none"
        elif (off := _off(plain, path, searched)) is not KEPT:
            values[path] = off
        else:
            values[path] = settings[path] if path in settings else middle(distribution(searched))
    return plain.with_values(values | idle(plain, values) | no_penalty())


def _off(spec: Spec, path: str, searched: Range) -> Any:
    """What switches a searched field off, if it regularises."""
    # Coefficients of a model of the user's own are in no table.
    off = FACTS[path].off if path in FACTS else KEPT
    if off is MOST:
        return most(spec.model, path.split(".")[1])
    # A name is not taken that the study does not search.
    return KEPT if isinstance(off, str) and off not in each(searched) else off


def held_in_the_middle(spec: Spec) -> list[str]:
    """Searched settings that help nobody to regularise: the baseline holds their middle."""
    plain = spec.alternative(None)
    return [
        path
        for path, searched in plain.ranges().items()
        if path.split(".")[0] not in SWITCHES and _off(plain, path, searched) is KEPT
    ]
