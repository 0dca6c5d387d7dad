"""What stands around the optimiser."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax


def and_then(
    optimizer: optax.GradientTransformation, move: Callable[[Any, Any, jax.Array], Any]
) -> optax.GradientTransformation:
    """The optimiser, then `move(weights before it, weights after it, updates so far)`."""

    def init(params: Any) -> Any:
        return optimizer.init(params), jnp.zeros((), jnp.int32)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        inner, count = state
        updates, inner = optimizer.update(updates, inner, params)
        moved = move(params, optax.apply_updates(params, updates), count)
        return jax.tree.map(lambda new, old: new - old, moved, params), (inner, count + 1)

    return optax.GradientTransformation(init, update)
