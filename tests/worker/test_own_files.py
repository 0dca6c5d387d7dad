"""A study with a penalty and a feature map of the user's own, exported and scored again."""

import copy
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import tomlkit
from optuna.trial import TrialState

from normsweep.cli import main
from normsweep.errors import UserError
from normsweep.export.again import score_config
from normsweep.export.configs import best_configs
from normsweep.score.setup import prepare
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.config import Config, read_config, render
from normsweep.storage import open_storage
from normsweep.verdict.answers import answer
from normsweep.worker.launch import launch

MINE = '''
import jax
import jax.numpy as jnp


def ridge(params, strength):
    """strength · Σw², by hand."""
    return strength * sum(jnp.sum(w * w) for w in jax.tree.leaves(params))


def embed(images):
    """Every fifth pixel."""
    return images.reshape(len(images), -1)[:, ::5]
'''

BASE: dict[str, Any] = {
    "study": {"name": "own", "trials": 4, "seed": 3, "sampler": "grid", "slots": 2},
    "data": {"source": "digits", "limit": 200},
    "model": {"latent": 4, "generator_hidden": [12], "discriminator_hidden": [12]},
    "train": {"steps": 4, "chunks": 2, "batch": 8},
    "penalty": {"form": "mine.py:ridge", "strength": [1e-2, 1e-1]},
    "score": {"folds": 2, "features": "mine.py:embed"},
}


def spec(**penalty: Any) -> Spec:
    tables = copy.deepcopy(BASE)
    tables["penalty"] = penalty or tables["penalty"]
    return spec_from_tables(tables, "f")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A current folder that holds the user's file."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def study(here: Path) -> Iterator[optuna.Study]:
    storage = open_storage(f"sqlite:///{here / 'studies.db'}", create=True)
    yield launch(spec(), storage).study
    storage.engine.dispose()


def test_a_study_of_a_user_s_own_files_runs_and_answers(study) -> None:
    trials = study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    found = answer(study)
    assert found.best is not None
    assert found.best.penalty() == {
        "form": "mine.py:ridge",
        "target": "both",
        "strength": study.get_trials()[found.best.number].params["penalty.strength"],
    }
    assert len({trial.value for trial in trials}) == 3


@pytest.mark.parametrize("form", ["toml", "json"])
def test_its_exported_configs_score_the_same_bits(study, here, form: str) -> None:
    for place, config in enumerate(best_configs(study, 2)):
        file = here / f"{place}.{form}"
        file.write_text(render([config], form), encoding="utf-8")
        found = score_config(read_config(file))
        assert found.identical is True
        assert found.differences == ()


def test_a_penalty_by_hand_trains_as_ours_of_the_same_formula(study, here) -> None:
    """Differentiated by JAX or by us, it is the same λ·Σw²."""
    strengths = {
        trial.params["penalty.strength"]: trial.user_attrs["result"]["fold_scores"]
        for trial in study.get_trials()[1:]
    }
    for strength, scores in strengths.items():
        ours = spec(form="power", order=2, strength=strength)
        found = score_config(Config(ours, {})).fold_scores
        np.testing.assert_allclose(found, scores, rtol=1e-4)


def test_a_study_is_not_gone_on_with_after_an_edit_of_its_penalty(
    study, here, tmp_path, monkeypatch
) -> None:
    (tmp_path / "mine.py").write_text(MINE.replace("w * w", "w * w * w"), encoding="utf-8")
    stored = study.user_attrs["fingerprints"]
    assert stored["mine.py"] == hashlib.sha256(MINE.encode()).hexdigest()
    assert launch(spec(), study._storage._backend).done
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"its mine\.py has another fingerprint now"):
        launch(spec(), study._storage._backend)
    found = score_config(best_configs(study)[0])
    assert [told.split(":")[0] for told in found.differences] == ["mine.py fingerprint"]


