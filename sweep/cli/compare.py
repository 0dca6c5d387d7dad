"""`sweep compare`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from normsweep.cli.app import AsJson, Storage, app, console, print_json
from normsweep.cli.sentences import say
from normsweep.cli.tables import print_table
from normsweep.errors import UserError

if TYPE_CHECKING:
    from normsweep.cli import schema
    from normsweep.verdict.compare import Comparison, Side

_STYLES = {"first": "bold green", "second": "bold green", "unclear": "bold yellow"}
_SIGNS = {"first": "✓", "second": "✓", "unclear": "≈", "unpaired": "–"}


@app.command("compare", epilog="Example:  sweep compare small wide")
def compare_command(
    first: Annotated[str, typer.Argument(metavar="A", help="Name of a study.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Name of another.")],
    storage: Storage = None,
    storage_b: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Database of B, if another.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the best configs of two studies, fold by fold.

    Where data, folds, feature map and number of samples are the same: confirmed scores if both are
    confirmed, else those of the searches. Where they are not it says what differs.
    """
    from normsweep.storage import open_storage
    from normsweep.study.records import load_study
    from normsweep.verdict.compare import compare

    opened = open_storage(storage, reading=True)
    other = opened if storage_b is None else open_storage(storage_b, reading=True)
    one, another = load_study(first, opened), load_study(second, other)
    if one.study_name == another.study_name and opened.engine.url == other.engine.url:
        raise UserError(f"{first!r} and {second!r} are the same study; accepted: two studies")
    found = compare((one, opened), (another, other))
    if as_json:
        print_json(comparison_as_json(found))
    else:
        _print(found)


def _print(found: "Comparison") -> None:
    word, rest = sentence(found)
    style = _STYLES.get(found.verdict, "bold")
    console.print()
    say((f"{_SIGNS[found.verdict]} {word}", style), rest)
    for reason in found.apart:
        say(f"  {reason}")
    console.print()
    _print_table(found)
    for note in found.notes:
        say(note)


def sentence(found: "Comparison") -> tuple[str, str]:
    """The verdict: its first words, and what follows."""
    from normsweep.verdict.effect import ALPHA
    from normsweep.verdict.words import interval, metric_name, number, p_value

    if found.verdict == "unpaired":
        return "not comparable", ": their scores are not to be set against each other"
    one, other = found.first, found.second
    metric = metric_name(one.found.spec.score.metric)
    if found.estimate is None:
        assert found.differences is not None
        return "unclear", (
            f": {one.name} minus {other.name} is {found.differences.mean():+.3g} in {metric}, "
            f"{_over(found)}; with another seed it may be another number"
        )
    numbers = f"({interval(found.estimate)}; {p_value(found.estimate.p)})"
    over = _over(found)
    if found.better is not None:
        worse, scores = (other, found.scores) if found.better is one else (one, found.scores[::-1])
        return f"{found.better.name} is better", (
            f" than {worse.name}: {metric} {number(scores[0])} against {number(scores[1])}, "
            f"difference {found.estimate.mean:+.3g} {numbers}, {over}"
        )
    if found.estimate.p <= ALPHA:
        why = "but the one that scores better did not stay finite on all of its seeds"
    else:
        least = number(found.estimate.detectable(ALPHA))
        why = f"four such comparisons in five would have found a difference of {least}"
    return "no difference that these studies could detect", (
        f": {one.name} minus {other.name} is {found.estimate.mean:+.3g} in {metric} {numbers}, "
        f"{over}; {why}"
    )


def _over(found: "Comparison") -> str:
    assert found.differences is not None
    seeds, folds = found.differences.shape
    if not found.confirmed:
        return f"paired over the {folds} folds of the searches"
    on = "1 confirmed seed" if seeds == 1 else f"each of {seeds} confirmed seeds"
    return f"paired over {folds} folds on {on}"


def _print_table(found: "Comparison") -> None:
    from normsweep.verdict.words import described, metric_name, number

    rows, sides = [], (found.first, found.second)
    for side in sides:
        spec, baseline = side.found.spec, side.found.baseline
        row = (
            side.name,
            "–" if side.entry is None else described(side.entry),
            str(len(side.found.ranking)),
            number(None if side.entry is None else side.entry.score),
            number(None if baseline is None else baseline.score),
            number(side.score if found.confirmed else None),
            number(len(side.scores) if found.confirmed else None),
            metric_name(spec.score.metric),
            number(None if side.entry is None else side.entry.step),
        )
        rows.append(row)
    numbers = ("trials", "search", "baseline", "confirmed", "seeds", "by", "after steps")
    words = ("study", "best config", "by")
    styles = ["bold" if side is found.better else "" for side in sides]
    print_table(("study", "best config", *numbers), rows, words=words, styles=styles)


def comparison_as_json(found: "Comparison") -> dict[str, Any]:
    """A comparison as plain data; numbers in full."""
    from normsweep.cli import schema

    word, rest = sentence(found)
    return schema.Compare(
        verdict=found.verdict,
        sentence=word + rest,
        confirmed=found.confirmed,
        first=_side(found.first),
        second=_side(found.second),
        difference=found.estimate,
        differences=None if found.differences is None else found.differences.tolist(),
        apart=list(found.apart),
        notes=list(found.notes),
    ).model_dump()


def _side(side: "Side") -> "schema.Side":
    from normsweep.cli import schema

    entry, baseline = side.entry, side.found.baseline
    return schema.Side(
        study=side.name,
        metric=side.found.spec.score.metric,
        trial=None if entry is None else entry.number,
        search_score=None if entry is None else entry.score,
        score=side.score,
        scores={str(seed): scores.tolist() for seed, scores in side.scores.items()},
        baseline_search_score=None if baseline is None else baseline.score,
        diverged=list(side.diverged),
        config=None if entry is None else entry.config.plain(),
    )
