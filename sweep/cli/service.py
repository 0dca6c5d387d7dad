"""`sweep submit`, `worker`, `pause`, `resume`, `stop` and `status`."""

import os
import re
from typing import Annotated

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
    counts_shown,
    print_json,
)
from normsweep.cli.sentences import say
from normsweep.cli.tables import print_table
from normsweep.engine.collection import uncollected
from normsweep.errors import UserError

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")]


@app.command("submit", epilog="Example:  sweep submit mine.toml && sweep worker mine")
def submit_command(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A TOML file, or a built-in study.")],
    storage: Storage = None,
    trials: Annotated[
        int | None, typer.Option(help="Trials in all, beside the baseline. [dim]Default: spec's[/]")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the study. [dim]Default: spec's[/]")
    ] = None,
    settings: Set = [],  # noqa: B006 (Typer's way)
    resume: Resume = False,
    no_plugins: NoPlugins = False,
) -> None:
    """Register a study for workers to run, and return.

    The spec is stored in the database; a worker needs nothing else but the data.
    """
    from normsweep.cli.answers import storage_option
    from normsweep.cli.logs import notice_log
    from normsweep.cli.watching import decoding
    from normsweep.spec import load_spec
    from normsweep.spec.assignments import assignments
    from normsweep.spec.load import as_written
    from normsweep.spec.messages import OPTIONS
    from normsweep.study.attributes import OPEN
    from normsweep.study.tally import tally_of
    from normsweep.worker.submit import submit

    options = {"study.trials": trials, "study.name": name}
    given = {path: value for path, value in options.items() if value is not None}
    values, called = assignments(settings)
    loaded = load_spec(spec, values | given, called | {path: OPTIONS[path] for path in given})
    written = as_written(spec, values | given)
    with decoding() as watch:
        _, study, _, was, _ = submit(
            loaded, storage, log=notice_log, decoding=watch, resume=resume, written=written
        )
    name = study.study_name
    found, _ = tally_of(study, study.get_trials(deepcopy=False))
    total = found.ended + found.open
    if was is None:
        told = f"Submitted {name}: {total} trials."
    else:
        again = "" if was == OPEN else f", was {was} and is open again"
        told = f"{name} was there already{again}: {found.ended} of {total} trials done."
    then = "Run it with:  sweep worker" if found.open else "Its answer:  sweep show"
    command = f"{then} {name}{storage_option(storage)}"
    say(f"{told} {command}")


@app.command("worker", epilog="Example:  sweep worker --storage postgresql+psycopg://host/sweep")
def worker_command(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="The study to take part in.")
    ] = None,
    storage: Storage = None,
    files: Files = None,
    forever: Annotated[
        bool, typer.Option("--forever", help="Wait for more studies when none is left.")
    ] = False,
    cores: Annotated[
        str | None, typer.Option(metavar="LIST", help="Cores to run on, such as 0-3 or 0,2.")
    ] = None,
    no_plugins: NoPlugins = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="A line for each chunk. [dim]Default: one a minute[/]"),
    ] = False,
    parent: Annotated[
        int | None, typer.Option(hidden=True, help="End when this process has.")
    ] = None,
) -> None:
    """Train for one study, or for every open one, the oldest first, until none is left.

    The search, and then the confirmation that the spec or `sweep confirm`
    asks for. Any number of workers share a storage. SIGTERM and Ctrl-C end
    one after its chunk, with its trials checkpointed and given back.
    """
    use_cores(cores)
    with uncollected():
        from normsweep.cli.interrupts import Interrupts
        from normsweep.cli.logs import make_log, notice_log
        from normsweep.storage import open_storage
        from normsweep.storage.migrate import migrate
        from normsweep.storage.retry import StorageLost
        from normsweep.worker.serve import Server

    # Beside the progress display of a launch, a line must be worth it.
    log = make_log(as_json=log_json, verbose=verbose) if parent is None else notice_log

    with Interrupts(lambda: log("stopping", after="the running chunk")) as interrupts:

        def stop() -> bool:
            orphaned = parent is not None and os.getppid() != parent
            return interrupts.happened() or orphaned

        try:
            opened = open_storage(storage)
            migrate(opened.engine)
            Server(opened, files, forever, stop, log).serve(study)
        except StorageLost as error:
            log("storage lost", reason=str(error))
            raise typer.Exit(1) from error
    if interrupts.by_ctrl_c():
        raise typer.Exit(130)


