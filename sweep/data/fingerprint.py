"""A name for the content of arrays."""

import hashlib

import numpy as np

from normsweep.data.pixels import BytePixels


def fingerprint(**arrays: np.ndarray | BytePixels | None) -> str:
    """SHA-256, in hex, over the name, dtype, shape and bytes of each array in the order given.

    `None` counts as an array that is absent, which differs from an empty one. Arrays of any shape
    and of any dtype but `object` are accepted; they need not be contiguous.
    """
    digest = hashlib.sha256()
    for name, array in arrays.items():
        if array is None:
            digest.update(f"{name} absent\n".encode())
            continue
        # Without dtype and shape, arrays that share their bytes would share a fingerprint.
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        for block in array.blocks() if isinstance(array, BytePixels) else (array,):
            digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()
