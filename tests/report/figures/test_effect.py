"""The effect as a figure: pairs by seed, and their differences with the verdict's intervals."""

from dataclasses import replace

import numpy as np
import pytest

from normsweep.report.figures.boxed import titled
from normsweep.report.figures.effect import effect
from normsweep.report.figures.history import history
from normsweep.verdict.strip import LAST, STOPPED, pairs_of, strip

from .studies import at, confirmation_of, picture_of, spec_of, study_of

TRIALS = [(at(1e-3), [1.0, 1.1, 1.3]), (at(1e-2), [1.2, 1.2, 1.3])]


@pytest.fixture
def picture():
    study = study_of(spec_of(), [3.0, 3.2, 3.3], TRIALS)
    confirmed = confirmation_of(study, {0: 3.0, 1: 2.0, 2: 2.5}, early={0: 1.5, 1: 1.6})
    return picture_of(study, confirmed=confirmed)


def test_each_seed_is_a_line_from_the_baseline_to_the_candidate(picture) -> None:
    found = effect(picture)
    ways = pairs_of(picture.confirmed)
    assert [(pairs.entry.name, pairs.how) for pairs in ways] == [
        ("trial 1", LAST),
        ("trial 1", STOPPED),
        ("trial 2", LAST),
        ("trial 2", STOPPED),
    ]
    lines = [trace for trace in found.figure.data if len(trace.x) == 2]
    # Five seeds and their mean, of each.
    assert len(lines) == 6 * len(ways)
    first = picture.confirmed.candidates[0]
    drawn = np.array([trace.y for trace in lines[:5]])
    np.testing.assert_allclose(drawn[:, 0], first.baseline_scores.mean(axis=1))
    np.testing.assert_allclose(drawn[:, 1], first.scores.mean(axis=1))


def test_the_bars_are_the_intervals_of_the_verdict_last_and_stopped(picture) -> None:
    bars = [trace for trace in effect(picture).figure.data if trace.error_y.array is not None]
    first = picture.confirmed.candidates[0]
    for bar, told in zip(bars, (first.last, first.stopped), strict=False):
        estimate = told.estimate
        (mean,) = bar.y
        ends = [mean - bar.error_y.arrayminus[0], mean + bar.error_y.array[0]]
        assert [mean, *ends] == pytest.approx([estimate.mean, estimate.low, estimate.high])


def test_in_a_box_its_panels_stand_side_by_side_with_the_names_of_the_trials(picture) -> None:
    shown = titled("Effect", effect(picture))
    one, other = shown.layout.xaxis, shown.layout.xaxis2
    assert one.domain[1] < other.domain[0]
    assert one.ticktext == other.ticktext == ("baseline →<br>trial 1", "baseline →<br>trial 2")


def test_what_nothing_was_confirmed_of_has_none() -> None:
    assert effect(picture_of(study_of(spec_of(), [3.0] * 3, TRIALS))) is None


def test_stopping_that_stops_nothing_is_not_drawn(picture) -> None:
    confirmed = picture.confirmed
    last = float(confirmed.spec.train.steps)
    ends = [replace(entry, stopped_steps=(last, last)) for entry in confirmed.candidates]
    ways = pairs_of(replace(confirmed, candidates=tuple(ends)))
    assert {pairs.how for pairs in ways} == {LAST}


def test_the_strip_of_text_has_the_mean_inside_its_interval_and_a_mark_at_0() -> None:
    study = study_of(spec_of(), [3.0, 3.2, 3.3], TRIALS)
    found = confirmation_of(study, {0: 3.0, 1: 2.0, 2: 3.1}, noise=1.0)
    first = len("trial 1 both stopped early") + 2
    head, *lines = [line[first:] for line in strip(found)]
    assert len(lines) == 4
    for line in lines:
        assert line.index("├") < line.index("●") < line.index("┤")
        assert "·" in line
    assert head.startswith("-") and "+" in head
    zeros = {at for line in lines for at, cell in enumerate(line) if cell in "│┼"}
    assert len(zeros) == 1


def test_the_history_is_on_a_log_axis_where_scores_span_decades() -> None:
    trials = [(at(10.0**-k), [score] * 3) for k, score in enumerate([200.0, 2.0, 9.0], 1)]
    figure = history(picture_of(study_of(spec_of(), [3.0] * 3, trials))).figure
    assert figure.layout.yaxis.type == "log"
    best = next(trace for trace in figure.data if trace.name == "best so far")
    assert list(best.y) == [200.0, 2.0, 2.0]
    near = [(at(10.0**-k), [score] * 3) for k, score in enumerate([2.5, 2.0], 1)]
    linear = history(picture_of(study_of(spec_of(), [3.0] * 3, near))).figure
    assert linear.layout.yaxis.type == "linear"
