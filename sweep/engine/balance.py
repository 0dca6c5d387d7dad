"""The balance of terms and losses at the members of a run, fold by fold."""

from functools import partial
from typing import Any

import jax
import numpy as np

from normsweep.engine.population import Shared
from normsweep.models.balance import Term, balances
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.member import MemberState, member_key
from normsweep.models.program import Program


def balances_of(
    program: Program,
    terms: tuple[Term, ...],
    states: MemberState,
    hyperparameters: Hyperparameters,
    shared: Shared,
) -> list[dict[str, np.ndarray]]:
    """What `models.balance.balances` gives of a run's members, as arrays [folds] by network.

    `states` have the leading axis [folds]; `shared` is on the devices, of which one is used.
    """
    here: Shared = jax.tree.map(
        lambda leaf: leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf, shared
    )
    index = int(np.asarray(hyperparameters.method))
    folds = []
    for fold in range(len(shared.train)):
        state = jax.tree.map(lambda leaf, fold=fold: leaf[fold], states)
        with jax.threefry_partitionable(True):
            found = _of_fold(program, index, terms, state, hyperparameters, here, np.int32(fold))
        folds.append(jax.device_get(found))
    stacked: list[dict[str, np.ndarray]] = jax.tree.map(lambda *each: np.stack(each), *folds)
    return stacked


@partial(jax.jit, static_argnums=(0, 1, 2))
def _of_fold(
    program: Program,
    index: int,
    terms: tuple[Term, ...],
    state: MemberState,
    hyperparameters: Hyperparameters,
    shared: Shared,
    fold: Any,
) -> list[dict[str, jax.Array]]:
    key, data = member_key(shared.seed, fold), shared.data(fold)
    return balances(program, index, terms, state, hyperparameters, data, key)
