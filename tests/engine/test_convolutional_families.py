"""Convolutional networks in each family: what a chunk of training makes, as shapes."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.models import Data, init, sample, train_chunk

NARROW = {"model__generator_hidden": None, "model__discriminator_hidden": None}
TWO = {"model__generator_channels": 2, "model__discriminator_channels": 2}
CODED = {"model__encoder_channels": 2, "model__decoder_channels": 2, "penalty__target": ["both"]}
VAE = CODED | {"model__family": "vae", "train__generator_learning_rate": None}
CYCLE = {"model__family": "cyclegan", "model__latent": None, "train__loss": "least_squares"}
R1 = {"gradient_penalty__kind": "r1", "gradient_penalty__strength": 1.0}
LAZY = R1 | {"gradient_penalty__every": 2}
FOLLOWING = {"penalty__schedule": "adaptive", "penalty__adaptive_signal": "held_out"}


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("dcgan", TWO | R1 | FOLLOWING),
        ("resnet", TWO | LAZY | {"model__generator_normalisation": "instance"}),
        ("dcgan", VAE | {"model__encoder_normalisation": "layer"}),
        ("resnet", VAE),
        ("patchgan", TWO | CYCLE | R1 | FOLLOWING),
    ],
)
def test_a_family_trains_and_samples_convolutional_networks(
    make_spec: Any, network: str, settings: dict[str, Any]
) -> None:
    """Losses are numbers also where an image is judged patch by patch; images are as they were."""
    config = make_spec(
        **NARROW
        | settings
        | {"model__network": network, "penalty__strength": 1e-3, "penalty__target": "both"}
    )
    program = program_of(config, (8, 8, 1), 6, classes=2)
    numbers = hyperparameters_of(config)
    rows = np.arange(10, dtype=np.int32)
    labels = np.arange(20, dtype=np.int32) % 2
    like = Data(np.zeros((20, 8, 8, 1), np.float32), rows, rows + 10, labels)
    key = jax.random.key(0)

    def trained(data: Data) -> Any:
        state = init(program, numbers, key)
        state, metrics = train_chunk(program, state, numbers, data, key)
        return metrics, sample(program, state, numbers, data, key, 6)

    metrics, images = jax.eval_shape(trained, like)
    assert images.shape == (6, 8, 8, 1)
    assert {loss.shape for loss in metrics.losses.values()} == {()}
    assert set(metrics.norms) == set(program.family.networks())


def test_the_networks_of_a_program_are_those_of_the_spec(make_spec: Any) -> None:
    config = make_spec(
        **NARROW | TWO,
        model__network="resnet",
        model__generator_activation="relu",
        penalty__strength=1e-3,
        penalty__target="both",
    )
    described = dict(program_of(config, (8, 8, 1), 6).architecture.networks)
    found = [partial(getattr, each) for each in described.values()]
    assert [get("channels") for get in found] == [2, 2]
    assert [get("activation") for get in found] == ["relu", "leaky_relu"]
    assert [get("output") for get in found] == ["tanh", "linear"]
