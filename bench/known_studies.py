"""Studies of which it is known beforehand whether their penalty helps, for `bench.calibration`."""

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from optuna.storages import RDBStorage

from bench.populations import shrunk_mnist
from bench.pretrained import MODEL, pretrained
from normsweep.spec import Spec, spec_from_tables
from normsweep.verdict.reading import Confirmation, Confirmed, read_confirmation
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.looks import ONLY, Look
from normsweep.worker.confirming import Confirming
from normsweep.worker.launch import launch

NULL_KINDS = ("inert", "redrawn")
CONVOLUTIONAL = ("convolutional", "convolutional_shards")
IMAGES_MATTER = ("images", "shards", *CONVOLUTIONAL)
# Seeds follow from the place in this list.
KINDS = (*NULL_KINDS, "helps", "hurts", "slight", *IMAGES_MATTER)
SEEDS, REFERENCE_SEEDS, TOP = 8, 10, 3
IMAGES = 60_000
PARTS = {"shards": 90, "convolutional_shards": 625}
"""The kinds of which each seed has so many images of its own."""
IN_PLAY = dict.fromkeys(KINDS, 540) | {"images": 90, "convolutional": 5_000}
"""Of MNIST's images those of a study of another kind that train and judge."""
_APART = 1_000_003
"""Between the seeds of the kinds, and of the studies for the long run."""

TINY: dict[str, dict[str, Any]] = {
    "study": {"sampler": "tpe", "trials": 8, "startup_trials": 4},
    "model": {"latent": 8, "generator_hidden": [32], "discriminator_hidden": [32]},
    "train": {
        "steps": 600,
        "chunks": 2,
        "batch": 32,
        "generator_learning_rate": 2e-3,
        # A discriminator this fast overfits, which a penalty can prevent.
        "discriminator_learning_rate": 8e-3,
    },
    "score": {"folds": 3, "features": "pca", "dimension": 16},
}

FINE_TUNED: dict[str, dict[str, Any]] = TINY | {
    # From weights of one's own for each seed the doubt would be the seeds' alone.
    "model": MODEL,
    "train": {
        "steps": 30,
        "chunks": 1,
        "batch": 32,
        "generator_learning_rate": 1e-4,
        "discriminator_learning_rate": 1e-3,
    },
}

_ANYWHERE = {"low": 1e-12, "high": 1e-10, "log": True}
_TARGETS = ["generator", "discriminator", "both"]
PENALTIES: dict[str, dict[str, Any]] = {
    "inert": {"form": "power", "order": 2.0, "strength": _ANYWHERE, "target": _TARGETS},
    "redrawn": {
        "form": f"{Path(__file__).with_name('redrawn.py')}:redrawn",
        "coupling": "proximal",
        "strength": _ANYWHERE,
        "target": _TARGETS,
    },
}
STRENGTHS = {
    "helps": ("discriminator", (0.007, 0.01)),
    "hurts": ("generator", (0.03, 0.05)),
    "slight": ("generator", (0.003, 0.005)),
    "images": ("discriminator", (0.02, 0.03)),
    "shards": ("discriminator", (0.02, 0.03)),
    "convolutional": ("generator", (0.1, 0.3)),
    "convolutional_shards": ("generator", (0.1, 0.3)),
}
TRAIN: dict[str, dict[str, Any]] = {
    # A discriminator must overfit before it can be helped.
    "helps": {"steps": 2400},
    # Of a slow generator seeds differ little.
    "images": {"generator_learning_rate": 1e-3},
    "shards": {"generator_learning_rate": 1e-3},
}
"""How the studies of a kind train otherwise than `TINY`."""
TRUE_VERDICTS = {"helps": "helps"} | dict.fromkeys(("hurts", "slight", *IMAGES_MATTER), "hurts")


@dataclass(frozen=True)
class Paired:
    """A candidate minus its baseline: differences [seeds, folds], influences [seeds, images].

    And what the look that they are of was held against.
    """

    differences: np.ndarray
    influences: np.ndarray | None = None
    look: Look = ONLY

    @classmethod
    def of(cls, entry: Confirmed) -> "Paired":
        """Those of a confirmed candidate."""
        look = ONLY if entry.effect is None else entry.effect.look
        return cls(entry.scores - entry.baseline_scores, entry.influences, look)


