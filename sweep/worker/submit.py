"""From a spec to a study in the database."""

from itertools import islice
from typing import NamedTuple

import optuna
from optuna.storages import RDBStorage

from normsweep.data.decoding import Watch, unwatched
from normsweep.data.described import described
from normsweep.data.memory import check_room, free_memory, gigabytes
from normsweep.engine.devices import use_all_cores
from normsweep.score.memory import images_of, memory_of
from normsweep.score.setup import Setup, prepare
from normsweep.search.samplers import SamplerSettings, check_sampler
from normsweep.spec.plugins import is_plugin, look_again, plugin_sampler
from normsweep.spec.space import check_ranges, unconditional_space
from normsweep.spec.spec import Spec
from normsweep.storage import open_storage
from normsweep.storage.events import Log, no_log
from normsweep.study.attributes import OPEN, study_attributes
from normsweep.study.control import control, set_control
from normsweep.study.follow_up import take_over
from normsweep.study.plan import MADE_AT_ONCE, plan_of
from normsweep.study.pruning import early_pruning
from normsweep.study.queue import enqueue
from normsweep.study.records import load_study, open_study
from normsweep.study.stopping import heed_new_rule

WORTH_SAYING = 900_000_000
"""Bytes of a worker from which the estimate is said: a small study takes less, and fits."""


class Submitted(NamedTuple):
    """A study in the database, and whether it `was` there: open, paused, stopped or ended."""

    storage: RDBStorage
    study: optuna.Study
    setup: Setup
    was: str | None


def submit(
    spec: Spec,
    storage: str | RDBStorage | None = None,
    source: str | None = None,
    log: Log = no_log,
    workers: int = 1,
    decoding: Watch = unwatched,
) -> Submitted:
    """Registers the study of a spec: spec, fingerprints, baseline and search, and opens it.

    With the trials of the study `source` that fit, where there is one. So many `workers` are to
    train it on this machine: each has the images in its memory. `decoding` is told how many
    pictures are decoded, where the data are pictures that never were before.

    Raises `UserError` for what the user can mend; nothing is written before.
    """
    use_all_cores()
    look_again()
    check_ranges(spec)
    if spec.searches:
        check_sampler(spec.study.sampler, unconditional_space(spec))
    if is_plugin(spec.study.sampler):
        # A mistake in it is told before anything is written.
        plugin_sampler(spec.study.sampler)(SamplerSettings(0, 0, spec.study.startup_trials))
    plan = plan_of(spec)
    setup = prepare(spec, decoding)
    _check_memory(setup, spec, workers, log)
    opened = storage if isinstance(storage, RDBStorage) else open_storage(storage, create=True)
    was = _control_before(spec.study.name, opened)
    study = open_study(spec, opened, setup.facts())
    log("understood", **described(setup.dataset, spec.data.source))
    for guess in setup.dataset.guesses:
        log("data", guess=guess)
    for warning in (*setup.warnings, *early_pruning(spec)):
        log("warning", of=warning)
    heed_new_rule(study, spec)
    if source is not None:
        take_over(study, load_study(source, opened), opened, setup.fingerprints(), log)
    if plan.points is not None:
        counted = plan.within(study.get_trials(deepcopy=False))
        for point in islice(plan.missing(counted), max(0, MADE_AT_ONCE - len(counted))):
            enqueue(study, point)
    set_control(study, OPEN)
    return Submitted(opened, study, setup, was)


def _check_memory(setup: Setup, spec: Spec, workers: int, log: Log) -> None:
    """Says what the study takes, where that is worth it; raises where images alone are too many."""
    # Of one worker this process is the one, and of several it watches and has them too.
    others = 0 if workers == 1 else workers
    if others:
        check_room(others * images_of(setup), f"--workers {workers}: the images of all of them")
    each, free = memory_of(setup, spec), free_memory()
    if others * each > free:
        log(
            "warning",
            of=f"{workers} workers take about {gigabytes(each)} of memory each, and "
            f"{gigabytes(free)} is free: fewer --workers, study.slots or images (data.limit) help",
        )
    elif each > WORTH_SAYING:
        log("memory", about=f"{gigabytes(each)} a worker, {gigabytes(free)} is free")


def _control_before(name: str, storage: RDBStorage) -> str | None:
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None
    # One of ours whose creation was cut short has nothing yet.
    return control(study) if study_attributes(study).is_ours else None
