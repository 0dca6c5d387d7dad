"""What is drawn at random is drawn flat: of four axes XLA:CPU takes four times as long to compile.

Eleven kernels of a DCGAN on 64 × 64 pixels took 43 s so, and take 6 s.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from normsweep.models import GAN, Architecture, Method, Program, hyperparameters
from normsweep.models.data import Data
from normsweep.models.member import init, member_key
from normsweep.models.networks.dcgan import DCGAN
from normsweep.models.networks.resnet import ResNet
from normsweep.models.training import train_chunk
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES

COUNTED = 2
"""Axes of more than one number that what is drawn may have."""


def drawn(program: core.Jaxpr) -> Iterator[tuple[int, ...]]:
    """The shape of each draw of a program."""
    for equation in program.eqns:
        if equation.primitive.name == "random_bits":
            yield tuple(side for side in equation.params["shape"] if side > 1)
        for inner in equation.params.values():
            for each in inner if isinstance(inner, tuple | list) else [inner]:
                found = getattr(each, "jaxpr", each)
                if isinstance(found, core.Jaxpr):
                    yield from drawn(found)


@pytest.mark.parametrize("network", [DCGAN, ResNet])
def test_nothing_that_is_drawn_for_convolutions_has_their_axes(network: type) -> None:
    gan = GAN()
    described = ((name, network(4)) for name in gan.networks())
    method = Method(gradient_penalty=GRADIENT_PENALTIES["dragan"], dropout=True)
    program = Program(
        Architecture(gan, (32, 32, 3), tuple(described)), 2, 10, 5, 2, methods=(method,)
    )
    data = Data(jnp.zeros((9, 32, 32, 3)), jnp.arange(6), jnp.arange(6, 9))
    numbers = hyperparameters(gan)

    def trained(key: jax.Array) -> object:
        return train_chunk(program, init(program, numbers, key), numbers, data, key)

    shapes = list(drawn(jax.make_jaxpr(trained)(member_key(np.uint32(0), np.int32(0))).jaxpr))
    assert len(shapes) > 10
    assert max(map(len, shapes)) <= COUNTED
