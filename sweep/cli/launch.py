"""`sweep launch` and `sweep init`."""

import os
import re
import shlex
import signal
import sys
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Annotated, Self

import typer

from sweep.cli.app import AsJson, Storage, app, console, notices, print_json
from sweep.errors import UserError


@app.command("launch", epilog="Example:  sweep launch digits --trials 12")
def launch_command(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A TOML file, or the name of a built-in study.")
    ] = "digits",
    storage: Storage = None,
    trials: Annotated[
        int | None, typer.Option(help="Trials in all, beside the baseline. [dim]Default: spec's[/]")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="Stop after S seconds, as Ctrl-C would.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the study. [dim]Default: spec's[/]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a study, or go on with it: from a spec to a ranked answer.

    Ctrl-C ends it after the running chunk with nothing lost; the same command goes on.
    """
    # Not `timeout <= 0`, which lets NaN pass.
    if timeout is not None and not timeout > 0:
        raise UserError(f"--timeout {timeout:g}: accepted: a number of seconds above 0")
    from sweep.cli.answers import answer_as_json, print_answer
    from sweep.cli.watching import watching
    from sweep.spec import load_spec
    from sweep.study.answers import answer
    from sweep.study.launch import launch

    options = {"study.trials": trials, "study.name": name}
    loaded = load_spec(spec, {path: value for path, value in options.items() if value is not None})
    with watching(quiet=as_json) as watch, Interrupts() as interrupts:
        launched = launch(loaded, storage, timeout=timeout, watch=watch, stop=interrupts.happened)
    found = answer(launched.study)
    if as_json:
        print_json(answer_as_json(found) | {"done": launched.done})
    else:
        print_answer(found, storage)
        if not launched.done:
            again = shlex.join(["sweep", *sys.argv[1:]])
            console.print("\nStopped before the end; nothing is lost. Go on with:")
            console.print(f"  {again}", markup=False, highlight=False, soft_wrap=True)
    if interrupts.happened() and not launched.done:
        raise typer.Exit(130)


@app.command("init", epilog="Example:  sweep init mine.toml && sweep launch mine.toml")
def init_command(
    file: Annotated[Path, typer.Argument(help="Where to write the spec.")] = Path("sweep.toml"),
) -> None:
    """Write a commented spec that `sweep launch` accepts, to start one's own from."""
    if file.exists():
        raise UserError(f"{file}: exists already; choose another name")
    parent = file.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UserError(f"{file}: {parent} is not a writable folder")
    text = (files("sweep") / "studies" / "template" / "spec.toml").read_text(encoding="utf-8")
    name = re.sub(r"[^A-Za-z0-9._-]", "-", file.stem).lstrip("._-")[:100] or "mine"
    file.write_text(text.replace('name = "mine"', f'name = "{name}"'), encoding="utf-8")
    console.print(
        f"Wrote {file}. Start it with:  sweep launch {file}", markup=False, highlight=False
    )


class Interrupts:
    """Ctrl-C and SIGTERM as a question that the study's loop can ask; the second one is final."""

    def __init__(self) -> None:
        self._count = 0
        self._before: dict[signal.Signals, signal.Handlers] = {}

    def happened(self) -> bool:
        """Whether the user wants to stop."""
        return self._count > 0

    def __enter__(self) -> Self:
        for name in (signal.SIGINT, signal.SIGTERM):
            self._before[name] = signal.signal(name, self._on_signal)  # type: ignore[assignment]
        return self

    def __exit__(self, *exception: object) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._count += 1
        if self._count > 1:
            raise KeyboardInterrupt
        notices.print("stopping after the running chunk (Ctrl-C again: at once) …")
