"""Runs every measurement in a process of its own and prints one table."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

MEASUREMENTS = (
    *("startup", "floor", "switched_off", "programs", "overhead", "memory"),
    *("pictures", "images", "processes", "history", "workers", "trials"),
)


def measure(name: str, arguments: Sequence[str]) -> list[dict[str, str]]:
    """The rows of one measurement; its process prints them as JSON in its last line."""
    command = [sys.executable, "-m", f"bench.{name}", *arguments]
    print("$ python", *command[1:], file=sys.stderr, flush=True)
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    *lines, rows = result.stdout.splitlines()
    # A whole run takes a quarter of an hour: what is known is shown.
    print(*lines, sep="\n", file=sys.stderr, flush=True)
    found: list[dict[str, str]] = json.loads(rows)
    return found


def main() -> None:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help=f"some of: {', '.join(MEASUREMENTS)}")
    chosen = parser.parse_args().only or list(MEASUREMENTS)
    if unknown := set(chosen) - set(MEASUREMENTS):
        parser.error(f"{', '.join(unknown)}: accepted: {', '.join(MEASUREMENTS)}")
    table = Table(title=f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    for column in ("what", "figure", "target"):
        table.add_column(column, overflow="fold")
    for name in chosen:
        for row in measure(name, []):
            table.add_row(row["what"], row["figure"], row["target"])
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
