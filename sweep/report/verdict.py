"""The first section: whether regularisation helped; a word, a sentence, a figure, pictures."""

from collections.abc import Iterator

from normsweep.report.figures import FIGURES
from normsweep.report.page import Block, Code, Figure, Image, Items, Part, Row, Table, Text
from normsweep.report.source import Source
from normsweep.score.pictures import first_of
from normsweep.verdict.headline import headline, scale_sentence
from normsweep.verdict.scaled import told_of
from normsweep.verdict.table import COLUMNS, rows
from normsweep.verdict.where import where_to_look
from normsweep.verdict.wording import details
from normsweep.verdict.words import described

FIGURE = "effect"
SHOWN = 16
"""Images of each kind beside each other, few enough to be seen."""


def verdict(source: Source) -> Block:
    """The best config beside the baseline, and how far to trust it."""
    return Block("verdict", "Verdict", tuple(_parts(source)))


def _parts(source: Source) -> Iterator[Part]:
    found, confirmed = source.answer, source.confirmed
    said = headline(found, confirmed, source.option)
    yield Text(f"{said.sign} {said.title}", f"headline {said.tone}")
    yield Text(said.sentence, "strong" if confirmed is not None else "plain")
    if said.command is not None:
        yield Code(said.command, "sh")
    for sentence in filter(None, (told_of(found), scale_sentence(found))):
        yield Text(sentence, "small")
    title, draw = FIGURES[FIGURE]
    if (drawn := draw(source.picture)) is not None:
        yield Figure(FIGURE, title, drawn)
    if images := tuple(_images(source)):
        yield Row(images)
        yield Text(
            "The first images of the first fold; the generated ones are by equal random numbers.",
            "small",
        )
    if confirmed is not None:
        marked = frozenset([confirmed.candidates.index(confirmed.best)])
        title = f"Confirmed {source.metric} against the baseline"
        yield Table(title, COLUMNS, rows(confirmed), frozenset(COLUMNS[:1]), marked, stacks=True)
        yield Items(tuple(details(confirmed)))
    elif found.best is not None and found.beats_baseline is False:
        yield Text("Where to look:")
        yield Items(tuple(f"{what}: {why}" for what, why in where_to_look(found, source.option)))


def _images(source: Source) -> Iterator[Image]:
    """Real images, the baseline's, and those of the config that the headline is about."""
    found, confirmed = source.answer, source.confirmed
    chosen = found.best if confirmed is None else confirmed.best.trial
    if chosen is None or found.baseline is None or source.real is None:
        return
    baseline = source.samples.get(found.baseline.number)
    candidate = source.samples.get(chosen.number)
    if baseline is None or candidate is None:
        return
    for title, png, told in (
        ("real", source.real, "real images, which judge the first fold"),
        ("baseline", baseline, "generated images of the baseline"),
        (f"trial {chosen.number}", candidate, f"generated images of {described(chosen)}"),
    ):
        if (cut := first_of(png, SHOWN)) is not None:
            yield Image(title, cut, told)
