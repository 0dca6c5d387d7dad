"""An arm of a confirmation in training, with one seed."""

from dataclasses import dataclass, field, replace

import numpy as np
import optuna
from optuna.trial import FrozenTrial
from sqlalchemy import Engine

from normsweep.engine.population import Chunk
from normsweep.score.influence import image_influences
from normsweep.score.run import Failed, Run
from normsweep.score.setup import Setup
from normsweep.score.training import Training
from normsweep.storage.influences import add_influences
from normsweep.storage.telling import Ending
from normsweep.study.attributes import of_curve
from normsweep.worker.trial_run import TrialRun


@dataclass(kw_only=True)
class ArmRun(TrialRun):
    """A trial of a confirmation in flight: an arm by one seed.

    `influences` are those of images on its score that the database has not seen, by step, if
    `of_images` are wanted; any chunk may be the one that counts. `training` has its members.
    """

    training: Training
    of_images: bool = True
    influences: dict[int, np.ndarray] = field(default_factory=dict)

    def judge(self, setup: Setup, chunk: Chunk, slot: int) -> None:
        """As any run, and looks at what each image has to do with the score."""
        # Not as a trial of the search: it has no picture, and goes to its end, dead or not, since
        # curves are compared chunk by chunk.
        Run.judge(self, setup, chunk, slot)
        if self.of_images and not isinstance(self.end, Failed):
            metric, figures = self.config.score.metric, {}
            if metric in self.program.family.figures:
                figures = self.training.figures(self, slot)
            found = image_influences(setup, metric, chunk, slot, figures)
            if found is not None:
                self.influences[self.steps] = found

    def begin_alone(self, setup: Setup) -> None:
        """Begins anew, without what it has seen of images either."""
        super().begin_alone(setup)
        self.influences.clear()

    def store(self, engine: Engine, worker: str) -> None:
        """The same, and the influences, before the chunks by which it is gone on with."""
        self._store_influences(engine)
        super().store(engine, worker)

    def finish(self, engine: Engine, worker: str, study: optuna.Study) -> FrozenTrial:
        """The same."""
        self._store_influences(engine)
        return super().finish(engine, worker, study)

    def ending(self) -> Ending:
        """The same, with its scores after every chunk."""
        ending = super().ending()
        if isinstance(self.end, Failed):
            return ending
        curve = of_curve(np.array([scores[0] for scores in self.fold_scores]))
        return replace(ending, user_attrs={**ending.user_attrs, **curve})

    def _store_influences(self, engine: Engine) -> None:
        if self.influences:
            with engine.begin() as connection:
                add_influences(connection, self.trial_id, self.influences)
            self.influences.clear()
