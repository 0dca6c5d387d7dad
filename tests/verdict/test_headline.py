"""What is said first of a study, and what is never said of one that is not confirmed."""

from dataclasses import replace

import pytest

from normsweep.verdict.answers import answer
from normsweep.verdict.headline import headline, scale_sentence
from normsweep.verdict.reading import FinalLook
from normsweep.verdict.wording import details
from tests.report.figures.studies import at, confirmation_of, spec_of, study_of

TRIALS = [(at(1e-3), [1.0, 1.1, 1.3]), (at(1e-2), [1.2, 1.2, 1.3])]


def study(base: list[float] | None = None, trials: list = TRIALS):
    return study_of(spec_of(), [3.0, 3.2, 3.3] if base is None else base, trials)


def test_where_stopping_alone_does_as_well_the_headline_says_so() -> None:
    made = study()
    confirmed = confirmation_of(made, {0: 3.0, 1: 2.0}, early={0: 1.5})
    said = headline(answer(made), confirmed)
    assert said.title.startswith("Helps, but no more than stopping at step 20 does (1.5)")
    assert said.tone == "good" and said.sentence.startswith("Trial 1 (power, ")


def test_where_stopping_does_less_there_is_no_such_caveat() -> None:
    made = study()
    confirmed = confirmation_of(made, {0: 3.0, 1: 2.0}, early={0: 2.8, 1: 1.5})
    assert "stop" not in headline(answer(made), confirmed).title


def test_a_lead_that_is_lost_with_both_stopped_early_is_told() -> None:
    made = study()
    confirmed = confirmation_of(made, {0: 3.0, 1: 2.0}, early={0: 2.5, 1: 1.5})
    (entry,) = confirmed.candidates
    assert entry.stopped is not None and entry.stopped.is_certain
    unsure = replace(entry, stopped=replace(entry.stopped, adjusted_p=0.4))
    said = headline(answer(made), replace(confirmed, candidates=(unsure,)))
    assert said.title.startswith("Helps, but not for certain with both stopped early (-")


def test_untouched_images_that_say_otherwise_are_the_caveat() -> None:
    made = study()
    confirmed = confirmation_of(made, {0: 3.0, 1: 2.0})
    (entry,) = confirmed.candidates
    look = FinalLook(entry.name, entry.baseline_scores[:, 0], entry.scores[:, 0], None, 0)
    said = headline(answer(made), replace(confirmed, final=look))
    assert said.title.startswith("Helps, but not on untouched images (3 against ")


@pytest.mark.parametrize("scores", [[2.9, 3.1, 3.2], [3.0, 3.2, 3.4], [0.1, 0.1, 0.1]])
def test_what_is_not_confirmed_has_no_verdict_whatever_its_scores(scores: list[float]) -> None:
    found = answer(study(trials=[(at(1e-3), scores)]))
    said = headline(found, None, " --storage sqlite:///x.db")
    assert said.title == "Not confirmed"
    assert "better than" not in said.sentence and "helps" not in said.sentence
    assert "95 % interval" in said.sentence and "differs in FID-proxy by " in said.sentence
    assert said.command == "sweep confirm drawn --storage sqlite:///x.db"


def test_the_interval_of_what_is_not_confirmed_is_students_over_the_folds() -> None:
    said = headline(answer(study(trials=[(at(1e-3), [2.0, 2.1, 2.6])])), None).sentence
    # Differences -1, -1.1, -0.7: mean -0.933, s.e. 0.120, t(2) = 4.303.
    assert "by -0.933" in said and "(95 % interval -1.45 to -0.416 over the 3 folds" in said


def test_a_search_that_failed_says_why_and_is_no_verdict() -> None:
    made = study_of(spec_of(), None, failed=3)
    said = headline(answer(made), None)
    assert said.title == "No score yet" and said.command is None
    assert "3 failed, trial 0 because: too <wild>." in said.sentence


def test_two_seeds_or_no_effect_have_no_sizes_in_deviations_between_seeds() -> None:
    made = study()
    many = confirmation_of(made, {0: 3.0, 1: 2.0})
    assert any("times the baseline's standard" in said for said in details(many))
    none = confirmation_of(study(), {0: 2.0, 1: 2.0})
    assert not any("times the baseline's standard" in said for said in details(none))
    (entry,) = many.candidates
    two = replace(entry, scores=entry.scores[:2], baseline_scores=entry.baseline_scores[:2])
    told = list(details(replace(many, candidates=(two,))))
    assert not any("times the baseline's standard" in said for said in told)


def test_a_score_is_seen_beside_real_images_and_untrained_networks() -> None:
    found = answer(study())
    assert scale_sentence(found) is None
    known = replace(found, references={"real": [0.1, 0.3], "untrained": [40.0, 44.0]})
    assert scale_sentence(known) == (
        "For scale: FID-proxy (lower is better) is 0.2 for real images against other real ones "
        "and 42 for untrained networks."
    )
