"""Kills workers for an hour, on SQLite and on PostgreSQL in turn, and prints what came of it."""

import argparse
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from bench.postgres import Postgres, started_postgres
from bench.soak.kills import Figures, survive, undisturbed
from bench.soak.ledger import Entry
from bench.soak.study import Study


@dataclass(frozen=True)
class Soak:
    """What every round shares. A round has its own random numbers, by seed and round."""

    folder: Path
    postgres: Postgres
    expected: list[Entry]
    study: Study
    seed: int

    def round(self, number: int) -> Figures:
        """One study that workers are killed in; raises `Violation` for a promise broken."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            sqlite = f"sqlite:///{name}/studies.db"
            url = self.postgres.new_url() if number % 2 else sqlite
            random = Random(f"{self.seed} {number}")
            return survive(
                url, Path(name), self.folder / "compiled", self.study, self.expected, random
            )


def main() -> None:
    """Parses the command line, repeats the kills until the time is over, prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="default: 60")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the kills")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="sweep-soak-") as name, started_postgres() as postgres:
        folder, study = Path(name), Study(confirmed=8)
        expected = undisturbed(study, folder / "alone", folder / "compiled")
        soak = Soak(folder, postgres, expected, study, arguments.seed)
        rounds: list[Figures] = []
        until = time.monotonic() + 60 * arguments.minutes
        while not rounds or time.monotonic() < until:
            number = len(rounds)
            kind = "PostgreSQL" if number % 2 else "SQLite"
            print(f"round {number + 1}, {kind}: ", end="", flush=True)
            rounds.append(soak.round(number))
            print(_line(rounds[-1]), flush=True)
    Console(width=100).print(_table(rounds))


def _line(figures: Figures) -> str:
    return (
        f"{figures.kills} kills, {figures.in_trial} of them in a trial, {figures.trials} trials "
        f"as undisturbed, {figures.seconds:.0f} s, recovery within {figures.recovery:.1f} s"
    )


def _table(rounds: list[Figures]) -> Table:
    rows = {
        "rounds": len(rounds),
        "kills": sum(each.kills for each in rounds),
        "kills that hit a worker in a trial": sum(each.in_trial for each in rounds),
        "trials completed": sum(each.trials for each in rounds),
        # Any other number would have ended it with a message.
        "trials lost, doubled or changed": 0,
        "longest recovery of a dead worker's trials": f"{max(r.recovery for r in rounds):.1f} s",
        "longest round": f"{max(r.seconds for r in rounds):.0f} s",
    }
    table = Table("what", "figure")
    for what, figure in rows.items():
        table.add_row(what, str(figure))
    return table


if __name__ == "__main__":
    main()
