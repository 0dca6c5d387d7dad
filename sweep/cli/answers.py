"""An answer in the terminal, and as JSON."""

from collections.abc import Callable
from functools import partial
from typing import Any

from rich.table import Table

from sweep.cli.app import console
from sweep.storage.connect import DEFAULT_STORAGE, STORAGE_VARIABLE, shown_url, storage_url
from sweep.study.answers import KIND_FIELDS, Answer, Ranked, short
from sweep.study.measure import STILL

_SHOWN = 10
JSON_VERSION = 1
"""Of the output of `show --json` and `launch --json`; grows when a key changes its meaning."""


def print_answer(found: Answer, storage: str | None, *, shown: int = _SHOWN) -> None:
    """Baseline and ranking, the best config, the score per target, warnings, and what is next."""
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items() if count)
    console.print(f"\n[bold]{found.study}[/]: {counts or 'no trials yet'}", highlight=False)
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
        parts = [f"{target} {_score(entry)}" for target, entry in found.best_per_target.items()]
        console.print("Best per target:  " + ",  ".join(parts), highlight=False)
    if found.best is not None:
        console.print(_best_line(found, found.best), highlight=False)
        if recorded := _recorded(found.best):
            console.print(f"Measured on it:  {recorded}", highlight=False)
    if (difference := found.difference) is not None:
        console.print(
            f"Against the baseline: {difference.mean:+.3f} ± {difference.standard_error:.3f} "
            f"(paired by fold{_ratio(found)}). The best of many is also the luckiest: "
            "expect less of it on new seeds (sweep score --seed).",
            highlight=False,
        )
    if found.stopped_by_itself is not None:
        console.print(
            f"Stopped by itself {found.stopped_by_itself}. It goes on after:  "
            f"sweep resume {found.study}{_storage_option(storage)}",
            highlight=False,
            soft_wrap=True,
        )
    for warning in found.warnings:
        console.print(f"[yellow]warning:[/] {warning}", highlight=False)
    for number, reason in list(found.failures.items())[:shown]:
        console.print(f"[yellow]trial {number} failed:[/] {reason}", highlight=False)
    if found.failures:
        console.print(
            "Fewer fail at lower learning rates or strengths; "
            f"all reasons:  sweep show {found.study}{_storage_option(storage)} --json",
            highlight=False,
            soft_wrap=True,
        )
    if found.best is not None:
        _print_next(found, storage)


def _ratio(found: Answer) -> str:
    """The best score over the baseline's, where both are above 0: kid, say, may lie below."""
    if found.best is None or found.baseline is None:
        return ""
    best, baseline = found.best.score, found.baseline.score
    return f"; {best / baseline:.2f} × its score" if min(best, baseline) > 0 else ""


def metric_name(metric: str) -> str:
    """What a metric is called in tables."""
    return {"fid": "FID-proxy", "kid": "KID"}.get(metric, metric.replace("_", " "))


def _ranking(found: Answer, metric: str, shown: int) -> Table:
    table = _table("", "trial", f"{metric} ± s.e.")
    second = found.spec.score.second
    if second is not None:
        table.add_column(metric_name(second), justify="right")
    table.add_column("method" if found.spec.methods else "penalty")
    columns = _columns(found)
    for title, _ in columns:
        table.add_column(title, justify="left" if title in _TEXTS else "right")
    entries = [(str(place), entry) for place, entry in enumerate(found.ranking[:shown], 1)]
    if found.baseline is not None:
        entries.append(("", found.baseline))
    for place, entry in entries:
        label = entry.kind if found.spec.methods else entry.penalty()["form"]
        table.add_row(
            place,
            str(entry.number),
            _score(entry),
            *([] if second is None else [_number(entry.second)]),
            "[italic]baseline[/]" if entry is found.baseline else label,
            *(_number(value(entry)) for _, value in columns),
            style="bold" if place == "1" else "cyan" if entry is found.baseline else "",
        )
    return table


