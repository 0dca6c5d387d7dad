"""From a spec to a study in the database."""

import math
from itertools import islice
from typing import NamedTuple

import optuna
from optuna.storages import RDBStorage

from normsweep.data.decoding import Watch, unwatched
from normsweep.data.described import described
from normsweep.data.memory import check_room, free_memory, gigabytes
from normsweep.engine.ahead import Ahead
from normsweep.engine.devices import use_all_cores
from normsweep.errors import UserError
from normsweep.score.auto import Watch as Measuring
from normsweep.score.auto import measured_ranges
from normsweep.score.auto import unwatched as nobody
from normsweep.score.memory import images_of, memory_of
from normsweep.score.setup import Setup, prepare
from normsweep.search.samplers import SamplerSettings, check_sampler
from normsweep.spec.auto import AutoRange, auto_fields, provisional, ranges_of_plain, with_ranges
from normsweep.spec.load import Written
from normsweep.spec.plugins import is_plugin, look_again, plugin_sampler
from normsweep.spec.space import check_ranges, unconditional_space
from normsweep.spec.spec import Spec
from normsweep.spec.tables import SUGGESTED
from normsweep.storage import open_storage
from normsweep.storage.events import Log, no_log
from normsweep.study.attributes import (
    OPEN,
    PAUSED,
    STOPPED,
    StudyAttributes,
    study_attributes,
    write_study,
)
from normsweep.study.confirmation import left_behind
from normsweep.study.control import set_control
from normsweep.study.follow_up import take_over
from normsweep.study.plan import MADE_AT_ONCE, plan_of
from normsweep.study.pruning import early_pruning
from normsweep.study.queue import begin_with, enqueue
from normsweep.study.records import load_study, open_study
from normsweep.study.stopping import heed_new_rule, reopen
from normsweep.verdict.scaled import Scaled
from normsweep.verdict.suggestions import Images, by_rules, by_studies, fitting

WORTH_SAYING = 900_000_000
"""Bytes of a worker from which the estimate is said: a small study takes less, and fits."""


class Submitted(NamedTuple):
    """A study in the database, and whether it `was` there: open, paused, stopped or ended.

    `spec` is what it searches, with a range in place of each "auto".
    """

    storage: RDBStorage
    study: optuna.Study
    setup: Setup
    was: str | None
    spec: Spec


def submit(
    spec: Spec,
    storage: str | RDBStorage | None = None,
    source: str | None = None,
    log: Log = no_log,
    workers: int = 1,
    decoding: Watch = unwatched,
    measuring: Measuring = nobody,
    resume: bool = False,
    scaled: Scaled | None = None,
    written: Written | None = None,
    ahead: Ahead | None = None,
) -> Submitted:
    """Registers the study of a spec: spec, fingerprints, baseline and search, and opens it.

    With the trials of the study `source` that fit, where there is one. So many `workers` are to
    train it on this machine: each has the images in its memory. `decoding` is told how many
    pictures are decoded, where the data are pictures that never were before, and `measuring` how
    many steps are trained of the run from which the ranges follow that are "auto". With `resume`
    one that was paused or stopped, by itself or not, goes on. The trials of one that is `scaled`
    are the configs that another study found. With a new one it is kept how its spec was `written`.
    For who trains it here its first program is compiled `ahead`.

    Raises `UserError` for what the user can mend, such as a study that is paused or stopped without
    `resume`; nothing is written before.
    """
    use_all_cores()
    look_again()
    known = provisional(spec)
    check_ranges(known)
    if known.searches:
        check_sampler(known.study.sampler, unconditional_space(known))
    if is_plugin(spec.study.sampler):
        # A mistake in it is told before anything is written.
        plugin_sampler(spec.study.sampler)(SamplerSettings(0, 0, spec.study.startup_trials))
    plan = plan_of(known)
    setup = prepare(known, decoding, ahead)
    _check_memory(setup, known, workers, log)
    opened = storage if isinstance(storage, RDBStorage) else open_storage(storage, create=True)
    was = _control_before(spec.study.name, opened)
    if was in (PAUSED, STOPPED) and not resume:
        raise UserError(
            f"study {spec.study.name!r} is {was}; accepted with --resume (resume=True in Python), "
            "which lets it go on"
        )
    auto = _auto_ranges(spec, opened, setup, measuring)
    spec = with_ranges(spec, auto)
    study = open_study(spec, opened, setup.facts(), auto)
    if was is None and written is not None:
        write_study(study, written=vars(written))
    log("understood", **described(setup.dataset, spec.data.source))
    for guess in setup.dataset.guesses:
        log("data", guess=guess)
    for path, measured in auto.items() if was is None else ():
        log("range measured", **{path: f"{measured.low:g} … {measured.high:g}"})
    for warning in (*setup.warnings, *early_pruning(spec)):
        log("warning", of=warning)
    if was is None and (left := left_behind(study, opened)) is not None:
        log("warning", of=left)
    heed_new_rule(study, spec)
    if source is not None:
        take_over(study, load_study(source, opened), opened, setup.fingerprints(), log)
    if scaled is not None:
        of = {"of": scaled.of.study_name, "id": scaled.of._study_id}
        write_study(study, scaled=of | {"values": scaled.values})
        begin_with(study, opened, scaled.configs, spec.study.trials)
    if spec.study.begin == SUGGESTED:
        images = Images(math.prod(setup.image_shape[:2]), setup.dataset.fingerprint)
        settled = study_attributes(study).begun_with is not None
        suggested = [] if settled else [*by_rules(spec, images), *by_studies(spec, images, opened)]
        fit = list(fitting(suggested))
        made = begin_with(study, opened, (each.parameters for each in fit), spec.study.trials)
        if was is None:
            told = f"{made} of {len(suggested)}, which `sweep suggest` tells"
            log("begun with", suggestions=told)
            for each in fit[:made]:
                log("begun with", source=each.source, why=each.why)
    if plan.points is not None:
        counted = plan.within(study.get_trials(deepcopy=False))
        for point in islice(plan.missing(counted), max(0, MADE_AT_ONCE - len(counted))):
            enqueue(study, point)
    if was is None:
        set_control(study, OPEN)
    elif resume:
        reopen(study)
    return Submitted(opened, study, setup, was, spec)


def _auto_ranges(
    spec: Spec, storage: RDBStorage, setup: Setup, measuring: Measuring
) -> dict[str, AutoRange]:
    """The ranges of what is "auto": those that the study has, or measured for a new one."""
    if not auto_fields(spec):
        return {}
    written = _attributes_before(spec.study.name, storage)
    if written is not None and written.is_ours:
        return ranges_of_plain(written.auto)
    return measured_ranges(spec, setup, measuring)


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
    written = _attributes_before(name, storage)
    # One of ours whose creation was cut short has nothing yet.
    return written.control if written is not None and written.is_ours else None


def _attributes_before(name: str, storage: RDBStorage) -> StudyAttributes | None:
    try:
        return study_attributes(optuna.load_study(study_name=name, storage=storage))
    except KeyError:
        return None
