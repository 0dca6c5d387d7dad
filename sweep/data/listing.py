"""What a source of pictures holds, before one is decoded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image


class Part(Protocol):
    """A run of pictures that are read one after the other: some files, a shard, a group of rows."""

    def __len__(self) -> int:
        """How many pictures."""

    def read(self) -> Iterator[bytes | Image.Image | Exception]:
        """Each as it was encoded (PNG, JPEG, …) or is Pillow's, in the order of the listing.

        It may be in any thread.

        Or, in the place of one that cannot be read, what says why, so that the next ones can. What
        is raised ends the part: all pictures that are left of it cannot be read then.
        """


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
        stamp: differs whenever the content may: of names, sizes and times of files. None where
            nobody can know.
        told: what was assumed or left out, each a sentence for whoever knows better.
    """

    name: str
    origin: str
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    labels: np.ndarray | None
    classes: tuple[str, ...] | None
    stamp: str | None
    told: tuple[str, ...] = ()
