"""The weights that studies begin with whose seeds are to differ little: a small trained DCGAN."""

from pathlib import Path
from typing import Any

from normsweep.export.again import train_config
from normsweep.export.trained import save_trained
from normsweep.spec import spec_from_tables
from normsweep.spec.config import Config

MODEL: dict[str, Any] = {
    "network": "dcgan",
    "latent": 8,
    "generator_channels": 4,
    "discriminator_channels": 4,
}


def pretrained(folder: Path, path: Path) -> Path:
    """Trains it on the 10,000 test images of MNIST's `folder`, into `path`; what is there is kept.

    Studies on the training images have none of these.
    """
    if not path.exists():
        tables = {
            "study": {"name": "pretrained"},
            "data": {"source": "mnist", "path": str(folder), "split": "test"},
            "model": MODEL,
            "train": {
                "steps": 400,
                "chunks": 1,
                "batch": 64,
                "generator_learning_rate": 2e-3,
                "discriminator_learning_rate": 2e-3,
            },
            "score": {"features": "pca", "dimension": 16},
        }
        spec = spec_from_tables(tables, "bench.pretrained")
        save_trained(train_config(spec), Config(spec, {}), path)
    return path
