"""Studies of families that are no GAN: stopped and resumed, scored again, trained, exported."""

from typing import Any

import jax
import numpy as np
import pytest

from normsweep.export.again import score_config, train_config
from normsweep.export.configs import best_config
from normsweep.export.snippets import SNIPPETS
from normsweep.export.tables.rows import _players
from normsweep.export.trained import load_generator, save_trained
from normsweep.models.families import FAMILIES
from normsweep.spec import spec_from_tables
from normsweep.verdict.answers import answer

CODED = {"generator_hidden": None, "discriminator_hidden": None, "encoder_hidden": [16]}
CODERS = {f"model__{name}": value for name, value in (CODED | {"decoder_hidden": [16]}).items()}
STUDIES: dict[str, dict[str, Any]] = {
    "vae": CODERS | {"train__beta": [0.5, 1.0], "score__metric": "elbo"},
    "rae": CODERS | {"train__jacobian_weight": [0.0, 0.1], "train__ema": 0.5},
    "autoencoder": {"model__encoder_hidden": [16], "train__reconstruction_weight": [1.0, 10.0]}
    | {"gradient_penalty__kind": "r1", "gradient_penalty__strength": 0.1},
}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_a_family_is_resumed_scored_again_trained_and_exported(
    name: str, run, make_spec, outcome, tmp_path
) -> None:
    learning = {"train__generator_learning_rate": None, "train__autoencoder_learning_rate": 5e-3}
    penalised = {"penalty__target": ["both"], "penalty__strength": [1e-4], "study__slots": 1}
    spec = make_spec(
        model__family=name,
        train__steps=20,
        train__chunks=2,
        **learning,
        **penalised,
        **{path: value for path, value in STUDIES[name].items()},
    )
    whole = run(spec, url=f"sqlite:///{tmp_path / 'whole.db'}")
    assert whole.done
    # In the middle of its second trial.
    assert not run(spec, chunks=3).done
    resumed = run(spec)
    assert outcome(resumed.study) == outcome(whole.study)
    found = answer(whole.study)
    figures = FAMILIES[name].figures
    assert set(figures) <= set(found.ranking[0].recorded)
    assert all(np.isfinite(found.ranking[0].recorded[figure]) for figure in figures)
    config = best_config(whole.study)
    assert score_config(config).identical
    trained = train_config(config.spec)
    load = load_generator(save_trained(trained, config, tmp_path / "out"))
    images = load(jax.random.key(0), 7)
    assert images.shape == (7, 8, 8, 1)
    assert np.abs(images).max() <= 1 and np.std(images) > 0
    names: dict[str, Any] = {}
    exec(compile(SNIPPETS["optax"](config), "snippet.py", "exec"), names)
    for network in FAMILIES[name].networks():
        assert f"{network}_optimizer" in names and f"{network}_penalty" in names
        assert f"def {network}_optimizer(" in SNIPPETS["pytorch"](config)


def test_a_table_has_the_losses_of_all_families_that_a_study_compares() -> None:
    methods = {"variational": {"model": {"family": "vae"}}, "other": {"train": {"loss": "hinge"}}}
    spec = spec_from_tables({"methods": methods}, "f")
    assert _players(spec) == ("generator", "discriminator", "autoencoder")
