"""The functions of which an Optax snippet is put together, each copied as it stands here.

They need jax alone: a snippet is for code without our packages. Penalties, steps and projections
take a list of weights, and are the formulas of `normsweep.objectives.penalties` and
`normsweep.objectives.constraints`, which their tests compare them with.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import optax


def is_selected(params: Any, pattern: str) -> Any:
    """A tree like the parameters: whether the pattern is found in a path like layers/0/kernel."""

    def matches(path: Any, _: Any) -> bool:
        return bool(re.search(pattern, jax.tree_util.keystr(path, simple=True, separator="/")))

    mask = jax.tree_util.tree_map_with_path(matches, params)
    if not any(jax.tree.leaves(mask)):
        raise ValueError(f"no path of the parameters matches {pattern!r}: adapt WEIGHTS to them")
    return mask


def selected(params: Any, pattern: str) -> list[jax.Array]:
    """The weights whose path matches."""
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(is_selected(params, pattern)), strict=True)
    return [leaf for leaf, matches in pairs if matches]


def replaced(params: Any, pattern: str, change: Callable[[list[jax.Array]], Any]) -> Any:
    """The parameters with the selected weights changed, all of them at once."""
    changed = iter(change(selected(params, pattern)))
    mask = is_selected(params, pattern)
    return jax.tree.map(lambda leaf, matches: next(changed) if matches else leaf, params, mask)


def magnitude_power(w: jax.Array, order: float) -> jax.Array:
    """|w|^order; the derivative is 0 where w is 0."""
    nonzero = w != 0
    return jnp.where(nonzero, jnp.abs(jnp.where(nonzero, w, 1.0)) ** order, 0.0)


def added(terms: Iterable[jax.Array]) -> jax.Array:
    """The sum of scalars."""
    return jnp.sum(jnp.stack(list(terms)))


def power(weights: list[jax.Array], strength: float, order: float) -> jax.Array:
    """strength · Σ|w|^order."""
    return strength * added(jnp.sum(magnitude_power(w, order)) for w in weights)


def elastic(weights: list[jax.Array], l1: float, l2: float) -> jax.Array:
    """l1 · Σ|w| + l2 · Σw²."""
    return power(weights, l1, 1.0) + power(weights, l2, 2.0)


def norm(weights: list[jax.Array], strength: float, order: float) -> jax.Array:
    """strength · (Σ|w|^order)^(1/order), over all weights at once."""
    # Scaled by the largest, so that no power leaves the range of float32.
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(w)) for w in weights]))
    largest = jax.lax.stop_gradient(jnp.where(largest > 0, largest, 1.0))
    total = power([w / largest for w in weights], 1.0, order)
    return strength * largest * magnitude_power(total, 1 / order)


def l2_norm(w: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """√Σw² over some axes, which are kept; the derivative is 0 at 0."""
    squares = jnp.sum(w * w, axis=axes, keepdims=True)
    return magnitude_power(squares, 0.5)


def unit_norms(w: jax.Array) -> jax.Array:
    """The norm of the weights into each output unit, the last axis; of a vector, each entry's."""
    return l2_norm(w, tuple(range(w.ndim - 1)) if w.ndim > 1 else ())


def as_matrix(w: jax.Array) -> jax.Array:
    """[incoming weights, output units]."""
    return w.reshape(-1, w.shape[-1])


def group(weights: list[jax.Array], strength: float) -> jax.Array:
    """strength · Σ‖w_unit‖₂ over output units."""
    return strength * added(jnp.sum(unit_norms(w)) for w in weights)


def orthogonal(weights: list[jax.Array], strength: float) -> jax.Array:
    """strength · Σ‖WᵀW ⊙ (1 − I)‖²_F over matrices."""
    matrices = [as_matrix(w) for w in weights if w.ndim > 1]
    products = [matrix.T @ matrix * (1 - jnp.eye(matrix.shape[1])) for matrix in matrices]
    return strength * added(jnp.sum(product**2) for product in products)


