"""`sweep report`."""

from pathlib import Path
from typing import Annotated

import typer

from normsweep.cli.app import Files, Storage, app, notices
from normsweep.errors import UserError
from normsweep.storage.files import format_by_ending, write_whole


@app.command("report", epilog="Example:  sweep report digits -o report.html")
def report_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write. [dim]Default: STUDY.html, or .md[/]"),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="html or md. [dim]Default: by the file's ending, html[/]"),
    ] = None,
    storage: Storage = None,
    files: Files = None,
) -> None:
    """Write a study's answer with all its figures into one file, which needs no network."""
    from normsweep.cli.answers import storage_option
    from normsweep.report.document import FORMATS, report_page
    from normsweep.report.source import read_source
    from normsweep.storage import open_storage
    from normsweep.storage.connect import study_files
    from normsweep.study.records import load_study

    if form is None:
        endings = {f".{name}": name for name in FORMATS} | {".htm": "html", ".markdown": "md"}
        form = format_by_ending(output, endings, "html")
    if form not in FORMATS:
        raise UserError(f"--format {form}: accepted: {', '.join(FORMATS)}")
    opened = open_storage(storage, reading=True)
    loaded = load_study(study, opened)
    source = read_source(loaded, opened, storage_option(storage), study_files(opened, files))
    path = output or Path(f"{loaded.study_name}.{form}")
    write_whole(path, FORMATS[form](report_page(source)))
    notices.print(f"Wrote {path}.", markup=False, highlight=False)
