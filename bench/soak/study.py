"""The study that is run, and confirmed: many short chunks, so that much of its time is writing."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

NAME = "soak"

_TABLES: dict[str, dict[str, Any]] = {
    "study": {"name": NAME, "seed": 3, "sampler": "grid", "slots": 2},
    "data": {"source": "digits", "limit": 200},
    "model": {"latent": 8, "generator_hidden": [16], "discriminator_hidden": [16]},
    "train": {"batch": 16, "generator_learning_rate": 5e-3},
    "penalty": {
        "form": "power",
        "strength": [10.0**-power for power in range(1, 21)],
        "order": 2.0,
        "target": ["generator", "discriminator", "both"],
    },
    "score": {"folds": 2, "features": "pca", "dimension": 8},
    # A worker that dies is nobody's fault here.
    "service": {"retries": 100_000, "checkpoint_every": 4},
}
_CHUNK_STEPS = 10


@dataclass(frozen=True)
class Study:
    """A study of the baseline and `searched` points of a grid (60 at most), of `chunks` each.

    Its best and the baseline are confirmed by so many seeds, all of which may be trained at once.
    """

    searched: int = 31
    chunks: int = 32
    confirmed: int = 0

    @property
    def trials(self) -> int:
        """Those of the search and of the confirmation."""
        return self.searched + 1 + 2 * self.confirmed

    @property
    def rows(self) -> int:
        """What its measurements come to: one for each trial, chunk and fold."""
        return self.trials * self.chunks * int(_TABLES["score"]["folds"])

    def write(self, path: Path) -> Path:
        """Writes the spec."""
        tables = copy.deepcopy(_TABLES)
        tables["study"]["trials"] = self.searched
        tables["confirm"] = {"seeds": self.confirmed, "top": 1, "looks": "end"}
        tables["train"] |= {"steps": self.chunks * _CHUNK_STEPS, "chunks": self.chunks}
        path.write_text(tomlkit.dumps(tables), encoding="utf-8")
        return path
