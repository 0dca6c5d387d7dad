"""What the page for users of Optuna says, done to a study, and what becomes of it."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.study._dataframe import _create_records_and_aggregate_column, _flatten_columns
from optuna.trial import TrialState

from normsweep.errors import UserError
from normsweep.study.records import load_study
from normsweep.verdict.answers import answer

PAGE = (Path(__file__).parents[2] / "docs" / "optuna.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(SAMPLER,) = (block for block in BLOCKS if block.startswith("# mine.py"))
ATTRIBUTES = ("params", "user_attrs")
STRENGTH = {"low": 1e-4, "high": 1e-1, "log": True}


def test_the_code_of_the_page_runs_and_what_it_asks_for_is_trained(
    run, make_spec, databases, storage_url, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = make_spec(
        study__name="digits", study__sampler="tpe", study__trials=2, penalty__strength=STRENGTH
    )
    run(spec)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        if block is not SAMPLER and (find_spec("pandas") or "dataframe" not in block):
            exec(block, names)
    columns = _flatten_columns(
        _create_records_and_aggregate_column(names["study"], ("number", "value", *ATTRIBUTES))[1]
    )
    named = {"value_fid (mean over folds)", "user_attrs_role", "params_penalty.strength"}
    assert named <= set(columns)
    names["storage"].engine.dispose()
    assert names["metric"] == "fid (mean over folds)"
    assert (tmp_path / "history.html").stat().st_size > 1000
    study = load_study("digits", databases.open(storage_url))
    assert [trial.state for trial in study.get_trials()[-2:]] == [
        TrialState.WAITING,
        TrialState.COMPLETE,
    ]
    assert run(spec.with_values({"study.trials": 3})).done
    found = answer(study)
    assert found.counts["complete"] == 4
    assert {
        "penalty.strength": 1e-3,
        "penalty.target": "discriminator",
    } in [entry.parameters for entry in found.ranking]
    assert any("trial 4: added by other code" in warning for warning in found.warnings)


def test_a_sampler_of_ones_own_chooses_the_settings(run, make_spec, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(SAMPLER)
    Path("fixed.py").write_text(
        "from optuna.samplers import BaseSampler\n"
        "class Fixed(BaseSampler):\n"
        "    def infer_relative_search_space(self, study, trial): return {}\n"
        "    def sample_relative(self, study, trial, space):\n"
        "        return {name: 0.0123 for name in space if name.endswith('strength')}\n"
        "    def sample_independent(self, study, trial, name, distribution):\n"
        "        return distribution.choices[0]\n"
        "def make(settings): return Fixed()\n"
    )
    spec = make_spec(study__trials=2, study__sampler="mine.py:make", penalty__strength=STRENGTH)
    ours = make_spec(
        study__trials=2, study__sampler="tpe", study__name="ours", penalty__strength=STRENGTH
    )
    # With so few trials both draw at random, from the same seeds.
    assert [t.params for t in run(spec).study.get_trials()] == [
        t.params for t in run(ours).study.get_trials()
    ]
    named = {"study.name": "fixed", "study.sampler": "fixed.py:make"}
    _, *trained = run(spec.with_values(named)).study.get_trials()
    assert [t.params for t in trained] == 2 * [
        {"penalty.strength": 0.0123, "penalty.target": "generator"}
    ]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("make = 3", "it is of type int; accepted is a function of a SamplerSettings"),
        ("def make(settings): return 3", "returns a int; accepted is a function"),
        ("def make(settings): return 1 / 0", "mine.py, line 1: ZeroDivisionError"),
        ("def other(settings): return 1", "no 'make' in mine.py; there are: other"),
    ],
)
def test_a_sampler_that_is_none_is_refused_before_anything_is_written(
    run, make_spec, tmp_path, monkeypatch, database, code: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(code)
    with pytest.raises(UserError, match=re.escape("study.sampler = 'mine.py:make': ")) as caught:
        run(make_spec(study__sampler="mine.py:make", penalty__strength=STRENGTH))
    assert told in str(caught.value)
    assert not database.exists() or not optuna.get_all_study_names(f"sqlite:///{database}")


def test_a_sampler_that_fails_when_it_is_asked_is_told_by_file_and_line(
    run, make_spec, tmp_path, monkeypatch, databases, storage_url
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "import optuna\n"
        "class Broken(optuna.samplers.RandomSampler):\n"
        "    def sample_independent(self, *asked): raise KeyError('no value')\n"
        "def make(settings): return Broken()\n"
    )
    with pytest.raises(UserError, match=r"'mine\.py:make': mine\.py, line 3: KeyError: 'no"):
        run(make_spec(study__sampler="mine.py:make", penalty__strength=STRENGTH))
    trials = load_study("small", databases.open(storage_url)).get_trials()
    assert not any(trial.state == TrialState.RUNNING for trial in trials)
