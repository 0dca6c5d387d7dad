"""By which rules a config trains, as a number: its scores are compared with those of no other."""

from normsweep.models import families
from normsweep.spec.fields import PenaltySection, default
from normsweep.spec.penalty_fields import form_entry
from normsweep.spec.ranges import each, highest
from normsweep.spec.spec import Spec

TRAINING_VERSION = 3
"""Grows whenever the same config comes to train to other bits by our doing: random numbers drawn
otherwise, for instance. It is stored with the fingerprints; 0.1 had none."""
CORRECTED_VERSION = 4
"""Of studies in which 0.5 corrected what scored otherwise before; no others need begin anew."""


def training_version(spec: Spec) -> int:
    """The version of a study: the later one only where that corrected it."""
    alternatives = [spec, *(spec.alternative(method) for method in spec.methods)]
    corrected = any(
        _averages_statistics(alternative) or _averages_matrices(alternative.penalty)
        for alternative in alternatives
    )
    return CORRECTED_VERSION if corrected else TRAINING_VERSION


def _averages_statistics(spec: Spec) -> bool:
    """Whether averaged weights, which sample, may have statistics beside them."""
    family = families.FAMILIES[spec.model.family]
    sampling = map(family.role, family.sampled)
    kinds = [kind for n in sampling for kind in each(spec.value(f"model.{n}_normalisation"))]
    return highest(spec.train.ema) > 0 and any(kind in ("batch", "spectral") for kind in kinds)


def _averages_matrices(penalty: PenaltySection) -> bool:
    """Whether a mean over layers may be one of matrices among which biases are selected."""
    averaged = "layer" in each(penalty.scope) and "mean" in each(penalty.reduction)
    biases = penalty.biases or penalty.weights != default("penalty.weights")
    forms = [form for form in each(penalty.form) if form != "none"]
    return averaged and biases and any(form_entry(form).matrices for form in forms)
