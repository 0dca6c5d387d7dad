"""The data sets that a spec can name."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from normsweep.data.dataset import Dataset
from normsweep.data.digits import load_digits
from normsweep.data.idx import idx_files, load_idx_folder
from normsweep.data.limit import limit_dataset
from normsweep.data.npz import load_npz
from normsweep.errors import UserError

DATA_VARIABLE = "SWEEP_DATA"

Loader = Callable[[Path | None, str, bool], Dataset]
"""(data.path, data.split, whether downloading is allowed) -> the whole split."""


def load_dataset(
    source: str,
    *,
    path: str | Path | None = None,
    limit: int | None = None,
    split: str = "train",
    download: bool = False,
) -> Dataset:
    """Loads a data set by its name in `DATASETS`.

    Args:
        source: "digits" (inside scikit-learn); "mnist" or "fashion_mnist" (IDX files in a folder);
            "idx" (any folder of files named as MNIST's); "npz" (a NumPy archive).
        path: the folder or archive. Without it, "mnist" and "fashion_mnist" are looked for in the
            folder of their name within the folder that the environment variable SWEEP_DATA names,
            else within `data` in the current folder.
        limit: at most so many images, stratified by label (see `limit_dataset`).
        split: "train", or for IDX folders also "test".
        download: fetch "mnist" when its folder lacks the split. Nothing else is ever fetched.

    Raises:
        UserError: no such source or split; a path is missing, absent or of no use; the data are
            damaged or not what `make_dataset` accepts; the limit is below 1; a download failed.
    """
    if source not in DATASETS:
        raise UserError(f"data.source = {source!r}: accepted are {', '.join(DATASETS)}")
    place = None if path is None else Path(path).expanduser()
    return limit_dataset(DATASETS[source](place, split, download), limit)


def _digits(path: Path | None, split: str, download: bool) -> Dataset:
    """1797 digits of 8×8 inside scikit-learn, no files (Alpaydin and Kaynak, UCI 1998)."""
    if path is not None:
        raise UserError(f"data.path = {str(path)!r}: 'digits' takes none, it needs no file")
    _require_one_split("digits", split)
    _refuse_download("digits", download)
    return load_digits()


def _npz(path: Path | None, split: str, download: bool) -> Dataset:
    """A NumPy archive of your own: images, and labels if there are any, at data.path."""
    _require_one_split("npz", split)
    _refuse_download("npz", download)
    return load_npz(_require_path("npz", path, "the .npz archive"))


def _mnist(path: Path | None, split: str, download: bool) -> Dataset:
    """60000 handwritten digits of 28×28, IDX files (LeCun et al., Proc. IEEE 86, 1998)."""
    return _named_idx("mnist", _fetch_mnist, path, split, download)


def _fashion_mnist(path: Path | None, split: str, download: bool) -> Dataset:
    """60000 articles of clothing of 28×28, IDX files (Xiao et al. 2017, arXiv:1708.07747)."""
    return _named_idx("fashion_mnist", None, path, split, download)


def _idx(path: Path | None, split: str, download: bool) -> Dataset:
    """A folder of IDX files of your own, named as MNIST's, at data.path."""
    _refuse_download("idx", download)
    return load_idx_folder(_require_path("idx", path, "the folder of IDX files"), split)


def _named_idx(
    name: str, fetch: Callable[[Path], None] | None, path: Path | None, split: str, download: bool
) -> Dataset:
    """An IDX folder with a name, a usual place and perhaps a mirror."""
    folder = path or Path(os.environ.get(DATA_VARIABLE) or "data") / name
    if fetch is None:
        _refuse_download(name, download)
    elif download and None in idx_files(folder, split):
        fetch(folder)
    return load_idx_folder(folder, split, name=name)


def _fetch_mnist(folder: Path) -> None:
    # Imported here since hardly any run fetches anything, and TLS and HTTP are slow to import.
    from normsweep.data.download import MNIST_URL, download_idx

    download_idx(MNIST_URL, folder)


def _require_path(source: str, path: Path | None, what: str) -> Path:
    if path is None:
        raise UserError(f"data.path is missing: {source!r} needs the path of {what}")
    return path


def _require_one_split(source: str, split: str) -> None:
    if split != "train":
        raise UserError(f"data.split = {split!r}: {source!r} has only 'train'")


def _refuse_download(source: str, download: bool) -> None:
    if download:
        raise UserError(f"data.source = {source!r} cannot be downloaded; accepted is 'mnist'")


DATASETS: Mapping[str, Loader] = {
    "digits": _digits,
    "mnist": _mnist,
    "fashion_mnist": _fashion_mnist,
    "idx": _idx,
    "npz": _npz,
}
