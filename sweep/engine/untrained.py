"""Samples of a member before its first step: what a score begins from."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from normsweep.engine.population import Features, Shared
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.member import init, member_key
from normsweep.models.program import Program
from normsweep.models.training import sample, sampled_labels


def untrained_features(
    program: Program, features: Features, hyperparameters: Hyperparameters, shared: Shared
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """For each fold the features [n, d] of samples by the weights that its member begins with.

    And the classes [n] that they were asked for, None where the family has none. Weights and
    latents are those of the training; `shared` is on the devices, of which one is used.
    """
    here: Shared = jax.tree.map(
        lambda leaf: leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf, shared
    )
    for fold in range(len(shared.train)):
        with jax.threefry_partitionable(True):
            found, labels = _of_fold(program, features, hyperparameters, here, np.int32(fold))
        yield np.asarray(found), None if labels is None else np.asarray(labels)


@partial(jax.jit, static_argnums=(0, 1))
def _of_fold(
    program: Program,
    features: Features,
    hyperparameters: Hyperparameters,
    shared: Shared,
    fold: Any,
) -> tuple[jax.Array, jax.Array | None]:
    key, data = member_key(shared.seed, fold), shared.data(fold)
    state = init(program, hyperparameters, key, shared.initial)
    images = sample(program, state, hyperparameters, data, key, program.samples)
    labels = sampled_labels(program, data, key, program.samples)
    return features(shared.feature_params, images), labels
