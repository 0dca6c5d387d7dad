"""The measurement of the verdicts measures what it says."""

import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bench.calibration import (
    correlation,
    effect_rows,
    estimated,
    null_rows,
    share,
    verdict_by,
)
from bench.known_studies import (
    IMAGES,
    KINDS,
    REFERENCE_SEEDS,
    SEEDS,
    Outcome,
    Paired,
    outcome,
    spec_of,
)
from bench.populations import shrunk_mnist
from bench.pretrained import pretrained
from bench.redrawn import redrawn
from bench.simulated_studies import drawn, study
from normsweep.data.folds import plan_folds
from normsweep.data.idx import idx_files, read_idx
from normsweep.objectives.distances import moments
from normsweep.storage import open_storage
from normsweep.verdict.statistics import verdict_estimate


def paired_of(differences: np.ndarray) -> Paired:
    """Whose images add as good as nothing."""
    return Paired(differences, np.full((len(differences), 9), 1e-9))


def found(verdict: str, differences: np.ndarray, strength: float = 0.1) -> Outcome:
    paired = paired_of(differences)
    estimate, _ = verdict_estimate(paired.differences, paired.influences) or (None, "")
    return Outcome(verdict, strength, estimate, paired, (paired,))


def figures(rows) -> dict[str, str]:
    return {row["what"].split(": ")[1]: row["figure"] for row in rows}


def test_a_share_has_wilson_s_interval() -> None:
    # z²/(n + z²) for none of n.
    assert share([False] * 20) == "0.0%  (0 of 20; 0.0% to 16.1%)"
    assert share([]) == "none measured"


def test_over_seeds_the_folds_of_one_are_a_single_number() -> None:
    differences = np.array([[1.0, 3.0], [2.0, 0.0], [4.0, 2.0]])
    said = estimated("over_seeds", Paired(differences))
    # Means 2, 1, 3: t = 2·√3 with 2 degrees, and ± 4.3027/√3.
    assert said.p == pytest.approx(0.0742, abs=1e-4)
    width = 4.30265 / 3**0.5
    assert (said.low, said.high) == pytest.approx((2 - width, 2 + width), rel=1e-5)


def test_the_test_of_0_4_takes_all_differences_alike() -> None:
    differences = np.array([[1.0, 3.0, 2.0], [2.0, 0.0, 1.0]])
    said = estimated("resampled", Paired(differences))
    assert said.standard_error == pytest.approx(((1 / 6 + 1 / 2) * differences.var(ddof=1)) ** 0.5)
    assert said.degrees == 5


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_the_correlation_of_simulated_differences_is_found(rho) -> None:
    random = np.random.default_rng(0)
    shared, own = random.normal(size=(4000, 1)), random.normal(size=(4000, 15))
    drawn = rho**0.5 * shared + (1 - rho) ** 0.5 * own
    assert correlation(drawn) == pytest.approx(rho, abs=0.02)


def test_a_verdict_about_nothing_is_counted_as_wrong() -> None:
    some = np.random.default_rng(0).normal(size=(5, 3))
    rows = figures(null_rows("inert", [found("helps", some), found("unclear", np.zeros((5, 3)))]))
    assert rows["verdicts other than “not decided”"].startswith("50.0%  (1 of 2;")
    assert rows["candidates equal to the baseline to the bit"] == "1"


def test_the_other_test_s_verdict_follows_the_same_rule() -> None:
    noise = [paired_of(x) for x in np.random.default_rng(0).normal(0, 0.1, (3, 5, 3))]

    def moved(entry: Paired, by: float) -> Paired:
        return paired_of(entry.differences + by)

    none = paired_of(np.zeros((5, 3)))
    assert verdict_by("over_seeds", noise) == "unclear"
    assert verdict_by("over_seeds", [moved(noise[0], 1), moved(noise[1], -1)]) == "helps"
    assert verdict_by("over_seeds", [moved(noise[0], 1), moved(noise[1], 1)]) == "hurts"
    assert verdict_by("over_seeds", [moved(noise[0], 1), none]) == "unclear"


def test_an_interval_is_judged_by_the_effect_of_its_own_strength() -> None:
    differences = np.random.default_rng(0).normal(-1, 0.1, (5, 3))
    outcomes = [found("helps", differences, 0.1), found("unclear", differences, 0.2)]
    rows = figures(effect_rows("helps", outcomes, {0.1: (-1.0, 0.0), 0.2: (3.0, 0.0)}))
    assert rows["found"].startswith("50.0%  (1 of 2;")
    assert rows["95 % interval holds the effect in the long run"].startswith("50.0%  (1 of 2;")
    assert rows["effect of λ = 0.2 in the long run"] == "+3.00 ± 0.00, chosen by 1 of 2"


def test_studies_may_end_after_different_seeds() -> None:
    random = np.random.default_rng(0)
    outcomes = [found("helps", random.normal(-1, 0.1, (seeds, 3))) for seeds in (3, 5, 8)]
    rows = figures(effect_rows("helps", outcomes, {0.1: (-1.0, 0.0)}))
    assert rows["found"].startswith("100.0%  (3 of 3;")
    assert "correlation of a study's differences" in rows


