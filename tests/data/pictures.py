"""Encoded pictures and listings of them, for tests."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from normsweep.data.listing import Listing


def encoded(pixels: np.ndarray | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """A picture in a file's bytes."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    into = io.BytesIO()
    picture.save(into, form, **options)
    return into.getvalue()


def drawn(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    """Random images of bytes."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


@dataclass(frozen=True)
class Run:
    """A part that holds its pictures; what is no bytes is yielded, or raised if it is fatal."""

    contents: Sequence[bytes | Exception]

    def __len__(self) -> int:
        return len(self.contents)

    def read(self) -> Iterator[bytes | Exception]:
        for content in self.contents:
            if isinstance(content, ConnectionError):
                raise content
            yield content


def listing(
    contents: Sequence[bytes | Exception],
    labels: Any = None,
    *,
    stamp: str,
    classes: tuple[str, ...] | None = None,
    a_part: int = 4,
) -> Listing:
    """Of these pictures, called 0.png, 1.png, …, some in each part."""
    return Listing(
        name="mine",
        origin="here",
        names=tuple(f"{number}.png" for number in range(len(contents))),
        parts=tuple(Run(contents[i : i + a_part]) for i in range(0, len(contents), a_part)),
        labels=None if labels is None else np.asarray(labels),
        classes=classes,
        stamp=stamp,
    )
