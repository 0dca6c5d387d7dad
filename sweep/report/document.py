"""A study as a document: sections in one order, rendered as HTML or as Markdown.

A section is a function of a `Source` that returns a `Block`, or None where there is nothing to say.
Adding one is a file with such a function and a line in `SECTIONS`.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from normsweep.engine.versions import package_version
from normsweep.report.drawings import drawings
from normsweep.report.html import render_html
from normsweep.report.markdown import render_markdown
from normsweep.report.page import Block, Page
from normsweep.report.provenance import collapses, failures, infeasible, reproduce, spec, warnings
from normsweep.report.results import results
from normsweep.report.samples import samples
from normsweep.report.source import Source
from normsweep.report.verdict import verdict
from normsweep.verdict.words import direction

Section = Callable[[Source], Block | None]

SECTIONS: tuple[Section, ...] = (
    verdict,
    results,
    samples,
    drawings,
    warnings,
    spec,
    reproduce,
    infeasible,
    collapses,
    failures,
)
"""All sections, in the order in which they are shown."""

FORMATS: Mapping[str, Callable[[Page], str]] = MappingProxyType(
    {"html": render_html, "md": render_markdown}
)
"""What a page can be rendered as."""


def report_page(source: Source, sections: Sequence[Section] = SECTIONS) -> Page:
    """The report of a study; it may be empty, or still running."""
    found = source.answer
    blocks = (section(source) for section in sections)
    named = f"{source.metric}, {direction(source.picture.metric)}"
    return Page(
        title=f"{found.study}: does regularisation help?",
        summary=f"Trials: {found.counts_in_words or 'none yet'}. Score: {named}.{_when(source)}",
        blocks=tuple(block for block in blocks if block is not None),
        closing=f"Written by sweep {package_version('normsweep')}.",
    )


def _when(source: Source) -> str:
    if source.began is None or source.ended is None:
        return ""
    # Optuna stores the time of the machine, without its zone.
    first, last = (moment.astimezone() for moment in (source.began, source.ended))
    ends = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    zone = f"UTC{last.isoformat()[-6:]}" if last.utcoffset() else "UTC"
    return f" Run from {first:%Y-%m-%d %H:%M} to {ends} {zone}."
