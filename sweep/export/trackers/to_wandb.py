"""A study as a group of runs of Weights & Biases, one for each trial that has ended."""

import io
import json
import os
import shutil
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from normsweep.errors import UserError
from normsweep.export.trackers.entry import OF_STUDY, Entry

PROJECT = "normsweep"
"""Where neither the destination nor WANDB_PROJECT names one."""
_DONE = "sweep-written"
"""The file in a run's folder that says what was written whole."""
_NUMBER, _LOGGED = "number", "logged"
"""Of which trial, or of how many seeds, a row of a study is; and, in the summary, what is there."""


class WeightsAndBiases:
    """Writes runs whole, by wandb's own client, online or offline as its environment says.

    Offline a run cannot be gone on with: what was cut short, or says something else now, is
    written anew in its place.
    """

    accepted: ClassVar[str] = "wandb, wandb:PROJECT"
    takes_unended = False

    def __init__(self, where: str) -> None:
        try:
            import wandb
        except ImportError as error:
            raise UserError(
                "log to wandb: needs wandb, which is not installed: pip install 'normsweep[wandb]'"
            ) from error
        self.faults: tuple[type[Exception], ...] = (wandb.Error, OSError)
        self.shown = f"wandb:{where}" if where else "wandb"
        self._project = where or os.environ.get("WANDB_PROJECT", PROJECT)
        self._settings = wandb.Settings(
            silent=True, console="off", disable_git=True, save_code=False, x_disable_stats=True
        )
        self._offline = os.environ.get("WANDB_MODE", "online") in ("offline", "dryrun")
        if not self._offline:
            self._log_in()

    def _log_in(self) -> None:
        import wandb

        try:
            known = wandb.login(prompt=False)
        except Exception as error:
            told = str(error).splitlines()[0]
            raise UserError(f"log to {self.shown}: cannot be used: {told}") from error
        if not known:
            raise UserError(
                f"log to {self.shown}: nobody is logged in; accepted: `wandb login`, "
                "WANDB_API_KEY, or WANDB_MODE=offline"
            )

    def write(self, entry: Entry) -> None:
        """Writes an entry, unless that was done before and it says the same."""
        identifier = f"{entry.identity}-{entry.name}"
        folder = Path(os.environ.get("WANDB_DIR", "."), "wandb")
        before = sorted(folder.glob(f"*run-*-{identifier}"))
        said = sha256(repr(entry).encode()).hexdigest()
        if any(_read(place / _DONE) == said for place in before):
            return
        if self._offline:
            for place in before:
                shutil.rmtree(place)
        run = self._begun(entry, identifier)
        place = Path(run.settings.sync_dir)
        try:
            self._fill(run, entry)
        finally:
            run.finish(exit_code=1 if entry.failed else 0)
        (place / _DONE).write_text(said, encoding="utf-8")

    def close(self) -> None:
        """Nothing is open."""

    def _begun(self, entry: Entry, identifier: str) -> Any:
        import wandb

        return wandb.init(
            project=self._project,
            group=entry.of,
            id=identifier,
            name=entry.name,
            job_type=entry.tags.get("role", entry.name),
            config=entry.config,
            resume=None if self._offline else "allow",
            reinit="create_new",
            settings=self._settings,
        )

    def _fill(self, run: Any, entry: Entry) -> None:
        import wandb

        if entry.name == OF_STUDY:
            _log_study(run, entry)
        else:
            _log_training(run, entry)
        # What a run that is gone on with shows already is not there twice.
        pictures = {
            name: wandb.Image(Image.open(io.BytesIO(png)))
            for name, png in (
                (each.removesuffix(".png"), of) for each, of in entry.pictures.items()
            )
            if run.summary.get(name) is None
        }
        if pictures:
            run.log(pictures, step=max(entry.step, run.step))
        run.summary.update(entry.tags)
        for name, text in entry.texts.items():
            Path(run.dir, name).write_text(text, encoding="utf-8")


def _log_training(run: Any, entry: Entry) -> None:
    for step, values in sorted(entry.curves.items()):
        # What a run that is gone on with has already.
        if step >= run.step:
            run.log(values, step=step)


def _log_study(run: Any, entry: Entry) -> None:
    """Adds a row for each number that has something new.

    That of a trial that ended late, or of as many seeds as there are, may be less than a step that
    the run has passed: W&B takes no row there, and so the row says of which it is.
    """
    run.define_metric("*", step_metric=_NUMBER)
    there, free = _there(run, entry), run.step
    newest: dict[str, float] = {}
    for number, values in sorted(entry.curves.items()):
        new = {name: value for name, value in values.items() if number not in there[name]}
        if new:
            step = max(number, free)
            run.log(new | {_NUMBER: number}, step=step)
            free = step + 1
        for name in new:
            there[name].add(number)
        newest |= values
    logged = {name: _stretches(numbers) for name, numbers in there.items()}
    run.summary.update(newest | {_LOGGED: json.dumps(logged)})


def _there(run: Any, entry: Entry) -> dict[str, set[int]]:
    """Of which numbers a run has each value; cut short before it said so, of all below its step."""
    names = {name for values in entry.curves.values() for name in values}
    said = run.summary.get(_LOGGED)
    if said is None:
        return {name: set(range(run.step)) for name in names}
    found = {
        name: {number for first, last in stretches for number in range(first, last + 1)}
        for name, stretches in json.loads(said).items()
    }
    return {name: set() for name in names} | found


def _stretches(numbers: set[int]) -> list[tuple[int, int]]:
    """The first and the last of those without a gap: there may be thousands of trials."""
    # Rising ones less their places are equal where each follows the one before.
    by_stretch = groupby(enumerate(sorted(numbers)), key=lambda placed: placed[1] - placed[0])
    stretches = ([number for _, number in each] for _, each in by_stretch)
    return [(each[0], each[-1]) for each in stretches]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
