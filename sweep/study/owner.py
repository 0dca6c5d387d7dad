"""Who runs a trial, so that one whose process died can be told from one that is still at work."""

import socket
from typing import Any

import psutil


def this_process() -> dict[str, Any]:
    """Host, process and its start time: a process number alone may have been given out again."""
    process = psutil.Process()
    return {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}


def is_alive(owner: dict[str, Any] | None) -> bool:
    """Whether the process that took a trial still runs on this host.

    One on another host counts as gone: an SQLite file belongs to one machine.
    """
    if owner is None or owner["host"] != socket.gethostname():
        return False
    try:
        process = psutil.Process(owner["pid"])
        return abs(process.create_time() - owner["started"]) < 1 and process.is_running()
    except psutil.NoSuchProcess:
        return False
