"""`sweep copy`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from normsweep.cli.app import AsJson, Files, Storage, app, console, notices, print_json


@app.command("copy", epilog="Example:  sweep copy digits --to sqlite:///backup.db")
def copy_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")],
    to: Annotated[str, typer.Option(metavar="URL", help="Database to copy it to, or the same.")],
    storage: Storage = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the copy. [dim]Default: the same[/]")
    ] = None,
    files: Files = None,
    to_files: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the copy's checkpoints and pictures. [dim]Default: as --files, for "
            "that database[/]",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a study with all that belongs to it, to another database or another name.

    Trials, attributes, all that was measured, pictures, checkpoints, and its
    confirmation: what Optuna's own functions leave behind.
    """
    from normsweep.storage import open_storage
    from normsweep.storage.connect import study_files
    from normsweep.storage.urls import shown
    from normsweep.study.copying import check_name, copy_study
    from normsweep.study.records import load_study

    opened = open_storage(storage, reading=True)
    loaded = load_study(study, opened)
    # A mistake is told before the file of the other database is made.
    check_name(loaded, loaded.study_name if name is None else name)
    target = open_storage(to, create=True)
    place = study_files(target, to_files)
    copied = copy_study(
        loaded, opened, target, name=name, files=study_files(opened, files), to_files=place
    )
    where = shown(target.engine.url)
    if as_json:
        print_json({"storage": where, "files": str(place), **asdict(copied)})
        return
    beside = (
        "" if copied.confirmation is None else f", and its confirmation of {copied.confirmation}"
    )
    console.print(
        f"Copied {loaded.study_name} to {where} as {copied.study}: {copied.trials} trials{beside}; "
        f"{copied.measurements} measurements, {copied.pictures} pictures and "
        f"{copied.checkpoints} checkpoints.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    for told in copied.missing:
        notices.print(f"warning: {told}", markup=False, highlight=False, soft_wrap=True)