@dataclass(frozen=True)
class Outcome:
    """What a confirmed study found.

    The estimate and the differences of the candidate that the verdict is about, its strength, and
    the differences of all candidates, by the `seeds` after which it ended.
    """

    verdict: str
    strength: float
    estimate: Estimate | None
    best: Paired
    candidates: tuple[Paired, ...]
    seeds: int = SEEDS


def spec_of(kind: str, number: int, folder: Path, *, reference: bool = False) -> Spec:
    """The study of a kind by this number; seeds of `reference` studies are others.

    Of MNIST's images those that a study has not in play make its feature map: two share 1 %, with
    5,000 in play 8 %.
    """
    # A study that goes on asks for the same files.
    kept = Path(tempfile.gettempdir())
    if kind in CONVOLUTIONAL:
        tables = copy.deepcopy(FINE_TUNED)
        tables["data"] = {"source": "mnist", "path": str(folder)}
        tables["model"]["initial"] = str(kept / "normsweep-mnist-dcgan")
    else:
        tables = copy.deepcopy(TINY)
        tables["train"] |= TRAIN.get(kind, {})
        small = shrunk_mnist(folder, kept / "normsweep-mnist-8x8.npz")
        tables["data"] = {"source": "npz", "path": str(small)}
    seeds = REFERENCE_SEEDS if reference else SEEDS
    in_play = seeds * PARTS[kind] if kind in PARTS else IN_PLAY[kind]
    tables["score"]["feature_share"] = 1 - in_play / IMAGES
    seed = (2 * KINDS.index(kind) + reference) * _APART + number
    tables["study"] |= {"name": f"{kind}-{'long-' if reference else ''}{number}", "seed": seed}
    tables["data"]["seed"] = seed
    if kind in NULL_KINDS:
        tables["penalty"] = PENALTIES[kind]
    else:
        # The long run takes all of its seeds; of the last kinds the interval is what is asked for.
        once = reference or kind in IMAGES_MATTER
        tables["confirm"] = {"looks": "end" if once else "each"}
        if kind in PARTS:
            tables["confirm"]["images"] = "shards"
        # Each strength is a kind of its own, so that a confirmation can take all of them.
        target, strengths = STRENGTHS[kind]
        tables["study"] |= {"sampler": "random", "trials": 2 * len(strengths)}
        tables["methods"] = {
            f"at{place}": {
                "penalty": {"form": "power", "order": 2.0, "target": target, "strength": strength}
            }
            for place, strength in enumerate(strengths)
        }
    return spec_from_tables(tables, "bench.known_studies")


def confirmed(storage: RDBStorage, spec: Spec, top: int, seeds: int) -> Confirmation:
    """Searches and confirms, or reads what was confirmed before."""
    if spec.model.initial is not None and spec.data.path is not None:
        pretrained(Path(spec.data.path), Path(spec.model.initial))
    study = launch(spec, storage).study
    Confirming(study, storage).run(top, seeds)
    found = read_confirmation(study, storage)
    assert found is not None
    return found


def outcome(storage: RDBStorage, kind: str, number: int, folder: Path) -> Outcome:
    """Runs a study of a kind, and says what it found.

    Where there is an effect the best config alone is confirmed, so that its interval is judged
    whatever the search has chosen.
    """
    top = TOP if kind in NULL_KINDS else 1
    found = confirmed(storage, spec_of(kind, number, folder), top, SEEDS)
    best = found.best
    return Outcome(
        verdict=found.verdict,
        strength=best.trial.config.penalty.strength,
        estimate=None if best.effect is None else best.effect.estimate,
        best=Paired.of(best),
        candidates=tuple(Paired.of(each) for each in found.candidates if each.is_paired),
        seeds=found.seeds,
    )


def long_run(
    storage: RDBStorage, kind: str, studies: int, folder: Path
) -> dict[float, tuple[float, float]]:
    """The mean effect of every strength over many studies like these, and its standard error."""
    effects: dict[float, list[float]] = {}
    for number in range(studies):
        spec = spec_of(kind, number, folder, reference=True)
        strengths = STRENGTHS[kind][1]
        found = confirmed(storage, spec, len(strengths), REFERENCE_SEEDS)
        for each in found.candidates:
            if not each.is_paired:
                continue
            difference = float((each.scores - each.baseline_scores).mean())
            effects.setdefault(each.trial.config.penalty.strength, []).append(difference)
    return {
        strength: (float(np.mean(of)), float(np.std(of, ddof=1) / np.sqrt(len(of))))
        for strength, of in sorted(effects.items())
        if len(of) > 1
    }
