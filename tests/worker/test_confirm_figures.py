"""A study scored by what its networks measure has the images' part in its verdict."""

from typing import Any

import numpy as np
import pytest

from normsweep.engine.population import Chunk
from normsweep.score.setup import prepare
from normsweep.storage.influences import read_influences
from normsweep.study.confirmation import find_confirmation
from normsweep.verdict.reading import read_confirmation
from normsweep.verdict.wording import verdict_sentence
from normsweep.worker import arm_run

SEEDS = 3
VAE: dict[str, Any] = {
    "model__family": "vae",
    "model__generator_hidden": None,
    "model__discriminator_hidden": None,
    "model__encoder_hidden": [16],
    "model__decoder_hidden": [16],
    "train__generator_learning_rate": None,
    "train__autoencoder_learning_rate": 5e-3,
    "penalty__target": ["both"],
    "score__metric": "elbo",
    "confirm__holdout": 0.2,
}
PAIRS: dict[str, Any] = {
    "data__source": "digits_pairs",
    "data__limit": 120,
    "model__family": "cyclegan",
    "model__latent": None,
    "model__generator_hidden": [4],
    "model__discriminator_hidden": [4],
    "train__loss": "least_squares",
    "train__image_pool": 0,
    "penalty__target": ["generator"],
    "score__metric": "pair_error",
    "score__dimension": 4,
}


@pytest.fixture
def seen(monkeypatch) -> list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """What a confirmation measured of each image, and the scores of the same chunk."""
    found: list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = []
    scored = arm_run.image_influences

    def kept(setup: Any, metric: str, chunk: Chunk, slot: int, figures: Any) -> Any:
        found.append((figures, {name: each[slot] for name, each in chunk.extras.items()}))
        return scored(setup, metric, chunk, slot, figures)

    monkeypatch.setattr(arm_run, "image_influences", kept)
    return found


@pytest.mark.parametrize("changes", [VAE, PAIRS], ids=["vae", "cyclegan"])
def test_a_verdict_by_a_figure_allows_for_other_images(
    changes: dict[str, Any], run, make_spec, databases, storage_url, seen
) -> None:
    spec = make_spec(
        **changes,
        study__slots=1,
        train__steps=8,
        train__chunks=2,
        penalty__strength=[0.1],
        confirm__seeds=SEEDS,
        confirm__top=1,
    )
    study, storage = run(spec).study, databases.open(storage_url)
    found = read_confirmation(study, storage)
    assert found is not None and found.best.effect is not None
    effect = found.best.effect
    assert effect.test == "seeds_and_images"
    assert effect.of_images is not None and 0 < effect.of_images < 1
    assert effect.estimate.standard_error > effect.over_seeds.standard_error
    assert "by seeds alone" not in verdict_sentence(found)

    held = find_confirmation(study, storage)
    assert held is not None
    ids = [trial._trial_id for trial in held.get_trials()]
    stored = read_influences(storage.engine, ids, (4, 8))
    # Also of the look at images that were held out, at both of its chunks.
    assert len(ids) == (4 if spec.confirm.holdout else 2) * SEEDS
    assert len(stored) == 2 * len(ids)
    assert (found.final is not None) == (spec.confirm.holdout > 0)
    images, metric = np.sort(prepare(spec).plan.held_out.ravel()), spec.score.metric
    assert len(seen) == 2 * len(ids)
    deviations = []
    for figures, scores in seen:
        for values, score in zip(figures[metric], scores[metric], strict=True):
            assert score == pytest.approx(np.nanmean(values.astype(np.float64)), rel=1e-5)
            there = ~np.isnan(values)
            deviations.append(len(values) / there.sum() * (values[there] - values[there].mean()))
    got = np.concatenate([row[: len(images)] for row in stored.values()])
    wanted = np.concatenate(deviations)
    got = got[np.isfinite(got) & (got != 0)]
    # Wherever the images lie: the same numbers, each once.
    np.testing.assert_allclose(np.sort(got), np.sort(wanted), rtol=1e-3, atol=1e-5)
