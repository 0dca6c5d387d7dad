"""`sweep samples`."""

from pathlib import Path
from typing import Annotated

import typer

from normsweep.cli.app import AsJson, app, console, print_json
from normsweep.errors import UserError
from normsweep.storage.files import write_whole

_MOST = 10_000


@app.command("samples", epilog="Example:  sweep samples out -n 64 --grid")
def samples_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that `sweep train` wrote.")
    ],
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=_MOST, help="How many images.")
    ] = 64,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of what is drawn.")] = 0,
    label: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**31 - 1,
            help="All of this class. [dim]Default: of all, where there are any[/]",
        ),
    ] = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="A picture of them side by side: .png.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="File to write. [dim]Default: samples.npz, samples.png[/]"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw images from a trained generator: bytes in an .npz, or a grid as .png.

    The same seed and number give the same images. An .npz of them is a data source, too.
    """
    grid = grid or (output is not None and output.suffix == ".png")
    ending = ".png" if grid else ".npz"
    output = output or Path(f"samples{ending}")
    if output.suffix != ending:
        accepted = ".png with --grid, .npz without"
        raise UserError(f"-o {output}: got the ending {output.suffix!r}; accepted: {accepted}")
    from normsweep.export.samples import as_grid, as_npz, drawn

    images = drawn(folder, count, seed, label)
    write_whole(output, as_grid(images) if grid else as_npz(images, label))
    if as_json:
        print_json({"file": str(output), "shape": list(images.shape), "seed": seed, "label": label})
        return
    console.print(
        f"Wrote {output}: {count} images by seed {seed}.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
