"""What was recorded of the weights along the training: norms, exact zeros, the factor on λ."""

from normsweep.report.figures.curves import (
    Curve,
    curve_numbers,
    describe_curves,
    draw_curves,
    leading_curves,
)
from normsweep.report.figures.drawn import Drawn
from normsweep.report.figures.picture import Picture
from normsweep.score.measure import STILL

_NAMED = {
    "strength_factor": "factor on λ",
    "generator_zeros": "zeros, generator",
    "discriminator_zeros": "zeros, discriminator",
    "generator_norm": "norm, generator",
    "discriminator_norm": "norm, discriminator",
}
_OF_WEIGHTS = ("_zeros", "_norm", "_sparsity")


def recorded_of_weights(picture: Picture) -> tuple[str, ...]:
    """Names of what was recorded of the weights or of λ, in any trial."""
    names = dict.fromkeys(
        name for rows in picture.measurements.values() for row in rows for name in row.others
    )
    return tuple(name for name in names if name in STILL or name.endswith(_OF_WEIGHTS))


def weight_paths(picture: Picture) -> Drawn | None:
    """Each of these numbers against training step; None where none of them ever moved."""
    panels: dict[str, tuple[Curve, ...]] = {}
    for name in recorded_of_weights(picture):
        found = leading_curves(picture, name)
        if any((each.mean != STILL.get(name)).any() for each in found):
            panels[_NAMED.get(name, name.replace("_", " "))] = found
    if not panels:
        return None
    return Drawn(
        draw_curves(panels),
        describe_curves(panels),
        curve_numbers(panels),
        "Mean over folds with one standard error. The norm is √Σw² of the penalised weights, zeros "
        "are the share of them that are 0; the factor is what a schedule multiplies λ with.",
    )
