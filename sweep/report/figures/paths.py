"""What was recorded of the weights along the training: norms, exact zeros, the factor on λ."""

from normsweep.report.figures.curves import (
    Curve,
    curve_numbers,
    describe_curves,
    draw_curves,
    leading_curves,
    said_of_curves,
)
from normsweep.report.figures.drawn import Drawn
from normsweep.report.figures.picture import Picture
from normsweep.study.recorded import NORM, STRENGTH_FACTOR, ZEROS, at_rest

_OF_WEIGHTS = {ZEROS: "zeros", NORM: "norm"}


def recorded_of_weights(picture: Picture) -> tuple[str, ...]:
    """Names of what was recorded of the weights or of λ, in any trial."""
    names = dict.fromkeys(
        name for rows in picture.measurements.values() for row in rows for name in row.others
    )
    return tuple(
        name for name in names if name == STRENGTH_FACTOR or name.endswith(tuple(_OF_WEIGHTS))
    )


def _title(name: str) -> str:
    for ending, what in _OF_WEIGHTS.items():
        if name.endswith(ending):
            return f"{what}, {name.removesuffix(ending)}"
    return "factor on λ"


def weight_paths(picture: Picture) -> Drawn | None:
    """Each of these numbers against training step; None where none of them ever moved."""
    panels: dict[str, tuple[Curve, ...]] = {}
    for name in recorded_of_weights(picture):
        found = leading_curves(picture, name)
        if any((each.mean != at_rest(name)).any() for each in found):
            panels[_title(name)] = found
    if not panels:
        return None
    every = [each for found in panels.values() for each in found]
    bands, caption = said_of_curves("Mean over folds", every)
    return Drawn(
        draw_curves(panels),
        describe_curves(panels),
        curve_numbers(panels),
        f"{bands} The norm is √Σw² of the penalised weights, zeros are the share of them that are "
        "0; the factor is what a schedule multiplies λ with.",
        caption,
    )
