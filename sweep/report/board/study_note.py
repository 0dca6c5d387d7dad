"""Writes the note of a study, which anyone who opens it in the Optuna dashboard reads first."""

import optuna
from optuna.storages import RDBStorage

from normsweep.report.board.kept import keep_note, kept_note
from normsweep.report.board.notes import confirmation_note, merged, study_note
from normsweep.study.attributes import study_attributes
from normsweep.study.confirmation import find_confirmation
from normsweep.verdict.answers import Answer
from normsweep.verdict.reading import read_confirmation


def write_study_note(study: optuna.Study, storage: RDBStorage, found: Answer) -> None:
    """Writes our part of a study's note, and of that of the study that holds its confirmation."""
    confirmed = read_confirmation(study, storage)
    _write(study, study_note(found, confirmed, study_attributes(study).versions))
    held = find_confirmation(study, storage)
    if held is not None:
        _write(held, confirmation_note(found, confirmed))


def _write(study: optuna.Study, ours: str) -> None:
    before = kept_note(study)
    after = merged(before, ours)
    if after != before:
        keep_note(study, after)
