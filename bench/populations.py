"""Images for hundreds of studies that share as good as none: MNIST, made as small as the digits."""

from pathlib import Path

import numpy as np

from normsweep.data.idx import idx_files, read_idx


def shrunk_mnist(folder: Path, path: Path) -> Path:
    """The 60,000 images of MNIST's `folder` at 8×8, in an .npz at `path`; what is there is kept.

    Means over 4×4 pixels of [28, 28] with a black border of two, rounded to uint8.
    """
    if not path.exists():
        images, labels = idx_files(folder, "train")
        assert images is not None and labels is not None, folder
        pixels = np.pad(read_idx(images), ((0, 0), (2, 2), (2, 2)))
        means = pixels.reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
        small = np.rint(means).astype(np.uint8)[..., None]
        np.savez(path, images=small, labels=read_idx(labels))
    return path
