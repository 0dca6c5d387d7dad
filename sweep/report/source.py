"""What the sections of a report are written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from normsweep.report.figures import Picture, read_picture
from normsweep.storage.artifacts import REAL, SAMPLES, artifacts_of, read_artifact
from normsweep.study.attributes import StudyAttributes, study_attributes
from normsweep.verdict.answers import Answer
from normsweep.verdict.reading import Confirmation
from normsweep.verdict.words import metric_name


@dataclass(frozen=True)
class Source:
    """A study, read once.

    `attributes` are what is written of the study. `option` names its storage in commands, with a
    space in front, and is empty where they find it by themselves. `began` and `ended` are when the
    first trial was started and the last one finished. `real` is a picture of images that judge, as
    PNG, where that is here; `samples` are pictures of generated images, as PNG, by the numbers of
    trials; of the trials in `absent` there are some elsewhere.
    """

    picture: Picture
    attributes: StudyAttributes = field(default_factory=StudyAttributes)
    option: str = ""
    began: datetime | None = None
    ended: datetime | None = None
    real: bytes | None = None
    samples: Mapping[int, bytes] = field(default_factory=dict)
    absent: tuple[int, ...] = ()

    @property
    def confirmed(self) -> Confirmation | None:
        """What its confirmation says, if it has one."""
        return self.picture.confirmed

    @property
    def answer(self) -> Answer:
        """The study's answer."""
        return self.picture.answer

    @property
    def metric(self) -> str:
        """What the metric that trials are ranked by is called."""
        return metric_name(self.picture.metric)


def read_source(
    study: optuna.Study, storage: RDBStorage, option: str = "", files: Path | None = None
) -> Source:
    """Reads a study of the storage, and the pictures of its leaders where `files` are here.

    Raises `UserError` for a study that was not made by sweep.
    """
    picture = read_picture(study, storage)
    trials = study.get_trials(deepcopy=False)
    confirmed = picture.confirmed
    shown = {entry.number for _, entry in picture.leaders(1)}
    if confirmed is not None:
        shown.add(confirmed.best.trial.number)
    drawn = {
        number: read_artifact(files, meta)
        for number in sorted(shown)
        if files is not None
        and (meta := artifacts_of(trials[number].system_attrs).get(SAMPLES)) is not None
    }
    return Source(
        picture=picture,
        real=_real(study, files),
        samples={number: png for number, png in drawn.items() if png is not None},
        absent=tuple(number for number, png in drawn.items() if png is None),
        attributes=study_attributes(study),
        option=option,
        began=min((t.datetime_start for t in trials if t.datetime_start is not None), default=None),
        ended=max(
            (t.datetime_complete for t in trials if t.datetime_complete is not None), default=None
        ),
    )


def _real(study: optuna.Study, files: Path | None) -> bytes | None:
    there = artifacts_of(study._storage.get_study_system_attrs(study._study_id))
    return read_artifact(files, there[REAL]) if files is not None and REAL in there else None
