"""`sweep options`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from normsweep.cli.app import AsJson, app, console, print_json

if TYPE_CHECKING:
    from normsweep.spec.options import Option, OptionTable


@app.command("options", epilog="Example:  sweep options penalties")
def options_command(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE",
            help="One table, or those of a field such as penalty.form. [dim]Default: all[/]",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every name that a spec accepts: what it is, with which numbers, and its source."""
    from normsweep.spec.options import OPTION_TABLES, option_tables

    tables = OPTION_TABLES if table is None else option_tables(table)
    if as_json:
        print_json({entry.name: _as_json(entry) for entry in tables})
        return
    for index, entry in enumerate(tables):
        if index:
            console.print()
        _print(entry)


def _print(table: "OptionTable") -> None:
    """A table of names; below it, what goes with them."""
    console.print(Text(table.name, style="bold").append(f": {table.title}", style="not bold"))
    if table.fields != tuple(option.name for option in table.options):
        console.print(Text(f"in {', '.join(table.fields)}", style="dim"))
    rows = Table(box=None, pad_edge=False, show_header=False)
    rows.add_column("name", no_wrap=True, style="cyan")
    rows.add_column("what", overflow="fold")
    for option in table.options:
        rows.add_row(Text(option.name), _what(option))
    if table.takes_plugins:
        rows.add_row(
            Text("path/to/file.py:name"),
            Text("one of your own: docs/extending.md, docs/optuna.md, docs/your-model.md"),
        )
    console.print(rows)
    for path, accepted in table.accepted().items():
        console.print(Text(f"{path}: {accepted}", style="dim"))


def _what(option: "Option") -> Text:
    """The summary; on a line of its own what goes with it, and where it is from."""
    text = Text(option.summary)
    rest = " – ".join(filter(None, (option.notes, option.source)))
    return text.append(f"\n{rest}", style="dim") if rest else text


def _as_json(table: "OptionTable") -> dict[str, object]:
    return {
        "title": table.title,
        "fields": list(table.fields),
        "path_to_file": table.takes_plugins,
        "options": [asdict(option) for option in table.options],
        "numbers": table.accepted(),
    }
