"""`sweep data`: what a spec's data need that is not here yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from normsweep.cli.app import AsJson, app, console, notices, print_json
from normsweep.errors import UserError

if TYPE_CHECKING:
    from normsweep.data.download import Watch

data = typer.Typer(no_args_is_help=True)
app.add_typer(
    data,
    name="data",
    help="Fetch the images of a data set.",
    epilog="Example:  sweep data fetch mnist",
)


@data.command("fetch", epilog="Example:  sweep data fetch mnist && sweep launch mnist")
def fetch_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in data.source: mnist.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder for its files. [dim]Default: where data.source looks, $SWEEP_DATA/NAME or "
            "data/NAME[/]",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A mirror: a folder of the same files, over http(s)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a data set's files, check them, and put them where a study looks for them.

    What is there already and whole is not fetched again. Ctrl-C leaves no half
    file behind; the same command goes on.
    """
    from normsweep.data.download import FETCHABLE, download_idx
    from normsweep.data.sources import usual_folder

    if name not in FETCHABLE:
        raise UserError(f"data {name!r} cannot be fetched; accepted: {', '.join(FETCHABLE)}")
    remote = FETCHABLE[name]
    folder = usual_folder(name) if output is None else output.expanduser()
    try:
        with _shown(quiet=as_json) as watch:
            fetched = download_idx(
                url or remote.url, folder, checksums=remote.checksums, watch=watch
            )
    except KeyboardInterrupt:
        notices.print("Stopped; the same command goes on.", highlight=False)
        raise typer.Exit(130) from None
    if as_json:
        print_json({"name": name, "folder": str(folder), "fetched": fetched})
        return
    told = f"fetched {', '.join(fetched)}" if fetched else "all of it is there, nothing was fetched"
    console.print(f"{folder}: {told}.", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _shown(*, quiet: bool) -> "Iterator[Watch]":
    """Bytes and speed of each file on standard error, if that is a terminal."""
    display = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=notices,
        disable=quiet or not notices.is_terminal,
        transient=True,
    )
    tasks = {}
    with display:

        def watch(name: str, received: int, size: int | None) -> None:
            if name not in tasks:
                tasks[name] = display.add_task(name)
            display.update(tasks[name], completed=received, total=size)

        yield watch
