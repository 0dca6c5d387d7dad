"""Where the numbers are from: warnings, failures, the spec, and how to get them again."""

from collections.abc import Mapping
from typing import Any

import tomlkit

from normsweep.report.page import Block, Code, Folded, Items, Table, Text
from normsweep.report.source import Source
from normsweep.spec.given import given
from normsweep.verdict.command import export_command

MOST_FAILURES = 50


def warnings(source: Source) -> Block | None:
    """What the reader should know before trusting the best config."""
    found = source.answer.warnings
    return Block("warnings", "Warnings", (Items(found),)) if found else None


def spec(source: Source) -> Block:
    """The spec, as a file that `sweep launch` reads: as it was written, and with all defaults.

    Where the text is not known, what it sets.
    """
    asked, written = source.answer.spec, source.attributes.written
    whole = Folded("With all defaults written out", (Code(_toml(asked.plain()), "toml"),))
    if written is None:
        return Block("spec", "Spec", (Code(_toml(given(asked)), "toml"), whole))
    values = [f"{path} = {value}" for path, value in written["values"].items()]
    over = [Text("Set over it when it was launched: " + ", ".join(values))] if values else []
    return Block("spec", "Spec", (Code(written["text"].strip(), "toml"), *over, whole))


def _toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML as people write it: a section each, and a range on one line."""
    document = tomlkit.document()
    for section, fields in tables.items():
        table = tomlkit.table()
        for field, value in fields.items():
            inline = isinstance(value, Mapping) and section != "methods"
            table.add(field, tomlkit.inline_table() if inline else value)
            if inline:
                table[field].update(value)
        document.add(section, table)
    return tomlkit.dumps(document)


def reproduce(source: Source) -> Block:
    """Commands, versions and fingerprints."""
    written = source.attributes
    over = written.written is not None and written.written["values"]
    which = "with all defaults" if over else "above"
    commands = [
        f"sweep launch spec.toml --storage sqlite:///again.db    # the spec {which}, once more"
    ]
    if source.answer.best is not None:
        commands += [
            "    # ".join(export_command(source.answer, source.confirmed, source.option)),
            "sweep score best.toml    # the same scores again, to the bit",
            "sweep score best.toml --seed 1    # on a seed that the search never saw",
            "sweep train best.toml -o out    # its networks trained, and samples",
        ]
    known = [
        _table("Versions that the study was created with", "package", written.versions),
        _table("Fingerprints of what all its trials shared", "what", written.fingerprints),
    ]
    accuracy = written.feature_accuracy
    told = [] if accuracy is None else [f"The feature classifier is right on {accuracy:.1%}."]
    return Block(
        "reproduce",
        "How to reproduce",
        (
            Code("\n".join(commands), "sh"),
            *(table for table in known if table.rows),
            *(Text(sentence, "small") for sentence in told),
        ),
    )


def _table(title: str, heading: str, named: Mapping[str, Any]) -> Table:
    rows = tuple((str(name), str(value)) for name, value in named.items())
    return Table(title, (heading, "value"), rows, frozenset({heading, "value"}))


def infeasible(source: Source) -> Block | None:
    """Trials that miss what is required of them, and by what."""
    found = source.answer.infeasible
    told = "They have a score and stand in no ranking."
    return _of_trials("infeasible", "Infeasible", "missed", found, told)


def collapses(source: Source) -> Block | None:
    """Trials that ended early since their model was dead, and why."""
    found = source.answer.collapses
    told = "They ended early, and are ranked by the score that they had then."
    return _of_trials("collapses", "Collapsed", "collapsed", found, told)


def failures(source: Source) -> Block | None:
    """Trials without a score, and why."""
    found = source.answer.failures
    told = "Fewer fail at lower learning rates or strengths."
    return _of_trials("failures", "Failures", "reason", found, told)


def _of_trials(
    name: str, title: str, column: str, found: Mapping[int, str], told: str
) -> Block | None:
    """Trials by number, with a text to each."""
    if not found:
        return None
    rows = tuple((str(trial), text) for trial, text in list(found.items())[:MOST_FAILURES])
    left = len(found) - len(rows)
    more = (Text(f"and {left} more"),) if left else ()
    table = Table("", ("trial", column), rows, frozenset({column}))
    return Block(name, title, (table, *more, Text(told)))
