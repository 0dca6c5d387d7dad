"""What a tracker keeps as one run, read from what is stored of a study: a trial, a training, all.

Everything follows from the database, so that it may be written twice with the effect of once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from normsweep.export.configs import best_config, trial_config
from normsweep.spec.config import Config, render
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement, read_measurements
from normsweep.storage.artifacts import REAL, SAMPLES, artifacts_of, read_artifact
from normsweep.study.attributes import (
    BASELINE,
    arm_of,
    collapse_of,
    config_of,
    has_begun,
    is_foreign,
    reason_of,
    result_of,
    role,
)
from normsweep.study.confirmation import find_confirmation, first_of_each
from normsweep.study.endings import state_of
from normsweep.study.records import identity
from normsweep.verdict.answers import answer
from normsweep.verdict.headline import headline
from normsweep.verdict.reading import Confirmation, read_confirmation
from normsweep.verdict.wording import details

Curves = dict[int, dict[str, float]]
"""Numbers by their names, by the step that they are of."""

_SCORED = (TrialState.COMPLETE, TrialState.PRUNED)
OF_STUDY = "study"
"""The entry that says what all trials together do."""


@dataclass(frozen=True)
class Entry:
    """A run of a tracker's: by its `name`, which is one within the study `of` and a file's, too.

    `identity` is another for each study, also of two of one name. `searched` are the parameters
    that the search chose, `config` all settings by path. `curves` have the scores among them at
    the step that these are of. `texts` and `pictures` (PNG) are by the names of files. Once it has
    `ended` nothing of it changes.
    """

    of: str
    identity: str
    name: str
    ended: bool
    tags: dict[str, str] = field(default_factory=dict)
    searched: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    began: datetime | None = None
    over: datetime | None = None

    @property
    def step(self) -> int:
        """The last step of its curves."""
        return max(self.curves, default=0)

    @property
    def failed(self) -> bool:
        return self.tags.get("state") == "fail"


@dataclass(frozen=True)
class Source:
    """A study to be read, with the folder where its pictures are."""

    study: optuna.Study
    storage: RDBStorage
    files: Path

    def entries(self) -> Iterator[tuple[str, Callable[[], Entry]]]:
        """The names of all that has begun, with what reads each; that of the study is the last.

        Raises `UserError` for a study that was not made by sweep.
        """
        make = partial(Entry, of=self.study.study_name, identity=identity(self.study))
        for trial in self.study.get_trials(deepcopy=False):
            if has_begun(trial) and not is_foreign(trial):
                name = BASELINE if role(trial) == BASELINE else f"trial-{trial.number:04d}"
                yield name, partial(self._of_trial, make, name, trial)
        held = find_confirmation(self.study, self.storage)
        if held is not None:
            for (kind, arm, seed), trial in first_of_each(held.get_trials(deepcopy=False)).items():
                if has_begun(trial):
                    name = f"{kind}-{arm.replace(' ', '-')}-seed-{seed}"
                    yield name, partial(self._of_arm, make, name, trial)
        yield OF_STUDY, partial(self._of_study, make)

    def _of_trial(self, make: Callable[..., Entry], name: str, trial: FrozenTrial) -> Entry:
        tags = {"role": role(trial), "trial": str(trial.number)}
        said = artifacts_of(trial.system_attrs).get(SAMPLES)
        png = None if said is None else read_artifact(self.files, said)
        texts = {}
        if trial.state in _SCORED and result_of(trial) is not None:
            texts["config.toml"] = render([trial_config(self.study, trial.number)], "toml")
        return self._of_training(
            make,
            name,
            trial,
            tags,
            searched={name: _scalar(value) for name, value in trial.params.items()},
            texts=texts,
            pictures={} if png is None else {SAMPLES: png},
        )

    def _of_arm(self, make: Callable[..., Entry], name: str, trial: FrozenTrial) -> Entry:
        said = arm_of(trial)
        assert said is not None
        tags = {"role": said.role, "arm": said.arm, "against": said.against}
        if said.trial is not None:
            tags["trial"] = str(said.trial)
        return self._of_training(make, name, trial, tags | {"seed": str(said.seed)})

    def _of_training(
        self,
        make: Callable[..., Entry],
        name: str,
        trial: FrozenTrial,
        tags: dict[str, str],
        **others: Any,
    ) -> Entry:
        """What trials of the search and of a confirmation have in common."""
        curves = curves_of(read_measurements(self.storage.engine, trial._trial_id))
        result = result_of(trial)
        if trial.state.is_finished() and result is not None:
            score = {"score": float(np.mean(result.fold_scores))}
            score |= {"standard error": result.standard_error}
            curves.setdefault(result.step, {}).update(_finite(score))
        if why := collapse_of(trial) or reason_of(trial):
            tags = tags | {"reason": why}
        return make(
            name=name,
            ended=trial.state.is_finished(),
            tags={"state": state_of(trial)} | tags,
            config=by_path(config_of(trial)),
            curves=curves,
            began=trial.datetime_start,
            over=trial.datetime_complete,
            **others,
        )

    def _of_study(self, make: Callable[..., Entry]) -> Entry:
        """The scores by the trials' numbers, what is answered, and how sure that is."""
        found, confirmed = answer(self.study), read_confirmation(self.study, self.storage)
        said = headline(found, confirmed)
        told = [f"{said.sign} {said.title}", said.sentence]
        told += [] if confirmed is None else [f"- {each}" for each in details(confirmed)]
        tags = {"word": said.word, "sentence": said.sentence}
        tags |= {"verdict": confirmed.verdict} if confirmed is not None else {}
        chosen = found.best if confirmed is None else confirmed.best.trial
        texts, pictures = {"verdict.md": "\n\n".join(told)}, {}
        if found.best is not None and chosen is not None:
            best = best_config(self.study)
            if chosen.number != found.best.number:
                best = trial_config(self.study, chosen.number)
            texts["best.toml"] = render([best], "toml")
            tags["best trial"] = str(chosen.number)
        there = artifacts_of(self.storage.get_study_system_attrs(self.study._study_id))
        if REAL in there and (png := read_artifact(self.files, there[REAL])) is not None:
            pictures[REAL] = png
        entries = [*found.ranking, *([found.baseline] if found.baseline is not None else [])]
        curves: Curves = {entry.number: _finite({"score": entry.score}) for entry in entries}
        if confirmed is not None:
            curves.setdefault(confirmed.seeds, {}).update(_finite(_effect(confirmed)))
        return make(
            name=OF_STUDY,
            # More trials, and seeds, may follow at any time.
            ended=False,
            tags=tags,
            curves=curves,
            texts=texts | {"spec.toml": _rendered(found.spec)},
            pictures=pictures,
        )


