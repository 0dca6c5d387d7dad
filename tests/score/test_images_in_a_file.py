"""Images that stay in a file train to the bits of those in memory, in every family."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sklearn.datasets import load_digits

from normsweep.data import npz
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.errors import UserError
from normsweep.export.again import score_config
from normsweep.models.balance import DECAY, Term
from normsweep.models.data import images_at
from normsweep.models.families import FAMILIES
from normsweep.models.method import Method
from normsweep.score.run import Completed, Run
from normsweep.score.setup import Setup, prepare
from normsweep.score.training import Training
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.config import Config
from tests.small_studies import Run as StartStudy

IMAGES = load_digits().images[:80].astype(np.uint8) * 15
LABELS = load_digits().target[:80].astype(np.int32)

GAN: dict[str, Any] = {"generator_hidden": [4], "discriminator_hidden": [4]}
CODED: dict[str, Any] = {"encoder_hidden": [4], "decoder_hidden": [4]}
FOLLOWING: dict[str, Any] = {
    "penalty": {
        "form": "power",
        "target": "discriminator",
        "strength": 0.1,
        "order": 2.0,
        "schedule": "adaptive",
        "adaptive_signal": "held_out",
    },
    "augment": {"policy": "translation", "strength": 0.5},
    "gradient_penalty": {"kind": "r1", "strength": 1.0},
}
"""Reads the images that validate, and those that the augmentation changes."""

MINE = """
import jax
import jax.numpy as jnp

from normsweep.models import OwnModel, OwnNetwork


def init(key):
    return {"kernel": jax.random.normal(key, (4, 64))}, {}


def paint(params, state, z, y, key, train):
    return jnp.tanh(z @ params["kernel"]).reshape(-1, 8, 8, 1), state


def near(turn):
    fake = turn.call("generator", jax.random.normal(turn.key, (len(turn.images), 4)))
    return ((fake - turn.images) ** 2).mean()


def sample(call, key, count):
    return call("generator", jax.random.normal(key, (count, 4)))


def bring(image_shape, classes, settings):
    return OwnModel(
        {"generator": OwnNetwork(init, paint)},
        players={"generator": ("generator",)},
        losses={"generator": near},
        sample=sample,
    )
"""

TABLES: dict[str, dict[str, Any]] = {
    "gan": {"model": GAN} | FOLLOWING,
    "conditional": {"model": GAN},
    "vae": {"model": CODED},
    "rae": {"model": CODED},
    "autoencoder": {"model": GAN | {"encoder_hidden": [4]}},
    "cyclegan": {"model": GAN, "train": {"image_pool": 0}},
    "own": {"model": {"family": "gan", "network": "mine.py:bring"}},
}


def spec_of(name: str) -> Spec:
    own, tables = TABLES[name], {"penalty": {"form": "none"}}
    latent = {} if name == "cyclegan" else {"latent": 4}
    return spec_from_tables(
        tables
        | own
        | {
            "study": {"slots": 2},
            "data": {"source": "npz", "path": "pairs.npz" if name == "cyclegan" else "plain.npz"},
            "model": {"family": name} | latent | own["model"],
            "train": {"steps": 4, "chunks": 2, "batch": 8, **own.get("train", {})},
            "score": {"folds": 2, "features": "pca", "dimension": 4},
        },
        "f",
    )


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("stored")
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    np.savez(folder / "plain.npz", images=IMAGES, labels=LABELS)
    sides = np.concatenate([IMAGES[:40], 255 - IMAGES[:40]])
    of_sides = np.arange(80, dtype=np.int32) // 40
    other = (np.arange(80, dtype=np.int32) + 40) % 80
    np.savez(folder / "pairs.npz", images=sides, labels=of_sides, pairs=other)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        yield folder


@pytest.fixture
def in_a_file(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on no memory holds images."""

    def begin() -> None:
        monkeypatch.setattr(npz, "has_room", lambda size: False)

    return begin


