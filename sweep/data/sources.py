"""The data sets that a spec can name."""

import os
import shlex
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from normsweep.data.dataset import Dataset
from normsweep.data.decoding import Watch, unwatched
from normsweep.data.digits import load_digits, load_digits_pairs
from normsweep.data.folder import list_folder
from normsweep.data.idx import load_idx_folder
from normsweep.data.limit import limit_dataset
from normsweep.data.listing import Listing
from normsweep.data.npz import load_npz
from normsweep.data.parquet import list_parquet
from normsweep.data.pictures import load_pictures
from normsweep.data.pixels import Range
from normsweep.data.treatment import AS_THEY_ARE, Treatment
from normsweep.data.webdataset import list_webdataset
from normsweep.data.zip import list_zip
from normsweep.errors import UserError

DATA_VARIABLE = "SWEEP_DATA"

Loader = Callable[..., Dataset]
"""(data.path, data.split) -> the whole split.

Those of `RANGED` take data.range as the third, and those of `PICTURES` a treatment and a watch.
"""

Lister = Callable[[Path | None, str], Listing]
"""(data.path, data.split) -> what a source of pictures holds."""


def load_dataset(
    source: str,
    *,
    path: str | Path | None = None,
    limit: int | None = None,
    split: str = "train",
    pixel_range: Range | None = None,
    treatment: Treatment = AS_THEY_ARE,
    watch: Watch = unwatched,
) -> Dataset:
    """Loads a data set by its name in `DATASETS`; nothing is ever fetched.

    Args:
        source: "digits" or "digits_pairs" (inside scikit-learn); "mnist" or "fashion_mnist" (IDX
            files in a folder); "idx" (any folder of files named as MNIST's); "npz" (a NumPy
            archive); "folder", "zip", "parquet" and "webdataset" (pictures).
        path: the folder or archive. Without it, "mnist" and "fashion_mnist" are looked for in
            `usual_folder`.
        limit: at most so many images, stratified by label (see `limit_dataset`).
        split: "train", or for IDX folders and pictures also "test".
        pixel_range: the numbers of black and white, for arrays of the user's own.
        treatment: what pictures become.
        watch: told how many pictures are decoded.

    Raises:
        UserError: no such source or split; a path is missing, absent or of no use; the data are
            damaged or not what `make_dataset` accepts; the limit is below 1.
    """
    if source not in DATASETS:
        raise UserError(f"data.source = {source!r}: accepted are {', '.join(DATASETS)}")
    place = None if path is None else Path(path).expanduser()
    further: tuple[Any, ...] = ()
    if pixel_range is not None:
        if source not in RANGED:
            raise UserError(
                f"data.range: the range of {source!r} is known; accepted with {', '.join(RANGED)}"
            )
        further = (pixel_range,)
    if source in PICTURES:
        further = (treatment, watch)
    elif treatment != AS_THEY_ARE:
        field = "colour" if treatment.size is None else "size"
        raise UserError(
            f"data.{field}: the images of {source!r} are as they are; accepted with "
            f"{', '.join(PICTURES)}"
        )
    return limit_dataset(DATASETS[source](place, split, *further), limit)


def usual_folder(name: str) -> Path:
    """Where a data set is looked for that has a name and no path.

    In the folder that the environment variable SWEEP_DATA names, else in `data` in the current one.
    """
    return Path(os.environ.get(DATA_VARIABLE) or "data") / name


def _digits(path: Path | None, split: str) -> Dataset:
    """1797 digits of 8×8 inside scikit-learn, no files (Alpaydin and Kaynak, UCI 1998)."""
    _require_no_files("digits", path, split)
    return load_digits()


def _digits_pairs(path: Path | None, split: str) -> Dataset:
    """Two sets of images: these digits, and the same turned and inverted; with true pairs."""
    _require_no_files("digits_pairs", path, split)
    return load_digits_pairs()


def _npz(path: Path | None, split: str, pixel_range: Range | None = None) -> Dataset:
    """A NumPy archive of your own: images, and labels if there are any, at data.path."""
    _require_one_split("npz", split)
    place = _require_path("npz", path, "the .npz archive")
    return load_npz(place, pixel_range=pixel_range)


def _mnist(path: Path | None, split: str) -> Dataset:
    """60000 handwritten digits of 28×28, IDX files (LeCun et al., Proc. IEEE 86, 1998)."""
    into = "" if path is None else f" -o {shlex.quote(str(path))}"
    otherwise = f"; or fetch them:  sweep data fetch mnist{into}"
    folder = path or usual_folder("mnist")
    return load_idx_folder(folder, split, name="mnist", otherwise=otherwise)


def _fashion_mnist(path: Path | None, split: str) -> Dataset:
    """60000 articles of clothing of 28×28, IDX files (Xiao et al. 2017, arXiv:1708.07747)."""
    return load_idx_folder(path or usual_folder("fashion_mnist"), split, name="fashion_mnist")


def _idx(path: Path | None, split: str, pixel_range: Range | None = None) -> Dataset:
    """A folder of IDX files of your own, named as MNIST's, at data.path."""
    folder = _require_path("idx", path, "the folder of IDX files")
    return load_idx_folder(folder, split, pixel_range=pixel_range)


def _folder(path: Path | None, split: str) -> Listing:
    """A folder of pictures of your own at data.path: class folders, or flat; see docs/images.md."""
    return list_folder(_require_path("folder", path, "the folder of pictures"), split)


def _zip(path: Path | None, split: str) -> Listing:
    """A zip archive of pictures at data.path, as StyleGAN has them or in class folders."""
    return list_zip(_require_path("zip", path, "the zip archive of pictures"), split)


def _parquet(path: Path | None, split: str) -> Listing:
    """Pictures in Hugging Face's Parquet at data.path: a file, or a folder of shards."""
    return list_parquet(_require_path("parquet", path, "the file or folder"), split)


def _webdataset(path: Path | None, split: str) -> Listing:
    """Pictures in WebDataset's tar shards at data.path, a file or a folder, with .cls."""
    return list_webdataset(_require_path("webdataset", path, "the archive or folder"), split)


def _decoding(lister: Lister) -> Loader:
    """What loads the pictures that it lists; it is called and documented as the lister is."""

    @wraps(lister)
    def load(
        path: Path | None,
        split: str,
        treatment: Treatment = AS_THEY_ARE,
        watch: Watch = unwatched,
    ) -> Dataset:
        return load_pictures(lister(path, split), treatment, watch)

    return load


def _require_path(source: str, path: Path | None, what: str) -> Path:
    if path is None:
        raise UserError(f"data.path is missing: {source!r} needs the path of {what}")
    return path


def _require_no_files(source: str, path: Path | None, split: str) -> None:
    if path is not None:
        raise UserError(f"data.path = {str(path)!r}: {source!r} takes none, it needs no file")
    _require_one_split(source, split)


def _require_one_split(source: str, split: str) -> None:
    if split != "train":
        raise UserError(f"data.split = {split!r}: {source!r} has only 'train'")


PICTURES: Mapping[str, Lister] = {
    "folder": _folder,
    "zip": _zip,
    "parquet": _parquet,
    "webdataset": _webdataset,
}
"""The sources of pictures, which are decoded, by what lists them."""

DATASETS: Mapping[str, Loader] = {
    "digits": _digits,
    "digits_pairs": _digits_pairs,
    "mnist": _mnist,
    "fashion_mnist": _fashion_mnist,
    "idx": _idx,
    "npz": _npz,
    **{name: _decoding(lister) for name, lister in PICTURES.items()},
}

RANGED = ("idx", "npz")
"""The sources of arrays that may be of any range."""
