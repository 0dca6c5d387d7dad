"""What the dashboard is to show is kept up with, study by study."""

from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from matplotlib.figure import Figure
from optuna.trial import create_trial
from optuna_dashboard import get_note, save_note
from sqlalchemy.exc import OperationalError

from normsweep.report.board import refresh as board
from normsweep.report.board.refresh import Refresher
from normsweep.storage import open_storage, write_measurements
from normsweep.storage.artifacts import artifacts_of
from normsweep.study.confirmation import confirmation_name
from tests.report.figures.studies import at, measured, spec_of, study_of

SCORES = {10: [3.0, 3.5, 4.5], 20: [1.0, 2.0, 2.5], 30: [1.5, 1.0, 3.0]}


@pytest.fixture
def storage(tmp_path):
    opened = open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def written(storage):
    """Writes a study with a baseline and a trial of the search."""

    def written(name: str) -> optuna.Study:
        spec = spec_of(study__name=name)
        made = study_of(spec, [2.0] * 3, [(at(1e-3), [1.0] * 3)])
        optuna.copy_study(from_study_name=name, from_storage=made._storage, to_storage=storage)
        return optuna.load_study(study_name=name, storage=storage)

    return written


def measure(study: optuna.Study) -> None:
    """The same rows for every trial."""
    write_measurements(
        study._storage._backend.engine,
        [
            replace(row, trial_id=trial._trial_id)
            for trial in study.get_trials()
            for step, scores in SCORES.items()
            for row in measured(step, scores)
        ],
    )


def test_a_study_that_cannot_be_read_keeps_no_other_from_its_notes(
    storage, written, tmp_path
) -> None:
    broken, whole = written("broken"), written("whole")
    broken.add_trial(create_trial(value=0.5, user_attrs={"role": "search", "result": {}}))
    warned: list[str] = []
    refresher = Refresher(storage, tmp_path, warned.append)
    refresher.look()
    assert "## … Not confirmed" in get_note(whole)
    (line,) = warned
    assert line.startswith("study broken: ") and "KeyError('fold_scores')" in line
    refresher.look()
    assert len(warned) == 1


def test_a_study_that_optuna_alone_made_is_passed_over(storage, written, tmp_path) -> None:
    theirs = optuna.create_study(storage=storage, study_name="a")
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    two = optuna.create_study(storage=storage, study_name="b", directions=["minimize"] * 2)
    two.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1.0), n_trials=1)
    optuna.create_study(storage=storage, study_name="c")
    ours = written("d")
    before = [storage.get_study_system_attrs(each._study_id) for each in (theirs, two)]
    Refresher(storage, tmp_path, pytest.fail).look()
    assert "## … Not confirmed" in get_note(ours)
    after = [storage.get_study_system_attrs(each._study_id) for each in (theirs, two)]
    assert after == before


def test_a_confirmation_has_a_note_of_its_own_that_keeps_what_a_user_wrote(
    storage, written, tmp_path
) -> None:
    study = written("some")
    held = optuna.create_study(storage=storage, study_name=confirmation_name("some"))
    save_note(held, "mine")
    Refresher(storage, tmp_path, pytest.fail).look()
    note = get_note(held)
    assert "The confirmation of **some**" in note and note.endswith("\n\nmine")
    assert "The confirmation of" not in get_note(study)
    assert "\n## … Not confirmed" in note


def test_a_database_that_was_away_is_asked_again(storage, written, tmp_path, monkeypatch) -> None:
    study = written("some")
    refresher = Refresher(storage, tmp_path, pytest.fail)

    def away(*_: Any) -> None:
        raise OperationalError("select 1", {}, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(board, "refresh", away)
        with pytest.raises(OperationalError):
            refresher.look()
    refresher.look()
    assert "## … Not confirmed" in get_note(study)


def test_a_former_best_leaves_no_picture_of_its_curves(storage, written, tmp_path) -> None:
    study = written("some")
    measure(study)
    refresher = Refresher(storage, tmp_path, pytest.fail)

    def shown() -> set[str]:
        refresher.look()
        return set(artifacts_of(storage.get_study_system_attrs(study._study_id)))

    first = {"curves of the baseline.png", "curves of the best.png"}
    assert shown() == first
    former = study.get_trials()[1]
    better = former.user_attrs["result"] | {"fold_scores": [0.5] * 3}
    study.add_trial(
        create_trial(
            value=0.5,
            params=former.params,
            distributions=former.distributions,
            user_attrs=former.user_attrs | {"result": better},
        )
    )
    measure(study)
    assert shown() == first | {"curves of the second best.png"}


def test_curves_are_of_the_mean_over_folds(storage, written, tmp_path, monkeypatch) -> None:
    measure(written("some"))
    drawn: dict[str, Any] = {}
    save = Figure.savefig

    def watch(figure: Any, *arguments: Any, **options: Any) -> None:
        (line,) = figure.axes[0].get_lines()
        drawn[figure.get_suptitle()] = line.get_xydata()
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", watch)
    Refresher(storage, tmp_path, pytest.fail).look()
    assert set(drawn) == {"baseline, trial 0", "best, trial 1"}
    expected = [(step, np.mean(scores)) for step, scores in SCORES.items()]
    np.testing.assert_allclose(drawn["best, trial 1"], expected)
