"""Studies of networks of the user's own: trained, searched, exported, and read without the file."""

import copy
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from normsweep.engine.population import training_programs
from normsweep.errors import UserError
from normsweep.export.again import score_config, train_config
from normsweep.export.configs import best_configs
from normsweep.export.going_on import read_begun, with_steps
from normsweep.export.trained import load_generator, save_trained
from normsweep.score.setup import prepare
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.config import Config, read_config, render
from normsweep.storage import open_storage
from normsweep.verdict.answers import answer
from normsweep.worker.launch import launch

LAYERS = """
import jax
import jax.numpy as jnp


def init_of(inputs, outputs):
    def init(key):
        kernel = jax.random.normal(key, (inputs, outputs)) / 8
        return {"kernel": kernel}, {"calls": jnp.zeros((), jnp.int32)}

    return init


def counted(state, train):
    return {"calls": state["calls"] + 1} if train else state
"""

MINE = '''
import jax
import jax.numpy as jnp

from layers import counted, init_of
from normsweep.models import OwnModel, OwnNetwork


def paint(params, state, z, y, key, train):
    return jnp.tanh(z @ params["kernel"]).reshape(-1, 8, 8, 1), counted(state, train)


def judge(params, state, x, y, key, train):
    return x.reshape(len(x), 64) @ params["kernel"], counted(state, train)


def bring(image_shape, classes, settings):
    assert image_shape == (8, 8, 1) and classes == 10
    if settings["latent"] == 6:
        raise RuntimeError("six is too many")
    return {
        "generator": OwnNetwork(init_of(settings["latent"], 64), paint),
        "discriminator": OwnNetwork(init_of(64, settings.get("columns", 1)), judge),
    }


def judged(turn):
    """The hinge loss with R1, by hand; both halves of `carried` count the turns."""

    def critic(images):
        return turn.call("critic", images, remember=False).sum()

    fake = turn.call("deep", jax.random.normal(turn.key, (len(turn.images), 4)))
    fake = turn.call("wide", fake)
    loss = jax.nn.relu(1 - turn.call("critic", turn.images)).mean()
    loss += jax.nn.relu(1 + turn.call("critic", fake)).mean()
    slopes = jax.grad(critic)(turn.images)
    return loss + turn.coefficients["gamma"] * (slopes**2).sum() / 2, turn.carried + 1


def drawn(turn):
    fake = turn.call("wide", turn.call("deep", jax.random.normal(turn.key, (16, 4))))
    return -turn.call("critic", fake).mean(), turn.carried


def sample(call, key, count):
    return call("wide", call("deep", jax.random.normal(key, (count, 4))))


def deep(params, state, z, y, key, train):
    return z @ params["kernel"], counted(state, train)


def bring_all(image_shape, classes, settings):
    return OwnModel(
        {
            "deep": OwnNetwork(init_of(4, 4), deep),
            "wide": OwnNetwork(init_of(4, 64), paint),
            "critic": OwnNetwork(init_of(64, 1), judge),
        },
        players={"generator": ("deep", "wide"), "discriminator": ("critic",)},
        losses={"generator": drawn, "discriminator": judged},
        sample=sample,
        coefficients={"gamma": 1.0},
        carried=jnp.zeros((), jnp.int32),
    )
'''

BASE: dict[str, Any] = {
    "study": {"name": "own", "trials": 4, "seed": 3, "sampler": "grid", "slots": 2},
    "data": {"source": "digits", "limit": 200},
    "model": {"network": "mine.py:bring", "latent": 4},
    "train": {"steps": 4, "chunks": 2, "batch": 16, "ema": 0.5},
    "penalty": {"strength": [1e-2, 1e-1], "order": 2.0, "target": "both"},
    "score": {"folds": 2, "features": "pca", "dimension": 4},
}


