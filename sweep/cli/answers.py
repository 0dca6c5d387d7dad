"""An answer in the terminal."""

import shlex
from collections.abc import Iterable, Sequence
from math import isfinite

from rich.cells import cell_len
from rich.text import Text

from normsweep.cli.app import console
from normsweep.cli.sentences import say
from normsweep.cli.sparkline import PROFILE, PRUNED, sparkline
from normsweep.cli.tables import print_table
from normsweep.cli.verdict import print_confirmation, print_headline
from normsweep.spec.auto import AutoRange, told
from normsweep.spec.ranges import Interval
from normsweep.storage.connect import DEFAULT_STORAGE, storage_url
from normsweep.storage.urls import STORAGE_VARIABLE, holds_secret
from normsweep.study.recorded import worth_telling
from normsweep.verdict.answers import Answer, Ranked, place, short
from normsweep.verdict.command import export_command
from normsweep.verdict.reading import Confirmation
from normsweep.verdict.where import nothing_better, where_to_look, worth_taking
from normsweep.verdict.words import TEXTS, columns, metric_name, number, score, settings

_SHOWN = 10
_LEAST_PROFILE = 12


def print_answer(
    found: Answer,
    storage: str | None,
    *,
    confirmed: Confirmation | None = None,
    shown: int = _SHOWN,
    left: str | None = None,
) -> None:
    """The answer first; baseline, ranking, best config, the score per target, warnings; next.

    `left` says how to go on with a search that nobody is at work on.
    """
    print_headline(found, confirmed, storage_option(storage))
    if confirmed is not None:
        print_confirmation(confirmed)
    console.print()
    say((found.study, "bold"), f": {found.counts_in_words}")
    if left is not None:
        say(left)
    metric = metric_name(found.spec.score.metric)
    if found.baseline or found.ranking:
        _print_ranking(found, metric, shown)
    if len(found.best_per_kind) > 1:
        console.print()
        _print_kinds(found, metric)
    if found.front:
        console.print()
        _print_front(found, metric)
    if len(found.best_per_target) > 1 and not found.spec.methods:
        parts = [f"{target} {score(entry)}" for target, entry in found.best_per_target.items()]
        say("Best per target:  " + ",  ".join(parts))
    _print_profiles(found)
    if found.best is not None:
        say(_best_line(found, found.best))
        if recorded := _recorded(found.best):
            say(f"Measured on it:  {recorded}")
    if (difference := found.difference) is not None:
        say(
            f"Against the baseline: {difference.mean:+.3f} ± {difference.standard_error:.3f} "
            f"(paired by fold{_ratio(found)}). {_how_far_to_trust(found, confirmed)}"
        )
    if found.stopped_by_itself is not None:
        say(
            f"Stopped by itself {found.stopped_by_itself}. It goes on after:  "
            f"sweep resume {found.study}{storage_option(storage)}"
        )
    for path, measured in found.auto.items():
        _print_range(path, measured)
    for warning in found.warnings:
        say(("warning:", "yellow"), f" {warning}")
    for trial, missed in list(found.infeasible.items())[:shown]:
        say(f"trial {trial} is infeasible: {missed}")
    for trial, reason in list(found.collapses.items())[:shown]:
        say(f"trial {trial} collapsed {reason}")
    for trial, reason in list(found.failures.items())[:shown]:
        say((f"trial {trial} failed:", "yellow"), f" {reason}")
    if found.failures:
        say(
            "Fewer fail at lower learning rates or strengths; "
            f"all reasons:  sweep show {found.study}{storage_option(storage)} --json"
        )
    if found.best is not None:
        _print_next(found, confirmed, storage)


