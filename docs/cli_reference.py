"""Prints docs/cli.md: the help of every command, as a terminal of 80 columns shows it.

Run `python docs/cli_reference.py > docs/cli.md` after a change of the command line; a test fails
while the two differ.
"""

import typer
from typer.testing import CliRunner

import normsweep.cli.main  # noqa: F401  (adds the commands)
from normsweep.cli.app import app


def reference() -> str:
    """The whole page."""
    group = typer.main.get_command(app)
    parts = ["# Commands\n"]
    for name in group.list_commands(None):  # type: ignore[attr-defined]
        result = CliRunner().invoke(
            app,
            [name, "--help"],
            prog_name="sweep",
            env={"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1", "TERM": "dumb"},
        )
        lines = [line.rstrip() for line in result.output.strip("\n").splitlines()]
        parts.append(f"## sweep {name}\n\n```text\n" + "\n".join(lines) + "\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(reference(), end="")
