"""What the commands say of trials that collapsed, and of those that are infeasible."""

import json

from normsweep.storage import open_storage
from normsweep.study.records import load_study
from tests.cli.test_json_schema import checked

REQUIRE = 'score.require={ recall = ">= 2" }'
WHY = "collapsed by step 30: the score has stood still in every fold over two chunks"


def test_they_are_told_by_every_command(sweep, write_spec) -> None:
    spec = write_spec(
        study__trials=2,
        # The baseline takes the first, and is never ended.
        train__generator_learning_rate=[5e-3, 1e-30],
        penalty__strength=1e-4,
        penalty__target="both",
    )
    called = sweep("launch", spec, "--set", REQUIRE, "--json")
    assert called.code == 0, called.err
    found = checked("launch", called.out)
    storage = open_storage("sqlite:///studies.db")
    trials = load_study("small", storage).get_trials()
    storage.engine.dispose()
    (dead,) = (t.number for t in trials if t.params.get("train.generator_learning_rate") == 1e-30)
    assert found["counts"]["complete"] == 2 and found["counts"]["collapsed"] == 1
    assert [f"collapsed {why}" for why in found["collapses"].values()] == [WHY]
    assert list(found["infeasible"]) == ["0", "1", "2"]
    assert found["best"] is None and found["ranking"] == []
    shown = " ".join(sweep("show", "small").out.split())
    assert "2 complete, 1 collapsed" in shown
    assert f"trial {dead} {WHY}" in shown
    assert f"trial {dead} is infeasible: recall" in shown and "required >= 2" in shown
    told = sweep("status")
    assert f"small #{dead} collapsed: {WHY.removeprefix('collapsed ')}" in " ".join(
        told.out.split()
    )
    (state,) = json.loads(sweep("status", "--json").out)["studies"]
    assert (state["done"], state["collapsed"], list(state["collapses"])) == (2, 1, [str(dead)])
    (listed,) = json.loads(sweep("list", "--json").out)
    assert (listed["complete"], listed["collapsed"], listed["best"]) == (2, 1, None)
    exported = sweep("export", "small", "-o", "best.toml")
    assert exported.code == 2 and "feasible by score.require" in " ".join(exported.err.split())
    # A later launch must ask for the same.
    again = sweep("launch", spec)
    assert again.code == 2 and "score.require" in again.err


def test_a_bound_that_is_none_is_told_with_its_field(sweep, write_spec) -> None:
    spec = write_spec(score__require={"recal": ">= 0.4"})
    called = sweep("launch", spec)
    assert called.code == 2 and called.out == ""
    told = " ".join(called.err.split())
    assert 'spec.toml: score.require: "recal" is no metric; accepted: fid,' in told
    called = sweep("launch", "digits", "--set", "score.require=recall")
    assert called.code == 2
    told = " ".join(called.err.split())
    assert "--set score.require=recall: got 'recall'; accepted: a table of bounds" in told
