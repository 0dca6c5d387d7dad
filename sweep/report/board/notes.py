"""Notes in Markdown: of a study its verdict, of a trial its scores."""

from collections.abc import Iterator, Sequence
from typing import Any

from normsweep.report.markdown import escaped
from normsweep.spec.spec import Spec
from normsweep.verdict.answers import Answer, Ranked
from normsweep.verdict.command import export_command
from normsweep.verdict.headline import headline, scale_sentence
from normsweep.verdict.reading import Confirmation
from normsweep.verdict.strip import strip
from normsweep.verdict.table import COLUMNS, rows
from normsweep.verdict.where import where_to_look
from normsweep.verdict.wording import details
from normsweep.verdict.words import described, metric_name, number, score

BEGIN, END = "[sweep]: # (begin)", "[sweep]: # (end)"
"""Between these lines a note is ours, and written anew; the rest is the user's. Markdown shows
neither of them."""


def study_note(found: Answer, confirmed: Confirmation | None, versions: dict[str, Any]) -> str:
    """The answer first, the candidates or the best so far, and how to have all of it again."""
    name = found.study
    said = headline(found, confirmed)
    parts = [f"## {said.sign} {escaped(said.title)}", "", escaped(said.sentence), ""]
    if said.command is not None:
        parts += [f"A verdict, on new seeds: `{said.command}`", ""]
    if confirmed is not None:
        if lines := list(strip(confirmed)):
            parts += ["```text", *lines, "```", ""]
        parts += [*_scale(found), *_table([COLUMNS, *rows(confirmed)]), ""]
        parts += [f"- {escaped(sentence)}" for sentence in details(confirmed)]
    elif found.best is not None:
        parts += [*_scale(found), *_table(_leaders(found)), ""]
        if found.beats_baseline is False:
            parts += ["Where to look:", ""]
            parts += [f"- {escaped(what)}: {escaped(why)}" for what, why in where_to_look(found)]
    parts += [f"- warning: {escaped(warning)}" for warning in found.warnings]
    export, _ = export_command(found, confirmed)
    packages = ", ".join(f"{package} {version}" for package, version in versions.items())
    parts += [
        "",
        "## Again",
        "",
        f"- `{export}` and `sweep score best.toml`: the same scores, to the bit",
        f"- `sweep report {name} -o report.html`: all figures in one file",
        f"- seed {found.spec.study.seed}; {packages}",
    ]
    return "\n".join(parts)


def confirmation_note(found: Answer, confirmed: Confirmation | None) -> str:
    """Of the study that holds a confirmation: whose it is, what it is not, and the verdict."""
    said = headline(found, confirmed)
    return "\n".join(
        [
            f"The confirmation of **{escaped(found.study)}**, whose note has the whole answer: its "
            "best configs and the baseline trained again, each by new seeds.",
            "",
            'What is called the "best trial" here is merely the training of the luckiest seed. '
            "The verdict is by the means over seeds:",
            "",
            f"## {said.sign} {escaped(said.title)}",
            "",
            escaped(said.sentence),
        ]
    )


def trial_note(entry: Ranked, spec: Spec) -> str:
    """The scores of a trial on each fold."""
    metrics = spec.score.objectives
    folds: list[Sequence[str]] = [["fold", *map(metric_name, metrics)]]
    for fold, values in enumerate(_fold_scores(entry)):
        folds.append([str(fold), *(number(value) for value in values)])
    title = "baseline" if entry.role == "baseline" else described(entry)
    lines = [
        f"**{escaped(title)}**: {metric_name(metrics[0])} {score(entry)} after {entry.step} steps",
        "",
    ]
    return "\n".join([*lines, *_table(folds)])


def merged(note: str, ours: str) -> str:
    """A note with our part of it replaced, or added before all else."""
    part = f"{BEGIN}\n\n{ours}\n\n{END}"
    before, begun, rest = note.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if begun:
        # Without its end it was cut short as it was written.
        return before + part + (after if ended else "")
    return f"{part}\n\n{note}" if note else part


def _fold_scores(entry: Ranked) -> Iterator[tuple[float, ...]]:
    if entry.second_fold_scores:
        return zip(entry.fold_scores, entry.second_fold_scores, strict=True)
    return ((value,) for value in entry.fold_scores)


def _scale(found: Answer) -> list[str]:
    said = scale_sentence(found)
    return [] if said is None else [escaped(said), ""]


def _leaders(found: Answer) -> Iterator[Sequence[str]]:
    yield ["config", f"{metric_name(found.spec.score.metric)} ± s.e."]
    for entry in found.ranking[:3]:
        yield [described(entry), score(entry)]
    if found.baseline is not None:
        yield ["baseline", score(found.baseline)]


def _table(rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> list[str]:
    # Markdown in a cell ends it at an escaped line, too.
    first, *rest = [
        f"| {' | '.join(escaped(cell.replace('|', '∣')) for cell in row)} |" for row in rows
    ]
    return [first, "|" + " --- |" * (first.count("|") - 1), *rest]