def curves_of(rows: list[Measurement]) -> Curves:
    """Means over folds of all that was measured at a step, and each fold's distances."""
    found: Curves = {}
    for step, of_step in groupby(rows, key=lambda row: row.step):
        values: dict[str, list[float]] = {}
        folds: dict[str, float] = {}
        for row in of_step:
            for name, value in row.values().items():
                values.setdefault(name, []).append(value)
            folds |= {f"fid/fold {row.fold}": row.fid, f"kid/fold {row.fold}": row.kid}
        means = {name: float(np.mean(each)) for name, each in values.items()}
        found[step] = _finite(means | folds)
    return found


def by_path(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by path, without those that are not set."""
    return {
        f"{section}.{name}": value
        for section, table in tables.items()
        if isinstance(table, Mapping)
        for name, value in table.items()
        if value is not None
    }


def _scalar(value: Any) -> str | int | float | bool:
    return value if isinstance(value, str | int | float) else str(value)


def _effect(confirmed: Confirmation) -> dict[str, float]:
    best = confirmed.best
    found = {"confirmed score": best.score, "confirmed score of baseline": best.baseline_score}
    if best.effect is not None:
        of = best.effect.estimate
        found |= {"effect": of.mean, "effect low": of.low, "effect high": of.high}
        found["effect adjusted p"] = best.effect.adjusted_p
    return found


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """Not all trackers take what is no number."""
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def _rendered(spec: Spec) -> str:
    return render([Config(spec, {})], "toml")
