"""The entry point: all commands together, and mistakes of the user's told without a traceback."""

import atexit
import gc
import io
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import typer

from normsweep.cli.app import app, notices
from normsweep.cli.sentences import say
from normsweep.engine.ahead import is_compiling
from normsweep.errors import UserError

# Each adds its commands, which the help shows in this order.
# isort: off
from normsweep.cli import launch, suggest, confirm, service, options, data, inspect  # noqa: F401
from normsweep.cli import compare, report, configs, samples, log, copy, delete, dashboard  # noqa: F401
from normsweep.cli import version  # noqa: F401
# isort: on

_BY_CTRL_C = 130
_READER = str(Path("optuna") / "storages")

ClickException: Any = typer.BadParameter.__mro__[2]
"""What a call that is none is told by: of Click, or of a copy of it that Typer brings along."""


def main() -> None:
    """Runs `sweep`. Exit codes: 0 done, 2 a mistake in the call or its files, 130 Ctrl-C.

    1 where the database was lost, and for mistakes of ours.
    """
    # Memory is given back as a whole: to look through it before takes a sixth of `sweep list`.
    atexit.register(gc.freeze)
    _print_what_can_be_printed()
    _describe_commands()
    try:
        ended = app(prog_name="sweep", standalone_mode=False)
        if ended == _BY_CTRL_C:
            atexit.register(_end_at_once)
        sys.exit(ended if isinstance(ended, int) else 0)
    except ClickException as error:
        # What it draws with takes as long to import as all of ours.
        from typer.rich_utils import rich_format_error

        error.message = _printable(error.message)
        rich_format_error(error)
        sys.exit(error.exit_code)
    except UserError as error:
        _say(str(error))
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has left; Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        from normsweep.storage.retry import StorageLost, cause_of, is_outage

        if isinstance(error, StorageLost):
            _say(str(error))
        elif is_outage(error):
            _say(f"the database is away or has no room: {cause_of(error)}")
        elif _of_stored_values(error):
            from normsweep.errors import in_one_line

            _say(
                "the database holds what cannot be read, written by another program or damaged: "
                f"{in_one_line(error)}"
            )
            sys.exit(2)
        else:
            # As the interpreter would, but for what is secret.
            sys.stderr.write(_printable(traceback.format_exc()))
        sys.exit(1)


def _end_at_once() -> None:
    """Ends without a program that is still compiled, which would be waited for."""
    if is_compiling():
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(_BY_CTRL_C)


def _of_stored_values(error: Exception) -> bool:
    """Whether Optuna or SQLAlchemy stumbled over a value that the database holds."""
    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return any(_READER in name for name in frames) and not isinstance(error, MemoryError)


def _describe_commands() -> None:
    """Gives commands the descriptions that `python -OO` leaves out of their functions."""
    if sys.flags.optimize > 1:
        from normsweep.spec.options import docstring

        for command in app.registered_commands:
            command.help = command.help or (command.callback and docstring(command.callback))


def _print_what_can_be_printed() -> None:
    """Has standard output write a ? for what its encoding lacks, instead of raising an error.

    Standard error writes an escape by itself. An output that is closed takes everything.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _say(message: str) -> None:
    say(("error:", "bold red"), f" {_printable(message)}", to=notices)


def _printable(message: str) -> str:
    """A message without the secrets of a storage, wherever in the call that stands."""
    from normsweep.storage.urls import urls_of_call, without_secrets

    return without_secrets(message, *urls_of_call(sys.argv[1:]))
