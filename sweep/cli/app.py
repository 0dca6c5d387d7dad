"""What all commands share: the Typer app, the options that recur, and how they print."""

import json
import math
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

app = typer.Typer(
    name="sweep",
    help="Does regularisation help this GAN, which, how strong, on which network?\n\n"
    "Start with [bold]sweep launch[/], which needs nothing else.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
# A table in a pipe or a file is not cut to the 80 columns that are assumed there.
console = Console(width=None if sys.stdout and sys.stdout.isatty() else 160)
# A message that is no terminal's is a line, to be searched for.
notices = Console(stderr=True, width=None if sys.stderr and sys.stderr.isatty() else 10_000)
COUNTS = ("complete", "collapsed", "pruned", "failed", "running", "waiting")
"""How many trials of a study are how far: the columns of all tables of studies."""


def counts_shown(entries: Iterable[object]) -> tuple[str, ...]:
    """The `COUNTS` of studies that a table shows: none of what is rare, where there is none."""
    rare = {"collapsed"}
    there = {name for entry in entries for name in rare if getattr(entry, name)}
    return tuple(name for name in COUNTS if name not in rare or name in there)


Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        envvar="SWEEP_STORAGE",
        help="Database of the studies. [dim]Default: sqlite:///studies.db in this folder[/]",
        show_default=False,
        show_envvar=True,
    ),
]
Files = Annotated[
    Path | None,
    typer.Option(
        "--files",
        metavar="DIR",
        envvar="SWEEP_FILES",
        help="Folder of checkpoints and pictures. [dim]Default: studies.files beside studies.db[/]",
        show_default=False,
        show_envvar=True,
    ),
]


def _forbid_plugins(forbidden: bool) -> bool:
    if forbidden:
        # In the environment, since a launch starts workers.
        os.environ["SWEEP_NO_PLUGINS"] = "1"
    return forbidden


NoPlugins = Annotated[
    bool,
    typer.Option(
        "--no-plugins",
        envvar="SWEEP_NO_PLUGINS",
        help="Run no file of code that a spec names.",
        show_envvar=True,
        callback=_forbid_plugins,
    ),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Another value, or range, of a field: [dim]--set train.steps=8000 --set "
        "penalty.order=1[/]. May be given several times.",
        show_default=False,
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Let a study go on that was paused or stopped, as by itself."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(data: Any) -> None:
    """Prints data as JSON on standard output, numbers in full precision.

    JSON has no word for NaN and infinity: where a number is not finite there is null.
    """
    typer.echo(json.dumps(_without_nan(data), indent=2, allow_nan=False))


def _without_nan(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return None
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return data
