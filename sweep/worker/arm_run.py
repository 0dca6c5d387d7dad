"""An arm of a confirmation in training, with one seed."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from normsweep.engine.population import Chunk
from normsweep.engine.versions import versions
from normsweep.score.influence import image_influences
from normsweep.score.run import Failed, Run
from normsweep.score.setup import Setup
from normsweep.storage.influences import add_influences
from normsweep.storage.measurements import add_measurements
from normsweep.study.attributes import CONFIRM, ArmAttributes, of_arm
from normsweep.study.confirmation import Arm


@dataclass(kw_only=True)
class ArmRun(Run):
    """An arm in training with one seed, stored as a whole when it is over.

    `influences` are those of images on its score, by step, if `of_images` are wanted; any chunk may
    be the one that counts.
    """

    arm: Arm
    seed: int
    role: str = CONFIRM
    of_images: bool = True
    storage: RDBStorage = field(repr=False)
    influences: dict[int, np.ndarray] = field(default_factory=dict)
    _stored: int | None = None

    def judge(self, setup: Setup, chunk: Chunk, slot: int) -> None:
        """As any run, and looks at what each image has to do with the score."""
        super().judge(setup, chunk, slot)
        if self.of_images and not isinstance(self.end, Failed):
            found = image_influences(setup, self.config.score.metric, chunk, slot)
            if found is not None:
                self.influences[self.steps] = found

    def begin_alone(self, setup: Setup) -> None:
        """Begins anew, without what it has seen of images either."""
        super().begin_alone(setup)
        self.influences.clear()

    def store(self, study: optuna.Study) -> None:
        """Adds it to a confirmation: its scores and its curve, or why it has none.

        What a call that failed in the middle has added is not added again.
        """
        assert self.end is not None
        if isinstance(self.end, Failed):
            self._add(study, state=TrialState.FAIL, written={"reason": self.end.reason})
            return
        chosen = self.final_chunk()
        steps = self.program.chunk_steps
        curve = np.array([scores[0] for scores in self.fold_scores])
        reports = {(at + 1) * steps: float(scores.mean()) for at, scores in enumerate(curve)}
        if self._stored is None:
            self._stored = self._add(
                study,
                state=TrialState.COMPLETE,
                values=[float(row.mean()) for row in self.fold_scores[chosen]],
                # Optuna takes no reports where there are two objectives.
                intermediate_values=reports if len(study.directions) == 1 else {},
                written={"result": self.result(chosen), "curve": curve},
            )
        rows = [replace(row, trial_id=self._stored) for row in self.unstored]
        with self.storage.engine.begin() as connection:
            add_measurements(connection, rows)
            add_influences(connection, self._stored, self.influences)

    def _add(self, study: optuna.Study, *, written: dict[str, Any], **facts: Any) -> int:
        attributes = ArmAttributes(
            role=self.role,
            arm=self.arm.name,
            against=self.arm.against,
            trial=self.arm.trial,
            seed=self.seed,
            config=self.config.plain(),
            versions=versions(),
            **written,
        )
        finished = create_trial(
            params=self.arm.parameters,
            distributions=self.arm.distributions,
            user_attrs=of_arm(attributes),
            **facts,
        )
        # `Study.add_trial`, which does not say which trial it made.
        return self.storage.create_new_trial(study._study_id, template_trial=finished)
