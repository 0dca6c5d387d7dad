"""A study's note is where the Optuna dashboard keeps it, whichever of the two wrote it."""

import optuna
import optuna_dashboard
import pytest

from normsweep.report.board.kept import keep_note, kept_note

NOTES = ("", "short", "λ · 10⁻³ " * 1000, "x" * 2045, "y" * 4091, "short again")


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def test_a_study_without_a_note_has_an_empty_one(study: optuna.Study) -> None:
    assert kept_note(study) == optuna_dashboard.get_note(study) == ""


def test_the_dashboard_reads_what_is_kept_and_the_other_way_round(study: optuna.Study) -> None:
    for note in NOTES:
        keep_note(study, note)
        assert kept_note(study) == optuna_dashboard.get_note(study) == note
    for note in NOTES:
        optuna_dashboard.save_note(study, note)
        assert kept_note(study) == optuna_dashboard.get_note(study) == note


def attributes(study: optuna.Study) -> dict[str, object]:
    return study._storage.get_study_system_attrs(study._study_id)


def test_both_leave_the_same_attributes(study: optuna.Study) -> None:
    other = optuna.create_study()
    for note in NOTES:
        keep_note(study, note)
        optuna_dashboard.save_note(other, note)
        assert attributes(study) == attributes(other)
