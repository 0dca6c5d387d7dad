"""Draws docs/dcgan.png from an `r1-gamma` study: what γ does to a DCGAN, and samples.

sweep launch examples/r1-gamma.toml --trials 6
python docs/draw_convolutional_picture.py studies.db docs/dcgan.png
"""

import sys
from io import BytesIO
from pathlib import Path

import matplotlib.image as mpimg
from matplotlib.figure import Figure

from normsweep import answer, load_study, open_storage
from normsweep.storage.artifacts import artifacts_of, read_artifact

RULE = 0.0002 * 28 * 28 / 64
"""γ = 0.0002 · pixels / batch."""


def draw(database: Path, picture: Path, name: str = "r1-gamma") -> None:
    """Writes the picture of the study `name`."""
    storage = open_storage(f"sqlite:///{database}")
    study = load_study(name, storage)
    found = answer(study)
    assert found.best is not None and found.baseline is not None
    figure = Figure(figsize=(10, 3.6), layout="constrained", facecolor="white")
    left, *right = figure.subplots(1, 3, width_ratios=(1.3, 1, 1))
    path = "gradient_penalty.strength"
    entries = sorted(found.ranking, key=lambda entry: entry.parameters[path])
    left.errorbar(
        [entry.parameters[path] for entry in entries],
        [entry.score for entry in entries],
        [entry.standard_error for entry in entries],
        fmt="o",
        color="#0072b2",
        label="R1",
    )
    left.axhline(found.baseline.score, color="#555555", linestyle="--", label="baseline")
    left.axvline(RULE, color="#d55e00", linestyle=":", label="rule of thumb")
    left.set(xlabel="strength γ", ylabel="FID-proxy ± s.e.", xscale="log", yscale="log")
    left.legend(frameon=False)
    for axes, entry, title in zip(
        right, (found.baseline, found.best), ("baseline", "best"), strict=True
    ):
        held = study.get_trials(deepcopy=False)[entry.number].system_attrs
        (meta,) = artifacts_of(held).values()
        data = read_artifact(database.with_suffix(".files"), meta)
        assert data is not None
        grid = mpimg.imread(BytesIO(data))
        # A row for each fold; a third of it is enough to see.
        axes.imshow(grid[:, : grid.shape[1] // 3], cmap="gray")
        axes.set_title(f"{title}: {entry.score:.1f}")
        axes.axis("off")
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=130)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
