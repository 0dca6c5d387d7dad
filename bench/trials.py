"""Trials per minute against the scripts that a good user would write, all in one run.

All sides train the same networks for 1,000 steps on 3 folds with the same penalty, and score once
a trial. Start-up after the imports counts for all: compilation, storage, and here also the feature
map and its data.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from bench.peers import PeerResult, flax_script
from bench.rows import print_rows, row
from normsweep import Spec, launch
from normsweep.engine.devices import use_all_cores
from normsweep.score.setup import feature_values, prepare

OUR_TRIALS, PEER_TRIALS = 40, 3
TARGETS = {"digits": ("≥ 8 ×", "≥ 10 ×"), "28×28": ("≥ 3.5 ×", "≥ 6 ×")}


def spec_of(data: dict[str, Any]) -> Spec:
    """The study that the peers run too."""
    return Spec.model_validate(
        {
            "study": {"name": "bench", "trials": OUR_TRIALS},
            "data": data,
            "train": {"steps": 1000, "chunks": 1},
            "penalty": {
                "strength": {"low": 1e-6, "high": 1e-1, "log": True},
                "order": {"low": 1.0, "high": 2.0},
                "target": ["generator", "discriminator", "both"],
            },
            "score": {"features": "pca", "samples": 400},
        }
    )


def data_sets(folder: Path) -> dict[str, dict[str, Any]]:
    """The digits, and 28×28 images: MNIST where SWEEP_DATA has it, else noise of that shape."""
    mnist = Path(os.environ.get("SWEEP_DATA", "data")) / "mnist"
    large = {"source": "mnist", "path": str(mnist), "limit": 4000}
    if not mnist.is_dir():
        noise = np.random.default_rng(0).uniform(-1, 1, (4000, 28, 28, 1)).astype(np.float32)
        np.savez(folder / "noise.npz", images=noise)
        large = {"source": "npz", "path": str(folder / "noise.npz")}
    return {"digits": {"source": "digits"}, "28×28": large}


def ours(spec: Spec, folder: Path) -> float:
    """Our trials per minute, the baseline counted as a trial."""
    started = time.perf_counter()
    launch(spec, f"sqlite:///{folder / 'ours.db'}")
    return (OUR_TRIALS + 1) / (time.perf_counter() - started) * 60


def peer(run: Callable[..., PeerResult], spec: Spec, folder: Path, **options: Any) -> float:
    """A peer's trials per minute on the same data, folds and features."""
    setup = prepare(spec)
    held_out = setup.plan.held_out[:, : setup.samples]
    # Copies, as a script would have them: PyTorch warns of arrays that are read-only.
    folds = list(zip(setup.plan.train.copy(), held_out.copy(), strict=True))

    def features(images: np.ndarray) -> np.ndarray:
        return feature_values(setup.features, setup.feature_params, images)

    storage = f"sqlite:///{tempfile.mkdtemp(dir=folder)}/peer.db"
    result = run(
        setup.dataset.images, folds, features, 1000, trials=PEER_TRIALS, storage=storage, **options
    )
    return result.trials / result.seconds * 60


def main() -> None:
    """Measures all sides on both data sets."""
    use_all_cores()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, data in data_sets(folder).items():
            spec = spec_of(data)
            (folder / title).mkdir()
            mine = ours(spec, folder / title)
            flax_target, torch_target = TARGETS[title]

            def compare(
                rate: float, who: str, target: str, mine: float = mine, title: str = title
            ) -> None:
                figure = f"{mine / rate:.1f} ×  ({mine:.1f} against {rate:.1f})"
                rows.append(row(f"trials per minute against {who}, {title}", figure, target))

            compare(peer(flax_script.run, spec, folder), "Optuna + Flax NNX", flax_target)
            tuned = peer(flax_script.run, spec, folder, cached=True)
            compare(tuned, "the same, tuned with nnx.cached_partial", "–")
            try:
                from bench.peers import torch_script

                # On matrices this small a second thread gains nothing, and loses much where
                # anything else runs.
                rate = peer(torch_script.run, spec, folder, threads=1)
            except ImportError:
                rows.append(row(f"against PyTorch, {title}", "PyTorch is absent", torch_target))
                continue
            compare(rate, "PyTorch eager + Optuna", torch_target)
    print_rows(rows)


if __name__ == "__main__":
    main()
