"""Arrays that JAX's CPU devices read where they lie."""

import math
from typing import Any

import numpy as np

ALIGNMENT = 64
"""Bytes. Of an array that begins elsewhere each of JAX's CPU devices makes a copy."""


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array that JAX's CPU devices read where it lies; of others each makes a copy."""
    bytes_of = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(bytes_of + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    found: np.ndarray = memory[begin : begin + bytes_of].view(dtype).reshape(shape)
    return found


def rows_of(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`array[rows]`, made by `empty`."""
    found = empty((len(rows), *array.shape[1:]), array.dtype)
    # Rows that are not there raise, as they do in an index; `take` would copy to find out.
    if len(rows) and not -len(array) <= rows.min() <= rows.max() < len(array):
        raise IndexError(f"rows of {rows.min()} to {rows.max()} of {len(array)}")
    np.take(array, rows, axis=0, out=found, mode="wrap")
    return found