def spec(**sections: dict[str, Any]) -> Spec:
    tables = copy.deepcopy(BASE)
    for section, table in sections.items():
        tables[section] = tables.get(section, {}) | table
    return spec_from_tables(tables, "f")


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A current folder that holds the user's file, and another that it imports."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    (folder / "layers.py").write_text(LAYERS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def study(here: Path) -> Iterator[optuna.Study]:
    storage = open_storage(f"sqlite:///{here / 'studies.db'}", create=True)
    yield launch(spec(), storage).study
    storage.engine.dispose()


def test_a_study_of_networks_of_one_s_own_runs_and_answers(study) -> None:
    trials = study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert len({trial.value for trial in trials}) == 3
    assert answer(study).best is not None


def test_its_exported_config_scores_the_same_bits(study, here) -> None:
    (config,) = best_configs(study)
    (here / "best.toml").write_text(render([config], "toml"), encoding="utf-8")
    found = score_config(read_config(here / "best.toml"))
    assert found.identical is True
    assert found.differences == ()


def test_its_file_and_what_that_imports_are_among_its_fingerprints(
    study, tmp_path, monkeypatch
) -> None:
    assert study.user_attrs["fingerprints"]["mine.py"] != hashlib.sha256(MINE.encode()).hexdigest()
    assert launch(spec(), study._storage._backend).done
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "layers.py").write_text(LAYERS.replace("/ 8", "/ 9"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    told = r"its mine\.py or a file that it imports \(layers\.py\) has another fingerprint now"
    with pytest.raises(UserError, match=told):
        launch(spec(), study._storage._backend)
    (difference,) = score_config(best_configs(study)[0]).differences
    digits = "[0-9a-f]{12}"
    assert re.fullmatch(
        rf"mine\.py fingerprint: {digits} here, {digits} in the study "
        r"\(of it and of what it imports: layers\.py\)",
        difference,
    )


def test_its_answer_is_read_without_the_file_and_nothing_is_trained_without_it(
    study, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer(study).best is not None
    (config,) = best_configs(study)
    assert "mine.py:bring" in render([config], "toml")
    with pytest.raises(UserError) as refused:
        score_config(config)
    missing = tmp_path / "mine.py"
    assert str(refused.value) == (
        f"model.network = 'mine.py:bring': no such file: {missing}; a relative path counts from "
        "the spec's folder, or else from the current one"
    )


def test_a_trained_one_is_saved_and_loaded_and_an_average_keeps_its_counters(
    study, tmp_path
) -> None:
    (config,) = best_configs(study)
    trained = train_config(config.spec)
    average = trained.state.averages["generator"]
    last = trained.state.networks["generator"]
    assert int(average.stats["calls"]) == int(last.stats["calls"]) == 4
    assert not np.array_equal(average.params["kernel"], last.params["kernel"])
    folder = save_trained(trained, config, tmp_path / "out")
    images = load_generator(folder)(jax.random.key(5), 3)
    assert images.shape == (3, 8, 8, 1)
    assert np.abs(images).max() <= 1


def test_a_trained_folder_is_used_from_anywhere(here, tmp_path, monkeypatch) -> None:
    images = np.random.default_rng(0).integers(0, 255, (200, 8, 8, 1), np.uint8)
    np.savez(here / "mine.npz", images=images, labels=np.arange(200) % 10)
    config = config_of(data={"source": "npz", "path": "mine.npz"})
    folder = save_trained(train_config(config), Config(config, {}), tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    assert load_generator(folder)(jax.random.key(5), 3).shape == (3, 8, 8, 1)
    begun = read_begun(Path("."))
    longer = with_steps(begun.config.spec, 6, after=begun.steps)
    assert train_config(longer, begun=begun).measurements[-1].step == 6
    assert read_config("config.toml").spec.data.path == str(here / "mine.npz")


def test_settings_of_the_spec_reach_the_function(study) -> None:
    with pytest.raises(UserError, match=r"its discriminator returns \[4, 2\]; accepted: \[4\]"):
        score_config(Config(config_of(model={"settings": {"columns": 2}}), {}))
    found = score_config(Config(config_of(model={"settings": {"columns": 1}}), {}))
    trial = next(t for t in study.get_trials() if t.params.get("penalty.strength") == 0.01)
    assert list(found.fold_scores) == trial.user_attrs["result"]["fold_scores"]


def config_of(**sections: dict[str, Any]) -> Spec:
    return spec(penalty={"strength": 1e-2, "order": 2.0, "target": "both"}, **sections)


def test_a_pattern_that_matches_none_of_their_weights_is_told_with_those_there_are() -> None:
    with pytest.raises(UserError) as refused:
        prepare(spec(penalty={"strength": 1e-2, "order": 2.0, "weights": "weight$"}))
    assert str(refused.value) == (
        "penalty.weights = 'weight$' matches no weight of the generator of mine.py:bring; "
        "there are: kernel"
    )


def test_networks_are_searched_among_ours(run) -> None:
    """A layer of ours has a width, of which the user's own know nothing."""
    model = {"network": ["mine.py:bring", "mlp"], "generator_hidden": [[4]], "settings": {"a": 1}}
    searched = spec(study={"name": "kinds"}, model=model, penalty={"strength": 1e-2})
    baseline, *trials = run(searched).study.get_trials()
    assert {trial.params["model.network"] for trial in trials} == {"mine.py:bring", "mlp"}
    assert {trial.state for trial in (baseline, *trials)} == {TrialState.COMPLETE}
    configs = {
        trial.params["model.network"]: trial.user_attrs["config"]["model"] for trial in trials
    }
    assert configs["mlp"]["generator_hidden"] == [4]
    assert "settings" not in configs["mlp"]
    assert configs["mine.py:bring"]["settings"] == {"a": 1}


def test_what_the_function_raises_fails_its_trials_alone(run) -> None:
    searched = spec(study={"name": "six"}, model={"latent": [4, 6]}, penalty={"strength": 1e-2})
    trials = run(searched).study.get_trials()
    states = {trial.params["model.latent"]: trial.state for trial in trials[1:]}
    assert states == {4: TrialState.COMPLETE, 6: TrialState.FAIL}
    (failed,) = (trial for trial in trials if trial.state == TrialState.FAIL)
    assert "mine.py, line 20: RuntimeError: six is too many" in failed.user_attrs["reason"]


def test_losses_of_one_s_own_are_trained_and_their_coefficients_searched(run) -> None:
    searched = spec(
        study={"name": "all", "trials": 2, "sampler": "grid"},
        model={"network": "mine.py:bring_all"},
        penalty={"strength": 1e-2},
        coefficients={"gamma": [0.5, 5.0]},
    )
    before = training_programs()
    launched = run(searched)
    assert training_programs() == before + 1
    baseline, *trials = launched.study.get_trials()
    assert {trial.params["coefficients.gamma"] for trial in trials} == {0.5, 5.0}
    assert {trial.state for trial in (baseline, *trials)} == {TrialState.COMPLETE}
    assert len({trial.value for trial in trials}) == 2
    (config,) = best_configs(launched.study)
    assert dict(config.spec.coefficients)["gamma"] in (0.5, 5.0)
    assert read_back(config) == config.spec
    state = train_config(config.spec).state
    assert int(state.carried[1]) == 4
    # Three calls of each turn of the two, of which the player's own are kept.
    calls = {name: int(each.stats["calls"]) for name, each in state.networks.items()}
    assert calls == {"deep": 4, "wide": 4, "critic": 8}
    with pytest.raises(UserError, match=r"coefficients\.gama: is none of mine\.py:bring_all"):
        run(spec(model={"network": "mine.py:bring_all"}, coefficients={"gama": 1.0}))


def read_back(config: Config) -> Spec:
    path = Path("again.toml")
    path.write_text(render([config], "toml"), encoding="utf-8")
    return read_config(path).spec