def use_cores(cores: str | None) -> None:
    """Keeps this process to some cores, before anything starts threads; None: to no fewer."""
    if cores is None:
        return
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    accepted = (
        f"accepted: numbers out of {available[0]} … {available[-1]}"
        if available
        else ("this system cannot keep a process to some cores")
    )
    wanted: set[int] = set()
    for part in cores.split(","):
        if not re.fullmatch(r"\d{1,6}(-\d{1,6})?", part):
            raise UserError(f"--cores {cores}: {accepted}, such as 0-3 or 0,2")
        first, _, last = part.partition("-")
        wanted |= set(range(int(first), int(last or first) + 1))
    if not wanted or not wanted <= set(available):
        raise UserError(f"--cores {cores}: {accepted}")
    os.sched_setaffinity(0, wanted)


@app.command("pause", epilog="Example:  sweep pause digits")
@uncollected()
def pause_command(study: StudyName, storage: Storage = None) -> None:
    """Let a launch and all workers of a study rest after their chunk, until `sweep resume`."""
    _tell_workers(study, storage, "paused")


@app.command("resume", epilog="Example:  sweep resume digits")
@uncollected()
def resume_command(study: StudyName, storage: Storage = None) -> None:
    """Open a study again that was paused or stopped, or has stopped by itself."""
    from normsweep.storage import open_storage
    from normsweep.study.records import load_study
    from normsweep.study.stopping import reopen

    loaded = load_study(study, open_storage(storage))
    reopen(loaded)
    console.print(f"{loaded.study_name} is open.", highlight=False)


@app.command("stop", epilog="Example:  sweep stop digits")
@uncollected()
def stop_command(study: StudyName, storage: Storage = None) -> None:
    """End a study for all workers after their chunk; nothing is lost, `sweep resume` reopens it."""
    _tell_workers(study, storage, "stopped")


def _tell_workers(name: str, storage: str | None, wanted: str) -> None:
    from normsweep.storage import open_storage
    from normsweep.study.control import set_control
    from normsweep.study.records import load_study

    study = load_study(name, open_storage(storage))
    set_control(study, wanted)
    console.print(f"{study.study_name} is {wanted}.", highlight=False)


@app.command("status", epilog="Example:  sweep status --json")
@uncollected()
def status_command(storage: Storage = None, as_json: AsJson = False) -> None:
    """Show who is at work, on what, and what failed."""
    from normsweep.storage import open_storage
    from normsweep.study.status import status

    found = status(open_storage(storage, reading=True))
    if as_json:
        print_json(found.plain())
        return
    workers = [
        (
            entry.host,
            str(entry.pid),
            entry.device,
            entry.study or "–",
            entry.state,
            ", ".join(f"#{number}" for number in entry.trials) or "–",
            f"{entry.chunks_per_second:.2f}",
            f"{entry.silent:.0f} s ago" + ("" if entry.alive else " (gone)"),
        )
        for entry in found.workers
    ]
    titles = ("worker", "process", "devices", "study", "state", "trials", "chunks/s", "seen")
    if workers:
        print_table(titles, workers, words=set(titles) - {"process", "chunks/s"})
    else:
        console.print("No worker.")
    console.print()
    counted = counts_shown(found.studies)
    studies = [
        (study.study, study.state, *(str(getattr(study, count)) for count in counted))
        for study in found.studies
    ]
    if studies:
        print_table(("study", "state", *counted), studies, words=("study", "state"))
    else:
        console.print("No study.")
    for study in found.studies:
        if study.unreadable is not None:
            say(f"  {study.unreadable}")
        if study.stopped_by_itself is not None:
            say(f"  {study.study} stopped by itself {study.stopped_by_itself}")
        for ended, of in (("failed", study.failures), ("collapsed", study.collapses)):
            for number, reason in of.items():
                say(f"  {study.study} #{number} {ended}: {reason}")
