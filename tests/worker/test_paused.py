"""A study that is paused under a launch or a worker rests there, and goes on to the same bits."""

from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from normsweep.errors import UserError
from normsweep.storage.heartbeat import GRACE, RESTING
from normsweep.storage.workers import beat, claimed, seen_workers, this_worker
from normsweep.study.attributes import OPEN, PAUSED, STOPPED
from normsweep.study.control import control, set_control
from normsweep.study.progress import Progress
from normsweep.study.records import load_study
from normsweep.study.status import status
from normsweep.verdict.reading import read_confirmation
from normsweep.worker import part, pool, serve
from normsweep.worker.confirming import Confirming
from normsweep.worker.pool import Ended
from normsweep.worker.serve import Server
from normsweep.worker.submit import submit

Seen = dict[str, Any]


class Pausing:
    """Pauses the study at the second chunk; while it rests, looks at it and resumes it."""

    def __init__(self, storage: Any, then: str = OPEN) -> None:
        self.storage, self.then = storage, then
        self.heard: list[Progress] = []
        self.seen: list[Seen] = []

    def __call__(self, now: Progress) -> None:
        self.heard.append(now)
        if len(self.heard) == 2:
            self.tell(PAUSED)
        elif now.phase == PAUSED:
            (study,) = status(self.storage).studies
            states = {t.state for t in load_study("small", self.storage).get_trials()}
            self.seen.append(
                {
                    "claims": claimed(self.storage.engine),
                    "states": states,
                    "study": study.state,
                }
            )
            self.tell(self.then)

    def tell(self, wanted: str) -> None:
        set_control(optuna.load_study(study_name="small", storage=self.storage), wanted)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "_LOOK", 0.0)
    monkeypatch.setattr(serve, "_POLL", 0.0)


@pytest.fixture
def storage(databases, storage_url) -> Any:
    return databases.open(storage_url)


def test_a_launch_rests_and_goes_on_where_it_was(run, make_spec, storage, outcome, example) -> None:
    pausing = Pausing(storage)
    told: list[tuple[str, dict[str, Any]]] = []
    launched = run(
        make_spec(), watch=pausing, log=lambda event, **facts: told.append((event, facts))
    )
    assert launched.done
    assert outcome(launched.study) == outcome(example.study)
    (while_resting,) = pausing.seen
    assert while_resting["claims"] == {}
    assert TrialState.RUNNING not in while_resting["states"]
    assert while_resting["study"] == PAUSED
    # What was in training is gone on with, from where it was.
    events = [event for event, _ in told]
    after = told[events.index("going on") :]
    taken = [facts["step"] for event, facts in after if event == "trial taken"]
    assert sum(step > 0 for step in taken) == 3


def test_a_launch_that_rests_ends_when_its_study_is_stopped(run, make_spec, storage) -> None:
    pausing = Pausing(storage, then=STOPPED)
    launched = run(make_spec(), watch=pausing)
    assert not launched.done
    assert len(pausing.seen) == 1
    assert control(launched.study) == STOPPED
    assert seen_workers(storage.engine) == []


def test_a_launch_that_rests_can_be_ended(run, make_spec, storage) -> None:
    pausing = Pausing(storage, then=PAUSED)
    launched = run(make_spec(), watch=pausing, stop=lambda: bool(pausing.seen))
    assert not launched.done
    assert control(launched.study) == PAUSED


def test_a_launch_with_workers_rests_with_them(run, make_spec, storage, monkeypatch) -> None:
    monkeypatch.setattr(pool, "_LOOK", 0.0)
    pausing = Pausing(storage)

    class Worker:
        def __init__(self, place: int) -> None: ...

        def poll(self) -> Ended | None:
            return Ended(0) if pausing.seen else None

        def terminate(self) -> None: ...

        def wait(self) -> None: ...

    class Workers:
        def __init__(self, *_: Any) -> None: ...

        start = Worker

    monkeypatch.setattr("normsweep.worker.launch.LocalWorkers", Workers)
    run(make_spec(), workers=2, watch=pausing)
    assert len(pausing.seen) == 1