def test_signs_are_redrawn_by_the_strength_after_the_first_step_alone() -> None:
    weights = {"a": jnp.ones((40, 5)), "b": None}
    assert redrawn.proximal is not None
    assert redrawn.initial_state is not None and redrawn.advance is not None
    state = redrawn.advance(weights, redrawn.initial_state(weights))
    one, again, other = (
        np.asarray(redrawn.proximal(weights, 0.1, strength=strength, state=state)["a"])
        for strength in (1e-11, 1e-11, 2e-11)
    )
    np.testing.assert_array_equal(one, again)
    assert set(np.unique(one)) == {-1.0, 1.0}
    assert 0.3 < np.mean(one == other) < 0.7
    later = redrawn.proximal(weights, 0.1, strength=1e-11, state=redrawn.advance(weights, state))
    np.testing.assert_array_equal(later["a"], weights["a"])
    slopes = redrawn.gradient(weights, strength=1e-11, state=state)
    assert not jax.tree.reduce(lambda sofar, leaf: sofar + jnp.abs(leaf).sum(), slopes, 0.0)


def test_no_two_studies_share_a_seed(mnist_folder) -> None:
    seeds = [
        spec_of(kind, number, mnist_folder, reference=reference).study.seed
        for kind in KINDS
        for number in (0, 1, 999)
        for reference in (False, True)
    ]
    assert len(seeds) == len(set(seeds))


def test_mnist_is_shrunk_by_means_over_its_pixels(mnist_folder, tmp_path) -> None:
    path = shrunk_mnist(mnist_folder, tmp_path / "small.npz")
    small = np.load(path)
    images, _ = idx_files(mnist_folder, "train")
    assert images is not None
    large = read_idx(images)[7].astype(float)
    assert small["images"].shape == (60_000, 8, 8, 1) and small["labels"].shape == (60_000,)
    # The first rows and columns have the border of two beside them.
    assert small["images"][7, 3, 4, 0] == round(large[10:14, 14:18].mean())
    assert small["images"][7, 0, 3, 0] == round(large[0:2, 10:14].sum() / 16)
    written = path.stat().st_mtime_ns
    assert shrunk_mnist(mnist_folder, path).stat().st_mtime_ns == written


def in_play(kind: str, folder: Path, *, reference: bool = False) -> int:
    spec = spec_of(kind, 0, folder, reference=reference)
    share, seed = spec.score.feature_share, spec.data.seed
    return plan_folds(None, IMAGES, folds=3, feature_share=share, seed=seed).held_out.size


def test_a_study_has_so_many_images_in_play(mnist_folder) -> None:
    # Three folds of one size each.
    for kind, count in {"helps": 540, "images": 90, "convolutional": 4_998}.items():
        assert in_play(kind, mnist_folder) == in_play(kind, mnist_folder, reference=True) == count


def test_of_shards_a_seed_of_the_long_run_has_as_many_images_as_one_of_a_study(
    mnist_folder,
) -> None:
    for kind, part in {"shards": 90, "convolutional_shards": 624}.items():
        assert in_play(kind, mnist_folder) // SEEDS == part
        assert in_play(kind, mnist_folder, reference=True) // REFERENCE_SEEDS == part


@pytest.mark.slow
def test_a_redrawn_study_runs_and_its_candidates_differ(storage_url, mnist_folder) -> None:
    storage = open_storage(storage_url, create=True)
    done = outcome(storage, "redrawn", 0, mnist_folder)
    assert done.verdict == "unclear"
    entries = [entry.differences for entry in done.candidates]
    assert all(entry.shape == (SEEDS, 3) and entry.all() for entry in entries)
    # What is there is read, not trained once more.
    again = outcome(storage, "redrawn", 0, mnist_folder).best
    assert np.array_equal(again.differences, done.best.differences)
    assert again.influences is not None and done.best.influences is not None
    assert np.array_equal(again.influences, done.best.influences, equal_nan=True)
    storage.engine.dispose()


@pytest.mark.slow
def test_of_a_convolutional_study_images_make_a_good_part_of_the_doubt(
    storage_url, mnist_folder, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    storage = open_storage(storage_url, create=True)
    done = outcome(storage, "convolutional", 0, mnist_folder).best
    assert done.differences.shape == (SEEDS, 3) and done.influences is not None
    # Folds are dealt anew by each seed, and the two images left over are others.
    assert done.influences.shape[0] == SEEDS and 4_998 <= done.influences.shape[1] <= 5_000
    both = estimated("seeds_and_images", done).standard_error
    assert both > 1.15 * estimated("over_seeds", done).standard_error
    storage.engine.dispose()
    # What the seeds begin with is trained once.
    (weights,) = tmp_path.glob("normsweep-*-dcgan")
    written = {each: each.stat().st_mtime_ns for each in weights.rglob("*")}
    assert pretrained(mnist_folder, weights) == weights
    assert written == {each: each.stat().st_mtime_ns for each in weights.rglob("*")}


def test_simulated_studies_of_weak_seeds_owe_their_doubt_to_images() -> None:
    whole = moments(drawn(np.random.default_rng(0), 4000))
    random = np.random.default_rng(1)
    weak, strong = (study(random, whole, 60, (0.8, 0.7), seeds) for seeds in (1e-3, 0.3))
    for entry, images_matter in ((weak, True), (strong, False)):
        assert entry.differences.shape == (SEEDS, 3) and entry.influences is not None
        both = estimated("seeds_and_images", entry).standard_error
        seeds = estimated("over_seeds", entry).standard_error
        assert (both > 2 * seeds) == images_matter
