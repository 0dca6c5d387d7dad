"""The log of a worker: one line an event, for people or, as JSON, for programs."""

import sys
import time
from typing import Any

from normsweep.cli.app import notices
from normsweep.cli.sentences import say
from normsweep.storage.events import CHUNK, Log
from normsweep.storage.urls import urls_of_call, without_secrets

_TELL_EVERY = 60.0
"""Seconds between two lines on chunks, of which not each has one."""


def make_log(*, as_json: bool, verbose: bool = False) -> Log:
    """A log on standard error, each line with its time in UTC.

    Of chunks there is a line for each where it is `verbose`, and else one a minute for all.
    """
    import structlog

    # An escape of the stream's own is none of JSON.
    escaped = (sys.stderr.encoding or "").lower() not in ("utf-8", "utf8")
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=escaped)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    logger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[structlog.processors.TimeStamper(fmt="iso", utc=True), renderer],
    )

    told, chunks, trials = time.monotonic(), 0, set[int]()

    def log(event: str, /, **facts: Any) -> None:
        nonlocal told, chunks
        if event == CHUNK and not verbose:
            chunks += 1
            trials.add(facts["trial"])
            if time.monotonic() - told < _TELL_EVERY:
                return
            event, facts = (
                "training",
                {"study": facts["study"], "chunks": chunks, "trials": sorted(trials)},
            )
            told, chunks = time.monotonic(), 0
            trials.clear()
        logger.msg(event, **_printable(facts))

    return log


def _printable(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts without the secrets of the storage, which a driver may name in what it says."""
    urls = urls_of_call(sys.argv[1:])
    return {
        name: without_secrets(value, *urls) if isinstance(value, str) else value
        for name, value in facts.items()
    }


_WORTH_A_NOTICE = {
    "understood",
    "data",
    "memory",
    "range measured",
    "begun with",
    "warning",
    "storage away",
    "storage back",
    "checkpoint not written",
    "trial of a dead worker",
    "trial failed",
    "trials taken over",
    "no trials taken over",
    "to be confirmed",
    "study stopped by itself",
    "references not measured",
    "worker died",
    "not logged",
}


def notice_log(event: str, /, **facts: Any) -> None:
    """A log for those who watch a progress display: only what they would want to know."""
    if event in _WORTH_A_NOTICE:
        said = ", ".join(f"{name} {value}" for name, value in _printable(facts).items())
        say(f"{event}: {said}", to=notices)


def warning_log(event: str, /, **facts: Any) -> None:
    """The same beside JSON for programs: without what is said of every study."""
    if event != "understood":
        notice_log(event, **facts)
