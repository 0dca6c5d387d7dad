"""Notes in Markdown."""

from dataclasses import replace

import pytest

from normsweep.report.board.notes import (
    BEGIN,
    END,
    confirmation_note,
    merged,
    study_note,
    trial_note,
)
from normsweep.verdict.answers import answer
from tests.report.figures.studies import at, confirmation_of, spec_of, study_of


@pytest.fixture
def found():
    return answer(study_of(spec_of(), [3.0, 3.2, 3.3], [(at(1e-3), [1.0, 1.1, 1.3])]))


def test_a_study_that_was_not_confirmed_says_how_to(found) -> None:
    note = study_note(found, None, {"jax": "1.2.3"})
    assert note.startswith("## … Not confirmed\n")
    assert f"`sweep confirm {found.study}`" in note
    assert "differs in FID-proxy by -2.03 from the baseline's 3.17 (95 % interval -2.18 to " in note
    assert "| baseline | 3.167 ± 0.088 |" in note
    assert "jax 1.2.3" in note


def test_a_confirmed_study_begins_its_note_with_the_word_a_sentence_and_a_figure_of_text() -> None:
    study = study_of(spec_of(), [3.0, 3.2, 3.3], [(at(1e-3), [1.0, 1.1, 1.3])])
    confirmed = confirmation_of(study, {0: 3.0, 1: 2.0}, early={0: 1.5})
    note = study_note(answer(study), confirmed, {})
    assert note.startswith("## ✓ Helps, but no more than stopping at step 20 does")
    said, drawn = note.split("```")[:2]
    assert "Trial 1 (power, " in said and "lowers FID-proxy by " in said
    assert [line.split("  ")[0] for line in drawn.splitlines()[1:]] == [
        "difference",
        "trial 1 at the last step",
        "trial 1 both stopped early",
    ]


def test_the_note_exports_the_config_that_its_verdict_is_about() -> None:
    trials = [(at(1e-3), [1.0, 1.1, 1.3]), (at(1e-2), [1.2, 1.2, 1.3])]
    study = study_of(spec_of(), [3.0, 3.2, 3.3], trials)
    confirmed = confirmation_of(study, {0: 3.0, 1: 2.9, 2: 2.0})
    assert "`sweep export drawn --trial 2 -o best.toml`" in study_note(answer(study), confirmed, {})
    assert "`sweep export drawn -o best.toml`" in study_note(answer(study), None, {})


def test_a_confirmations_note_says_whose_it_is_and_that_its_best_trial_is_luck(found) -> None:
    study = study_of(spec_of(), [3.0, 3.2, 3.3], [(at(1e-3), [1.0, 1.1, 1.3])])
    confirmed = confirmation_of(study, {0: 3.0, 1: 2.0}, early={0: 1.5})
    note = confirmation_note(found, confirmed)
    assert note.startswith("The confirmation of **drawn**, ")
    assert '"best trial" here is merely the training of the luckiest seed' in note
    assert "\n## ✓ Helps, but no more than stopping at step 20 does" in note
    assert "lowers FID-proxy by " in note
    assert "\n## … Not confirmed" in confirmation_note(found, None)


def test_a_study_without_scores_has_a_note_too(found) -> None:
    empty = replace(found, ranking=(), baseline=None)
    assert "No trial of the search has a score yet." in study_note(empty, None, {})


def test_a_trial_has_its_score_on_each_fold(found) -> None:
    note = trial_note(found.ranking[0], found.spec)
    assert note.startswith("**trial 1 (power")
    assert "| fold | FID-proxy |" in note
    assert all(f"| {fold} | {value} |" in note for fold, value in enumerate((1, 1.1, 1.3)))


def test_what_a_user_wrote_into_the_note_stays() -> None:
    first = merged("", "ours")
    theirs = f"before\n\n{first}\n\nafter"
    again = merged(theirs, "newer")
    assert again == theirs.replace("ours", "newer")
    assert merged("theirs alone", "ours") == f"{BEGIN}\n\nours\n\n{END}\n\ntheirs alone"
    assert merged(first, "ours") == first


def test_a_note_that_was_cut_short_as_it_was_written_is_written_anew() -> None:
    whole = merged("theirs", "ours")
    assert merged(whole.partition(END)[0], "newer") == merged("", "newer")


def test_what_markdown_would_read_stands_as_it_was_written(found) -> None:
    entry = replace(found.ranking[0], kind="/tmp/my_own_file.py:a*b*c")
    assert r"my\_own\_file.py:a\*b\*c" in trial_note(entry, found.spec)
