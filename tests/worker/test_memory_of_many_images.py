"""What a study takes of memory for its images, beside what it takes itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.images import SHAPE, write

STUDY = """
import sys
from bench.images import peak, spec_of
from normsweep import launch

short = {"train.steps": 2, "train.chunks": 1, "train.batch": 16, "study.slots": 1}
narrow = {"model.generator_hidden": [16], "model.discriminator_hidden": [16]}
launch(spec_of(sys.argv[1], **short, **narrow), sys.argv[2])
print(int(peak()["VmHWM"]))
"""
FEW, MANY = 2_000, 40_000


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
def test_more_images_take_at_most_two_and_a_half_times_their_bytes(tmp_path: Path) -> None:
    peaks = []
    for count in (FEW, MANY):
        path = tmp_path / f"{count}.npz"
        write(path, count)
        command = [sys.executable, "-c", STUDY, path, f"sqlite:///{tmp_path}/{count}.db"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split()[-1]))
    added = (MANY - FEW) * SHAPE[0] * SHAPE[1] * SHAPE[2]
    # Copies in another type would be four or eight: images are bytes until a batch is drawn.
    assert peaks[1] - peaks[0] <= 2.5 * added, peaks
