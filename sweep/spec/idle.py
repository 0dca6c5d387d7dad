"""Values that change nothing, given what stands beside them."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from normsweep.models.optimizers import LEARNING_RATE_SCHEDULES, optimizers_with
from normsweep.objectives.adversarial import ADVERSARIAL_LOSSES
from normsweep.objectives.augmentation import POLICIES
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.spec.penalty_fields import NETWORKS, given_coefficients
from normsweep.spec.ranges import Choices, Interval, Names, each, quoted
from normsweep.spec.sections import FORMS

if TYPE_CHECKING:
    from normsweep.spec.spec import Spec


_SOME_FORM = Names([form for form in FORMS if form != "none"], plugin="penalty")

SWITCHED: tuple[tuple[str, str, Collection[str]], ...] = (
    *(
        (f"train.{setting}", "train.optimizer", optimizers_with(setting))
        for setting in ("beta1", "beta2", "momentum", "weight_decay")
    ),
    (
        "train.learning_rate_end",
        "train.learning_rate_schedule",
        [name for name in LEARNING_RATE_SCHEDULES if name != "constant"],
    ),
    (
        "train.label_smoothing",
        "train.loss",
        [name for name, loss in ADVERSARIAL_LOSSES.items() if loss.labels],
    ),
    ("penalty.target", "penalty.form", _SOME_FORM),
    ("penalty.separate_strengths", "penalty.form", _SOME_FORM),
    ("penalty.separate_strengths", "penalty.target", ("both",)),
    ("gradient_penalty.strength", "gradient_penalty.kind", GRADIENT_PENALTIES),
    ("gradient_penalty.every", "gradient_penalty.kind", GRADIENT_PENALTIES),
    ("augment.strength", "augment.policy", POLICIES),
    ("augment.images", "augment.policy", POLICIES),
)
"""Fields that count only with some values of another field: which field, and with which values.

The penalty's coefficients and its schedule's fields are in `penalty_fields.py`."""


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

    def at(path: str) -> Any:
        section, field = path.split(".")
        return getattr(getattr(spec, section), field)

    found: dict[str, str] = {}
    for path, control, counting in SWITCHED:
        section, field = path.split(".")
        value = at(path)
        # A range is asked for or not, which the search space says.
        if isinstance(value, Interval | Choices) or any(o in counting for o in each(at(control))):
            continue
        if value == type(getattr(spec, section)).model_fields[field].default:
            continue
        # One network's own coefficient is searched, and stored, under its own name.
        if control == "penalty.target" and any(
            name.startswith(NETWORKS) for name in given_coefficients(spec.penalty)
        ):
            continue
        shown = quoted(value) if isinstance(value, str) else str(value).lower()
        found[path] = (
            f"{path} = {shown} has no effect with {control} = {quoted(at(control))}; it counts "
            f"with {', '.join(counting)}"
        )
    return found


def _sets(spec: "Spec", method: str, path: str) -> bool:
    section, field = path.split(".")
    return field in spec.methods[method].get(section, {})
