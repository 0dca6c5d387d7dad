"""The log of a worker: one line an event, for people or, as JSON, for programs."""

import sys
from typing import Any

import structlog

from normsweep.cli.app import notices
from normsweep.storage.events import Log


def make_log(*, as_json: bool) -> Log:
    """A log on standard error, each line with its time in UTC."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    logger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[structlog.processors.TimeStamper(fmt="iso", utc=True), renderer],
    )

    def log(event: str, /, **facts: Any) -> None:
        logger.msg(event, **facts)

    return log


_WORTH_A_NOTICE = {
    "data",
    "warning",
    "storage away",
    "storage back",
    "checkpoint not written",
    "trial of a dead worker",
    "trial failed",
    "trials taken over",
    "no trials taken over",
    "study stopped by itself",
    "worker died",
}


def notice_log(event: str, /, **facts: Any) -> None:
    """A log for those who watch a progress display: only what they would want to know."""
    if event in _WORTH_A_NOTICE:
        said = ", ".join(f"{name} {value}" for name, value in facts.items())
        notices.print(f"{event}: {said}", highlight=False, markup=False, soft_wrap=True)
