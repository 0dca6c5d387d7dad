"""Images that are equal to the last pixel."""

import hashlib
from collections.abc import Sequence

import numpy as np

from normsweep.data.pixels import BytePixels

DIGEST = 16
"""Bytes of a digest: two different images have the same with a probability of 2⁻¹²⁸."""
_SHOWN = 3


def digest_of(image: np.ndarray) -> bytes:
    """The first bytes of SHA-256 over those of an image, in C order."""
    return hashlib.sha256(np.ascontiguousarray(image).data).digest()[:DIGEST]


def digests_of(images: np.ndarray | BytePixels) -> np.ndarray:
    """[n, `DIGEST`] uint8, one for each image; of images as bytes over these."""
    kept = images.bytes if isinstance(images, BytePixels) else images
    joined = b"".join(digest_of(image) for image in kept)
    return np.frombuffer(joined, np.uint8).reshape(len(kept), DIGEST)


def order_of(digests: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """[n] places that sort images by digest, and among equal ones by label.

    So the order follows from the images alone, not from how a source lists them.
    """
    high, low = np.ascontiguousarray(digests).view(">u8").T
    return np.lexsort((low, high) if labels is None else (labels, low, high))


def groups_of(digests: np.ndarray) -> np.ndarray | None:
    """[n] int32: for each image the first that equals it, often itself; None where all differ."""
    order = order_of(digests)
    kept = digests[order]
    begins = np.ones(len(order), bool)
    begins[1:] = (kept[1:] != kept[:-1]).any(axis=1)
    if begins.all():
        return None
    # lexsort is stable, so the first of a run has the lowest index.
    firsts = order[begins][np.cumsum(begins) - 1]
    groups = np.empty(len(order), np.int32)
    groups[order] = firsts
    return groups


def groups_among(groups: np.ndarray | None, indices: np.ndarray) -> np.ndarray | None:
    """The groups of the images at `indices`, as places among these; None where all differ."""
    if groups is None:
        return None
    _, firsts, places = np.unique(groups[indices], return_index=True, return_inverse=True)
    return None if len(firsts) == len(indices) else firsts[places].astype(np.int32)


def told_of(
    groups: np.ndarray | None,
    labels: np.ndarray | None,
    where: str,
    names: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """A warning of images that are copies of others, with some of the `names`; none without."""
    if groups is None:
        return ()
    copies = np.flatnonzero(groups != np.arange(len(groups)))
    said = f"{where}: {len(copies)} of {len(groups)} images are copies of others to the last pixel"
    if names is not None:
        shown = [f"{names[copy]} = {names[groups[copy]]}" for copy in copies[:_SHOWN]]
        said += f" ({', '.join(shown)}{', …' if len(copies) > _SHOWN else ''})"
    said += ", and on the same side of every fold as these"
    if labels is not None and (other := int((labels[copies] != labels[groups[copies]]).sum())):
        said += f"; {other} of them have another label"
    return (said,)
