"""How a running study looks: a live display in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from normsweep.cli.app import notices
from normsweep.data.decoding import Watch
from normsweep.data.decoding import unwatched as nobody
from normsweep.study.attributes import PAUSED
from normsweep.study.progress import Progress as Snapshot
from normsweep.study.progress import Watcher, unwatched

_LINE_EVERY = 10.0
_PHASES = {"compiling": "compiling the training program", PAUSED: "paused, until it is resumed"}
_LOADING = "loading data, fitting the feature map"
_MEASURING = "measuring ranges on the baseline"


class Watching(NamedTuple):
    """What shows how far a study is, and before that how many of its pictures are decoded, and
    how many steps are trained of the run from which ranges follow."""

    study: Watcher
    pictures: Watch
    measuring: Watch


@contextmanager
def decoding(*, quiet: bool = False) -> Iterator[Watch]:
    """Shows on standard error how many pictures are decoded, while the context lasts."""
    if quiet:
        yield nobody
    elif notices.is_terminal:
        display = Progress(
            TextColumn("decoding pictures"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=notices,
            transient=True,
        )
        with display:
            task = display.add_task("", total=None)
            yield lambda done, total: display.update(task, completed=done, total=total)
    else:
        yield _LineWatcher().decoding


@contextmanager
def watching(*, quiet: bool = False) -> Iterator[Watching]:
    """Shows progress on standard error while the context lasts."""
    if quiet:
        yield Watching(unwatched, nobody, nobody)
    elif notices.is_terminal:
        with _live_display() as display:
            live = _LiveWatcher(display)
            yield Watching(live, live.decoding, live.measuring)
    else:
        lines = _LineWatcher()
        yield Watching(lines, lines.decoding, lines.measuring)


def _live_display() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[study]}[/]"),
        BarColumn(),
        TextColumn("{task.fields[trials]}"),
        TextColumn("{task.fields[scores]}"),
        TextColumn("[dim]{task.fields[clock]}[/]"),
        console=notices,
    )


class _LiveWatcher:
    def __init__(self, display: Progress) -> None:
        self._display = display
        self._task = display.add_task(
            "",
            total=None,
            study="",
            trials=_LOADING,
            scores="",
            clock="",
        )

    def decoding(self, done: int, total: int) -> None:
        """Pictures, before there is anything of the study."""
        over = done == total
        self._display.update(
            self._task,
            total=None if over else total,
            completed=done,
            trials=_LOADING if over else f"decoding pictures, {done} of {total}",
        )

    def measuring(self, done: int, total: int) -> None:
        """A run of the baseline, before the first trial."""
        told = f"{_MEASURING}, {done} of {total} steps"
        self._display.update(self._task, total=total, completed=done, trials=told)

    def __call__(self, now: Snapshot) -> None:
        self._display.update(
            self._task,
            total=now.total,
            completed=now.finished + now.partial,
            study=now.study,
            trials=_trials(now),
            scores=_PHASES.get(now.phase) or _scores(now),
            clock="" if now.phase in _PHASES else _clock(now),
        )


class _LineWatcher:
    """A line when a trial ends, and otherwise every ten seconds."""

    def __init__(self) -> None:
        self._finished = -1
        self._spoke = -_LINE_EVERY
        self._decoded = time.monotonic()
        self._rests = False

    def decoding(self, done: int, total: int) -> None:
        """Pictures: a line every ten seconds."""
        if time.monotonic() - self._decoded >= _LINE_EVERY:
            self._decoded = time.monotonic()
            notices.print(f"decoding pictures: {done} of {total}", highlight=False)

    def measuring(self, done: int, total: int) -> None:
        """A run of the baseline: a line at its beginning, and one every ten seconds."""
        if not done or time.monotonic() - self._decoded >= _LINE_EVERY:
            self._decoded = time.monotonic()
            notices.print(f"{_MEASURING}: {done} of {total} steps", highlight=False)

    def __call__(self, now: Snapshot) -> None:
        rested, self._rests = self._rests, now.phase == PAUSED
        if self._rests:
            if not rested:
                told = f"{now.study}  {_trials(now)}  {_PHASES[PAUSED]}"
                notices.print(told, highlight=False, soft_wrap=True)
            return
        if now.finished == self._finished and now.elapsed - self._spoke < _LINE_EVERY:
            return
        self._finished, self._spoke = now.finished, now.elapsed
        parts = [now.study, _trials(now), _scores(now), _clock(now)]
        notices.print("  ".join(part for part in parts if part), highlight=False, soft_wrap=True)


def _trials(now: Snapshot) -> str:
    parts = [f"{now.finished}/{now.total} trials done", f"{now.running} running"]
    parts += [f"{now.collapsed} collapsed"] if now.collapsed else []
    parts += [f"{now.pruned} pruned"] if now.pruned else []
    parts += [f"{now.failed} failed"] if now.failed else []
    return ", ".join(parts)


def _scores(now: Snapshot) -> str:
    if now.best_score is None and now.baseline_score is None:
        return ""
    best = "–" if now.best_score is None else f"{now.best_score:.3f} (#{now.best_number})"
    baseline = "–" if now.baseline_score is None else f"{now.baseline_score:.3f}"
    return f"best {best}, baseline {baseline}"


def _clock(now: Snapshot) -> str:
    left = "" if now.remaining is None else f", {_duration(now.remaining)} left"
    return f"{_duration(now.elapsed)}{left}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
