"""The influences of the images that judge, for the trainings of a confirmation."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import Engine

from normsweep.spec.spec import Spec
from normsweep.storage.influences import has_influences, read_influences
from normsweep.study.attributes import ArmAttributes


@dataclass(frozen=True)
class JudgingImages:
    """Where they are read: of a study's database, whose chunks have so many steps.

    `engine` is None where there are none to read: in databases of earlier versions. What was read
    is kept, by trial and step: one look after the other is at the same trainings.
    """

    engine: Engine | None
    chunk_steps: int
    _read: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, storage: BaseStorage, spec: Spec) -> "JudgingImages":
        """Those of a study with a spec, in a storage that may be none with our tables."""
        engine = storage.engine if isinstance(storage, RDBStorage) else None
        there = engine is not None and has_influences(engine)
        return cls(engine if there else None, spec.train.steps // spec.train.chunks)

    def at(self, trained: Sequence[ArmAttributes], chunks: Sequence[int]) -> np.ndarray | None:
        """The influences [seeds, images] on the scores of trainings, each at the chunk by number.

        NaN of an image that does not judge. None unless all of them are stored.
        """
        wanted = [
            (arm.trial_id, (chunk + 1) * self.chunk_steps)
            for arm, chunk in zip(trained, chunks, strict=True)
            if arm.trial_id is not None
        ]
        if self.engine is None or not wanted:
            return None
        if unread := [key for key in wanted if key not in self._read]:
            ids, steps = ({key[part] for key in unread} for part in (0, 1))
            self._read.update(read_influences(self.engine, ids, steps))
        rows = [self._read[key] for key in wanted if key in self._read]
        whole = len(rows) == len(trained) and len({len(row) for row in rows}) == 1
        return np.stack(rows) if whole else None

    def between(
        self,
        own: tuple[Sequence[ArmAttributes], Sequence[int]],
        other: tuple[Sequence[ArmAttributes], Sequence[int]],
    ) -> np.ndarray | None:
        """Those on the differences of trainings by the same seeds, which the same images judge."""
        one, against = self.at(*own), self.at(*other)
        if one is None or against is None or one.shape != against.shape:
            return None
        difference: np.ndarray = one - against
        return difference
