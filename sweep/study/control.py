"""What a study's user wants of all its workers: go on, pause, or stop."""

import optuna

from sweep.errors import UserError

OPEN, PAUSED, STOPPED = "open", "paused", "stopped"
_ATTRIBUTE = "control"


def control(study: optuna.Study) -> str:
    """`open`, `paused` or `stopped`; one query, so that workers can ask after every chunk."""
    return str(study.user_attrs.get(_ATTRIBUTE, OPEN))


def set_control(study: optuna.Study, wanted: str) -> None:
    """Tells all workers of a study, wherever they are; they hear it at the end of their chunk.

    Raises `UserError` for a study that was not made by sweep.
    """
    if "spec" not in study.user_attrs:
        raise UserError(f"study {study.study_name!r} was not made by sweep: no worker heeds it")
    study.set_user_attr(_ATTRIBUTE, wanted)
