"""What a source of pictures holds, before one is decoded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Part(Protocol):
    """A run of pictures that are read one after the other: some files, a shard, a group of rows."""

    def __len__(self) -> int:
        """How many pictures."""

    def read(self) -> Iterator[bytes]:
        """Each as it was encoded (PNG, JPEG, …), in the order of the listing; in any thread."""


@dataclass(frozen=True)
class Listing:
    """The pictures of a source, in its own order; nothing is decoded.

    Attributes:
        name: what the data set is called.
        origin: what messages start with, such as the folder.
        names: [n], what a message calls each picture: "cats/0001.png", "a.parquet, row 17".
        parts: what reads them, one part after the other.
        labels: [n] integers >= 0, or None.
        classes: [k], what the labels 0..k-1 are called where they have names; else None.
        stamp: differs whenever the content may: of names, sizes and times of files.
    """

    name: str
    origin: str
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    labels: np.ndarray | None
    classes: tuple[str, ...] | None
    stamp: str