def test_no_family_is_without_a_case() -> None:
    assert set(TABLES) == {*FAMILIES, "own"}


@pytest.mark.parametrize("name", TABLES)
def test_scores_are_the_same_to_the_bit(name: str, in_a_file: Callable[[], None]) -> None:
    spec = spec_of(name)
    held = score_config(Config(spec, {}))
    in_a_file()
    assert score_config(Config(spec, {})) == held


READERS: dict[str, Callable[[Training, Run], Any]] = {
    "figures": lambda training, run: training.figures(run, 0),
    "untrained": lambda training, run: list(training.untrained(run)),
    "balances": lambda training, run: training.balances(run, 0, (Term(DECAY, Method()),)),
}


@pytest.mark.parametrize("reader", READERS)
def test_images_that_were_lost_after_a_chunk_are_never_looked_at_as_zeros(
    reader: str, here: Path, in_a_file: Callable[[], None]
) -> None:
    in_a_file()
    spec = spec_of("cyclegan")
    setup = prepare(spec)
    training, run = Training(spec, setup), run_of(spec, setup)
    list(training.advance([run, None]))
    READERS[reader](training, run)
    os.utime(here / "pairs.npz")
    with pytest.raises(UserError, match=r"pairs\.npz: it was changed"):
        READERS[reader](training, run)


def run_of(spec: Spec, setup: Setup) -> Run:
    program = program_of(spec, setup.image_shape, setup.samples, classes=setup.classes)
    return Run(spec, program, hyperparameters_of(spec, family=program.family))


def trained(setup: Setup, spec: Spec, *, again: bool) -> list[Any]:
    """Two trials of which one joins a chunk later; `again` a worker goes on with the first."""
    training = Training(spec, setup)
    first, second = (run_of(spec, setup) for _ in range(2))
    list(training.advance([first, None]))
    if again:
        state, training = training.state_of(first, 0), Training(spec, setup)
        training.put_state(first, 1, state)
    for _ in range(2):
        list(training.advance([second, first]) if again else training.advance([first, second]))
    assert isinstance(first.end, Completed) and isinstance(second.end, Completed)
    return [np.array(run.fold_scores).tolist() for run in (first, second)]


def test_trials_join_later_and_are_gone_on_with(in_a_file: Callable[[], None]) -> None:
    spec = spec_of("rae")
    whole = list(score_config(Config(spec, {})).fold_scores)
    in_a_file()
    setup = prepare(spec)
    for again in (False, True):
        first, second = trained(setup, spec, again=again)
        assert first == second
        assert first[-1] == [whole]


def test_images_are_read_outside_of_a_program_too(in_a_file: Callable[[], None]) -> None:
    """As what is drawn with a trained model may be."""
    in_a_file()
    data = jax.tree.map(jnp.asarray, prepare(spec_of("rae")).shared(0).data(0))
    found = images_at(data.train[:3], data.images)
    np.testing.assert_array_equal(found[..., 0], IMAGES[data.train[:3]] / np.float32(127.5) - 1)


def test_a_file_that_is_lost_ends_the_study_and_no_trial_fails(
    here: Path, in_a_file: Callable[[], None], run: StartStudy, storage_url: str, tmp_path: Path
) -> None:
    archive = shutil.copyfile(here / "plain.npz", tmp_path / "own.npz")
    in_a_file()
    searched = {"data.path": str(archive), "train.generator_learning_rate": [0.01, 0.02]}
    spec = spec_of("own").with_values(searched)

    def cut(_: Any) -> None:
        os.truncate(archive, 500)

    with pytest.raises(UserError, match=rf"{archive}: it ends too early; images are read from"):
        run(spec, watch=cut)
    (name,) = optuna.get_all_study_names(storage_url)
    trials = optuna.load_study(study_name=name, storage=storage_url).get_trials()
    assert {trial.state for trial in trials} <= {TrialState.WAITING, TrialState.COMPLETE}
    shutil.copyfile(here / "plain.npz", archive)
    assert run(spec).done
