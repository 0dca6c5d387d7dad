"""Draws docs/digits.png from a finished `digits` study: learning curves and the λ profile.

make demo && python docs/draw_readme_picture.py studies.db docs/digits.png
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from normsweep import Answer, answer, load_study, open_storage
from normsweep.storage import read_measurements

COLOURS = {"generator": "#d55e00", "discriminator": "#0072b2", "both": "#009e73"}
MARKERS = {"generator": "s", "discriminator": "o", "both": "^"}


def draw(database: Path, picture: Path, name: str = "digits") -> None:
    """Writes the picture of the study `name`."""
    storage = open_storage(f"sqlite:///{database}")
    study = load_study(name, storage)
    found = answer(study)
    assert found.best is not None and found.baseline is not None
    figure = Figure(figsize=(10, 3.6), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    identity = {trial.number: trial._trial_id for trial in study.get_trials(deepcopy=False)}
    for entry, colour, label in (
        (found.baseline, "#555555", "baseline, no penalty"),
        (found.best, COLOURS[found.best.penalty()["target"]], f"best, trial {found.best.number}"),
    ):
        by_step = defaultdict(list)
        for row in read_measurements(storage.engine, identity[entry.number]):
            by_step[row.step].append(row.fid)
        steps, folds = list(by_step), np.array(list(by_step.values()))
        left.plot(steps, folds.mean(axis=1), color=colour, marker="o", markersize=4, label=label)
        left.fill_between(steps, folds.min(axis=1), folds.max(axis=1), color=colour, alpha=0.15)
    left.set(xlabel="training steps", ylabel="FID-proxy, mean and range of folds", yscale="log")
    left.set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"], minor=False)
    left.minorticks_off()
    left.legend(frameon=False)
    _profile(found, right)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=130)


def _profile(found: Answer, axes) -> None:  # type: ignore[no-untyped-def]
    assert found.baseline is not None
    for target, colour in COLOURS.items():
        entries = [entry for entry in found.ranking if entry.penalty()["target"] == target]
        axes.errorbar(
            [entry.penalty()["strength"] for entry in entries],
            [entry.score for entry in entries],
            [entry.standard_error for entry in entries],
            fmt=MARKERS[target],
            color=colour,
            markersize=5,
            label=target,
        )
        pruned = [entry for entry in found.pruned if entry.penalty()["target"] == target]
        axes.plot(
            [entry.penalty()["strength"] for entry in pruned],
            [entry.score for entry in pruned],
            MARKERS[target],
            color=colour,
            markersize=5,
            fillstyle="none",
        )
    axes.plot([], [], "o", color="#555555", fillstyle="none", markersize=5, label="pruned")
    axes.axhline(found.baseline.score, color="#555555", linestyle="--", label="baseline")
    axes.set(xlabel="strength λ", ylabel="FID-proxy ± s.e.", xscale="log", yscale="log")
    axes.legend(frameon=False, title="target")


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
