"""The two type names that every module of this package shares."""

from typing import Any

from jax.typing import ArrayLike

PyTree = Any
"""Any nesting of containers that JAX walks through; the leaves are arrays."""

Scalar = ArrayLike
"""A Python number or an array of shape `()`; it may be traced."""
