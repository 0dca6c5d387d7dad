"""Prints docs/cli.md: the help of every command, as a terminal of 80 columns shows it.

Run `python docs/cli_reference.py > docs/cli.md` after a change of the command line; a test fails
while the two differ.
"""

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

import normsweep.cli.main  # noqa: F401  (adds the commands)
from normsweep.cli.app import app


def reference() -> str:
    """The whole page."""
    group = typer.main.get_command(app)
    return "\n".join(["# Commands\n", *(_section(*names) for names in _commands(group))])


def _commands(group: Any, *before: str) -> Iterator[tuple[str, ...]]:
    """The words of every command; those of a group stand for it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *before, name)
        else:
            yield (*before, name)


def _section(*names: str) -> str:
    result = CliRunner().invoke(
        app,
        [*names, "--help"],
        prog_name="sweep",
        env={"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1", "TERM": "dumb"},
    )
    lines = [line.rstrip() for line in result.output.strip("\n").splitlines()]
    return f"## sweep {' '.join(names)}\n\n```text\n" + "\n".join(lines) + "\n```\n"


if __name__ == "__main__":
    print(reference(), end="")
