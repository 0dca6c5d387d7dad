"""What the sections of a report are written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import RDBStorage

from sweep.figures import Picture, read_picture
from sweep.study.answers import Answer
from sweep.study.words import metric_name


@dataclass(frozen=True)
class Source:
    """A study, read once.

    `attributes` are Optuna's of the study. `option` names its storage in commands, with a space in
    front, and is empty where they find it by themselves. `began` and `ended` are when the first
    trial was started and the last one finished.
    """

    picture: Picture
    attributes: Mapping[str, Any] = field(default_factory=dict)
    option: str = ""
    began: datetime | None = None
    ended: datetime | None = None

    @property
    def answer(self) -> Answer:
        """The study's answer."""
        return self.picture.answer

    @property
    def metric(self) -> str:
        """What the metric that trials are ranked by is called."""
        return metric_name(self.picture.metric)


def read_source(study: optuna.Study, storage: RDBStorage, option: str = "") -> Source:
    """Reads a study of the storage; raises `UserError` for one that was not made by sweep."""
    picture = read_picture(study, storage)
    trials = study.get_trials(deepcopy=False)
    return Source(
        picture,
        dict(study.user_attrs),
        option,
        min((t.datetime_start for t in trials if t.datetime_start is not None), default=None),
        max((t.datetime_complete for t in trials if t.datetime_complete is not None), default=None),
    )