def _print_profiles(found: Answer) -> None:
    """The score along λ in a line for each target, where λ is a range of the penalty's own."""
    searched = found.spec.penalty.strength
    if not isinstance(searched, Interval) or searched.low <= 0:
        return

    def along(trials: Sequence[Ranked]) -> list[Ranked]:
        """Those with a λ and a score."""
        on = [entry for entry in trials if isinstance(entry.penalty().get("strength"), float)]
        return [entry for entry in on if isfinite(entry.score)]

    entries, pruned = along(found.ranking), along(found.pruned)
    targets = sorted({e.target for e in (*entries, *pruned)})
    if len(entries) < 2:
        return
    ends = f"λ = {searched.low:g} … {searched.high:g}"
    metric = metric_name(found.spec.score.metric)
    bars_are = "a bar the median" + f", {PRUNED} pruned" * bool(pruned)
    console.print(f"\n[bold]{metric} along {ends}[/], {bars_are}", highlight=False)
    here = {target: [entry for entry in entries if entry.target == target] for target in targets}
    spans = {
        target: " … ".join(f"{end(e.score for e in found):.3f}" for end in (min, max) if found)
        for target, found in here.items()
    }
    width = max(map(len, targets))
    room = console.width - 4 - max(map(len, spans.values()))
    beside = room - width - 2 >= _LEAST_PROFILE
    bars = min(PROFILE, room - width - 2 if beside else room)
    for target, found_here in here.items():
        line = sparkline(
            [entry.penalty()["strength"] for entry in found_here],
            [entry.score for entry in found_here],
            searched.low,
            searched.high,
            max(bars, _LEAST_PROFILE),
            [entry.penalty()["strength"] for entry in pruned if entry.target == target],
        )
        if not beside:
            console.print(f"  {target}", highlight=False)
        name = f"{target:<{width}}  " if beside else ""
        console.print(f"  {name}{line}  {spans[target]}".rstrip(), highlight=False, soft_wrap=True)
    console.print()


def _print_range(path: str, measured: AutoRange) -> None:
    for line in told(path, measured):
        say(line)


def _ratio(found: Answer) -> str:
    """The best score over the baseline's, where both are above 0: kid, say, may lie below."""
    if found.best is None or found.baseline is None:
        return ""
    best, baseline = found.best.score, found.baseline.score
    return f"; {best / baseline:.2f} × its score" if min(best, baseline) > 0 else ""


def _print_ranking(found: Answer, metric: str, shown: int) -> None:
    kind = "method" if found.spec.methods else "penalty"
    second, shown_columns = found.spec.score.second, columns(found)
    titles = [
        *("", "trial", f"{metric} ± s.e."),
        *([] if second is None else [metric_name(second)]),
        kind,
        *(title for title, _ in shown_columns),
    ]
    entries = [(str(place), entry) for place, entry in enumerate(found.ranking[:shown], 1)]
    if found.baseline is not None:
        entries.append(("", found.baseline))
    rows, styles = [], []
    for rank, entry in entries:
        label = entry.kind if found.spec.methods else entry.acting
        row = (
            rank,
            str(entry.number),
            score(entry),
            *([] if second is None else [number(entry.second)]),
            "baseline" if entry is found.baseline else label,
            *(number(value(entry)) for _, value in shown_columns),
        )
        rows.append(row)
        styles.append("bold" if rank == "1" else "cyan" if entry is found.baseline else "")
    print_table(titles, rows, words=(kind, *TEXTS), styles=styles)


def _print_kinds(found: Answer, metric: str) -> None:
    """The kinds of regularisation by their best trial, with the strength that it had."""
    rows = [
        (str(rank), score(entry), str(found.trials_per_kind[kind]), kind, settings(entry))
        for rank, (kind, entry) in enumerate(found.best_per_kind.items(), 1)
    ]
    styles = [""] * len(rows)
    if found.baseline is not None:
        rows.append(("", score(found.baseline), "1", "baseline", ""))
        styles.append("cyan")
    titles = ("", f"best {metric} ± s.e.", "trials", "kind", "at")
    heading = "Kinds, each at its best"
    print_table(titles, rows, words=("kind", "at"), styles=styles, title=heading)


def _print_front(found: Answer, metric: str) -> None:
    """The Pareto front of two metrics."""
    rows = [
        (str(entry.number), number(entry.score), number(entry.second), settings(entry))
        for entry in found.front
    ]
    titles = ("trial", metric, metric_name(str(found.spec.score.second)), "settings")
    heading = "Pareto front: no trial is better in both"
    print_table(titles, rows, words=("settings",), title=heading)


def _best_line(found: Answer, best: Ranked) -> str:
    if found.spec.methods:
        chosen = ": ".join(filter(None, (best.kind, settings(best))))
        return f"Best config:  trial {best.number}, {chosen}, {score(best)}"
    penalty = {f"penalty.{field}": value for field, value in best.penalty().items()}
    values = penalty | best.parameters
    kind = []
    if best.target == "none":
        kind = [best.acting]
        del values["penalty.form"]
    told = (f"{short(path)} = {number(values[path])}" for path in sorted(values, key=place))
    shown = ", ".join([*kind, *told])
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
        console.print()
        say(f"Next:  {said}")
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
        if 2 + max(42, cell_len(command)) + 1 + cell_len(purpose) <= console.width:
            say(f"  {command:<42} ", (purpose, "dim"))
            continue
        console.print(Text(f"  {command}"), soft_wrap=True)
        say((f"    {purpose}", "dim"))
