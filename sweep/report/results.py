"""The numbers of a study as tables: the best beside the baseline, the ranking, and the rest."""

from dataclasses import replace

from normsweep.report.page import Block, Part, Table, Text
from normsweep.report.source import Source
from normsweep.study.recorded import worth_telling
from normsweep.verdict.answers import Answer, Ranked
from normsweep.verdict.words import TEXTS, columns, metric_name, number, score, settings

SHOWN = 10
_WORDS = frozenset({*TEXTS, "kind", "at", "method", "penalty"})


def results(source: Source) -> Block | None:
    """Best of each kind or target, the ranking, and the Pareto front of two metrics."""
    found = source.answer
    if found.baseline is None and not found.ranking:
        return None
    parts: list[Part] = []
    if len(found.best_per_kind) > 1:
        parts.append(_best_of("Kinds, each at its best", "kind", found.best_per_kind, source))
    if len(found.best_per_target) > 1 and not found.spec.methods:
        parts.append(_best_of("Targets, each at its best", "target", found.best_per_target, source))
    parts.append(_ranking(source))
    if found.front:
        parts.append(_front(source))
    if found.best is not None and (told := _recorded(found.best)):
        parts.append(Text(f"Measured on the best beside its score: {told}."))
    return Block("results", "Results", tuple(parts))


def _best_of(title: str, heading: str, best: dict[str, Ranked], source: Source) -> Table:
    found = source.answer
    rows = [
        (str(place), kind, score(entry), _beside(heading, entry) or "–")
        for place, (kind, entry) in enumerate(best.items(), 1)
    ]
    if found.baseline is not None:
        rows.append(("", "baseline", score(found.baseline), "–"))
    marked = frozenset() if found.baseline is None else frozenset({len(rows) - 1})
    names = ("place", heading, f"{source.metric} ± s.e.", "at")
    return Table(title, names, tuple(rows), _WORDS, marked)


def _beside(heading: str, entry: Ranked) -> str:
    """What a trial chose beside what its row is called by."""
    others = {k: v for k, v in entry.parameters.items() if not k.endswith(f".{heading}")}
    return settings(replace(entry, parameters=others))


def _ranking(source: Source) -> Table:
    found = source.answer
    second = found.spec.score.second
    shown = columns(found)
    kind = "method" if found.spec.methods else "penalty"
    entries = [(str(place), entry) for place, entry in enumerate(found.ranking[:SHOWN], 1)]
    if found.baseline is not None:
        entries.append(("", found.baseline))
    rows = tuple(
        (
            place,
            str(entry.number),
            score(entry),
            *(() if second is None else (number(entry.second),)),
            _label(found, entry),
            *(number(value(entry)) for _, value in shown),
        )
        for place, entry in entries
    )
    beside = () if second is None else (metric_name(second),)
    titles = tuple(title for title, _ in shown)
    marked = frozenset(place for place, (_, entry) in enumerate(entries) if entry is found.baseline)
    title = f"The best {min(SHOWN, len(found.ranking))} of {len(found.ranking)} trials"
    return Table(
        title,
        ("place", "trial", f"{source.metric} ± s.e.", *beside, kind, *titles),
        rows,
        _WORDS,
        marked,
    )


def _label(found: Answer, entry: Ranked) -> str:
    if entry is found.baseline:
        return "baseline"
    return entry.kind if found.spec.methods else entry.acting


def _front(source: Source) -> Table:
    found = source.answer
    return Table(
        "Pareto front: no trial is better in both",
        ("trial", source.metric, metric_name(str(found.spec.score.second)), "settings"),
        tuple((str(e.number), number(e.score), number(e.second), settings(e)) for e in found.front),
        _WORDS,
    )


def _recorded(best: Ranked) -> str:
    told = worth_telling(best.recorded)
    return ", ".join(f"{metric_name(name)} {number(value)}" for name, value in told.items())
