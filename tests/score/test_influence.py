"""The influences of a study's images on a score: each at its place, whichever fold it judges."""

from types import SimpleNamespace

import numpy as np
import pytest

from normsweep.data.folds import deal_again
from normsweep.objectives.distances import DISTANCES, moments
from normsweep.objectives.distances.copying import copying_influence, copying_statistic_to
from normsweep.objectives.distances.frechet import frechet_influence
from normsweep.score.influence import image_influences
from normsweep.score.setup import Setup, prepare


@pytest.fixture(scope="module")
def setup(make_spec) -> Setup:
    return prepare(make_spec(data__limit=130, score__dimension=4))


def chunk(setup: Setup, labels: np.ndarray | None = None) -> SimpleNamespace:
    """Two slots of generated features near to the real ones."""
    rng = np.random.default_rng(0)
    shape = (2, len(setup.plan.held_out), setup.samples, 4)
    features = rng.normal(size=shape).astype(np.float32)
    return SimpleNamespace(features=features, labels=labels)


def real(setup: Setup, fold: int) -> np.ndarray:
    return setup.judge.samples[fold].held_out


@pytest.mark.parametrize("dealt", [False, True])
def test_an_image_keeps_its_place_whatever_fold_it_is_dealt_to(setup, dealt: bool) -> None:
    images = np.sort(setup.plan.held_out.ravel())
    if dealt:
        setup = setup.with_plan(deal_again(setup.plan, setup.dataset.labels, (1, 2)))
    found = image_influences(setup, "fid", chunk(setup), 1, {})
    assert found is not None and found.shape == images.shape
    for fold, held_out in enumerate(setup.plan.held_out):
        generated = moments(chunk(setup).features[1, fold])
        expected = frechet_influence(real(setup, fold), generated)
        for image, influence in zip(held_out, expected, strict=True):
            assert found[images.tolist().index(image)] == influence


def test_images_that_do_not_judge_have_no_number(make_spec) -> None:
    setup = prepare(make_spec(data__limit=130, score__samples=30, score__dimension=4))
    found = image_influences(setup, "kid", chunk(setup), 0, {})
    assert found is not None
    judged = setup.plan.held_out[:, :30]
    images = np.sort(setup.plan.held_out.ravel())
    assert set(images[~np.isnan(found)]) == set(judged.ravel())


def test_of_a_score_that_is_a_magnitude_it_is_that_of_the_magnitude(make_spec) -> None:
    setup = prepare(make_spec(data__limit=130, score__metric="copying", score__dimension=4))
    reference = setup.judge.prepared[0][DISTANCES["copying"].measure]
    held_out, training = real(setup, 0), reference.whole[0][:60]
    signs = set()
    for shift in (0.0, 9.0):
        generated = training + shift
        sign = np.sign(copying_statistic_to(reference, generated))
        found = setup.judge.influences("copying", 0, generated)
        expected = sign * copying_influence(reference, held_out, generated)
        np.testing.assert_allclose(found, expected)
        signs.add(sign)
    assert signs == {-1.0, 1.0}


def test_of_what_networks_measure_each_image_has_its_own_deviation(setup) -> None:
    dealt = setup.with_plan(deal_again(setup.plan, setup.dataset.labels, (1, 2)))
    images, held_out = np.sort(dealt.plan.held_out.ravel()), dealt.plan.held_out
    # What an image is worth is known by its number; every third of a fold has nothing.
    each = held_out.astype(np.float32) ** 2
    each[:, ::3] = np.nan
    found = image_influences(dealt, "pair_error", chunk(dealt), 1, {"pair_error": each})
    assert found is not None and not np.isnan(found).any()
    for fold in held_out:
        there = np.arange(len(fold)) % 3 != 0
        mean = np.mean(fold[there] ** 2.0)
        for image, has in zip(fold, there, strict=True):
            wanted = (image**2.0 - mean) * len(fold) / there.sum() if has else 0.0
            assert found[images.tolist().index(image)] == pytest.approx(wanted)


@pytest.mark.parametrize("metric", ["elbo", "precision"])
def test_of_what_is_not_measured_of_features_there_is_none(setup, metric: str) -> None:
    assert image_influences(setup, metric, chunk(setup), 0, {}) is None
