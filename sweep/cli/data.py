"""`sweep data`: images that are fetched, and what is understood of images before they are used."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from normsweep.cli.app import AsJson, NoPlugins, app, console, notices, print_json
from normsweep.errors import UserError
from normsweep.storage.files import write_whole

if TYPE_CHECKING:
    from normsweep.data.download import Watch
    from normsweep.spec.fields import DataSection

data = typer.Typer(no_args_is_help=True)
app.add_typer(
    data,
    name="data",
    help="Fetch the images of a data set, and show what is understood of yours.",
    epilog="Example:  sweep data show folder --path photographs --size 32",
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


@data.command(
    "show", epilog="Example:  sweep data show folder --path photographs --size 32 -o sheet.png"
)
def show_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="As data.source: a name of `sweep options data`, or path/to/file.py:name. Or a "
            "spec file, whose data are meant.",
        ),
    ],
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="As data.path: the file or folder.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="As data.split. [dim]Default: train[/]", show_default=False)
    ] = None,
    limit: Annotated[int | None, typer.Option(help="As data.limit: at most so many.")] = None,
    size: Annotated[
        int | None, typer.Option(help="As data.size: a square of so many pixels of each.")
    ] = None,
    colour: Annotated[str | None, typer.Option(help="As data.colour: grey or rgb.")] = None,
    pixel_range: Annotated[
        tuple[float, float] | None,
        typer.Option("--range", metavar="LOW HIGH", help="As data.range: black and white."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File for a PNG of some images, class by class. [dim]Default: NAME.sheet.png[/]",
            show_default=False,
        ),
    ] = None,
    no_plugins: NoPlugins = False,
    as_json: AsJson = False,
) -> None:
    """Show what is understood of images: how many, their shape, range, labels, copies and faults.

    Of more than 5000 pictures that no study has decoded yet the headers are read
    alone. A sheet shows some of them as they would be trained on.
    """
    from normsweep.cli.overview import overview_as_json, print_overview, sheet_png
    from normsweep.cli.watching import decoding
    from normsweep.spec.images import overview_of

    given = {
        "path": path,
        "split": split,
        "limit": limit,
        "size": size,
        "colour": colour,
        "range": None if pixel_range is None else list(pixel_range),
    }
    section = _data_section(source, {k: v for k, v in given.items() if v is not None})
    with decoding(quiet=as_json) as watch:
        found = overview_of(section, watch)
    sheet = output or Path(f"{found.name.replace('/', '_')}.sheet.png")
    write_whole(sheet, sheet_png(found.sheet))
    if as_json:
        print_json(overview_as_json(found, sheet))
    else:
        print_overview(found)
        notices.print(f"Wrote {sheet}.", markup=False, highlight=False)
    if found.fault is not None:
        raise found.fault


def _data_section(source: str, given: dict[str, Any]) -> "DataSection":
    """The data of a spec file, or of a source by its name; with what is `given` by options."""
    from pydantic import ValidationError

    from normsweep.data import DATASETS
    from normsweep.spec.fields import DataSection
    from normsweep.spec.load import load_spec
    from normsweep.spec.messages import messages
    from normsweep.spec.plugins import is_plugin

    if source not in DATASETS and not is_plugin(source):
        if not Path(source).is_file():
            raise UserError(
                f"SOURCE {source}: no such source or file; accepted are {', '.join(DATASETS)}, "
                "path/to/file.py:name, or a spec file; where images lie is said by --path"
            )
        called = {f"data.{name}": f"--{name}" for name in given}
        return load_spec(source, {f"data.{k}": v for k, v in given.items()}, called).data
    # A whole spec would be checked against tables that import JAX, which takes a second.
    try:
        return DataSection.model_validate({"source": source} | given)
    except ValidationError as error:
        lines = messages(error, DataSection)
        raise UserError("\n".join(f"--{line}" for line in lines)) from error


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
