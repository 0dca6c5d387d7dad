"""Values that change nothing, given what stands beside them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from normsweep.spec.facts import With
from normsweep.spec.family import NETWORKS
from normsweep.spec.fields import FACTS, SECTIONS, default
from normsweep.spec.penalty_fields import given_coefficients
from normsweep.spec.ranges import Choices, Interval, each, quoted

if TYPE_CHECKING:
    from normsweep.spec.spec import Spec


def _when_told(path: str, needed: With) -> tuple[int, int]:
    """Section by section; within one, by what is asked first of what its fields depend on."""
    return list(SECTIONS).index(path.split(".")[0]), FACTS[needed.control].asked


_NEEDS = sorted(
    ((path, needed) for path, facts in FACTS.items() for needed in facts.counts),
    key=lambda pair: _when_told(*pair),
)
"""Each field that counts with some values of another alone, with what it needs."""


def check_idle(spec: "Spec", alternatives: Mapping[str, "Spec"]) -> None:
    """Raises `ValueError` for a value that would change no trial.

    `alternatives` are the specs of the methods. What they share may be idle in some of them, but
    not in all. A value that is the default is taken as not given.
    """
    in_methods = {name: _idle(alternative) for name, alternative in alternatives.items()}
    for path, message in _idle(spec).items():
        if all(path in idle or _sets(spec, name, path) for name, idle in in_methods.items()):
            raise ValueError(message)
    for name, idle in in_methods.items():
        for path, message in idle.items():
            if _sets(spec, name, path):
                raise ValueError(f"methods.{name}.{message}")


def _idle(spec: "Spec") -> dict[str, str]:
    """What has no effect in a spec by itself: the path of a field, and why."""

    found: dict[str, str] = {}
    for path, needed in _NEEDS:
        value, control = spec.value(path), spec.value(needed.control)
        # A range is asked for or not, which the search space says.
        if isinstance(value, Interval | Choices) or any(o in needed.values for o in each(control)):
            continue
        if value == default(path):
            continue
        # One network's own coefficient is searched, and stored, under its own name.
        if needed.control == "penalty.target" and any(
            name.startswith(NETWORKS) for name in given_coefficients(spec.penalty)
        ):
            continue
        shown = quoted(value) if isinstance(value, str) else str(value).lower()
        found[path] = (
            f"{path} = {shown} has no effect with {needed.control} = {quoted(control)}; it counts "
            f"with {', '.join(needed.values)}"
        )
    return found


def _sets(spec: "Spec", method: str, path: str) -> bool:
    section, field = path.split(".")
    return field in spec.methods[method].get(section, {})
