"""A confirmation called by the name that Optuna's tools list it under: its study answers."""

import json
from pathlib import Path

import optuna
import pytest

from normsweep.storage import open_storage

NAME = "small (confirmation)"


@pytest.mark.parametrize(
    "command",
    [
        *("show {}", "show {} --json", "confirm {} --top 1 --seeds 3", "export {}", "pause {}"),
        *("export {} --format csv", "report {}", "resume {}"),
    ],
)
def test_it_is_answered_as_its_study_is(sweep, confirmed, folder, command: str) -> None:
    words = command.split()
    both = [sweep(*(word.format(name) for word in words)) for name in ("small", NAME)]
    assert both[0].code == both[1].code != 2, both[1].err
    assert both[0].out == both[1].out
    assert {path.stem for path in folder.glob("*.html")} <= {"small"}


def test_its_verdict_is_shown(sweep, confirmed) -> None:
    shown = json.loads(sweep("show", NAME, "--json").out)
    assert (shown["study"], shown["confirmation"]["seeds"]) == ("small", 3)
    copied = sweep("copy", NAME, "--to", "sqlite:///other.db")
    assert copied.code == 0 and copied.out.startswith("Copied small to ")


def test_it_is_not_another_study_than_its_own(sweep, confirmed) -> None:
    called = sweep("compare", "small", NAME)
    assert called.code == 2
    assert f"'small' and '{NAME}' are the same study" in called.err


def test_deleted_by_its_name_it_alone_goes(sweep, confirmed) -> None:
    gone = json.loads(sweep("delete", NAME, "--yes", "--json").out)
    assert gone["studies"] == [NAME]
    assert json.loads(sweep("show", "small", "--json").out)["confirmation"] is None
    called = sweep("show", NAME)
    assert called.code == 2 and "there: small" in called.err


@pytest.mark.parametrize("again", [False, True])
def test_that_of_a_study_that_is_gone_says_so(sweep, confirmed, again: bool) -> None:
    storage = open_storage(None)
    if again:
        optuna.copy_study(
            from_study_name="small",
            from_storage=storage,
            to_storage=storage,
            to_study_name="another",
        )
    optuna.delete_study(study_name="small", storage=storage)
    if again:
        optuna.copy_study(
            from_study_name="another",
            from_storage=storage,
            to_storage=storage,
            to_study_name="small",
        )
    storage.engine.dispose()
    called = sweep("show", NAME)
    assert called.code == 2
    assert f"study '{NAME}' holds a confirmation of 'small', but of one that was" in called.err
    assert sweep("delete", NAME, "--yes").code == 0


def test_a_study_of_somebody_elses_may_be_called_so(sweep, folder: Path) -> None:
    storage = open_storage("sqlite:///studies.db", create=True)
    for name in ("a", "a (confirmation)"):
        optuna.create_study(storage=storage, study_name=name)
    storage.engine.dispose()
    called = sweep("show", "a (confirmation)")
    assert called.code == 2
    assert "study 'a (confirmation)' was not made by sweep" in called.err
