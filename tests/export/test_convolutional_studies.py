"""Studies of convolutional networks: searched, scored again, and refused."""

import numpy as np
import pytest

from normsweep.errors import UserError
from normsweep.export.again import score_config
from normsweep.export.configs import best_config
from normsweep.score.setup import prepare
from normsweep.spec.baseline import baseline

CONVOLUTIONAL = {
    "model__network": "dcgan",
    "model__generator_hidden": None,
    "model__discriminator_hidden": None,
    "model__generator_channels": 2,
    "model__discriminator_channels": 2,
}


def test_a_study_of_convolutional_networks_scores_the_same_again(run, make_spec) -> None:
    """Batch norm in G and spectral norm in D, and the width of G searched in one program."""
    spec = make_spec(
        **CONVOLUTIONAL,
        model__generator_units=[4],
        model__generator_normalisation="batch",
        model__discriminator_normalisation="spectral",
        data__limit=120,
        train__steps=4,
        train__chunks=2,
        train__batch=8,
        study__trials=1,
        study__slots=1,
        penalty__form="none",
        penalty__target=None,
        penalty__order=None,
        penalty__strength=None,
    )
    assert baseline(spec).model.generator_units == 32
    launched = run(spec)
    assert launched.done
    values = [trial.value for trial in launched.study.get_trials()]
    assert len(values) == 2
    assert np.isfinite(values).all()
    config = best_config(launched.study)
    assert score_config(config).identical


def test_images_of_a_size_that_a_network_does_not_take_are_refused_before_training(
    make_spec, tmp_path
) -> None:
    file = tmp_path / "images.npz"
    np.savez(file, images=np.random.default_rng(1).integers(0, 256, (40, 10, 10), np.uint8))
    spec = make_spec(
        **CONVOLUTIONAL | {"model__network": ["mlp", "dcgan"]},
        data__source="npz",
        data__path=str(file),
        data__limit=None,
        score__dimension=2,
    )
    told = r'^model\.network = "dcgan": images of 10 × 10 pixels; accepted by dcgan: sides that'
    with pytest.raises(UserError, match=told):
        prepare(spec)


@pytest.mark.parametrize("network", ["dcgan", "resnet"])
def test_a_pattern_of_weights_is_checked_against_the_layers_of_the_network(
    make_spec, network: str
) -> None:
    spec = make_spec(
        **CONVOLUTIONAL | {"model__network": network}, penalty__weights="layers/77/kernel"
    )
    told = rf"matches no weight of the generator \({network}\); there are: .*layers/0/kernel"
    with pytest.raises(UserError, match=told):
        prepare(spec)
