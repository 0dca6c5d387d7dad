"""The entry point: all commands together, and mistakes of the user's told without a traceback."""

import os
import sys

from rich.console import Console

from sweep.cli.app import app
from sweep.errors import UserError

# Each adds its commands, which the help shows in this order.
# isort: off
from sweep.cli import launch, options, inspect, configs, dashboard  # noqa: F401
# isort: on


def main() -> None:
    """Runs `sweep`. Exit codes: 0 done, 2 a mistake in the call or its files, 130 Ctrl-C."""
    try:
        app(prog_name="sweep")
    except UserError as error:
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print("[bold red]error:[/]", end=" ")
        console.print(str(error), markup=False)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has left; Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
