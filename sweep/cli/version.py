"""`sweep --version`."""

import platform
from typing import Annotated

import typer

from normsweep.cli.app import app

SHOWN = ("jax", "flax", "optax", "optuna")
"""What most of a report of a mistake depends on."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        others = ", ".join(f"{name} {version(name)}" for name in SHOWN)
        ours = f"sweep {version('normsweep')} (normsweep)"
        typer.echo(f"{ours}, Python {platform.python_version()}, {others}")
        raise typer.Exit


@app.callback()
def options_of_sweep_itself(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the versions of sweep and of what it stands on.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None: ...
