"""Trials per minute against the scripts that a good user would write, all in one run.

All sides train the same networks for 1,000 steps (convolutional ones for 60) on 3 folds with the
same penalty, and score once a trial. Start-up after the imports counts for all: compilation,
storage, and here also the feature map and its data. Nothing is kept from run to run.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from bench.peers import PeerResult, Settings, flax_dcgan, flax_script
from bench.peers.flax_dcgan import CHANNELS
from bench.rows import print_rows, row
from normsweep import Spec, launch
from normsweep.engine.devices import use_all_cores
from normsweep.score.setup import feature_values, prepare

PEER_TRIALS = 3


@dataclass(frozen=True)
class Case:
    """What is compared: a name in the table, where the data are from, networks, sizes, targets."""

    name: str
    images: str
    model: dict[str, Any]
    trials: int
    steps: int
    flax_target: str
    torch_target: str


CASES = (
    Case("digits", "digits", {}, 40, 1000, "≥ 8 ×", "≥ 10 ×"),
    Case("28×28", "28×28", {}, 40, 1000, "≥ 3.5 ×", "≥ 6 ×"),
    Case(
        "dcgan 28×28",
        "28×28",
        {"network": "dcgan", "generator_channels": CHANNELS, "discriminator_channels": CHANNELS},
        8,
        60,
        "≥ 1.5 ×",
        "≥ 2 ×",
    ),
)


def spec_of(case: Case, data: dict[str, Any]) -> Spec:
    """The study that the peers run too."""
    return Spec.model_validate(
        {
            "study": {"name": "bench", "trials": case.trials},
            "data": data,
            "model": case.model,
            "train": {"steps": case.steps, "chunks": 1},
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
    return (spec.study.trials + 1) / (time.perf_counter() - started) * 60


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
        np.asarray(setup.dataset.images[:]),
        folds,
        features,
        Settings(spec.train.steps),
        trials=PEER_TRIALS,
        storage=storage,
        **options,
    )
    return result.trials / result.seconds * 60


def flax_pair(module: Any) -> tuple[Any, Any]:
    """The two networks of a Flax peer."""
    return module.Generator, module.Discriminator


def main() -> None:
    """Measures all sides on each case, or on those that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *(case.name for case in CASES)])
    chosen = parser.parse_args().only
    os.environ["SWEEP_CACHE"] = "off"
    use_all_cores()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = data_sets(folder)
        for case in CASES:
            if chosen and case.name not in chosen:
                continue
            title, convolutional = case.name, bool(case.model)
            spec = spec_of(case, data[case.images])
            (folder / title).mkdir()
            mine = ours(spec, folder / title)
            flax = flax_pair(flax_dcgan) if convolutional else flax_pair(flax_script)

            def compare(
                rate: float, who: str, target: str, mine: float = mine, title: str = title
            ) -> None:
                figure = f"{mine / rate:.1f} ×  ({mine:.1f} against {rate:.1f})"
                rows.append(row(f"trials per minute against {who}, {title}", figure, target))

            rate = peer(flax_script.run, spec, folder, networks=flax)
            compare(rate, "Optuna + Flax NNX", case.flax_target)
            tuned = peer(flax_script.run, spec, folder, cached=True, networks=flax)
            compare(tuned, "the same, tuned with nnx.cached_partial", "–")
            try:
                from bench.peers import torch_dcgan, torch_script

                makers = torch_dcgan if convolutional else torch_script
                pair = (makers.make_generator, makers.make_discriminator)
                # On matrices this small a second thread gains nothing, and loses much where
                # anything else runs; convolutions have both.
                threads = None if convolutional else 1
                rate = peer(torch_script.run, spec, folder, threads=threads, networks=pair)
            except ImportError:
                rows.append(
                    row(f"against PyTorch, {title}", "PyTorch is absent", case.torch_target)
                )
                continue
            compare(rate, "PyTorch eager + Optuna", case.torch_target)
    print_rows(rows)


if __name__ == "__main__":
    main()
