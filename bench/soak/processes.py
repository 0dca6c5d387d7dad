"""`sweep` as processes of its own, on one storage, each with a log in a file."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.soak.study import NAME
from normsweep.engine.devices import available_cores

_LONGEST = 900.0
"""Seconds that a process may take on a busy machine."""


class Violation(AssertionError):
    """The service broke a promise."""


@dataclass(frozen=True)
class Process:
    """A process of `sweep`, and where it writes what it has to say."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def events(self) -> list[dict[str, Any]]:
        """Its log, but for a line that its death cut short."""
        lines = [line for line in self.said().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines if line.endswith("}")]

    def check_said(self) -> None:
        """Raises `Violation` where something in it went wrong without ending it."""
        _, found, trace = self.said().partition("Traceback")
        if found:
            raise Violation(f"{self.log.name}: {found}{trace[:3000]}")

    def has_ended(self) -> bool:
        """Whether it has; raises `Violation` where it did so by itself, and not well."""
        status = self.popen.poll()
        if status:
            raise Violation(f"{self.log.name} ended with status {status}:\n{self.said()[-3000:]}")
        return status is not None

    def end(self) -> None:
        """Waits for it to end by itself; raises `Violation` where it does not, or not well."""
        try:
            self.popen.wait(_LONGEST)
        except subprocess.TimeoutExpired as error:
            raise Violation(f"{self.log.name} goes on and on:\n{self.said()[-3000:]}") from error
        self.has_ended()

    def kill(self) -> None:
        """SIGKILL for it and all that it started: nobody gets a chance to tidy up."""
        if self.popen.poll() is None:
            process = psutil.Process(self.pid)
            family = [process, *process.children(recursive=True)]
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(family[1:])
        self.popen.wait()


def pinned(place: int) -> list[str]:
    """Options that keep a worker to a core, where the system can."""
    cores = available_cores()
    return ["--cores", str(cores[place % len(cores)])] if hasattr(os, "sched_setaffinity") else []


@dataclass(frozen=True)
class Service:
    """A storage, and a folder for all else. `compiled` is a cache that processes share."""

    url: str
    folder: Path
    compiled: Path
    started: list[Process] = field(default_factory=list)

    def start(self, *arguments: str | Path) -> Process:
        """Starts `sweep` with arguments."""
        log = self.folder / f"{len(self.started):04d}-{arguments[0]}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, "-m", "normsweep", *map(str, arguments)],
                cwd=self.folder,
                env=os.environ
                | {
                    "SWEEP_STORAGE": self.url,
                    "SWEEP_FILES": str(self.folder / "files"),
                    "PYTHONUNBUFFERED": "1",
                    "JAX_COMPILATION_CACHE_DIR": str(self.compiled),
                    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                },
                stdout=out,
                stderr=subprocess.STDOUT,
                # Out of reach of a terminal's Ctrl-C, which would look like an end of its own.
                process_group=0,
            )
        self.started.append(Process(popen, log))
        return self.started[-1]

    def submit(self, spec: Path) -> None:
        """Registers a study, and waits until it is."""
        self.start("submit", spec).end()

    def worker(self, place: int = 0) -> Process:
        """Starts a worker on one core: scores are the same to the bit for equal numbers of them."""
        return self.start("worker", NAME, "--log-json", *pinned(place))


@contextlib.contextmanager
def service(url: str, folder: Path, compiled: Path) -> Iterator[Service]:
    """A service of which no process outlives the context."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = Service(url, folder, compiled)
    try:
        yield opened
    finally:
        for process in opened.started:
            process.kill()
