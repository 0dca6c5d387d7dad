"""`sweep confirm`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normsweep.cli.app import AsJson, Files, Set, Storage, app, console, print_json
from normsweep.cli.log_to import LogTo, logging_to
from normsweep.errors import UserError

if TYPE_CHECKING:
    from normsweep.verdict.scaled import Scaled


@app.command("confirm", epilog="Example:  sweep confirm digits --seeds 10")
def confirm_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")],
    storage: Storage = None,
    files: Files = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="Best configs of different kinds. [dim]Default: spec's[/]"),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, max=1000, help="Seeds at most, each with folds of its own. [dim]Or spec's[/]"
        ),
    ] = None,
    replicates: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=10_000,
            help="Trainings at most that first tell configs within noise apart. [dim]Or spec's[/]",
        ),
    ] = None,
    settings: Set = [],  # noqa: B006 (Typer's way)
    rescale: Annotated[
        bool,
        typer.Option(
            "--rescale", help="With --set: each config also at its λ divided and multiplied by 3."
        ),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(help="With --set: name of the study there. [dim]Default: STUDY-at-…[/]"),
    ] = None,
    log_to: LogTo = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Train the best configs and the baseline again, and say whether regularisation helps.

    On seeds and folds that the search never saw, until that is certain: it
    looks after each seed from the third on, and the intervals allow for that.
    What is confirmed already is not trained again. A plan may be made longer
    before its end; seeds beyond it are shown, and give no word. Ctrl-C ends
    it; the same command goes on. Called again meanwhile, here or elsewhere,
    it shares the training, and so do workers (`sweep worker`).

    With --set the configs are confirmed at another scale, such as --set
    train.steps=20000 --set "model.generator_hidden=[512, 512]", against the
    baseline at that scale: as a study of its own, which `sweep show STUDY`
    tells of too.
    """
    if not settings and (rescale or name is not None):
        given = "--rescale" if rescale else f"--name {name}"
        raise UserError(f"{given}: accepted with --set, which says at what scale")
    if settings and replicates is not None:
        raise UserError(
            f"--replicates {replicates}: accepted without --set: at another scale all configs that "
            "the study found are confirmed"
        )
    from normsweep.cli.answers import storage_option
    from normsweep.cli.interrupts import Interrupts
    from normsweep.cli.logs import notice_log
    from normsweep.cli.verdict import print_confirmation, print_headline
    from normsweep.cli.watching import watching
    from normsweep.spec.assignments import assignments
    from normsweep.storage import open_storage
    from normsweep.storage.migrate import migrate
    from normsweep.storage.retry import Retry
    from normsweep.study.records import checked_spec, load_study
    from normsweep.verdict.answers import answer
    from normsweep.verdict.reading import read_confirmation
    from normsweep.verdict.scaled import at_scale
    from normsweep.worker.confirming import Confirming

    opened = open_storage(storage)
    loaded = load_study(study, opened)
    # Before our tables are made: a database of Optuna's alone stays as it is.
    checked = checked_spec(loaded)
    migrate(opened.engine)
    if settings:
        values, called = assignments(settings)
        scaled = at_scale(
            loaded,
            opened,
            values,
            called,
            name=name,
            top=top,
            seeds=seeds,
            rescale=rescale,
        )
        _confirm_at_scale(scaled, storage, files, log_to, as_json)
        return
    with (
        watching(quiet=as_json) as shown,
        logging_to(log_to, loaded.study_name, storage, files, notice_log) as logged,
        Interrupts() as interrupts,
    ):
        done = Confirming(
            loaded,
            opened,
            files=files,
            watch=logged(shown.study),
            stop=interrupts.happened,
            log=notice_log,
            decoding=interrupts.cutting(shown.pictures),
        ).run(top, seeds, replicates)
    # What trains has not waited for what only the end needs.
    from normsweep.report.board.study_note import write_study_note

    # It may be away just now, as at any time before.
    retry = Retry.with_storage(opened, checked.service.storage_patience, notice_log)
    found = retry.until(partial(read_confirmation, loaded, opened))
    answered = retry.until(partial(answer, loaded))
    retry.until(partial(write_study_note, loaded, opened, answered))
    if as_json:
        from normsweep.cli.as_json import confirmation_as_json

        print_json(confirmation_as_json(found, done))
    elif found is not None:
        print_headline(answered, found, storage_option(storage))
        print_confirmation(found)
    if not done:
        if not as_json:
            console.print("Stopped before the end; nothing is lost, the same command goes on.")
        raise typer.Exit(130)


def _confirm_at_scale(
    scaled: "Scaled",
    storage: str | None,
    files: Path | None,
    log_to: list[str],
    as_json: bool,
) -> None:
    """Trains and confirms the study that has the configs at another scale, and prints it."""
    from normsweep.cli.interrupts import Interrupts
    from normsweep.cli.logs import notice_log, warning_log
    from normsweep.cli.watching import watching
    from normsweep.worker.launch import launch

    log = warning_log if as_json else notice_log
    with (
        watching(quiet=as_json) as shown,
        logging_to(log_to, scaled.spec.study.name, storage, files, log) as logged,
        Interrupts() as interrupts,
    ):
        launched = launch(
            scaled.spec,
            storage,
            files=files,
            watch=logged(shown.study),
            stop=interrupts.happened,
            log=log,
            decoding=interrupts.cutting(shown.pictures),
            resume=True,
            scaled=scaled,
        )
    from normsweep.cli.launched import tell

    tell(launched, storage, as_json=as_json)
    if not launched.done:
        if not as_json:
            console.print("Stopped before the end; nothing is lost, the same command goes on.")
        raise typer.Exit(130)