def spectral(weights: list[jax.Array], strength: float) -> jax.Array:
    """strength · Σσ(W)² over matrices, σ the largest singular value."""
    matrices = [as_matrix(w) for w in weights if w.ndim > 1]
    return strength * added(jnp.linalg.norm(matrix, 2) ** 2 for matrix in matrices)


def soft_threshold(w: jax.Array, threshold: Any) -> jax.Array:
    """sign(w) · max(|w| − threshold, 0)."""
    return jnp.sign(w) * jnp.maximum(jnp.abs(w) - threshold, 0.0)


def shrink(w: jax.Array, size: jax.Array, threshold: Any) -> jax.Array:
    """w · max(0, 1 − threshold/size)."""
    return w * jnp.maximum(1 - threshold / jnp.where(size > 0, size, 1.0), 0.0)


def elastic_step(weights: list[jax.Array], rate: Any, l1: float, l2: float) -> list[jax.Array]:
    """The proximal step of l1 · Σ|w| + l2 · Σw²."""
    return [soft_threshold(w, rate * l1) / (1 + 2 * rate * l2) for w in weights]


def norm_step(weights: list[jax.Array], rate: Any, strength: float) -> list[jax.Array]:
    """The proximal step of strength · ‖w‖₂, over all weights at once."""
    size = norm(weights, 1.0, 2.0)
    return [shrink(w, size, rate * strength) for w in weights]


def group_step(weights: list[jax.Array], rate: Any, strength: float) -> list[jax.Array]:
    """The proximal step of strength · Σ‖w_unit‖₂."""
    return [shrink(w, unit_norms(w), rate * strength) for w in weights]


def l1_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """The nearest weights with Σ|w| ≤ radius (Duchi et al., ICML 2008)."""
    sizes = jnp.sort(jnp.concatenate([jnp.abs(w).reshape(-1) for w in weights]))[::-1]
    excess = (jnp.cumsum(sizes) - radius) / jnp.arange(1, sizes.size + 1, dtype=sizes.dtype)
    return [soft_threshold(w, jnp.maximum(jnp.max(excess), 0.0)) for w in weights]


def l2_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """w · min(1, radius/‖w‖₂), over all weights at once."""
    size = norm(weights, 1.0, 2.0)
    return [w * jnp.minimum(1.0, radius / jnp.where(size > 0, size, 1.0)) for w in weights]


def linf_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """Every weight clipped to [−radius, radius]."""
    return [jnp.clip(w, -radius, radius) for w in weights]


def max_norm(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """w_unit · min(1, radius/‖w_unit‖₂) for each output unit."""
    sizes = [jnp.where(unit_norms(w) > 0, unit_norms(w), 1.0) for w in weights]
    return [w * jnp.minimum(1.0, radius / size) for w, size in zip(weights, sizes, strict=True)]


def spectral_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """W · min(1, radius/σ(W)) for each matrix, σ the largest singular value."""

    def scaled(w: jax.Array) -> jax.Array:
        size = jnp.linalg.norm(as_matrix(w), 2)
        return w * jnp.minimum(1.0, radius / jnp.where(size > 0, size, 1.0))

    return [scaled(w) if w.ndim > 1 else w for w in weights]


def ramp(step: Any, steps: int, shape: str, settings: tuple[float, float, float, float]) -> Any:
    """The factor on a strength: from start to end, between two shares of all steps."""
    start, end, begin, finish = settings
    progress = step / steps
    span = finish - begin if finish > begin else 1.0
    way = jnp.clip((progress - begin) / span, 0.0, 1.0)
    if shape == "step" or finish <= begin:
        way = jnp.where(progress >= begin, 1.0, 0.0)
    elif shape == "cosine":
        way = (1 - jnp.cos(jnp.pi * way)) / 2
    return start + (end - start) * way


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
