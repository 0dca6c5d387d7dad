"""`--set` on the command line: the study, or the config, is the one with the fields set."""

import json
from pathlib import Path

import pytest

from normsweep.spec import load_spec
from normsweep.storage import open_storage
from normsweep.study.records import load_study, study_spec

ONE = ("--set", "penalty.strength=1e-4", "--set", "penalty.target=generator")


def test_a_study_of_one_value_is_one_config_against_its_baseline(
    sweep, write_spec, folder: Path
) -> None:
    spec = write_spec(study__sampler="tpe")
    called = sweep("launch", spec, *ONE, "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert found["counts"]["complete"] == 2
    storage = open_storage("sqlite:///studies.db")
    stored = study_spec(load_study("small", storage))
    storage.engine.dispose()
    assert (stored.penalty.strength, stored.penalty.target) == (1e-4, "generator")
    assert stored == load_spec(spec, {"penalty.strength": 1e-4, "penalty.target": "generator"})
    assert not stored.searches
    again = sweep("submit", spec, *ONE)
    assert again.out.startswith("small was there already: 2 of 2 trials done.")
    # Scored again with the field that made the difference set back.
    assert sweep("export", "small", "--trial", "1", "-o", "best.toml").code == 0
    same, other = (
        json.loads(sweep("score", "best.toml", "--json", *more).out)
        for more in ((), ("--set", "penalty.strength=0.1"))
    )
    assert same["identical"] is True and other["identical"] is None
    assert other["differences"] == [] and other["score"] != same["score"]


@pytest.mark.parametrize(
    "command", ["launch digits", "submit digits", "score c.toml", "train c.toml -o out"]
)
def test_a_mistake_in_it_is_told_before_anything_is_written(
    sweep, folder: Path, command: str
) -> None:
    Path("c.toml").write_text("", encoding="utf-8")
    for given, told in (
        ("train.batch=none", 'got "none"; accepted: '),
        ("steps=3", "accepted: SECTION.FIELD=VALUE"),
    ):
        called = sweep(*command.split(), "--set", given)
        assert called.code == 2 and called.out == ""
        assert f"--set {given}: {told}" in " ".join(called.err.split())
    assert [path.name for path in folder.iterdir()] == ["c.toml"]


def test_a_field_that_has_an_option_of_its_own_is_called_as_it_was_given(sweep, write_spec) -> None:
    spec = write_spec()
    called = sweep("launch", spec, "--set", "study.trials=none")
    assert called.code == 2 and "error: --set study.trials=none: " in called.err
    called = sweep("launch", spec, "--set", "study.trials=none", "--name", "a:b/c\n")
    assert called.code == 2 and "--name" in called.err
