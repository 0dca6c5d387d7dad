"""Writes into the database what the dashboard is to show of a study, when something has changed."""

import io
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from optuna_dashboard import save_plotly_graph_object
from optuna_dashboard._note import get_note_from_system_attrs, save_note_with_version

from normsweep.errors import UserError
from normsweep.report.board.notes import trial_note
from normsweep.report.board.study_note import write_study_note
from normsweep.report.figures import Picture, drawn_figures, read_picture, titled
from normsweep.score.pictures import draw_curves
from normsweep.storage import open_storage
from normsweep.storage.artifacts import put_on_study
from normsweep.storage.retry import is_outage
from normsweep.storage.urls import without_secrets
from normsweep.study.attributes import is_foreign, study_attributes
from normsweep.study.confirmation import find_confirmation
from normsweep.verdict.answers import ranked

EVERY = 10.0
"""Seconds between two looks for something new."""
_BESIDE = {
    "importance": "Optuna's own chart takes the best tenth; here at least five trials are the best",
    "history": "as Optuna's, on a log axis where scores span decades",
}
"""Below the title of a figure, what it is beside one of the dashboard's own."""
_DRAWN = ("baseline", "best", "second best", "third best")
"""Of these, learning curves are drawn as pictures; named so that a new best replaces the former."""


def refresh(study: optuna.Study, storage: RDBStorage, files: Path) -> None:
    """Writes the notes of a study and its trials, its figures, and pictures of learning curves.

    What a user has written into the study's note stays. Raises `UserError` for a study that was not
    made by sweep.
    """
    picture = read_picture(study, storage)
    write_study_note(study, storage, picture.answer)
    _write_trial_notes(study, storage, picture)
    for name, (title, drawn) in drawn_figures(picture).items():
        shown = titled(title, drawn, _BESIDE.get(name, ""))
        save_plotly_graph_object(study, shown, graph_object_id=name)
    _draw_curves(study, picture, files)


def _write_trial_notes(study: optuna.Study, storage: RDBStorage, picture: Picture) -> None:
    """Of every trial with a score that has no note yet."""
    there = storage.get_study_system_attrs(study._study_id)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
        note = get_note_from_system_attrs(there, trial._trial_id)
        # A first version without a text was cut short as it was written.
        if note["body"] or note["version"] > 1 or is_foreign(trial):
            continue
        body = trial_note(ranked(trial), picture.spec)
        # `save_note` takes trials of a running objective alone.
        save_note_with_version(storage, study._study_id, trial._trial_id, 1, body)


def _draw_curves(study: optuna.Study, picture: Picture, files: Path) -> None:
    found = picture.answer
    for name, entry in zip(_DRAWN, (found.baseline, *found.ranking), strict=False):
        if entry is not None and (rows := picture.measurements.get(entry.number)):
            drawn = io.BytesIO()
            draw_curves(rows, drawn, title=f"{name}, trial {entry.number}")
            put_on_study(files, study, f"curves of the {name}.png", drawn.getvalue())


@dataclass
class Refresher:
    """Refreshes all studies of a storage."""

    storage: RDBStorage
    files: Path
    warn: Callable[[str], None]
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def look(self) -> None:
        """Refreshes each study in which trials have finished since the last look."""
        for name in optuna.get_all_study_names(self.storage):
            study = optuna.load_study(study_name=name, storage=self.storage)
            if not study_attributes(study).is_ours:
                continue
            held = find_confirmation(study, self.storage)
            now = (_finished(study), 0 if held is None else _finished(held))
            if self._seen.get(name) == now:
                continue
            try:
                refresh(study, self.storage, self.files)
            except Exception as error:
                if is_outage(error):
                    raise
                # What other code has written into one study keeps no other from its notes.
                told = error if isinstance(error, UserError | OSError) else repr(error)
                self.warn(f"study {name}: notes and figures are not up to date: {told}")
            self._seen[name] = now


def keep_fresh(url: str, files: Path, warn: Callable[[str], None]) -> None:
    """Refreshes all studies of a storage until the process that has started this one ends.

    A process of its own: drawing would hold up the server's answers, and a thread in the middle of
    it the server's end.
    """
    # Ctrl-C in a terminal reaches this process too; it ends with the server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = multiprocessing.parent_process()
    assert server is not None
    refresher = Refresher(open_storage(url), files, warn)
    while server.is_alive():
        try:
            refresher.look()
        except Exception as error:
            # The dashboard itself goes on: a database that is away may come back.
            if not is_outage(error):
                told = without_secrets(str(error), url)
                warn(f"notes and figures are not up to date: {told}")
        server.join(EVERY)


def _finished(study: optuna.Study) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
