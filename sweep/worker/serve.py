"""A worker that serves the studies of a storage, one after the other: search and confirmation."""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.study._frozen import FrozenStudy

from normsweep.engine.ahead import Ahead
from normsweep.engine.devices import device_names, use_all_cores
from normsweep.engine.population import forget_programs
from normsweep.errors import UserError, in_one_line
from normsweep.score.setup import prepare
from normsweep.spec.fields import ServiceSection
from normsweep.spec.plugins import look_again
from normsweep.storage.events import Log, no_log
from normsweep.storage.heartbeat import GRACE, RESTING, Heartbeat
from normsweep.storage.retry import Retry, Stopped, StorageLost, is_outage
from normsweep.storage.workers import this_worker
from normsweep.study.attributes import OPEN, STOPPED, study_attributes
from normsweep.study.control import ENDED, StudyDeleted, control, telling_deletion
from normsweep.study.queue import lost_trials
from normsweep.study.records import check_same_data, checked_spec, load_study, study_spec
from normsweep.study.stopping import is_searched
from normsweep.worker.confirming import Confirming, is_to_confirm
from normsweep.worker.loop import Work
from normsweep.worker.part import take_part
from normsweep.worker.waiting import rest

_POLL = 2.0
"""Seconds between two looks for something to do."""

_TELL_EVERY = 10.0
"""Seconds between two lines on pictures that are decoded."""

_AGAIN = 60.0
"""Seconds after which a study that was passed over is looked at again, at the least."""


@dataclass(frozen=True)
class _PassedOver:
    """A study that was of no use with these attributes, for this reason, and until when."""

    attributes: dict[str, Any]
    until: float
    reason: str


