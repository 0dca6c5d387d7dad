"""The figures of a study as a section."""

from normsweep.report.figures import drawn_figures
from normsweep.report.page import Block, Figure
from normsweep.report.source import Source
from normsweep.report.verdict import FIGURE


def drawings(source: Source) -> Block | None:
    """Every figure that the study has the data for, but the one of the verdict."""
    found = drawn_figures(source.picture)
    found.pop(FIGURE, None)
    if not found:
        return None
    parts = (Figure(name, title, drawn) for name, (title, drawn) in found.items())
    return Block("figures", "Figures", tuple(parts))
