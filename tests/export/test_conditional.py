"""A study of a conditional GAN: judged by class, scored again, trained, and sampled by class."""

from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from normsweep.errors import UserError
from normsweep.export.again import score_config, train_config
from normsweep.export.configs import trial_config
from normsweep.export.snippets import SNIPPETS
from normsweep.export.trained import load_generator, save_trained
from normsweep.score.setup import prepare
from normsweep.spec import spec_from_tables
from normsweep.spec.config import read_config, render
from normsweep.worker.launch import Launched, launch
from tests.small_studies import Databases, make

CONDITIONAL = {
    "study__trials": 1,
    "study__slots": 1,
    "model__family": "conditional",
    "model__generator_condition": "batch_norm",
    "model__generator_normalisation": "conditional_batch",
    "train__steps": 4,
    "train__chunks": 2,
    "train__auxiliary_weight": 0.5,
    "penalty__strength": 1e-3,
    "penalty__target": "both",
    "score__metric": "within_class_fid",
    "score__features": "classifier",
    "score__dimension": 4,
}


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Launched]:
    opened = Databases(empty_database)
    path = tmp_path_factory.mktemp("conditional") / "studies.db"
    yield launch(make(**CONDITIONAL), opened.open(f"sqlite:///{path}"))
    opened.close()


def test_a_study_of_labels_is_judged_by_class_and_scores_the_same_bits_again(
    launched: Launched, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(render([trial_config(launched.study, 1)], "toml"))
    found = score_config(read_config(file))
    assert found.identical is True
    assert found.score == launched.study.get_trials()[1].value
    for row in found.measurements:
        assert row.value("within_class_fid") > 0
        assert 0 <= row.value("class_agreement") <= 1


def test_a_trained_model_draws_images_of_the_classes_asked_for(
    launched: Launched, tmp_path: Path
) -> None:
    config = trial_config(launched.study, 1)
    made = train_config(config.spec)
    generate = load_generator(save_trained(made, config, tmp_path / "out"))
    key, labels = jax.random.key(5), np.arange(6) % 3
    images = np.asarray(generate(key, 6, labels))
    assert images.shape == (6, 8, 8, 1)
    np.testing.assert_array_equal(images, generate(key, 6, labels))
    other = np.asarray(generate(key, 6, np.where(labels == 2, 7, labels)))
    changed = (images != other).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, labels == 2)
    assert generate(key, 6).shape == (6, 8, 8, 1)
    with pytest.raises(ValueError, match=r"labels: got the shape \(6,\); accepted: \(5,\)"):
        generate(key, 5, labels)
    with pytest.raises(ValueError, match=r"labels: accepted: whole numbers from 0 to 9$"):
        generate(key, 6, labels + 8)


@pytest.mark.parametrize("name", ["optax", "pytorch"])
def test_a_snippet_says_how_labels_were_told(launched: Launched, name: str) -> None:
    text = SNIPPETS[name](trial_config(launched.study, 1))
    assert "labels in the generator by batch_norm, in the discriminator by projection" in text
    assert "the auxiliary classifier, weight 0.5" in text


NOTHING = {"penalty__form": "none"} | dict.fromkeys(
    ("penalty__strength", "penalty__order", "penalty__target")
)


def refusal(**changes: object) -> str:
    with pytest.raises(UserError) as caught:
        prepare(make(**{**NOTHING, **changes}))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_without_labels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.npz"
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8)
    np.savez(path, images=images)
    data = {"data__source": "npz", "data__path": str(path), "data__limit": None}
    assert refusal(model__family="conditional", **data) == (
        'model.family = "conditional" needs labels, and the images of data.source = "npz" have none'
    )


def test_what_needs_labels_is_refused_where_none_are_asked_for() -> None:
    told = 'needs samples of a class that is asked for, and model.family = "gan" asks for none'
    assert told in refusal(score__metric="within_class_fid")
    assert told in refusal(score__second="class_agreement", score__features="classifier")
    assert told in refusal(score__record=["within_class_fid"])
    assert (
        'model.generator_normalisation = "conditional_batch" needs labels, which model.family = '
        '"gan" gives no network; accepted: none, batch, layer, instance, weight, spectral, or '
    ) in refusal(model__generator_normalisation="conditional_batch")
    assert 'model.generator_condition = "batch_norm" has no effect with model.family = "gan"' in (
        refusal(model__generator_condition="batch_norm")
    )


def test_a_generator_that_would_be_told_no_label_is_refused() -> None:
    message = refusal(model__family="conditional", model__generator_condition="batch_norm")
    assert (
        'model.generator_condition = "batch_norm" tells the generator no label with '
        'model.generator_normalisation = "none"; accepted: conditional_batch'
    ) in message


def test_too_few_images_a_class_are_refused_where_classes_are_compared() -> None:
    few = {"model__family": "conditional", "score__samples": 49}
    assert refusal(**few, score__metric="within_class_fid") == (
        "score.samples = 49: accepted for within_class_fid of 10 classes are 50 or more images "
        "compared in a fold"
    )


def test_what_is_told_by_label_is_recorded_where_there_are_enough_images() -> None:
    tables = {
        "data": {"source": "digits", "limit": 200},
        "model": {"latent": 8},
        "methods": {"labels": {"model": {"family": "conditional"}}},
        "score": {"folds": 2, "features": "pca", "dimension": 4},
    }
    judged = prepare(spec_from_tables(tables, "f")).judge
    assert judged.metrics == ("fid", "kid", "within_class_fid")
    points = np.random.default_rng(0).normal(size=(60, 4))
    assert set(judged.measure(0, points)) == {"fid", "kid"}
    assert set(judged.measure(0, points, np.arange(60) % 10)) == {*judged.metrics}
    tables["score"]["samples"] = 49
    assert prepare(spec_from_tables(tables, "f")).judge.metrics == ("fid", "kid")
