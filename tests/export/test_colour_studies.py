"""Studies of colour images: their convolutional features in scores, warnings, and scored again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from normsweep.export.again import score_config
from normsweep.export.configs import best_config
from normsweep.objectives.features import classifier
from normsweep.score.setup import prepare
from normsweep.study.attributes import study_attributes

COLOUR: dict[str, Any] = {
    "data__source": "npz",
    "data__limit": None,
    "train__steps": 4,
    "train__chunks": 2,
    "train__batch": 4,
    "study__trials": 1,
    "study__slots": 1,
    "penalty__strength": [1e-3],
    "penalty__target": "generator",
    "score__features": "classifier",
    "score__dimension": 4,
}


@pytest.fixture(autouse=True)
def trained_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "CONVOLUTIONAL", classifier.Training(60, 16))


def colour(folder: Path, **arrays: Any) -> dict[str, Any]:
    """The fields of a study of these images, or of 16 × 16 patches of two photographs."""
    if not arrays:
        cut = [
            photograph[160:224, :240].reshape(4, 16, 15, 16, 3).transpose(0, 2, 1, 3, 4)
            for photograph in load_sample_images().images
        ]
        order = np.random.default_rng(0).permutation(120)
        images = np.concatenate([each.reshape(60, 16, 16, 3) for each in cut])[order]
        arrays = {"images": images, "labels": np.repeat([0, 1], 60)[order]}
    np.savez(folder / "colour.npz", **arrays)
    return COLOUR | {"data__path": str(folder / "colour.npz")}


def test_a_study_of_colour_is_stopped_goes_on_and_scores_the_same_again(
    run, make_spec, tmp_path
) -> None:
    spec = make_spec(**colour(tmp_path), score__record=["inception_score", "class_coverage"])
    assert not run(spec, chunks=1).done
    launched = run(spec)
    assert launched.done
    accuracy = study_attributes(launched.study).feature_accuracy
    assert accuracy is not None and accuracy > 0.75
    assert np.isfinite([trial.value for trial in launched.study.get_trials()]).all()
    assert score_config(best_config(launched.study)).identical


def test_labels_that_say_nothing_of_colour_images_are_warned_of(make_spec, tmp_path) -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (120, 16, 16, 3), np.uint8)
    fields = colour(tmp_path, images=images, labels=draw.integers(0, 2, 120))
    setup = prepare(make_spec(**fields))
    assert "stages" in setup.feature_params
    assert any("it has learnt nothing" in warning for warning in setup.warnings)


def test_colour_images_without_labels_have_features_of_a_random_network(
    make_spec, tmp_path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3), np.uint8)
    setup = prepare(make_spec(**colour(tmp_path, images=images) | {"score__features": "random"}))
    assert "stages" in setup.feature_params
    assert setup.feature_accuracy is None