@dataclass
class Server:
    """Takes part in one study, or in every open one, the oldest first.

    `stop()` turns true when the worker is to end; with `forever` it waits for more studies.
    """

    storage: RDBStorage
    files: str | Path | None = None
    forever: bool = False
    stop: Callable[[], bool] = lambda: False
    log: Log = no_log
    _passed_over: dict[str, "_PassedOver"] = field(default_factory=dict)
    _entry: FrozenStudy | None = None
    _told: float = 0.0
    _retry: Retry = field(init=False)

    def __post_init__(self) -> None:
        # Within a study its spec says for how long.
        seconds = ServiceSection().storage_patience
        self._retry = Retry.with_storage(self.storage, seconds, self.log)

    def serve(self, name: str | None = None) -> None:
        """Works until nothing is left to do, or for ever.

        Raises `UserError` for an unknown study, and for one called by its name of which this
        machine has other data; one met without being called is passed over, which the log says.
        One that is deleted while it is worked on is left, which the log says too.
        Raises `StorageLost` when the database was away for too long.
        """
        use_all_cores()
        waiting = False
        with ExitStack() as seen, suppress(Stopped):
            while not self.stop():
                # A study that was submitted since may need what was written since.
                look_again()
                there, found = self._retry.once(partial(self._next, name))
                study, wanted = found or (None, OPEN)
                if there and study is None and not self.forever:
                    return
                if study is None or wanted not in (OPEN, ENDED):
                    # A study that is paused was asked for, so it is waited for.
                    if there and not waiting:
                        self._retry.until(partial(self._be_seen, seen, study), self.stop)
                        waiting = True
                    rest(_POLL, self.stop)
                    continue
                seen.close()
                waiting = False
                begun = time.monotonic()
                try:
                    with telling_deletion(study):
                        self._work(study, rests=name is not None)
                except StudyDeleted:
                    self.log("study deleted", study=study.study_name)
                    if name is not None:
                        return
                except Stopped:
                    return
                except Exception as error:
                    if name is not None or _is_of_the_worker(error):
                        raise
                    self._pass_over(error, time.monotonic() - begun)

    def _be_seen(self, seen: ExitStack, study: optuna.Study | None) -> None:
        """Has this worker in `sweep status` while it has nothing to do: it rests, or waits."""
        worker = this_worker(device_names())
        if study is None:
            worker = replace(worker, state="waiting")
        else:
            worker = replace(worker, study=study.study_name, state=RESTING)
        seen.enter_context(Heartbeat(self.storage.engine, worker))

    def _work(self, study: optuna.Study, *, rests: bool) -> None:
        spec = self._retry.until(partial(checked_spec, study), self.stop)
        self.log("study taken", study=study.study_name)
        searched = self._retry.until(partial(is_searched, study, spec), self.stop)
        decoding, ahead = partial(self._tell_decoding, study.study_name), Ahead()
        known = self._retry.until(lambda: study_attributes(study).fingerprints, self.stop)
        setup = prepare(spec, decoding, None if searched else ahead, known)
        self._retry.until(partial(check_same_data, study, setup.fingerprints()), self.stop)
        work = take_part(
            spec,
            setup,
            study,
            self.storage,
            files=self.files,
            stop=self.stop,
            log=self.log,
            rests=rests,
            kind=Work,
        )
        # The next study may well be of the same programs; those of all before would pile up.
        forget_programs(but=work.training.programs)
        done = work.done
        if done:
            confirming = Confirming(
                study, self.storage, setup, self.files, stop=self.stop, log=self.log, rests=rests
            )
            done = confirming.join()
        self.log("study left", study=study.study_name, done=done)

    def _tell_decoding(self, study: str, done: int, total: int) -> None:
        """A line at the beginning, at the end, and every ten seconds."""
        now = time.monotonic()
        if done in (0, total) or now - self._told >= _TELL_EVERY:
            self._told = now
            self.log("decoding pictures", study=study, done=done, of=total)

    def _next(self, name: str | None) -> tuple[optuna.Study | None, str]:
        """A study with something left to do, and what its user wants."""
        if name is None:
            return self._oldest(), OPEN
        study = load_study(name, self.storage)
        with telling_deletion(study):
            wanted = control(study)
            return study if wanted != STOPPED and self._is_open(study) else None, wanted

    def _oldest(self) -> optuna.Study | None:
        found = self.storage.get_all_studies()
        for entry in sorted(found, key=lambda study: study._study_id):
            if self._is_passed_over(entry):
                continue
            self._entry = entry
            try:
                study = self._ours(entry.study_name)
                if study is None:
                    continue
                with telling_deletion(study):
                    if self._needs_a_worker(study):
                        return study
            except StudyDeleted:
                continue
            except Exception as error:
                if _is_of_the_worker(error):
                    raise
                self._pass_over(error)
        return None

    def _ours(self, name: str) -> optuna.Study | None:
        """The study of a name if sweep made it; None also where it was deleted meanwhile."""
        try:
            study = optuna.load_study(study_name=name, storage=self.storage)
        except KeyError:
            return None
        with telling_deletion(study):
            return study if study_attributes(study).is_ours else None

    def _needs_a_worker(self, study: optuna.Study) -> bool:
        wanted = control(study)
        if wanted == ENDED:
            # Its last trials are finished by those who train them, unless these have died.
            lost = bool(lost_trials(study, self.storage.engine, GRACE))
            return lost or (_is_searched(study) and is_to_confirm(study, self.storage))
        return wanted == OPEN and self._is_open(study)

    def _is_open(self, study: optuna.Study) -> bool:
        return not _is_searched(study) or is_to_confirm(study, self.storage)

    def _is_passed_over(self, study: FrozenStudy) -> bool:
        """Whether a study was of no use a while ago, and is the same."""
        found = self._passed_over.get(study.study_name)
        if found is None:
            return False
        return time.monotonic() < found.until and found.attributes == study.user_attrs

    def _pass_over(self, error: Exception, seconds: float = 0.0) -> None:
        """Leaves the study last looked at alone until it is changed, or for a while.

        Its data may come. What took long to find out is not found out again all the time.
        """
        assert self._entry is not None
        name, attributes = self._entry.study_name, dict(self._entry.user_attrs)
        reason = str(error) if isinstance(error, UserError) else in_one_line(error)
        until = time.monotonic() + max(_AGAIN, 10 * seconds)
        before = self._passed_over.get(name)
        self._passed_over[name] = _PassedOver(attributes, until, reason)
        if before is None or before.reason != reason:
            self.log("study passed over", study=name, reason=reason)


def _is_of_the_worker(error: Exception) -> bool:
    """Whether an exception says nothing of the study that was worked on."""
    return isinstance(error, StorageLost | Stopped) or is_outage(error)


def _is_searched(study: optuna.Study) -> bool:
    return is_searched(study, study_spec(study))
