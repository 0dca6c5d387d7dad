"""A study of translations between two sets: trained, scored again, saved, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normsweep.engine.settings import hyperparameters_of
from normsweep.errors import UserError
from normsweep.export.again import Trained, score_config, train_config
from normsweep.export.configs import trial_config
from normsweep.export.trained import load_generator, load_network, save_trained
from normsweep.score.setup import prepare
from normsweep.spec import Spec
from normsweep.spec.config import Config, read_config, render
from normsweep.storage import open_storage
from normsweep.worker.launch import Launched, launch
from tests.small_studies import MakeSpec, Run

SMALL: dict[str, Any] = {
    "study__trials": 1,
    "study__slots": 1,
    "data__source": "digits_pairs",
    "data__limit": 120,
    "model__family": "cyclegan",
    "model__latent": None,
    "model__generator_hidden": [4],
    "model__discriminator_hidden": [4],
    "train__steps": 8,
    "train__chunks": 2,
    "train__batch": 8,
    "train__loss": "least_squares",
    "train__cycle_a": [10.0],
    "train__identity_a": [0.25],
    "train__identity_b": 0.5,
    "train__image_pool": 10,
    "penalty__form": "none",
    "penalty__strength": None,
    "penalty__order": None,
    "penalty__target": None,
    "score__metric": "within_class_fid",
    "score__dimension": 4,
}


@pytest.fixture(scope="module")
def spec(make_spec: MakeSpec) -> Spec:
    return make_spec(**SMALL)


@pytest.fixture(scope="module")
def launched(spec: Spec, tmp_path_factory: pytest.TempPathFactory) -> Any:
    storage = open_storage(f"sqlite:///{tmp_path_factory.mktemp('cycle')}/studies.db", create=True)
    yield launch(spec, storage)
    storage.engine.dispose()


def test_cycle_and_pair_errors_are_recorded_beside_the_score(launched: Launched) -> None:
    trials = launched.study.get_trials()
    assert [trial.params for trial in trials] == [
        {},
        {"train.cycle_a": 10.0, "train.identity_a": 0.25},
    ]
    # The baseline has no identity loss, and the cycle's weight that is searched.
    assert trials[0].value != trials[1].value
    for trial in trials:
        recorded = trial.user_attrs["result"]["recorded"]
        assert 0 < recorded["cycle_error"] < 2
        assert 0 < recorded["pair_error"] < 2
        assert trial.value == pytest.approx((recorded["fid_a"] + recorded["fid_b"]) / 2, rel=1e-9)
        assert recorded["fid_a"] != recorded["fid_b"]
        assert recorded["generator_ab_norm"] != recorded["generator_ba_norm"]


def test_a_config_scores_again_to_the_bit(launched: Launched, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(render([trial_config(launched.study, 1)], "toml"), encoding="utf-8")
    assert score_config(read_config(file)).identical is True


def test_a_study_that_was_stopped_goes_on_with_its_pools(
    spec: Spec, launched: Launched, run: Run, outcome: Any
) -> None:
    assert not run(spec, chunks=1).done
    assert outcome(run(spec).study) == outcome(launched.study)


@pytest.fixture(scope="module")
def saved(launched: Launched, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    config = trial_config(launched.study, 1)
    made = train_config(config.spec)
    return made, save_trained(made, Config(config.spec, {}), tmp_path_factory.mktemp("t") / "out")


def test_a_trained_translator_is_loaded_by_its_name(saved: tuple[Trained, Path]) -> None:
    made, folder = saved
    assert (folder / "samples.png").stat().st_size > 0
    images = made.setup.dataset.images[:5]
    for name in ("generator_ab", "generator_ba"):
        found = load_network(folder, name)(images)
        layers = made.state.networks[name].params["network"]["layers"]
        x = np.asarray(images).reshape(5, -1) @ layers[0]["kernel"] + layers[0]["bias"][None]
        x = np.where(x > 0, x, 0.2 * x) @ layers[1]["kernel"] + layers[1]["bias"][None]
        np.testing.assert_allclose(found, np.tanh(x).reshape(5, 8, 8, 1), rtol=1e-4, atol=1e-5)
    assert load_network(folder, "discriminator_b")(images).shape == (5,)


def test_a_translator_is_no_generator_of_a_key(saved: tuple[Trained, Path]) -> None:
    names = "generator_ab, generator_ba, discriminator_a, discriminator_b"
    told = f'model.family = "cyclegan" makes images of images.* load_network.* with {names}$'
    with pytest.raises(UserError, match=told):
        load_generator(saved[1])
    with pytest.raises(UserError, match=f"no network 'generator'; accepted: {names}$"):
        load_network(saved[1], "generator")
    with pytest.raises(UserError, match=r"holds no checkpoint/; `sweep train"):
        load_network(saved[1].parent, "generator_ab")


def archive(folder: Path, **arrays: Any) -> dict[str, Any]:
    """A data set of the user's own, of 60 images."""
    images = np.random.default_rng(0).uniform(-1, 1, (60, 8, 8))
    np.savez(folder / "mine.npz", images=images, **arrays)
    return {"data__source": "npz", "data__path": str(folder / "mine.npz"), "data__limit": None}


