"""`sweep compare`, in the terminal and as JSON."""

import json

import optuna
import pytest

from normsweep.storage import open_storage


@pytest.fixture
def pair(sweep, write_spec) -> None:
    """Two finished studies of the same data, and none is confirmed."""
    for name, target in (("one", "discriminator"), ("two", "generator")):
        changes = {"study__name": name, "study__trials": 2, "penalty__target": target}
        assert sweep("launch", write_spec(f"{name}.toml", **changes)).code == 0


def test_two_studies_are_compared_once_searched_and_once_confirmed(sweep, pair) -> None:
    called = sweep("compare", "one", "two")
    assert called.code == 0, called.err
    text = " ".join(called.out.split())
    assert text.startswith("≈ unclear: one minus two is ")
    assert "paired over the 2 folds of the searches; with another seed it may be" in text
    assert "Surer: sweep confirm one; sweep confirm two" in text
    for name in ("one", "two"):
        assert sweep("confirm", name, "--top", "1", "--seeds", "2").code == 0
    confirmed = sweep("compare", "one", "two")
    text = " ".join(confirmed.out.split())
    assert "95 % interval" in text and "paired over 2 folds on each of 2 confirmed seeds" in text
    titles = next(line.split() for line in confirmed.out.splitlines() if "trials" in line)
    assert titles[titles.index("confirmed") + 1] == "seeds"
    told = json.loads(sweep("compare", "one", "two", "--json").out)
    assert told["confirmed"] and told["verdict"] in ("first", "second", "unclear")
    assert told["first"]["study"] == "one" and set(told["first"]["scores"]) == {"1", "2"}
    turned = json.loads(sweep("compare", "two", "one", "--json").out)
    assert turned["difference"]["mean"] == -told["difference"]["mean"]


def test_what_cannot_be_paired_is_shown_side_by_side(sweep, pair, write_spec) -> None:
    changes = {"study__name": "other", "study__trials": 2, "data__seed": 1}
    url = "sqlite:///b.db"
    assert sweep("launch", write_spec("other.toml", **changes), "--storage", url).code == 0
    called = sweep("compare", "one", "other", "--storage-b", url)
    assert called.code == 0, called.err
    assert "not comparable" in called.out
    assert "the folds fingerprints differ (data.seed: 0 and 1)" in called.out
    assert "p =" not in called.out and "interval" not in called.out
    rows = [line.split()[0] for line in called.out.splitlines() if "trial" in line]
    assert {"one", "other"} <= set(rows)


def test_mistakes_are_told_with_what_is_accepted(sweep, pair) -> None:
    storage = open_storage("sqlite:///studies.db")
    optuna.create_study(storage=storage, study_name="plain")
    storage.engine.dispose()
    for names, message in (
        (("one", "one"), "'one' and 'one' are the same study; accepted: two studies"),
        (("one", "tow"), "study 'tow' is not in sqlite:///studies.db; there: one, plain, two"),
        (("plain", "two"), "study 'plain' was not made by sweep"),
    ):
        called = sweep("compare", *names)
        assert called.code == 2
        assert message in called.err


def test_a_study_without_a_score_is_shown_as_such(sweep, pair, write_spec) -> None:
    changes = {"study__name": "new", "study__trials": 2}
    assert sweep("submit", write_spec("new.toml", **changes)).code == 0
    called = sweep("compare", "new", "two")
    assert called.code == 0, called.err
    assert "no config of the search of 'new' has a score yet (3 waiting)" in called.out
    assert json.loads(sweep("compare", "new", "two", "--json").out)["verdict"] == "unpaired"
