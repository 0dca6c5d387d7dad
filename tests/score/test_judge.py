"""The judge and what prepares it: what is measured, with which images, and what cannot be."""

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.stats
from threadpoolctl import threadpool_limits

from normsweep.data.cache import CACHE_VARIABLE, OFF
from normsweep.data.folds import outer_plan
from normsweep.errors import UserError
from normsweep.models import member_key
from normsweep.objectives.distances import (
    DISTANCES,
    RealFeatures,
)
from normsweep.objectives.distances.contract import CLASSES
from normsweep.objectives.features import FEATURE_MAPS
from normsweep.objectives.features.classifier import class_probabilities_of_features
from normsweep.score.features import feature_values
from normsweep.score.judge import make_judge, recorded_metrics
from normsweep.score.measure import measure
from normsweep.score.setup import Setup, prepare
from normsweep.spec import Spec, load_spec, spec_from_tables


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that spin while other processes hold the cores make seconds into minutes."""
    with threadpool_limits(limits=1):
        yield


def spec_with(holdout: float = 0.0, **score: Any) -> Spec:
    tables = {
        "data": {"source": "digits", "limit": 300},
        "confirm": {"holdout": holdout},
        "score": {"folds": 2, "features": "pca", "dimension": 8} | score,
    }
    return spec_from_tables(tables, "the test's spec")


def generated(setup: Setup, seed: int = 0) -> np.ndarray:
    dimension = 8
    return np.random.default_rng(seed).normal(size=(setup.samples, dimension)).astype(np.float32)


def features_of(setup: Setup, indices: np.ndarray) -> np.ndarray:
    images = setup.dataset.images[indices]
    return feature_values(setup.features, setup.feature_params, images).astype(np.float64)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ({}, ("fid", "kid")),
        ({"metric": "kid"}, ("kid", "fid")),
        ({"metric": "recall", "second": "kid"}, ("recall", "kid", "fid")),
        (
            {"second": "coverage", "record": ["density", "fid", "coverage", "copying"]},
            ("fid", "coverage", "density", "copying", "kid"),
        ),
    ],
)
def test_what_is_asked_for_is_measured_once_in_order_and_fid_and_kid_always(score, expected):
    assert recorded_metrics(spec_with(**score)) == expected


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """|μa − μb|² + Tr(A + B − 2·√(A·B)), with SciPy's root, in float64."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    covariances = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    shift = a.mean(axis=0) - b.mean(axis=0)
    return float(shift @ shift + np.trace(covariances[0] + covariances[1] - 2 * root.real))