@pytest.mark.parametrize("wanted", [PAUSED, STOPPED])
def test_a_closed_study_is_launched_when_told_so(
    copied_example, run, make_spec, storage, wanted: str
) -> None:
    study = load_study("small", storage)
    set_control(study, wanted)
    with pytest.raises(UserError, match=f"^study 'small' is {wanted}; accepted with --resume"):
        run(make_spec())
    assert control(study) == wanted
    assert run(make_spec(), resume=True).done
    assert control(study) == OPEN


def test_a_worker_whose_study_is_paused_is_in_the_status_as_resting(
    make_spec, storage, outcome, example
) -> None:
    study = submit(make_spec(), storage).study
    set_control(study, PAUSED)
    seen: list[tuple[str, str | None, bool]] = []

    def stop() -> bool:
        for worker in status(storage).workers:
            if worker.state == RESTING:
                seen.append((worker.state, worker.study, worker.alive))
                # Once before it has begun, and once in the middle of it.
                set_control(study, OPEN)
        trials = study.get_trials(deepcopy=False)
        if len(seen) == 1 and any(trial.intermediate_values for trial in trials):
            set_control(study, PAUSED)
        return False

    Server(storage, stop=stop).serve("small")
    assert seen[0] == seen[-1] == (RESTING, "small", True)
    assert len(seen) > 1
    assert outcome(study) == outcome(example.study)
    assert seen_workers(storage.engine) == []


def test_a_worker_of_all_studies_takes_the_next_while_one_is_paused(make_spec, storage) -> None:
    study = submit(make_spec(study__trials=1), storage).study
    other = submit(make_spec(study__name="other", study__trials=1), storage).study

    def stop() -> bool:
        if any(trial.intermediate_values for trial in study.get_trials(deepcopy=False)):
            set_control(study, PAUSED)
        return False

    Server(storage, stop=stop).serve()
    assert control(study) == PAUSED
    assert {trial.state for trial in other.get_trials()} == {TrialState.COMPLETE}


def test_a_worker_that_is_gone_is_not_in_training(storage, monkeypatch) -> None:
    away = replace(this_worker("cpu"), machine="another", state="training", study="small", rate=3.0)
    beat(storage.engine, away)
    (found,) = status(storage).workers
    assert (found.state, found.alive, found.chunks_per_second) == ("training", True, 3.0)
    monkeypatch.setattr("normsweep.study.status.GRACE", -1.0)
    assert GRACE == 60
    (found,) = status(storage).workers
    assert (found.state, found.alive, found.chunks_per_second) == ("gone", False, 0.0)


class PausingLate(Pausing):
    """Pauses the study at the second chunk of its confirmation."""

    def __call__(self, now: Progress) -> None:
        if now.phase != "training" and now.phase != "compiling":
            super().__call__(now)


def test_its_confirmation_rests_with_it(run, make_spec, storage) -> None:
    pausing = PausingLate(storage)
    launched = run(make_spec(confirm__seeds=2, confirm__top=1), watch=pausing)
    assert launched.done
    (while_resting,) = pausing.seen
    assert while_resting["claims"] == {}
    assert [now.phase for now in pausing.heard].count(PAUSED) == 1
    found = read_confirmation(launched.study, storage)
    assert found is not None and found.missing == 0 and found.seeds == 2


def test_a_confirmation_that_rests_ends_when_its_study_is_stopped(run, make_spec, storage) -> None:
    pausing = PausingLate(storage, then=STOPPED)
    launched = run(make_spec(confirm__seeds=2, confirm__top=1), watch=pausing)
    assert not launched.done
    (study,) = status(storage).studies
    assert study.state == STOPPED
    found = read_confirmation(launched.study, storage)
    assert found is None or found.missing
    # Whoever calls for it then has it.
    assert Confirming(launched.study, storage).run()
    found = read_confirmation(launched.study, storage)
    assert found is not None and not found.missing