def test_studies_without_a_penalty_of_the_user_s_own_have_no_such_fingerprint(here) -> None:
    names = {"data", "folds", "features", "samples", "training"}
    assert prepare(spec(form="power", order=2, strength=1)).fingerprints().keys() == names


def test_its_answer_is_read_without_the_file_and_nothing_is_trained_without_it(
    study, here, tmp_path, monkeypatch, capsys
) -> None:
    def called(*arguments: str) -> tuple[int, str]:
        url = f"sqlite:///{here / 'studies.db'}"
        storage = ["--storage", url] if arguments[0] in ("list", "show", "export", "launch") else []
        monkeypatch.setattr(sys, "argv", ["sweep", *arguments, *storage])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out + captured.err

    (tmp_path / "spec.toml").write_text(tomlkit.dumps(spec().plain()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert "own" in called("list")[1]
    for arguments in (("show", "own"), ("show", "own", "--json"), ("export", "own")):
        code, text = called(*arguments)
        assert code == 0, text
        assert "mine.py:ridge" in text
    assert called("export", "own", "-o", "best.toml")[0] == 0
    missing = f"penalty.form = 'mine.py:ridge': no such file: {tmp_path / 'mine.py'}; "
    missing += "a relative path counts from the spec's folder, or else from the current one"
    for command in (
        ("launch", "spec.toml"),
        ("score", "best.toml"),
        ("train", "best.toml", "-o", "out"),
    ):
        code, text = called(*command)
        assert code == 2
        assert " ".join(text.split()) == f"error: {missing}"


@pytest.mark.parametrize(
    ("penalty", "told"),
    [
        ({}, 'penalty: form = "mine.py:ridge" needs strength'),
        ({"strength": 1, "order": 2}, 'penalty: order has no effect with form = "mine.py:ridge"'),
        (
            {"strength": 1, "coupling": "proximal"},
            'penalty: coupling = "proximal" has no closed form for form = "mine.py:ridge"',
        ),
    ],
)
def test_what_its_penalty_takes_is_checked_before_anything_is_trained(
    here, penalty: dict[str, Any], told: str
) -> None:
    penalty = {"form": "mine.py:ridge"} | penalty
    with pytest.raises(UserError) as caught:
        prepare(spec(**penalty))
    assert str(caught.value).startswith(told)
    with pytest.raises(UserError) as caught:
        prepare(spec_from_tables({"methods": {"own": {"penalty": penalty}}}, "f"))
    assert str(caught.value).startswith(f"methods.own.{told}")


def test_a_change_in_the_features_is_told_when_a_config_is_scored(study, here) -> None:
    changed = here / "changed.py"
    changed.write_text(MINE.replace("::5", "1::5"), encoding="utf-8")
    config = best_configs(study)[0]
    other = config.spec.with_values({"score.features": "changed.py:embed"})
    found = score_config(type(config)(other, config.provenance))
    assert found.identical is False
    assert [told.split(":")[0] for told in found.differences] == ["features fingerprint"]


def test_a_study_with_files_beside_its_files_goes_on_until_one_of_them_is_edited(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "ours.py").write_text(MINE, encoding="utf-8")
    text = "def ridge(params, strength):\n    from models import ours\n"
    text += "    return ours.ridge(params, strength)\n"
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    tables = copy.deepcopy(BASE) | {"score": {"folds": 2, "features": "models/ours.py:embed"}}
    beside = spec_from_tables(tables, "f")
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True)
    first = launch(beside, storage)
    assert first.done
    assert launch(beside, storage).done
    config = best_configs(first.study)[0]
    assert score_config(config).identical is True
    (tmp_path / "models" / "ours.py").write_text(MINE.replace("w * w", "w * w * w"))
    told = r"its mine\.py or a file that it imports \(models/ours\.py\) has another fingerprint now"
    with pytest.raises(UserError, match=told):
        launch(beside, storage)
    rescored = score_config(config)
    assert rescored.identical is False
    assert [told.split(":")[0] for told in rescored.differences] == ["mine.py fingerprint"]
    storage.engine.dispose()