def _table(*numbers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in numbers:
        table.add_column(title, justify="right")
    return table


_TEXTS = ("target", "settings")

Column = tuple[str, Callable[[Ranked], Any]]


def _columns(found: Answer) -> list[Column]:
    """What a ranking shows of each trial: of methods, whatever each of them searched, in one."""
    if found.spec.methods:
        return [("settings", lambda entry: _settings(entry) or None)]
    columns: list[Column] = []
    if any("target" in entry.penalty() for entry in found.ranking):
        columns.append(("target", lambda entry: entry.penalty().get("target")))
    fields = dict.fromkeys(key for entry in found.ranking for key in entry.penalty())
    for field in fields:
        if field not in ("form", "target"):
            title = {"strength": "λ", "order": "p"}.get(field, field)
            columns.append((title, partial(_coefficient, field=field)))
    shown = {f"penalty.{field}" for field in fields}
    for path in found.spec.ranges():
        if path not in shown:
            columns.append((short(path), partial(_setting, path=path)))
    return columns


def _kinds(found: Answer, metric: str) -> Table:
    """The kinds of regularisation by their best trial, with the strength that it had."""
    table = _table("", f"best {metric} ± s.e.", "trials")
    table.title, table.title_justify = "Kinds, each at its best", "left"
    table.add_column("kind")
    table.add_column("at")
    for place, (kind, entry) in enumerate(found.best_per_kind.items(), 1):
        trials = str(found.trials_per_kind[kind])
        table.add_row(str(place), _score(entry), trials, kind, _settings(entry))
    if found.baseline is not None:
        table.add_row("", _score(found.baseline), "1", "[italic]baseline[/]", "", style="cyan")
    return table


def _front(found: Answer, metric: str) -> Table:
    """The Pareto front of two metrics."""
    table = _table("trial", metric, metric_name(str(found.spec.score.second)))
    table.title, table.title_justify = "Pareto front: no trial is better in both", "left"
    table.add_column("settings")
    for entry in found.front:
        row = (str(entry.number), _number(entry.score), _number(entry.second), _settings(entry))
        table.add_row(*row)
    return table


def _settings(entry: Ranked) -> str:
    """What the search chose for a trial, without what names its kind."""
    chosen = {k: v for k, v in entry.parameters.items() if k not in KIND_FIELDS}
    return ", ".join(f"{short(path)} = {_number(value)}" for path, value in chosen.items())


def _coefficient(entry: Ranked, field: str) -> Any:
    return entry.penalty().get(field)


def _setting(entry: Ranked, path: str) -> Any:
    section, field = path.split(".")
    return getattr(getattr(entry.config, section), field)


def _best_line(found: Answer, best: Ranked) -> str:
    if found.spec.methods:
        settings = ": ".join(filter(None, (best.kind, _settings(best))))
        return f"Best config:  trial {best.number}, {settings}, {_score(best)}"
    values = best.penalty() | {
        short(path): value
        for path, value in best.parameters.items()
        if not path.startswith("penalty.") or path in KIND_FIELDS
    }
    shown = ", ".join(f"{name} = {_number(value)}" for name, value in values.items())
    return f"Best config:  trial {best.number}, {shown}, {_score(best)}"


def _recorded(best: Ranked) -> str:
    told = {name: x for name, x in best.recorded.items() if STILL.get(name) != x}
    return ", ".join(f"{name.replace('_', ' ')} {_number(x)}" for name, x in told.items())


def _storage_option(storage: str | None) -> str:
    url = storage_url(storage)
    if shown_url(url) != url:
        # A password is nowhere printed.
        return f' --storage "${STORAGE_VARIABLE}"'
    return "" if url == DEFAULT_STORAGE else f" --storage {url}"


def _print_next(found: Answer, storage: str | None) -> None:
    option = _storage_option(storage)
    console.print("\nNext:")
    for command, purpose in (
        (f"sweep export {found.study}{option} -o best.toml", "the best config as a file"),
        ("sweep score best.toml", "the same scores again, to the bit"),
        ("sweep score best.toml --seed 1", "on a seed that the search never saw"),
        ("sweep train best.toml -o out", "a GAN trained with it, and samples"),
        (f"sweep dashboard{option}", "the study in the Optuna dashboard"),
    ):
        console.print(f"  {command:<42} [dim]{purpose}[/]", highlight=False, soft_wrap=True)


def _score(entry: Ranked) -> str:
    return f"{entry.score:.3f} ± {entry.standard_error:.3f}"


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return "–" if value is None else str(value)


def answer_as_json(found: Answer) -> dict[str, Any]:
    """The answer as plain data; numbers in full."""
    return {
        "version": JSON_VERSION,
        "study": found.study,
        "metric": found.spec.score.metric,
        "counts": found.counts,
        "baseline": None if found.baseline is None else _as_json(found.baseline),
        "best": None if found.best is None else _as_json(found.best),
        "difference": None
        if found.difference is None
        else {
            "mean": found.difference.mean,
            "standard_error": found.difference.standard_error,
        },
        "second_metric": found.spec.score.second,
        "front": [_as_json(entry) for entry in found.front],
        "best_per_kind": {
            kind: _as_json(entry) | {"trials": found.trials_per_kind[kind]}
            for kind, entry in found.best_per_kind.items()
        },
        "best_per_target": {
            target: _as_json(entry) for target, entry in found.best_per_target.items()
        },
        "ranking": [_as_json(entry) for entry in found.ranking],
        "warnings": list(found.warnings),
        "stopped_by_itself": found.stopped_by_itself,
        "failures": {str(number): reason for number, reason in found.failures.items()},
        "feature_accuracy": found.feature_accuracy,
        "spec": found.spec.plain(),
    }


def _as_json(entry: Ranked) -> dict[str, Any]:
    return {
        "trial": entry.number,
        "score": entry.score,
        "standard_error": entry.standard_error,
        "fold_scores": list(entry.fold_scores),
        "step": entry.step,
        "kind": entry.kind,
        "second_score": entry.second,
        "second_fold_scores": list(entry.second_fold_scores),
        "parameters": entry.parameters,
        "recorded": entry.recorded,
        "penalty": entry.penalty(),
        "config": entry.config.plain(),
    }
