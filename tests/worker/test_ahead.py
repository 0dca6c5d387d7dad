"""What is compiled while a study is made ready changes no bit of it, and no word of an error."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from normsweep.data.cache import CACHE_VARIABLE
from normsweep.engine import population
from normsweep.engine.ahead import Ahead
from normsweep.engine.population import forget_programs, training_programs
from normsweep.worker.launch import launch
from normsweep.worker.serve import Server
from normsweep.worker.submit import submit
from tests.small_studies import MakeSpec, Run

BEGINS = Ahead.begin


@pytest.fixture(params=["ahead", "when it is called"])
def compiled_when(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the first program of a study is compiled in a thread."""
    if request.param != "ahead":
        monkeypatch.setattr(Ahead, "begin", lambda self, program, compile: None)
    return str(request.param)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The programs that threads have begun to compile."""
    found: list[object] = []

    def begin(self: Ahead, program: object, compile: Any) -> None:
        found.append(program)
        BEGINS(self, program, compile)

    forget_programs()
    monkeypatch.setattr(Ahead, "begin", begin)
    yield found


@pytest.mark.parametrize("features", ["pca", "classifier"])
def test_a_launch_finds_its_program_compiled(
    run: Run,
    make_spec: MakeSpec,
    begun: list[object],
    outcome,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    features: str,
) -> None:
    spec = make_spec(score__features=features, study__trials=2)
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    before = training_programs()
    found = run(spec)
    assert len(begun) == 1
    assert training_programs() == before + 1
    forget_programs()
    monkeypatch.setattr(Ahead, "begin", lambda self, program, compile: None)
    alone = run(spec, url=f"sqlite:///{tmp_path / 'alone.db'}")
    assert training_programs() == before + 2
    assert outcome(found.study) == outcome(alone.study)


def test_a_worker_does_and_a_submission_does_not(
    make_spec: MakeSpec, databases, storage_url: str, begun: list[object]
) -> None:
    storage = databases.open(storage_url)
    before = training_programs()
    submit(make_spec(study__trials=1), storage)
    assert begun == [] and training_programs() == before
    Server(storage).serve()
    assert len(begun) == 1 and training_programs() == before + 1
    # Nothing is left to train, so nothing is compiled.
    Server(storage).serve("small")
    assert len(begun) == 1


def test_a_launch_of_what_is_finished_compiles_nothing(
    run: Run, make_spec: MakeSpec, begun: list[object], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'finished.db'}"
    assert run(make_spec(study__trials=1), url=url).done
    before = training_programs()
    assert launch(make_spec(study__trials=1), url).done
    assert len(begun) == 1 and training_programs() == before
    # One more trial is to be trained.
    assert launch(make_spec(study__trials=2), url).done
    assert len(begun) == 2


def test_what_cannot_be_compiled_ends_a_launch_as_it_would_without_a_thread(
    run: Run, make_spec: MakeSpec, compiled_when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no such operation")

    forget_programs()
    monkeypatch.setattr(population, "train_chunk", broken)
    trials = run(make_spec(study__trials=2)).study.get_trials()
    assert [trial.state.name for trial in trials] == ["FAIL"] * 3
    told = "test_ahead.py, line 97: RuntimeError: no such operation"
    assert {trial.user_attrs["reason"] for trial in trials} == {told}