SETS = 'model.family = "cyclegan" needs 2 sets of images, those labelled 0, 1; the labels of data'


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (None, 'model.family = "cyclegan" needs labels, and the images of data.source = "npz"'),
        (np.arange(60) % 3, f"{SETS} set 'mine' are 0, 1, 2$"),
        (np.arange(60) % 5, f"{SETS} set 'mine' are 5 different ones$"),
        (np.arange(60) % 2 + 1, f"{SETS} set 'mine' are 1, 2$"),
        (np.ones(60, int), f"{SETS} set 'mine' are 1$"),
        (np.arange(60) // 58, "has 2 images of label 1, too few for one in each fold"),
    ],
)
def test_other_labels_than_those_of_two_sets_are_refused(
    make_spec: MakeSpec, tmp_path: Path, labels: np.ndarray | None, told: str
) -> None:
    given = archive(tmp_path, **({} if labels is None else {"labels": labels}))
    with pytest.raises(UserError, match=told):
        prepare(make_spec(**(SMALL | given)))


def test_a_pair_error_is_no_score_of_images_without_pairs(
    make_spec: MakeSpec, tmp_path: Path
) -> None:
    labels = np.arange(60) % 2
    for known in ({}, {"pairs": np.full(60, -1)}):
        given = archive(tmp_path, labels=labels, **known)
        told = r'score\.metric = "pair_error" needs images of which the counterparts are known'
        with pytest.raises(UserError, match=told):
            prepare(make_spec(**(SMALL | given | {"score__metric": "pair_error"})))
        setup = prepare(make_spec(**(SMALL | given)))
        assert setup.shared(0).pairs is None


def test_what_does_not_fit_two_sets_is_refused_with_one_message(make_spec: MakeSpec) -> None:
    for field, value in (("latent", 8), ("latent_distribution", "uniform")):
        told = (
            f'model.{field} = "?{value}"? has no effect with model.family = "cyclegan"; it counts'
        )
        with pytest.raises(UserError, match=told):
            make_spec(**(SMALL | {f"model__{field}": value}))
    for field, value in (("cycle_b", 3.0), ("identity_a", 1.0), ("image_pool", 5)):
        told = f'train.{field} = {value} has no effect with model.family = "gan"; it counts with'
        with pytest.raises(UserError, match=told):
            make_spec(**{f"train__{field}": value})
    told = '"conditional_batch" needs labels, which model.family = "cyclegan" gives no network'
    with pytest.raises(UserError, match=told):
        make_spec(**(SMALL | {"model__generator_normalisation": "conditional_batch"}))
    for name in ("within_class_fid", "fid_a"):
        told = f'score.metric = "{name}" needs samples of a class .* with .*cyclegan'
        with pytest.raises(UserError, match=told):
            make_spec(score__metric=name)
    with pytest.raises(UserError, match=r"score\.record: 'fid_b' needs samples of a class"):
        prepare(make_spec(score__record=["fid_b"]))
    told = r'score\.metric = "pair_error" is not measured with model\.family = "gan"; it is with'
    with pytest.raises(UserError, match=told):
        make_spec(score__metric="pair_error")


def test_a_penalty_on_a_role_is_on_both_networks_of_it_each_by_itself(make_spec: MakeSpec) -> None:
    penalty = {"form": "power", "order": 2.0, "strength": 0.25, "target": "generator"}
    config = make_spec(**(SMALL | {f"penalty__{field}": given for field, given in penalty.items()}))
    found = hyperparameters_of(config.with_values({"train.cycle_a": 3.0, "train.identity_a": 0.0}))
    strengths = {name: float(each.l2) for name, each in found.penalties.items()}
    assert strengths == {
        "generator_ab": 0.25,
        "generator_ba": 0.25,
        "discriminator_a": 0.0,
        "discriminator_b": 0.0,
    }
    assert found.coefficients["cycle_a"] == 3
    assert found.coefficients["identity_b"] == 0.5
