"""The figures of a study, in one table.

Adding one is a file with a function of a `Picture`, and a line in `FIGURES`. A figure that the
study has no data for is None.

    picture = read_picture(study, storage)
    for name, (title, drawn) in drawn_figures(picture).items():
        save_plotly_graph_object(study, titled(title, drawn), graph_object_id=name)
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from normsweep.report.figures.boxed import titled
from normsweep.report.figures.budget import budget
from normsweep.report.figures.curves import learning_curves
from normsweep.report.figures.drawn import Drawn, Numbers
from normsweep.report.figures.effect import effect
from normsweep.report.figures.gap import generalisation_gap
from normsweep.report.figures.history import history
from normsweep.report.figures.importance import importance
from normsweep.report.figures.order_map import order_map
from normsweep.report.figures.paths import weight_paths
from normsweep.report.figures.picture import Picture, read_picture
from normsweep.report.figures.profile import profile
from normsweep.report.figures.scales import scales
from normsweep.report.figures.sparsity import sparsity

__all__ = [
    "FIGURES",
    "Drawn",
    "Entry",
    "Numbers",
    "Picture",
    "drawn_figures",
    "read_picture",
    "titled",
]


class Entry(NamedTuple):
    """A figure: what it is called, and how it is drawn, if the study has the data for it."""

    title: str
    draw: Callable[[Picture], Drawn | None]


FIGURES: Mapping[str, Entry] = MappingProxyType(
    {
        "effect": Entry("Effect against the baseline", effect),
        "scales": Entry("Effect at other scales", scales),
        "profile": Entry("Score against strength", profile),
        "order_map": Entry("Score over strength and order", order_map),
        "importance": Entry("Which settings matter", importance),
        "budget": Entry("How many trials it takes", budget),
        "history": Entry("History of the search", history),
        "learning_curves": Entry("Score along the training", learning_curves),
        "generalisation_gap": Entry("Generalisation gap", generalisation_gap),
        "weight_paths": Entry("Weights along the training", weight_paths),
        "sparsity": Entry("Zeros against strength", sparsity),
    }
)
"""Every figure by its name, in the order in which they are shown."""


def drawn_figures(picture: Picture) -> dict[str, tuple[str, Drawn]]:
    """The title and the drawing of each figure that the study has the data for, by its name."""
    found = {name: (title, draw(picture)) for name, (title, draw) in FIGURES.items()}
    return {name: (title, drawn) for name, (title, drawn) in found.items() if drawn is not None}
