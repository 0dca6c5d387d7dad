"""What a study's user wants of all its workers: go on, pause, or stop."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from sqlalchemy.exc import IntegrityError

from normsweep.errors import UserError
from normsweep.study.attributes import OPEN, study_attributes, write_study

ENDED = "ended"
"""An open study whose search has stopped by itself."""


def control(study: optuna.Study) -> str:
    """`open`, `paused`, `stopped` or `ended`; one query, which workers can ask every chunk."""
    written = study_attributes(study)
    return ENDED if written.control == OPEN and written.stop is not None else written.control


class StudyDeleted(UserError):
    """A study that was deleted while it was worked on, as the dashboard lets one do."""


@contextmanager
def telling_deletion(study: optuna.Study) -> Iterator[None]:
    """Raises `StudyDeleted` in place of what the database says of rows that are no longer there."""
    try:
        yield
    except (KeyError, IntegrityError) as error:
        if _is_deleted(study):
            raise StudyDeleted(f"study {study.study_name!r} was deleted") from error
        raise


def _is_deleted(study: optuna.Study) -> bool:
    try:
        control(study)
    except KeyError:
        return True
    return False


def set_control(study: optuna.Study, wanted: str) -> None:
    """Tells all workers of a study, wherever they are; they hear it at the end of their chunk.

    Raises `UserError` for a study that was not made by sweep.
    """
    if not study_attributes(study).is_ours:
        raise UserError(f"study {study.study_name!r} was not made by sweep: no worker heeds it")
    write_study(study, control=wanted)
