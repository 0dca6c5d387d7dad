"""`sweep launch` and `sweep init`."""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normsweep.cli.app import (
    AsJson,
    Files,
    NoPlugins,
    Resume,
    Set,
    Storage,
    app,
    console,
)
from normsweep.cli.log_to import LogTo, logging_to
from normsweep.engine.collection import uncollected
from normsweep.errors import UserError
from normsweep.storage.files import write_whole

if TYPE_CHECKING:
    from normsweep.spec import Spec


@app.command("launch", epilog="Example:  sweep launch digits --trials 12")
def launch_command(
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="SPEC",
            help="A TOML file, or the name of a built-in study. [dim]Default: digits[/]",
        ),
    ] = None,
    storage: Storage = None,
    narrow: Annotated[
        str | None,
        typer.Option(
            metavar="STUDY",
            help="Instead of a SPEC: that of STUDY with its ranges narrowed round its best trials. "
            "A new study, STUDY-2, which begins with those.",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Trials in all, beside the baseline. [dim]Default: spec's[/]")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="Stop after S seconds, as Ctrl-C would.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the study. [dim]Default: spec's[/]")
    ] = None,
    settings: Set = [],  # noqa: B006 (Typer's way)
    resume: Resume = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Workers, each a process on cores of its own.")
    ] = 1,
    on: Annotated[
        str, typer.Option(help="local: on this machine. ray: as actors of a Ray cluster.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="The Ray cluster. [dim]Default: RAY_ADDRESS, a running one, a new one here[/]",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what the study takes, by a few steps of it, and launch nothing."
        ),
    ] = False,
    files: Files = None,
    log_to: LogTo = [],  # noqa: B006
    no_plugins: NoPlugins = False,
    as_json: AsJson = False,
) -> None:
    """Run a study, or go on with it: from a spec to a ranked answer.

    Ctrl-C ends it after the running chunk with nothing lost; the same command
    goes on. It rests while the study is paused (`sweep pause`).
    """
    # Not `timeout <= 0`, which lets NaN pass.
    if timeout is not None and not timeout > 0:
        raise UserError(f"--timeout {timeout:g}: accepted: a number of seconds above 0")
    with uncollected():
        from normsweep.cli.answers import storage_option
        from normsweep.cli.interrupts import Interrupts
        from normsweep.cli.logs import notice_log, warning_log
        from normsweep.cli.watching import watching
        from normsweep.spec import load_spec
        from normsweep.spec.assignments import assignments
        from normsweep.spec.load import as_written, changed
        from normsweep.spec.messages import OPTIONS
        from normsweep.study.attributes import PAUSED, STOPPED
        from normsweep.study.control import control
        from normsweep.worker.launch import launch

    if on == "ray":
        # Its notices of dead nodes go to standard output, where nothing but the answer belongs.
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
    values, called = assignments(settings)
    written = None
    if narrow is not None:
        loaded = changed(_narrowed(narrow, spec, storage, name, trials), values, called)
    else:
        options = {"study.trials": trials, "study.name": name}
        given = {path: value for path, value in options.items() if value is not None}
        loaded = load_spec(
            spec or "digits", values | given, called | {path: OPTIONS[path] for path in given}
        )
        written = as_written(spec or "digits", values | given)
    if dry_run:
        from normsweep.cli.dry_run import print_estimate

        print_estimate(loaded, workers, as_json=as_json)
        return
    log = warning_log if as_json else notice_log
    with (
        watching(quiet=as_json) as shown,
        logging_to(log_to, loaded.study.name, storage, files, log) as logged,
        Interrupts() as interrupts,
    ):
        launched = launch(
            loaded,
            storage,
            files=files,
            workers=workers,
            on=on,
            address=address,
            timeout=timeout,
            source=narrow,
            watch=logged(shown.study),
            stop=interrupts.happened,
            log=log,
            decoding=interrupts.cutting(shown.pictures),
            measuring=interrupts.cutting(shown.measuring),
            resume=resume,
            written=written,
        )
    # What trains has not waited for what only the end needs.
    from normsweep.cli.launched import tell

    tell(launched, storage, as_json=as_json)
    if not launched.done and not as_json:
        closed = not resume and control(launched.study) in (PAUSED, STOPPED)
        arguments = [*_without_secrets(sys.argv[1:]), *(["--resume"] if closed else [])]
        again = shlex.join(["sweep", *arguments]) + storage_option(storage)
        console.print("\nStopped before the end; nothing is lost. Go on with:")
        console.print(f"  {again}", markup=False, highlight=False, soft_wrap=True)
    if interrupts.happened() and not launched.done:
        raise typer.Exit(130)


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    """A command's arguments but for the storage, and for passwords, which are nowhere printed."""
    from normsweep.storage.urls import without_secrets

    rest = iter(arguments)
    for argument in rest:
        if argument == "--storage":
            next(rest, None)
        elif not argument.startswith("--storage="):
            yield without_secrets(argument)


def _narrowed(
    source: str, spec: str | None, storage: str | None, name: str | None, trials: int | None
) -> "Spec":
    from normsweep.storage import open_storage
    from normsweep.study.follow_up import follow_up

    if spec is not None:
        raise UserError(f"{spec}: --narrow {source} has the spec of that study; accepted: no SPEC")
    return follow_up(open_storage(storage, reading=True), source, name=name, trials=trials)


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
    text = (files("normsweep") / "studies" / "template" / "spec.toml").read_text(encoding="utf-8")
    name = re.sub(r"[^A-Za-z0-9._-]", "-", file.stem).lstrip("._-")[:100] or "mine"
    write_whole(file, text.replace('name = "mine"', f'name = "{name}"'))
    console.print(
        f"Wrote {file}. Start it with:  sweep launch {file}", markup=False, highlight=False
    )
