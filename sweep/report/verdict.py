"""The first section: whether regularisation helped, in a sentence or two."""

from normsweep.objectives.distances import cost
from normsweep.report.page import Block, Items, Part, Table, Text
from normsweep.report.source import Source
from normsweep.verdict.table import COLUMNS, rows
from normsweep.verdict.where import nothing_better, where_to_look
from normsweep.verdict.wording import details, verdict_sentence
from normsweep.verdict.words import score, settings


def verdict(source: Source) -> Block:
    """The best config beside the baseline, and how far to trust it."""
    return Block("verdict", "Verdict", _parts(source))


def _parts(source: Source) -> tuple[Part, ...]:
    confirmed = source.confirmed
    if confirmed is not None:
        place = confirmed.candidates.index(confirmed.best)
        title = f"Confirmed {source.metric} against the baseline"
        table = Table(title, COLUMNS, rows(confirmed), frozenset(COLUMNS[:1]), frozenset([place]))
        sentence = verdict_sentence(confirmed)
        return (
            Text(sentence[:1].upper() + sentence[1:] + ".", "strong"),
            table,
            Items(tuple(details(confirmed))),
        )
    found = source.answer
    if found.best is None:
        return (Text("No trial of the search has a score yet.", "strong"),)
    chosen = ", ".join(filter(None, (found.best.kind, settings(found.best))))
    best = Text(f"The best config is that of trial {found.best.number}: {chosen}.")
    difference = found.difference
    if found.baseline is None or difference is None:
        why = found.unpaired or "there is no baseline to compare it with"
        told = f"Best {source.metric}: {score(found.best)}. {why[:1].upper()}{why[1:]}."
        return (Text(told, "strong"), best)
    metric = source.picture.metric
    better = cost(metric, found.best.score) < cost(metric, found.baseline.score)
    by_fold = (
        f"Difference from the baseline, paired by fold: {difference.mean:+.3f} ± "
        f"{difference.standard_error:.3f}."
    )
    if found.beats_baseline is False:
        steps = where_to_look(found, source.option)
        trust: tuple[Part, ...] = (
            Text(f"{by_fold} {nothing_better(found)}. Where to look:"),
            Items(tuple(f"{what}: {why}" for what, why in steps)),
        )
    else:
        luck = "The best of many is also the luckiest: expect less of it on new seeds"
        trust = (Text(f"{by_fold} {luck} (sweep confirm {found.study}{source.option})."),)
    return (
        Text(
            f"Best {source.metric} {score(found.best)}, baseline {score(found.baseline)}: "
            + ("better than the baseline." if better else "no better than the baseline."),
            "strong",
        ),
        best,
        *trust,
    )
