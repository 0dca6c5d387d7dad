"""How long a study takes yet: by its training, whatever came before."""

import time
from typing import Any

import pytest
from optuna.study import StudyDirection

from normsweep.engine.compiling import Compiling
from normsweep.study.plan import plan_of
from normsweep.study.progress import Progress, progress_of, seconds_left
from normsweep.study.tally import tally
from normsweep.worker import loop


def test_what_is_left_is_by_what_was_trained() -> None:
    assert seconds_left(10.0, 0.5, 6.0) == 120.0
    assert seconds_left(10.0, 0, 6.0) is None


def test_time_in_which_nothing_was_trained_does_not_count(example, make_spec) -> None:
    spec, trials = make_spec(), example.study.get_trials()
    begun = time.monotonic() - 100.0
    # Of 7 trials 3 had ended before, of which one has no state of an end any more.
    whole = tally(trials, plan_of(spec), StudyDirection.MINIMIZE)
    found = progress_of(spec, whole, 0.0, 3, begun, idle=60.0)
    assert found.elapsed == pytest.approx(100, abs=1)
    assert found.remaining == 0
    some = tally(trials[:5], plan_of(spec), StudyDirection.MINIMIZE)
    part = progress_of(make_spec(study__trials=6), some, 0.0, 3, begun, idle=60.0)
    assert part.remaining == pytest.approx(40 / 2 * 2, abs=1)


def test_the_first_guess_is_not_by_the_compilation(run, make_spec, monkeypatch) -> None:
    # As if all but nothing of the launch's time went into it.
    spent = iter([0.0])
    monkeypatch.setattr(loop, "compiling_seconds", lambda: next(spent, 1e6))
    heard: list[Progress] = []
    run(make_spec(), watch=heard.append)
    assert heard[0].remaining is None
    assert {now.remaining for now in heard[1:]} == {0.0}


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([(0.0, 1.0), (2.0, 3.5)], 2.5),
        # Functions that a function calls, and what comes after it.
        ([(1.0, 2.0), (3.0, 4.0), (0.5, 5.0), (5.0, 6.0)], 5.5),
        ([], 0.0),
    ],
)
def test_a_compilation_within_another_counts_once(spans: Any, seconds: float) -> None:
    found = Compiling()
    for span in spans:
        found.add(*span)
    assert found.seconds == seconds
