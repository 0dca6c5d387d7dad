"""`sweep delete` and `sweep clean`."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from normsweep.cli.app import AsJson, Files, Storage, app, console, print_json
from normsweep.errors import UserError

if TYPE_CHECKING:
    from normsweep.study.deleting import Removal

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("delete", epilog="Example:  sweep delete digits")
def delete_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")],
    storage: Storage = None,
    files: Files = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a study with all that belongs to it. Asks before it does.

    Trials, attributes, all that was measured, its confirmation, pictures, checkpoints. One that a
    worker trains is not deleted.
    """
    from normsweep.storage import open_storage
    from normsweep.storage.connect import study_files
    from normsweep.study.deleting import all_of_study, remove
    from normsweep.study.records import study_named

    opened = open_storage(storage)
    # By its own name a confirmation alone goes, not the study that it confirms.
    found = all_of_study(study_named(study, opened), opened, study_files(opened, files))
    if not yes:
        _ask(f"Delete {study}: {_told(found)}?")
    remove(opened, found)
    _tell(as_json, found, f"Deleted {study}: {_told(found)}.")


@app.command("clean", epilog="Example:  sweep clean --yes")
def clean_command(
    storage: Storage = None, files: Files = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Remove what deleted studies have left behind. Asks before it does.

    Confirmations and checkpoints of studies that are no longer there, rows of no trial, and
    pictures that nothing names. Where several databases share a folder of files, clean none of
    them: what the others name looks like nobody's.
    """
    from normsweep.storage import open_storage
    from normsweep.storage.connect import study_files
    from normsweep.study.deleting import left_behind, remove

    opened = open_storage(storage)
    place = study_files(opened, files)
    found = left_behind(opened, place)
    if not found:
        _tell(as_json, found, "Nothing is left behind.")
        return
    if not yes:
        for path in (*found.checkpoints, *found.pictures):
            typer.echo(f"  {path}", err=True)
        _ask(f"Remove {_told(found)}?")
    remove(opened, found)
    _tell(as_json, found, f"Removed {_told(found)}.")


def _ask(question: str) -> None:
    """Goes on if the answer is yes; raises `UserError` where nobody can give one."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UserError(f"{question} There is no terminal to ask on; accepted without one: --yes")
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        raise typer.Exit(130) from None
    if not agreed:
        raise typer.Exit(1)


def _tell(as_json: bool, found: "Removal", told: str) -> None:
    if as_json:
        print_json(_plain(found))
    else:
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def _told(found: "Removal") -> str:
    counts = {
        "confirmation": sum(name.endswith(" (confirmation)") for name in found.studies.values()),
        "trial": found.trials,
        "row": found.rows,
        "folder": len(found.checkpoints),
        "picture": len(found.pictures),
    }
    more = {"row": " of what was measured", "folder": " of checkpoints"}
    parts = [
        f"{count} {name}{'s' * (count != 1)}{more.get(name, '')}"
        for name, count in counts.items()
        if count
    ]
    size = f" ({found.size / 1e6:.1f} MB of files)" if found.size else ""
    return f"{', '.join(parts) or 'no trial'}{size}"


def _plain(found: "Removal") -> dict[str, Any]:
    return {
        "studies": sorted(found.studies.values()),
        "trials": found.trials,
        "rows": found.rows,
        "checkpoints": [str(path) for path in found.checkpoints],
        "pictures": [str(path) for path in found.pictures],
        "bytes": found.size,
    }
