"""A config in training: its program, its scores so far, and how it ended."""

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from normsweep.engine.population import Chunk
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.program import Program
from normsweep.objectives.distances import cost, scored
from normsweep.score.collapse import LOOK_BACK
from normsweep.score.measure import measure
from normsweep.score.setup import Setup
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement
from normsweep.study.attributes import Result


@dataclass(frozen=True)
class Completed:
    """All chunks are trained, or enough of them."""


@dataclass(frozen=True)
class Pruned:
    """It was not worth its remaining chunks."""


@dataclass(frozen=True)
class Collapsed:
    """It is dead: what is left of its training would change nothing. `why` has the step."""

    why: str


@dataclass(frozen=True)
class Failed:
    """It has no score.

    What was `raised` says nothing of what it was trained to, and another try may be without it.
    """

    reason: str
    raised: bool = False


End = Completed | Pruned | Collapsed | Failed


@dataclass
class Run:
    """A config in training, with its scores so far.

    `fold_scores` has an array [objectives, folds] for each chunk, `recorded` the mean over folds of
    whatever else was measured, `required` that of the scores by which trials are required to reach
    a bound, `unstored` the rows that the database has not seen, `latest` those
    of the last chunks. What is over has an `end`.
    """

    config: Spec
    program: Program
    hyperparameters: Hyperparameters
    fold_scores: list[np.ndarray] = field(default_factory=list)
    recorded: list[dict[str, float]] = field(default_factory=list)
    required: list[dict[str, float]] = field(default_factory=list)
    unstored: list[Measurement] = field(default_factory=list)
    latest: list[list[Measurement]] = field(default_factory=list)
    end: End | None = None

    @property
    def chunks(self) -> int:
        """Chunks trained so far."""
        return len(self.fold_scores)

    @property
    def steps(self) -> int:
        """Training steps so far."""
        return self.chunks * self.program.chunk_steps

    @property
    def trial_id(self) -> int:
        """The trial that its measurements are of; 0 where that is not made yet, or never."""
        return 0

    def so_far(self) -> dict[str, float]:
        """The steps so far, and the score there, for a log; without one where there is none."""
        scores = {"score": float(self.fold_scores[-1][0].mean())} if self.fold_scores else {}
        return {"step": self.steps} | scores

    def judge(self, setup: Setup, chunk: Chunk, slot: int) -> None:
        """Takes a chunk of its members: scores it, or fails where that says nothing of one."""
        step = self.steps + self.program.chunk_steps
        if not chunk.finite[slot].all():
            folds = ", ".join(str(fold) for fold in np.flatnonzero(~chunk.finite[slot]))
            self.end = Failed(f"loss, weights or samples not finite by step {step} on fold {folds}")
            return
        for fold, features in enumerate(chunk.features[slot]):
            if why := setup.judge.diverged(fold, features):
                self.end = Failed(f"samples diverged by step {step} on fold {fold}: {why}")
                return
        rows = measure(setup, chunk, step, slot, self.trial_id)
        for row, metric in product(rows, {*setup.judge.metrics, *self.config.score.objectives}):
            # A method whose samples are of no class has no value of what needs labels.
            if not np.isfinite(row.values().get(metric, 0.0)):
                self.end = Failed(f"{metric} not finite by step {step} on fold {row.fold}")
                return
        self.add_chunk(rows)
        if self.chunks == self.config.train.chunks:
            self.end = Completed()

    def add_chunk(self, rows: list[Measurement]) -> None:
        """Takes the measurements of a chunk, one for each fold."""
        metrics = self.config.score.objectives
        scores = [[scored(metric, row.value(metric)) for row in rows] for metric in metrics]
        self.fold_scores.append(np.array(scores))
        self.unstored += rows
        self.latest = [*self.latest, rows][-LOOK_BACK:]
        names = dict.fromkeys(name for row in rows for name in row.others)
        self.recorded.append(
            {n: float(np.mean([r.others[n] for r in rows if n in r.others])) for n in names}
        )
        self.required.append(
            {
                name: float(np.mean([scored(name, row.values().get(name, np.nan)) for row in rows]))
                for name in self.config.score.require or ()
            }
        )

    def begin_alone(self, setup: Setup) -> None:
        """Begins anew in a program that holds no other method; the scores will be the same."""
        self.program = program_of(
            self.config, setup.image_shape, setup.samples, classes=setup.classes
        )
        self.hyperparameters = hyperparameters_of(self.config, family=self.program.family)
        for found in (self.fold_scores, self.recorded, self.required, self.unstored, self.latest):
            found.clear()

    def final_chunk(self) -> int:
        """The index of the chunk whose score is the run's."""
        if self.config.score.at == "final":
            return self.chunks - 1
        metric = self.config.score.metric
        return int(np.argmin([cost(metric, float(s[0].mean())) for s in self.fold_scores]))

    def result(self, chunk: int) -> Result:
        """The scores at a chunk."""
        first, *second = self.fold_scores[chunk].tolist()
        return Result(
            fold_scores=tuple(first),
            step=(chunk + 1) * self.program.chunk_steps,
            recorded=self.recorded[chunk],
            second_fold_scores=tuple(second[0]) if second else (),
        )
