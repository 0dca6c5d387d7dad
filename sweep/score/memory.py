"""How much memory a study takes, about."""

import jax
import numpy as np

from normsweep.data.memory import PROGRAM
from normsweep.engine.devices import local_devices
from normsweep.engine.fit import AUTO, FEWEST_ON_CPU
from normsweep.engine.settings import architecture_of
from normsweep.models.architecture import abstract_variables
from normsweep.score.setup import Setup
from normsweep.spec.space import middle, resolve
from normsweep.spec.spec import Spec

_OF_WEIGHTS = 4
"""Copies of the weights: themselves, two moments of Adam, and an average or the gradient."""

_OF_SAMPLES = 4
"""Copies of a member's samples while they are made and their features taken."""


def memory_of(setup: Setup, spec: Spec) -> int:
    """Bytes that a worker takes at most, roughly: with networks in the middle of what is searched.

    PROGRAM + images + 4 · weights · slots · folds + 4 · samples · pixels · devices.
    """
    config, _ = resolve(spec, lambda path, asked: middle(asked))
    architecture = architecture_of(config, setup.image_shape, setup.classes)
    variables = abstract_variables(architecture)
    leaves = jax.tree.leaves(variables)
    weights: int = sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in leaves)
    slots = FEWEST_ON_CPU if spec.study.slots == AUTO else spec.study.slots
    members = slots * spec.score.folds
    pixels = int(np.prod(setup.image_shape))
    samples = 4 * setup.samples * pixels * len(local_devices())
    return int(PROGRAM + images_of(setup) + _OF_WEIGHTS * weights * members + _OF_SAMPLES * samples)


def images_of(setup: Setup) -> int:
    """Bytes of the images in memory, where every worker holds them."""
    return int(setup.dataset.images.nbytes)
