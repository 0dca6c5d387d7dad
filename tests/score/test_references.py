"""What a score is seen beside: real images against others, and networks before their first step."""

import io

import jax
import numpy as np
import pytest
from PIL import Image
from scipy.linalg import sqrtm

from normsweep.score.pictures import draw_grid, first_of
from normsweep.score.setup import prepare
from normsweep.score.training import Training
from normsweep.storage.artifacts import REAL, artifacts_of, read_artifact
from normsweep.storage.connect import study_files
from normsweep.study.attributes import study_attributes
from normsweep.verdict.answers import answer


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The Fréchet distance of Gaussians with these samples' moments."""
    first, second = (np.cov(each, rowvar=False) for each in (one, other))
    apart = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
    return float(apart + np.trace(first + second - 2 * sqrtm(first @ second).real))


def test_real_images_are_scored_by_those_of_the_next_fold(example) -> None:
    found = study_attributes(example.study).references
    one, other = (fold.held_out for fold in prepare(example.spec).judge.samples)
    assert found["real"] == pytest.approx([distance(one, other), distance(other, one)], rel=1e-4)
    assert max(found["real"]) < min(found["untrained"])


def test_untrained_networks_score_as_those_that_hardly_learn(run, make_spec) -> None:
    slow = make_spec(
        study__trials=1,
        train__generator_learning_rate=1e-12,
        train__discriminator_learning_rate=1e-12,
    )
    found = answer(run(slow).study)
    assert found.references["untrained"] == pytest.approx(found.baseline.fold_scores, rel=1e-4)


def test_a_baseline_without_memory_for_its_references_has_its_score(
    run, make_spec, example, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no 3 GiB")

    told: list[str] = []

    def log(event: str, /, **facts: object) -> None:
        if event == "references not measured":
            told.append(str(facts["reason"]))

    monkeypatch.setattr(Training, "untrained", full)
    found = answer(run(make_spec(study__trials=1), log=log).study)
    assert found.counts["complete"] == 2 and found.references == {}
    assert found.baseline.fold_scores == answer(example.study).baseline.fold_scores
    (reason,) = told
    assert reason.endswith("JaxRuntimeError: RESOURCE_EXHAUSTED: no 3 GiB")


def test_a_device_that_is_lost_at_the_references_ends_the_worker(
    run, make_spec, monkeypatch
) -> None:
    def lost(*_: object) -> None:
        raise jax.errors.JaxRuntimeError("INTERNAL: the device is gone")

    monkeypatch.setattr(Training, "untrained", lost)
    with pytest.raises(jax.errors.JaxRuntimeError, match="the device is gone"):
        run(make_spec(study__trials=1))


def test_what_real_images_were_trained_on_is_no_reference_for_memorisation(run, make_spec) -> None:
    spec = make_spec(study__trials=1, score__metric="authenticity")
    assert list(study_attributes(run(spec).study).references) == ["untrained"]


def test_a_study_has_a_picture_of_the_images_that_judge_it(example) -> None:
    storage = example.study._storage._backend
    there = artifacts_of(storage.get_study_system_attrs(example.study._study_id))
    png = read_artifact(study_files(storage), there[REAL])
    setup = prepare(example.spec)
    shown = np.asarray(setup.dataset.images[setup.plan.held_out[0, :9]])
    expected = io.BytesIO()
    draw_grid(shown, expected)
    cut = first_of(png, 9)
    np.testing.assert_allclose(pixels(cut), pixels(expected.getvalue()), atol=1)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 20, 1), (5, 9, 3), (64, 64, 3)])
@pytest.mark.parametrize("columns", [3, 24])
def test_the_first_images_of_a_grid_are_found_again(shape: tuple[int, ...], columns: int) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (2 * columns, *shape)).astype(np.float32)
    whole, few = io.BytesIO(), io.BytesIO()
    draw_grid(images, whole, columns=columns)
    draw_grid(images[: min(16, columns)], few)
    found = first_of(whole.getvalue(), 16)
    np.testing.assert_allclose(pixels(found), pixels(few.getvalue()), atol=1)


def test_of_a_picture_that_does_not_say_its_layout_nothing_is_cut() -> None:
    other = io.BytesIO()
    Image.new("L", (20, 20)).save(other, "PNG")
    assert first_of(other.getvalue(), 4) is None
