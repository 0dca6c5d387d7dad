"""`--log-to` of the commands that train."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from normsweep.storage.events import Log
    from normsweep.study.progress import Watcher

LogTo = Annotated[
    list[str],
    typer.Option(
        "--log-to",
        metavar="DESTINATION",
        help="Log to tensorboard:DIR, mlflow:URI or wandb:PROJECT, too. May be given several "
        "times.",
        show_default=False,
    ),
]


@contextmanager
def logging_to(
    destinations: list[str], name: str, storage: str | None, files: Path | None, log: "Log"
) -> Iterator["Callable[[Watcher], Watcher]"]:
    """While it lasts, logs the study `name`; what it yields makes a watcher tell of what is new.

    Raises `UserError` for a destination that cannot be used, before anything is trained.
    """
    if not destinations:
        yield lambda watch: watch
        return
    # They draw pictures and read answers, for which else a launch need not wait.
    from normsweep.export.trackers import trackers
    from normsweep.export.trackers.live import Live

    with Live(name, storage, files, trackers(destinations), log) as live:
        yield live.watching