def kernel_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased MMD² of the kernel (⟨x, y⟩/d + 1)³, from all pairs (Gretton et al., 2012)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    of_a, of_b, between = ((x @ y.T / x.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within = [np.mean(of[~np.eye(len(of), dtype=bool)]) for of in (of_a, of_b)]
    return float(sum(within) - 2 * between.mean())


def to_nearest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """From each of a the distance to the nearest of b that is not itself."""
    distances = scipy.spatial.distance.cdist(a, b)
    if a is b:
        np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)


def authentic(fake: np.ndarray, training: np.ndarray) -> float:
    """The share farther from the nearest of training than that one from its own nearest."""
    nearest = scipy.spatial.distance.cdist(fake, training).argmin(axis=1)
    return float(np.mean(to_nearest(fake, training) > to_nearest(training, training)[nearest]))


def test_fid_and_kid_are_those_of_the_held_out_images():
    setup = prepare(spec_with())
    fake = generated(setup)
    for fold in (0, 1):
        real = features_of(setup, setup.plan.held_out[fold][: setup.samples])
        expected = {"fid": frechet(fake, real), "kid": kernel_mmd(fake, real)}
        assert setup.judge.measure(fold, fake) == pytest.approx(expected, rel=1e-6)


def test_what_compares_with_training_images_sees_all_of_its_fold():
    setup = prepare(spec_with(record=["generalisation_gap", "authenticity", "fid_training"]))
    fake = generated(setup)
    for fold in (0, 1):
        real = features_of(setup, setup.plan.held_out[fold][: setup.samples])
        training = features_of(setup, setup.plan.train[fold])
        found = setup.judge.measure(fold, fake)
        assert found["authenticity"] == authentic(fake, training)
        near = frechet(fake, training[: setup.samples])
        assert found["fid_training"] == pytest.approx(near, rel=1e-6)
        gap = frechet(fake, real) - near
        assert found["generalisation_gap"] == pytest.approx(gap, rel=1e-6, abs=1e-6 * near)


def test_fewer_samples_than_a_fold_has_take_the_first_of_its_images():
    setup = prepare(spec_with(samples=40, record=["authenticity"]))
    fake = generated(setup)
    assert len(fake) == 40
    real = features_of(setup, setup.plan.held_out[1][:40])
    found = setup.judge.measure(1, fake)
    assert found["fid"] == pytest.approx(frechet(fake, real), rel=1e-6)
    # Copies are looked for among all that were trained on.
    assert len(setup.plan.train[1]) > 80
    training = features_of(setup, setup.plan.train[1])
    assert found["authenticity"] == authentic(fake, training)


def test_classes_are_those_that_the_classifier_reads_off_the_features():
    setup = prepare(spec_with(features="classifier", record=["inception_score", "class_coverage"]))
    fake = generated(setup)
    probabilities = np.asarray(class_probabilities_of_features(setup.feature_params, fake))
    found = setup.judge.measure(0, fake)
    divergences = scipy.stats.entropy(probabilities, probabilities.mean(axis=0), axis=1)
    assert found["inception_score"] == pytest.approx(np.exp(divergences.mean()), rel=1e-4)
    assert 0 < found["class_coverage"] <= 1
    real = features_of(setup, setup.plan.held_out[0])
    assert setup.judge.measure(0, real)["class_coverage"] == 1


def test_recording_more_changes_no_bit_of_the_scores():
    plain = prepare(spec_with())
    without_classes = [name for name, d in DISTANCES.items() if CLASSES not in d.needs]
    for name in ("within_class_fid", "fid_a", "fid_b"):
        without_classes.remove(name)
    more = prepare(spec_with(record=without_classes))
    fake = generated(plain)
    found = more.judge.measure(0, fake)
    assert len(found) > 10
    expected = plain.judge.measure(0, fake)
    assert {name: found[name] for name in expected} == expected
    assert more.fingerprints() == plain.fingerprints()


def test_what_the_digits_study_records_changes_no_bit_of_its_scores():
    spec = load_spec("digits")
    assert spec.score.record == ("generalisation_gap",)
    setup, plain = prepare(spec), prepare(spec.with_values({"score.record": ()}))
    shape = (setup.samples, spec.score.dimension)
    fake = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for fold in range(spec.score.folds):
        found = setup.judge.measure(fold, fake)
        assert np.isfinite(found.pop("generalisation_gap"))
        assert found == plain.judge.measure(fold, fake)
    assert setup.fingerprints() == plain.fingerprints()


def test_metrics_that_share_their_work_are_prepared_and_measured_once(monkeypatch):
    calls = {"prepared": 0, "measured": 0}

    def prepare_once(samples: RealFeatures) -> str:
        calls["prepared"] += 1
        return "prepared"

    def measure_once(prepared: str, features: np.ndarray) -> dict[str, float]:
        assert prepared == "prepared"
        calls["measured"] += 1
        return {"first": 1.0, "second": 2.0}

    entry = DISTANCES["fid"]._replace(prepare=prepare_once, measure=measure_once)
    table = {
        name: entry._replace(part=lambda made, name=name: made[name])
        for name in ("first", "second")
    }
    monkeypatch.setattr("normsweep.score.judge.DISTANCES", table)
    judge = make_judge([RealFeatures(np.zeros((3, 1)))], ("second", "first"))
    assert judge.measure(0, np.zeros((3, 1))) == {"second": 2.0, "first": 1.0}
    assert calls == {"prepared": 1, "measured": 1}


def test_the_judge_of_one_fold_alone_says_what_it_says_among_others():
    setup = prepare(spec_with())
    fake = generated(setup)
    assert setup.judge.only(1).measure(0, fake) == setup.judge.measure(1, fake)


@pytest.mark.parametrize(
    ("score", "field"),
    [
        ({"metric": "inception_score"}, "score.metric"),
        ({"second": "class_coverage"}, "score.second"),
        ({"record": ["class_coverage"]}, "score.record"),
    ],
)
def test_classes_of_features_that_have_none_are_refused(score, field):
    with pytest.raises(UserError) as caught:
        prepare(spec_with(**score))
    message = str(caught.value)
    assert message.startswith(f"{field}: ")
    assert "needs score.features = 'classifier', got 'pca'" in message
    assert "accepted with it: fid, " in message and "inception_score" not in message.split(";")[1]


def test_too_few_images_for_the_neighbours_are_refused():
    with pytest.raises(UserError, match=r"score.samples = 5: accepted for recall are 6 or more"):
        prepare(spec_with(samples=5, dimension=2, record=["recall"]))
    assert prepare(spec_with(samples=6, dimension=2, record=["recall"])).samples == 6


def test_too_few_images_for_the_features_are_refused_where_the_distance_is_extrapolated():
    said = r"score.samples = 79: accepted for fid_infinity of 8 features are 80 or more"
    with pytest.raises(UserError, match=said):
        prepare(spec_with(samples=79, record=["fid_infinity"]))
    assert prepare(spec_with(samples=79)).samples == 79
    assert prepare(spec_with(samples=80, metric="fid_infinity")).samples == 80


@pytest.mark.parametrize(
    ("holdout", "kept", "record", "needed"),
    [
        (0.001, 0, [], "fid are 2"),
        (0.003, 1, [], "fid are 2"),
        (0.007, 2, ["kid_blocks"], "kid_blocks are 4"),
        (0.017, 5, ["recall", "kid_blocks"], "recall are 6"),
        (0.1, 30, ["recall", "fid_infinity"], "fid_infinity of 8 features are 80"),
    ],
)
def test_too_few_images_for_the_look_at_the_end_are_refused_before_any_training(
    holdout, kept, record, needed
):
    with pytest.raises(UserError) as caught:
        prepare(spec_with(record=record, holdout=holdout))
    message = str(caught.value)
    assert message.startswith(f"confirm.holdout = {holdout}: {kept} of 300 images are kept")
    assert f"accepted for {needed} or more" in message


def test_as_few_images_as_a_metric_takes_are_enough_for_the_look_at_the_end():
    unfit = {"classes", "labels"}
    free = [name for name, entry in DISTANCES.items() if not unfit.intersection(entry.needs)]
    record = [name for name in free if DISTANCES[name].fewest_of(8) <= 6]
    setup = prepare(spec_with(record=record, holdout=0.02))
    last = setup.with_plan(outer_plan(setup.plan))
    assert last.samples == 6
    found = last.judge.measure(0, generated(last))
    assert np.isfinite(list(found.values())).all()


def test_a_row_holds_fid_and_kid_apart_and_all_else_by_name():
    setup = prepare(spec_with(record=["recall"]))
    fake = np.stack([generated(setup, seed) for seed in range(4)])
    chunk: Any = SimpleNamespace(
        features=fake.reshape(2, 2, *fake.shape[1:]),
        losses={
            "generator": np.array([[0.0, 1.0], [2.0, 3.0]]),
            "discriminator": np.array([[4.0, 5.0], [6.0, 7.0]]),
        },
        extras={"strength": np.array([[0.1, 0.2], [0.3, 0.4]])},
        labels=None,
    )
    rows = measure(setup, chunk, step=50, slot=1, trial_id=9)
    assert [(row.trial_id, row.fold, row.step) for row in rows] == [(9, 0, 50), (9, 1, 50)]
    assert [row.losses["generator"] for row in rows] == [2.0, 3.0]
    assert [row.losses["discriminator"] for row in rows] == [6.0, 7.0]
    for fold, row in enumerate(rows):
        judged = setup.judge.measure(fold, fake[2 + fold])
        assert {name: row.value(name) for name in judged} == judged
        assert set(row.others) == {"recall", "strength"}
    assert [row.value("strength") for row in rows] == [0.3, 0.4]


def test_no_member_is_trained_with_a_key_of_the_feature_map(monkeypatch):
    """Under one seed for both, that is: the first keys made from a key are those of its folds."""
    given: list[jax.Array] = []
    pca = FEATURE_MAPS["pca"]

    def fit(key: jax.Array, *arguments: Any) -> Any:
        given.append(key)
        return pca.fit(key, *arguments)

    monkeypatch.setattr("normsweep.score.features.FEATURE_MAPS", {"pca": pca._replace(fit=fit)})
    # Another test may have had the same map fitted.
    monkeypatch.setenv(CACHE_VARIABLE, OFF)
    prepare(spec_with())
    # Before it was asked for shapes alone.
    key = given[-1]
    made = [key, *jax.random.split(key, 8)]
    members = [member_key(np.uint32(0), np.int32(fold)) for fold in range(64)]
    keys = {np.asarray(jax.random.key_data(key)).tobytes() for key in made + members}
    assert len(keys) == 9 + 64


def test_what_an_adaptive_strength_follows_judges_and_trains_nothing():
    setup = prepare(spec_with(holdout=0.1))
    validation = set(setup.shared(0).validation.tolist())
    assert validation == set(setup.plan.feature_indices.tolist())
    for used in (setup.plan.train, setup.plan.held_out, setup.plan.outer):
        assert not validation & set(used.ravel().tolist())
