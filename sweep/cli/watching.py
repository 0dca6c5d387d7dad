"""How a running study looks: a live display in a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from normsweep.cli.app import notices
from normsweep.study.progress import Progress as Snapshot
from normsweep.study.progress import Watcher, unwatched

_LINE_EVERY = 10.0


@contextmanager
def watching(*, quiet: bool = False) -> Iterator[Watcher]:
    """A watcher that shows progress on standard error while the context lasts."""
    if quiet:
        yield unwatched
    elif notices.is_terminal:
        with _live_display() as display:
            yield _LiveWatcher(display)
    else:
        yield _LineWatcher()


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
            trials="loading data, fitting the feature map",
            scores="",
            clock="",
        )

    def __call__(self, now: Snapshot) -> None:
        compiling = now.phase == "compiling"
        self._display.update(
            self._task,
            total=now.total,
            completed=now.finished + now.partial,
            study=now.study,
            trials=_trials(now),
            scores="compiling the training program" if compiling else _scores(now),
            clock="" if compiling else _clock(now),
        )


class _LineWatcher:
    """A line when a trial ends, and otherwise every ten seconds."""

    def __init__(self) -> None:
        self._finished = -1
        self._spoke = -_LINE_EVERY

    def __call__(self, now: Snapshot) -> None:
        if now.finished == self._finished and now.elapsed - self._spoke < _LINE_EVERY:
            return
        self._finished, self._spoke = now.finished, now.elapsed
        parts = [now.study, _trials(now), _scores(now), _clock(now)]
        notices.print("  ".join(part for part in parts if part), highlight=False, soft_wrap=True)


def _trials(now: Snapshot) -> str:
    parts = [f"{now.finished}/{now.total} trials done", f"{now.running} running"]
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
