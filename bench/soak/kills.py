"""Workers killed one after the other while a study is run to its end."""

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.soak.ledger import Entry, Ledger, check_told_once, check_unchanged
from bench.soak.processes import Process, Service, Violation, service
from bench.soak.study import Study

_POLL = 0.01
_SILENCE = 300.0
"""Seconds without any progress after which a study counts as stuck, on however busy a machine."""
_AT_WORK = 0.8
"""The share of kills aimed at a worker that has a trial; the others may hit one that starts."""

_BEFORE_THE_END = 0.8
"""The share of the work over which kills are spread: workers train on while one is being killed,
and the last must come before the end."""


@dataclass(frozen=True)
class Figures:
    """A study that survived. `in_trial` kills hit a worker that held a trial; `recovery` is the
    longest time in seconds until another had taken over what a killed worker held."""

    kills: int
    in_trial: int
    trials: int
    seconds: float
    recovery: float


@dataclass
class Killing:
    """One study, its workers, and who of them was killed."""

    service: Service
    ledger: Ledger
    study: Study
    random: Random
    workers: dict[int, Process] = field(default_factory=dict)
    seen: dict[int, Entry] = field(default_factory=dict)
    in_trial: int = 0
    recovery: float = 0.0
    # Names of killed workers that held a trial, and when each was killed.
    _orphaned: dict[str, float] = field(default_factory=dict)

    def run(self, workers: int, kills: int) -> None:
        """Starts workers, kills so many of them over the study, and waits for its end."""
        for place in range(workers):
            self.workers[place] = self.service.worker(place)
        for kill in range(kills):
            aimed = self.random.random() < _AT_WORK
            # One in each of so many equal parts of the work, whatever the speed of the machine.
            part = (kill + self.random.random()) / kills
            self._watch(_BEFORE_THE_END * part * self.study.rows, aimed)
            time.sleep(self.random.uniform(0, 0.1))
            self._kill(aimed)
        self._watch()

    def _at_work(self) -> list[int]:
        holders = self.ledger.holders()
        return [place for place, worker in sorted(self.workers.items()) if worker.pid in holders]

    def _kill(self, aimed: bool) -> None:
        self._look()
        if not self.workers:
            raise Violation("no worker is left to kill: the study is too short")
        place = self.random.choice((aimed and self._at_work()) or sorted(self.workers))
        victim = self.workers.pop(place)
        victim.kill()
        if orphans := self.ledger.claims_of(victim.pid):
            self.in_trial += 1
            self._orphaned |= dict.fromkeys(orphans, time.monotonic())
        complete = self.ledger.complete()
        check_unchanged(self.seen, complete.values())
        self.seen = complete | self.seen
        self.workers[place] = self.service.worker(place)

    def _watch(self, enough: float = math.inf, aimed: bool = False) -> None:
        """Waits for so many measurements, and somebody to aim at, or for the end of all workers."""
        most, since = -1, time.monotonic()
        while self.workers and (most < enough or (aimed and not self._at_work())):
            self._look()
            now, progress = time.monotonic(), self.ledger.progress()
            if progress != most:
                most, since = progress, now
            elif now - since > _SILENCE:
                raise Violation(f"stuck at {most} of {self.study.rows} measurements")
            time.sleep(_POLL)

    def _look(self) -> None:
        claimants = self.ledger.claimants() if self._orphaned else set()
        for name in self._orphaned.keys() - claimants:
            took = time.monotonic() - self._orphaned.pop(name)
            self.recovery = max(self.recovery, took)
        self.workers = {
            place: worker for place, worker in self.workers.items() if not worker.has_ended()
        }


def undisturbed(
    study: Study, folder: Path, compiled: Path, start: Callable[[Service], Process] = Service.worker
) -> list[Entry]:
    """What is found where nothing disturbs what `start` starts: one worker on one core.

    It fills the cache of compiled programs.
    """
    url = f"sqlite:///{folder / 'studies.db'}"
    with service(url, folder, compiled) as alone:
        alone.submit(study.write(folder / "spec.toml"))
        start(alone).end()
        with closing(Ledger(url)) as ledger:
            entries = ledger.entries()
            ledger.check(study, entries, {})
    return entries


def survive(
    url: str,
    folder: Path,
    compiled: Path,
    study: Study,
    expected: list[Entry],
    random: Random,
    *,
    workers: int = 3,
    kills: int = 50,
) -> Figures:
    """Runs a study at `url` while workers are killed; raises `Violation` for any promise broken."""
    begun = time.monotonic()
    with service(url, folder, compiled) as opened:
        opened.submit(study.write(folder / "spec.toml"))
        with closing(Ledger(url)) as ledger:
            killing = Killing(opened, ledger, study, random)
            killing.run(workers, kills)
            ledger.check(study, expected, killing.seen)
        check_told_once([event for each in opened.started for event in each.events()])
        for process in opened.started:
            process.check_said()
    seconds = time.monotonic() - begun
    return Figures(kills, killing.in_trial, study.trials, seconds, killing.recovery)
