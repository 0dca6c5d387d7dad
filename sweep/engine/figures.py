"""What the members of a run measure of each held-out image, fold by fold."""

from functools import partial
from typing import Any

import jax
import numpy as np

from normsweep.engine.population import Shared
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.member import MemberState, member_key
from normsweep.models.program import Program
from normsweep.models.training import measured


def figures_of(
    program: Program, states: MemberState, hyperparameters: Hyperparameters, shared: Shared
) -> dict[str, np.ndarray]:
    """The family's figures of each image that judges a fold, by name, [folds, s] float32.

    NaN of an image that has none. The figures themselves are their means, but for rounding, by the
    same random numbers. `states` have the leading axis [folds]; `shared` is on the devices, of
    which one is used.
    """
    here: Shared = jax.tree.map(
        lambda leaf: leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf, shared
    )
    folds = []
    for fold in range(len(shared.train)):
        state = jax.tree.map(lambda leaf, fold=fold: leaf[fold], states)
        with jax.threefry_partitionable(True):
            found = _of_fold(program, state, hyperparameters, here, np.int32(fold))
        folds.append(jax.device_get(found))
    stacked: dict[str, np.ndarray] = jax.tree.map(lambda *each: np.stack(each), *folds)
    return stacked


@partial(jax.jit, static_argnums=0)
def _of_fold(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    shared: Shared,
    fold: Any,
) -> dict[str, jax.Array]:
    unseen = shared.data(fold)._replace(train=shared.held_out[fold])
    key = member_key(shared.seed, fold)
    found = measured(program, state, hyperparameters, unseen, key)
    return {name: figure.each for name, figure in found.items()}
