"""What a study takes of memory is estimated before it trains."""

import pytest

from normsweep.errors import UserError
from normsweep.score.memory import memory_of
from normsweep.score.setup import prepare
from normsweep.worker import submit as submitting


@pytest.fixture
def study(make_spec):
    spec = make_spec()
    return spec, prepare(spec)


def said(study, workers: int) -> list[str]:
    lines: list[str] = []
    spec, setup = study
    log = lambda event, **facts: lines.append(f"{event}: {facts}")  # noqa: E731
    submitting._check_memory(setup, spec, workers, log)
    return lines


def test_a_small_study_is_not_worth_a_word_and_a_large_one_is(study, monkeypatch) -> None:
    spec, setup = study
    monkeypatch.setattr(submitting, "free_memory", lambda: 10**12)
    assert 0.7e9 < memory_of(setup, spec) < 0.8e9
    assert said(study, 1) == []
    monkeypatch.setattr(submitting, "memory_of", lambda *of: 3_000_000_000)
    assert said(study, 1) == ["memory: {'about': '3 GB a worker, 1000 GB is free'}"]


def test_more_than_is_free_is_warned_of_and_what_cannot_fit_is_refused(study, monkeypatch) -> None:
    monkeypatch.setattr(submitting, "free_memory", lambda: 10**9)
    (warning,) = said(study, 4)
    assert "4 workers take about 0.7 GB of memory each, and 1 GB is free" in warning
    monkeypatch.setattr("normsweep.data.memory.free_memory", lambda: 1000)
    with pytest.raises(UserError, match="--workers 4: the images of all of them takes"):
        said(study, 4)
