"""An answer in the terminal."""

import shlex
from collections.abc import Iterable
from math import isfinite

from rich.markup import escape
from rich.table import Table

from normsweep.cli.app import console
from normsweep.cli.sparkline import sparkline
from normsweep.cli.verdict import print_confirmation, print_headline
from normsweep.spec.auto import AutoRange, told
from normsweep.spec.fields import KIND_FIELDS
from normsweep.spec.ranges import Interval
from normsweep.storage.connect import DEFAULT_STORAGE, storage_url
from normsweep.storage.urls import STORAGE_VARIABLE, holds_secret
from normsweep.study.recorded import worth_telling
from normsweep.verdict.answers import Answer, Ranked, short
from normsweep.verdict.command import export_command
from normsweep.verdict.reading import Confirmation
from normsweep.verdict.where import nothing_better, where_to_look, worth_taking
from normsweep.verdict.words import TEXTS, columns, metric_name, number, score, settings

_SHOWN = 10


def print_answer(
    found: Answer,
    storage: str | None,
    *,
    confirmed: Confirmation | None = None,
    shown: int = _SHOWN,
) -> None:
    """The answer first; baseline, ranking, best config, the score per target, warnings; next."""
    print_headline(found, confirmed, storage_option(storage))
    if confirmed is not None:
        print_confirmation(confirmed)
    console.print(f"\n[bold]{found.study}[/]: {found.counts_in_words}", highlight=False)
    metric = metric_name(found.spec.score.metric)
    if found.baseline or found.ranking:
        console.print(_ranking(found, metric, shown))
    if len(found.best_per_kind) > 1:
        console.print()
        console.print(_kinds(found, metric))
    if found.front:
        console.print()
        console.print(_front(found, metric))
    if len(found.best_per_target) > 1 and not found.spec.methods:
        parts = [f"{target} {score(entry)}" for target, entry in found.best_per_target.items()]
        console.print("Best per target:  " + ",  ".join(parts), highlight=False)
    _print_profiles(found)
    if found.best is not None:
        console.print(_best_line(found, found.best), markup=False, highlight=False)
        if recorded := _recorded(found.best):
            console.print(f"Measured on it:  {recorded}", markup=False, highlight=False)
    if (difference := found.difference) is not None:
        console.print(
            f"Against the baseline: {difference.mean:+.3f} ± {difference.standard_error:.3f} "
            f"(paired by fold{_ratio(found)}). {_how_far_to_trust(found, confirmed)}",
            highlight=False,
        )
    if found.stopped_by_itself is not None:
        console.print(
            f"Stopped by itself {found.stopped_by_itself}. It goes on after:  "
            f"sweep resume {found.study}{storage_option(storage)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    for path, measured in found.auto.items():
        _print_range(path, measured)
    for warning in found.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}", highlight=False)
    for trial, missed in list(found.infeasible.items())[:shown]:
        console.print(f"trial {trial} is infeasible: {missed}", markup=False, highlight=False)
    for trial, reason in list(found.collapses.items())[:shown]:
        console.print(f"trial {trial} collapsed {escape(reason)}", highlight=False)
    for trial, reason in list(found.failures.items())[:shown]:
        console.print(f"[yellow]trial {trial} failed:[/] {escape(reason)}", highlight=False)
    if found.failures:
        console.print(
            "Fewer fail at lower learning rates or strengths; "
            f"all reasons:  sweep show {found.study}{storage_option(storage)} --json",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if found.best is not None:
        _print_next(found, confirmed, storage)


def _print_profiles(found: Answer) -> None:
    """The score along λ in a line for each target, where λ is a range of the penalty's own."""
    searched = found.spec.penalty.strength
    if not isinstance(searched, Interval) or searched.low <= 0:
        return
    entries = [
        entry
        for entry in found.ranking
        if isinstance(entry.penalty().get("strength"), float) and isfinite(entry.score)
    ]
    targets = sorted({e.target for e in entries})
    if len(entries) < 2:
        return
    ends = f"λ = {searched.low:g} … {searched.high:g}"
    metric = metric_name(found.spec.score.metric)
    console.print(f"\n[bold]{metric} along {ends}[/], a bar the median", highlight=False)
    width = max(map(len, targets))
    for target in targets:
        here = [entry for entry in entries if entry.target == target]
        scores = [entry.score for entry in here]
        line = sparkline(
            [entry.penalty()["strength"] for entry in here], scores, searched.low, searched.high
        )
        console.print(
            f"  {target:<{width}}  {line}  {min(scores):.3f} … {max(scores):.3f}", highlight=False
        )
    console.print()


def _print_range(path: str, measured: AutoRange) -> None:
    for line in told(path, measured):
        console.print(line, markup=False, highlight=False)


def _ratio(found: Answer) -> str:
    """The best score over the baseline's, where both are above 0: kid, say, may lie below."""
    if found.best is None or found.baseline is None:
        return ""
    best, baseline = found.best.score, found.baseline.score
    return f"; {best / baseline:.2f} × its score" if min(best, baseline) > 0 else ""


def _ranking(found: Answer, metric: str, shown: int) -> Table:
    table = _table("", "trial", f"{metric} ± s.e.")
    second = found.spec.score.second
    if second is not None:
        table.add_column(metric_name(second), justify="right")
    table.add_column("method" if found.spec.methods else "penalty")
    shown_columns = columns(found)
    for title, _ in shown_columns:
        table.add_column(title, justify="left" if title in TEXTS else "right")
    entries = [(str(place), entry) for place, entry in enumerate(found.ranking[:shown], 1)]
    if found.baseline is not None:
        entries.append(("", found.baseline))
    for place, entry in entries:
        label = entry.kind if found.spec.methods else entry.penalty()["form"]
        table.add_row(
            place,
            str(entry.number),
            score(entry),
            *([] if second is None else [number(entry.second)]),
            "[italic]baseline[/]" if entry is found.baseline else escape(label),
            *(escape(number(value(entry))) for _, value in shown_columns),
            style="bold" if place == "1" else "cyan" if entry is found.baseline else "",
        )
    return table


def _table(*numbers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in numbers:
        table.add_column(title, justify="right")
    return table


def _kinds(found: Answer, metric: str) -> Table:
    """The kinds of regularisation by their best trial, with the strength that it had."""
    table = _table("", f"best {metric} ± s.e.", "trials")
    table.title, table.title_justify = "Kinds, each at its best", "left"
    table.add_column("kind")
    table.add_column("at")
    for place, (kind, entry) in enumerate(found.best_per_kind.items(), 1):
        trials = str(found.trials_per_kind[kind])
        table.add_row(str(place), score(entry), trials, escape(kind), escape(settings(entry)))
    if found.baseline is not None:
        table.add_row("", score(found.baseline), "1", "[italic]baseline[/]", "", style="cyan")
    return table


def _front(found: Answer, metric: str) -> Table:
    """The Pareto front of two metrics."""
    table = _table("trial", metric, metric_name(str(found.spec.score.second)))
    table.title, table.title_justify = "Pareto front: no trial is better in both", "left"
    table.add_column("settings")
    for entry in found.front:
        row = (str(entry.number), number(entry.score), number(entry.second))
        table.add_row(*row, escape(settings(entry)))
    return table


def _best_line(found: Answer, best: Ranked) -> str:
    if found.spec.methods:
        chosen = ": ".join(filter(None, (best.kind, settings(best))))
        return f"Best config:  trial {best.number}, {chosen}, {score(best)}"
    values = best.penalty() | {
        short(path): value
        for path, value in best.parameters.items()
        if not path.startswith("penalty.") or path in KIND_FIELDS
    }
    shown = ", ".join(f"{name} = {number(value)}" for name, value in values.items())
    return f"Best config:  trial {best.number}, {shown}, {score(best)}"


def _recorded(best: Ranked) -> str:
    told = worth_telling(best.recorded)
    return ", ".join(f"{name.replace('_', ' ')} {number(x)}" for name, x in told.items())


def storage_option(storage: str | None) -> str:
    """What names the storage in a command for the user to call, with a space in front."""
    url = storage_url(storage)
    if holds_secret(url):
        # It is nowhere printed.
        return f' --storage "${STORAGE_VARIABLE}"'
    return "" if url == DEFAULT_STORAGE else f" --storage {shlex.quote(url)}"


def _is_confirmed(found: Answer, confirmed: Confirmation | None) -> bool:
    """Whether the search's best is among the confirmed: later trials may have a better one."""
    best = found.best
    return (
        best is not None
        and confirmed is not None
        and not confirmed.missing
        and any(entry.trial.number == best.number for entry in confirmed.candidates)
    )


def _how_far_to_trust(found: Answer, confirmed: Confirmation | None) -> str:
    if found.beats_baseline is False:
        return f"{nothing_better(found)}."
    if _is_confirmed(found, confirmed):
        left = "see above what is left of it"
    else:
        left = "expect less of it on new seeds"
    return f"The best of many is also the luckiest: {left}."


def _confirm_command(found: Answer, option: str) -> tuple[str, str]:
    return f"sweep confirm {found.study}{option}", "whether it really helps, on new seeds"


def _print_next(found: Answer, confirmed: Confirmation | None, storage: str | None) -> None:
    option = storage_option(storage)
    if not worth_taking(found, confirmed):
        said = f"{nothing_better(found)}: no config to take away. Where to look:"
        console.print(f"\nNext:  {said}", highlight=False, soft_wrap=True)
        _print_steps(where_to_look(found, option))
        return
    console.print("\nNext:")
    steps = (
        *([] if _is_confirmed(found, confirmed) else [_confirm_command(found, option)]),
        export_command(found, confirmed, option),
        ("sweep score best.toml", "the same scores again, to the bit"),
        ("sweep train best.toml -o out", "its networks trained, and samples"),
        (f"sweep report {found.study}{option}", "the answer and all figures in one file"),
        (f"sweep dashboard{option}", "the study in the Optuna dashboard"),
    )
    _print_steps(steps)


def _print_steps(steps: Iterable[tuple[str, str]]) -> None:
    for command, purpose in steps:
        line = f"  {escape(f'{command:<42}')} [dim]{purpose}[/]"
        console.print(line, highlight=False, soft_wrap=True)
