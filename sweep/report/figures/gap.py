"""The generalisation gap along the training, where the spec has it measured."""

from normsweep.report.figures.curves import (
    curve_numbers,
    describe_curves,
    draw_curves,
    leading_curves,
    said_of_curves,
)
from normsweep.report.figures.drawn import Drawn
from normsweep.report.figures.picture import Picture

GAP = "generalisation_gap"


def generalisation_gap(picture: Picture) -> Drawn | None:
    """FID from held-out images minus FID from training images; None where it is not recorded."""
    found = leading_curves(picture, GAP, signed=True)
    if not found:
        return None
    bands, _ = said_of_curves("Mean over folds", found)
    panels = {"generalisation gap": found}
    return Drawn(
        draw_curves(panels, level=0.0),
        describe_curves(panels),
        curve_numbers(panels),
        "FID from held-out images minus FID from as many training images; above 0 where training "
        f"images are memorised (after Gulrajani et al. 2019, arXiv:2001.03653). {bands}",
        "Above 0 the samples are nearer to training images than to others.",
    )
