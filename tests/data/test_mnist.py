"""The real MNIST, where there is a copy: beside the checkout, or where SWEEP_TEST_DATA says."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from normsweep.data import load_dataset
from normsweep.data.download import FETCHABLE, MNIST_MD5, download_idx

BESIDE_THE_CHECKOUT = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def folder() -> Path:
    folder = Path(os.environ.get("SWEEP_TEST_DATA") or BESIDE_THE_CHECKOUT) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no MNIST in {folder}; SWEEP_TEST_DATA names the folder that holds mnist/")
    return folder


@pytest.mark.parametrize("name", MNIST_MD5)
def test_the_table_has_the_md5_of_the_original_files(folder: Path, name: str) -> None:
    content = gzip.decompress((folder / f"{name}.gz").read_bytes())
    assert hashlib.md5(content).hexdigest() == MNIST_MD5[name]


# Images of each digit from 0 on, counted in many published descriptions of MNIST.
COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


@pytest.mark.parametrize("split", COUNTS)
def test_mnist_loads_with_its_known_shape_range_and_label_counts(folder: Path, split: str) -> None:
    dataset = load_dataset("mnist", path=folder, split=split)
    assert dataset.images.shape == (sum(COUNTS[split]), 28, 28, 1)
    assert dataset.images.min() == -1 and dataset.images.max() == 1
    assert dataset.labels is not None
    np.testing.assert_array_equal(np.bincount(dataset.labels), COUNTS[split])


def test_what_can_be_fetched_is_there_already(folder: Path) -> None:
    # At an address where nobody could answer.
    assert download_idx("http://127.0.0.1:9/", folder, checksums=FETCHABLE["mnist"].checksums) == []
