"""Samples of the baseline and of the best config, to be looked at side by side."""

from normsweep.report.page import Block, Image, Text
from normsweep.report.source import Source
from normsweep.study.attributes import BASELINE
from normsweep.verdict.words import described


def samples(source: Source) -> Block | None:
    """A grid of generated images for each, where the pictures are on this machine."""
    if not source.samples and not source.absent:
        return None
    found = source.answer
    entries = [*([found.baseline] if found.baseline else []), *found.ranking]
    pictures = []
    for entry in entries:
        if (png := source.samples.get(entry.number)) is None:
            continue
        name = "baseline" if entry.role == BASELINE else described(entry)
        told = (
            f"generated images of {name}, a fold below the other, as they were scored: "
            f"{source.metric} {entry.score:.3f}"
        )
        pictures.append(Image(name, png, told))
    notes = []
    if pictures:
        told = "The first samples of those that were scored, a fold below the other."
        notes.append(Text(told, "small"))
    if source.absent:
        told = (
            f"Those of trial {', '.join(map(str, source.absent))} are in another folder, of the "
            "machine that trained it or of the database that the study was copied from: --files "
            "names it."
        )
        notes.append(Text(told, "small"))
    return Block("samples", "Samples", (*pictures, *notes))
