"""The config that all others of a study are compared with."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
        section, field = path.split(".")
        if section in ("gradient_penalty", "augment"):
            continue
        if section != "penalty":
            off = _off(plain, field, searched)
            if off is not _NO_REGULARISER:
                values[path] = off
            else:
                values[path] = (
                    settings[path] if path in settings else middle(distribution(searched))
                )
    for section, field in (("gradient_penalty", "kind"), ("augment", "policy")):
        if any(path.startswith(f"{section}.") for path in plain.ranges()):
            names = type(getattr(plain, section)).model_fields
            defaults = {f"{section}.{name}": known.default for name, known in names.items()}
            values |= defaults | {f"{section}.{field}": "none"}
    return plain.with_values(values | idle(plain, values) | no_penalty())


_NO_REGULARISER = object()


def _off(spec: Spec, field: str, searched: Range) -> Any:
    """What switches a searched field of model or train off, if it regularises."""
    network = field.split("_")[0]
    if field.endswith(("_dropout", "_layers")):
        return None
    if field.endswith("_units"):
        hidden = each(getattr(spec.model, f"{network}_hidden"))
        return max(max(widths, default=1) for widths in hidden)
    if field in ("label_smoothing", "weight_decay"):
        return 0.0
    if field.endswith("_normalisation") and "none" in each(searched):
        return "none"
    return _NO_REGULARISER


def held_in_the_middle(spec: Spec) -> list[str]:
    """Searched settings that help nobody to regularise: the baseline holds their middle."""
    plain = spec.alternative(None)
    return [
        path
        for path, searched in plain.ranges().items()
        if path.startswith(("model.", "train."))
        and _off(plain, path.split(".")[1], searched) is _NO_REGULARISER
    ]
