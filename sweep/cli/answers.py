"""An answer in the terminal, and as JSON."""

from typing import Any

from rich.table import Table

from sweep.cli.app import console
from sweep.storage.connect import DEFAULT_STORAGE, storage_url
from sweep.study.answers import Answer, Ranked

_SHOWN = 10
JSON_VERSION = 1
"""Of the output of `show --json` and `launch --json`; grows when a key changes its meaning."""


def print_answer(found: Answer, storage: str | None, *, shown: int = _SHOWN) -> None:
    """Baseline and ranking, the best config, the score per target, warnings, and what is next."""
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items() if count)
    console.print(f"\n[bold]{found.study}[/]: {counts or 'no trials yet'}", highlight=False)
    metric = {"fid": "FID-proxy", "kid": "KID"}[found.spec.score.metric]
    if found.baseline or found.ranking:
        console.print(_ranking(found, metric, shown))
    if len(found.best_per_target) > 1:
        parts = [f"{target} {_score(entry)}" for target, entry in found.best_per_target.items()]
        console.print("Best per target:  " + ",  ".join(parts), highlight=False)
    if found.best is not None:
        console.print(_best_line(found.best), highlight=False)
    if (difference := found.difference) is not None and found.baseline is not None:
        ratio = found.best.score / found.baseline.score if found.best else 1.0
        console.print(
            f"Against the baseline: {difference.mean:+.3f} ± {difference.standard_error:.3f} "
            f"(paired by fold; {ratio:.2f} × its score). The best of many is also the luckiest: "
            "expect less of it on new seeds (sweep score --seed).",
            highlight=False,
        )
    for warning in found.warnings:
        console.print(f"[yellow]warning:[/] {warning}", highlight=False)
    for number, reason in list(found.failures.items())[:shown]:
        console.print(f"[yellow]trial {number} failed:[/] {reason}", highlight=False)
    if found.best is not None:
        _print_next(found, storage)


def _ranking(found: Answer, metric: str, shown: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("trial", justify="right")
    table.add_column(f"{metric} ± s.e.", justify="right")
    table.add_column("penalty")
    table.add_column("target")
    fields = [
        field
        for field in dict.fromkeys(key for entry in found.ranking for key in entry.penalty())
        if field not in ("form", "target")
    ]
    for field in fields:
        table.add_column({"strength": "λ", "order": "p"}.get(field, field), justify="right")
    others = [path for path in found.spec.ranges() if not path.startswith("penalty.")]
    for path in others:
        table.add_column(path.split(".")[1], justify="right")
    entries = [(str(place), entry) for place, entry in enumerate(found.ranking[:shown], 1)]
    if found.baseline is not None:
        entries.append(("", found.baseline))
    for place, entry in entries:
        penalty = entry.penalty()
        table.add_row(
            place,
            str(entry.number),
            _score(entry),
            "[italic]baseline[/]" if entry is found.baseline else penalty["form"],
            penalty.get("target", "–"),
            *(_number(penalty.get(field)) for field in fields),
            *(_number(_setting(entry, path)) for path in others),
            style="bold" if place == "1" else "cyan" if entry is found.baseline else "",
        )
    return table


def _setting(entry: Ranked, path: str) -> Any:
    section, field = path.split(".")
    return getattr(getattr(entry.config, section), field)


def _best_line(best: Ranked) -> str:
    settings = ", ".join(f"{name} = {_number(value)}" for name, value in best.penalty().items())
    return f"Best config:  trial {best.number}, {settings}, {_score(best)}"


def _print_next(found: Answer, storage: str | None) -> None:
    url = storage_url(storage)
    option = "" if url == DEFAULT_STORAGE else f" --storage {url}"
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
        "best_per_target": {
            target: _as_json(entry) for target, entry in found.best_per_target.items()
        },
        "ranking": [_as_json(entry) for entry in found.ranking],
        "warnings": list(found.warnings),
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
        "penalty": entry.penalty(),
        "config": entry.config.plain(),
    }
