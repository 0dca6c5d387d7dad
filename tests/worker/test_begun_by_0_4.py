"""A study that version 0.4.0 began, and confirmed, is read and gone on with."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from normsweep import launch, load_study, open_storage
from normsweep.cli.as_json import answer_as_json
from normsweep.score.setup import prepare
from normsweep.study.attributes import study_attributes, write_study
from normsweep.study.records import study_spec
from normsweep.verdict.answers import answer
from normsweep.verdict.reading import read_confirmation
from tests.engine.machine import machine

pytestmark = pytest.mark.usefixtures("compiled_with_care")

FOLDER = Path(__file__).parent / "begun_by_0_4"
RECORDED_ON = json.loads(
    (FOLDER.parents[1] / "engine" / "exported_by_0_4" / "recorded_on.json").read_text("utf-8")
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Its database, with three trials of the search and a confirmation by two seeds."""
    with closing(sqlite3.connect(tmp_path / "studies.db")) as connection:
        connection.executescript((FOLDER / "studies.sql").read_text("utf-8"))
    return f"sqlite:///{tmp_path / 'studies.db'}"


def assert_holds(now: Any, then: Any) -> None:
    """All that was shown is; fields that a spec has gained since may stand beside it."""
    if isinstance(then, dict):
        assert then.keys() <= now.keys()
        for key, value in then.items():
            assert_holds(now[key], value)
    elif isinstance(then, list):
        assert len(now) == len(then)
        for pair in zip(now, then, strict=True):
            assert_holds(*pair)
    else:
        assert now == then


def test_it_is_shown_as_version_0_4_showed_it(url: str) -> None:
    storage = open_storage(url)
    study = load_study("begun", storage)
    shown = answer_as_json(answer(study), read_confirmation(study, storage))
    storage.engine.dispose()
    # What 0.4 called the kind of the model is its network.
    text = (FOLDER / "show.json").read_text("utf-8").replace('"kind": "mlp"', '"network": "mlp"')
    # And what waits is counted otherwise, which `version` says.
    then = json.loads(text) | {"version": 2}
    # The verdict rests on another test, and of these scores it is not known what images add.
    said = then["confirmation"].pop("sentence"), then["confirmation"].pop("details")
    for candidate in then["confirmation"]["candidates"]:
        for effect in (candidate["effect"], candidate["last"], candidate["stopped"]):
            effect |= {
                "estimate": effect["over_seeds"],
                "adjusted_p": effect["adjusted_p_over_seeds"],
                "test": "over_seeds",
            }
            del effect["detectable"]
    assert_holds(json.loads(json.dumps(shown)), then)
    told = shown["confirmation"]["details"]
    given = "The images that judge are taken as given: what each of them adds was not stored with "
    assert next(x for x in told if x not in said[1]) == given + "the scores."


def test_it_goes_on_to_the_scores_that_version_0_4_came_to(url: str) -> None:
    storage = open_storage(url, create=True)
    study = load_study("begun", storage)
    spec = study_spec(study).with_values({"study.trials": 6, "confirm.seeds": 0})
    # The feature map is fitted in sums that another machine rounds otherwise.
    if machine() != RECORDED_ON:
        features = prepare(spec).fingerprints()["features"]
        stored = study_attributes(study).fingerprints
        write_study(study, fingerprints=stored | {"features": features})
    before = study.get_trials()
    assert launch(spec, storage).done
    trials = study.get_trials()
    storage.engine.dispose()
    assert trials[: len(before)] == before
    expected = json.loads((FOLDER / "finished.json").read_text("utf-8"))
    assert [trial.number for trial in trials] == [entry["number"] for entry in expected]
    if machine() == RECORDED_ON:
        assert [trial.value for trial in trials] == [entry["value"] for entry in expected]
        assert [trial.params for trial in trials] == [entry["params"] for entry in expected]
