"""What a confirmation says: the effect of each candidate against its baseline, and a verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from normsweep.objectives.distances import cost
from normsweep.spec.spec import Spec
from normsweep.study.attributes import CONFIRM, FINAL, ArmAttributes, Planned, has_result
from normsweep.study.confirmation import find_confirmation, planned, trainings
from normsweep.study.records import study_spec
from normsweep.verdict.answers import Ranked, ranked
from normsweep.verdict.arms import BASELINE_ARM
from normsweep.verdict.effect import Effect, adjusted, costs, paired_effect
from normsweep.verdict.images import JudgingImages
from normsweep.verdict.statistics import verdict_estimate
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.stopping import chosen_on_others

Trainings = Sequence[ArmAttributes]
Sides = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Confirmed:
    """A candidate: its confirmed scores [seeds, folds], where the search saw it, and its effect.

    `lead` is by how much it is better than its baseline, `search_lead` by how much the search saw
    it better than the study's baseline: where that is its own, what is gone of it was luck.
    `last` is the effect with it and its baseline at their last chunk, `stopped` the one with each
    at the chunk that is best on other seeds, `stopped_steps` where those lie, on average; `effect`
    is that of the two by which the study scores. `diverged` counts the seeds left out because it,
    or its baseline, did not stay finite, `own_diverged` and `baseline_diverged` those of either.
    `influences` [seeds, images] are those on the difference of its scores; None where they are not
    stored. `last_pairs` and `stopped_pairs` are its scores and its baseline's, [seeds, folds] each,
    behind `last` and `stopped`. Where no seed is left its scores are empty, their means NaN, and
    there is no effect.
    """

    name: str
    against: str
    trial: Ranked
    scores: np.ndarray
    baseline_scores: np.ndarray
    lead: float
    search_lead: float
    effect: Effect | None
    last: Effect | None
    last_scores: tuple[float, float]
    stopped: Effect | None
    stopped_scores: tuple[float, float] | None
    stopped_steps: tuple[float, float] | None
    diverged: int
    own_diverged: int
    baseline_diverged: int
    influences: np.ndarray | None = None
    last_pairs: Sides | None = None
    stopped_pairs: Sides | None = None

    @property
    def score(self) -> float:
        return _mean(self.scores)

    @property
    def baseline_score(self) -> float:
        return _mean(self.baseline_scores)

    @property
    def is_paired(self) -> bool:
        """Whether it and its baseline stayed finite on a seed."""
        return len(self.scores) > 0


@dataclass(frozen=True)
class FinalLook:
    """The chosen config and its baseline by the images held out from everything, a score a seed.

    `diverged` counts the seeds left out because one of the two did not stay finite.
    """

    name: str
    scores: np.ndarray
    baseline_scores: np.ndarray
    estimate: Estimate | None
    diverged: int


@dataclass(frozen=True)
class Confirmation:
    """The candidates of a study, those that score best first, and one look at untouched images.

    Those that share no finite seed with their baseline come last. `missing` counts the trainings of
    `planned` that are still to be made.
    """

    spec: Spec
    seeds: int
    candidates: tuple[Confirmed, ...]
    final: FinalLook | None
    planned: Planned | None
    missing: int

    @property
    def best(self) -> Confirmed:
        """The one that the verdict is about: the surest to help, else the best by its scores."""
        surely = [entry for entry in self.candidates if self._helps(entry)]
        return (surely or list(self.candidates))[0]

    @property
    def verdict(self) -> str:
        """`helps`, `hurts` or `unclear`; `unfinished` while a training is missing.

        Who looks at a verdict after each seed, and stops at one that he likes, has chosen it.
        It helps where one candidate is certainly better than its baseline, and hurts where all that
        can be compared are certainly worse. Holm's adjustment holds the chance that an inert
        penalty is said to do either at 5 %.
        """
        if self.missing:
            return "unfinished"
        if any(self._helps(entry) for entry in self.candidates):
            return "helps"
        paired = [entry for entry in self.candidates if entry.is_paired]
        if paired and all(self._hurts(entry) for entry in paired):
            return "hurts"
        return "unclear"

    def _helps(self, entry: Confirmed) -> bool:
        # A baseline that diverges is nothing against the penalty: without it training failed.
        return self._is_certain(entry) and not entry.own_diverged and entry.lead > 0

    def _hurts(self, entry: Confirmed) -> bool:
        # On the seeds on which its baseline diverged it was the better one.
        return self._is_certain(entry) and not entry.baseline_diverged and entry.lead < 0

    def _is_certain(self, entry: Confirmed) -> bool:
        return entry.effect is not None and entry.effect.is_certain


def read_confirmation(study: optuna.Study, storage: RDBStorage) -> Confirmation | None:
    """What is confirmed of a study so far; None where nothing is."""
    spec = study_spec(study)
    trials = study.get_trials(deepcopy=False)
    held = find_confirmation(study, storage)
    everything = [e for e in trainings(held) if _has_its_trial(e, trials)]
    wanted = planned(held)
    arms = {} if wanted is None or not everything else dict(wanted.arms)
    # One that has no training yet counts: with more candidates one is sooner lucky.
    arms |= {e.arm: (e.against, e.trial) for e in everything if e.role == CONFIRM}
    _, first = arms.pop(BASELINE_ARM, (BASELINE_ARM, None))
    if first is None:
        return None
    base, images = ranked(trials[first]), JudgingImages.of(storage, spec)
    found = [
        _candidate(spec, name, against, everything, ranked(trials[number]), base, images)
        for name, (against, number) in arms.items()
        if name != against and number is not None
    ]
    if not found:
        return None
    found = [
        replace(entry, effect=effect, last=last, stopped=stopped)
        for entry, effect, last, stopped in zip(
            found,
            adjusted([entry.effect for entry in found]),
            adjusted([entry.last for entry in found]),
            adjusted([entry.stopped for entry in found]),
            strict=True,
        )
    ]
    found.sort(key=lambda entry: (not entry.is_paired, cost(spec.score.metric, entry.score)))
    seeds = max(len(entry.scores) for entry in found)
    final = _final(spec, everything, found, images)
    missing = _missing(wanted, everything)
    return Confirmation(spec, seeds, tuple(found), final, wanted, missing)


def _missing(wanted: Planned | None, everything: Trainings) -> int:
    if wanted is None:
        return 0
    there = {(e.arm, e.seed) for e in everything if e.role == CONFIRM}
    asked = product(wanted.arms, range(1, wanted.seeds + 1))
    return sum(pair not in there for pair in asked)


def _has_its_trial(entry: ArmAttributes, trials: Sequence[FrozenTrial]) -> bool:
    """Not so where the study was deleted and made again, and its confirmation does not say so."""
    if entry.trial is None:
        return True
    return entry.trial < len(trials) and has_result(trials[entry.trial])


def _candidate(
    spec: Spec,
    name: str,
    against: str,
    everything: Trainings,
    searched: Ranked,
    baseline: Ranked,
    images: JudgingImages,
) -> Confirmed:
    pairs, whole = _pairs(everything, CONFIRM, name, against)
    sides = [one for one, _ in whole], [other for _, other in whole]
    curves, baselines = (_stacked(spec, side) for side in sides)
    metric = spec.score.metric
    chosen = [chosen_on_others(costs(metric, side)) for side in (curves, baselines)]
    stopped = stopped_scores = stopped_steps = None
    scores, against_scores = curves[:, -1], baselines[:, -1]
    at_last = [curves.shape[1] - 1] * len(curves)
    influences = images.between((sides[0], at_last), (sides[1], at_last))
    effect = last = paired_effect(metric, scores, against_scores, influences)
    last_pairs, stopped_pairs = (scores, against_scores), None
    last_scores = _mean(scores), _mean(against_scores)
    if chosen[0] is not None and chosen[1] is not None:
        each = np.arange(len(curves))
        at_best = stopped_pairs = curves[each, chosen[0]], baselines[each, chosen[1]]
        of_best = images.between((sides[0], chosen[0].tolist()), (sides[1], chosen[1].tolist()))
        stopped = paired_effect(metric, *at_best, of_best)
        stopped_scores = _mean(at_best[0]), _mean(at_best[1])
        steps = spec.train.steps / spec.train.chunks
        first_step, second_step = (float((at.mean() + 1) * steps) for at in (chosen[0], chosen[1]))
        stopped_steps = first_step, second_step
        if spec.score.at == "best":
            (scores, against_scores), effect, influences = at_best, stopped, of_best
    return Confirmed(
        name=name,
        against=against,
        trial=searched,
        scores=scores,
        baseline_scores=against_scores,
        lead=_lead(metric, scores, against_scores),
        search_lead=_lead(metric, np.array(searched.fold_scores), np.array(baseline.fold_scores)),
        effect=effect,
        last=last,
        last_scores=last_scores,
        stopped=stopped,
        stopped_scores=stopped_scores,
        stopped_steps=stopped_steps,
        diverged=len(pairs) - len(whole),
        own_diverged=sum(a.curve is None for a, _ in pairs),
        baseline_diverged=sum(b.curve is None for _, b in pairs),
        influences=influences,
        last_pairs=last_pairs,
        stopped_pairs=stopped_pairs,
    )


Pairs = list[tuple[ArmAttributes, ArmAttributes]]


def _pairs(everything: Trainings, role: str, name: str, against: str) -> tuple[Pairs, Pairs]:
    """Two arms by the seeds that both were trained by; and those by which both stayed finite."""
    own, other = (
        {e.seed: e for e in everything if e.role == role and e.arm == arm}
        for arm in (name, against)
    )
    pairs = [(own[seed], other[seed]) for seed in sorted(own.keys() & other.keys())]
    return pairs, [(a, b) for a, b in pairs if a.curve is not None and b.curve is not None]


def _stacked(spec: Spec, trained: Trainings) -> np.ndarray:
    """The curves [seeds, chunks, folds] of those that have one."""
    curves = [each.curve for each in trained if each.curve is not None]
    return np.stack(curves) if curves else np.empty((0, spec.train.chunks, spec.score.folds))


def _final(
    spec: Spec, everything: Trainings, found: Sequence[Confirmed], images: JudgingImages
) -> FinalLook | None:
    names = [e.arm for e in everything if e.role == FINAL and e.arm != e.against]
    entry = next((entry for entry in found if entry.name in names), None)
    if entry is None:
        return None
    arms = entry.name, entry.against
    pairs, whole = _pairs(everything, FINAL, *arms)
    if not pairs:
        return None
    trained = [[pair[side] for pair in whole] for side in range(len(arms))]
    curves = [_stacked(spec, each) for each in trained]
    at = [each.shape[1] - 1 for each in curves]
    if spec.score.at == "best" and entry.stopped is not None:
        # Where the seeds of the folds are best: the images of this look choose nothing.
        at = [_best_chunk(spec, everything, name) for name in arms]
    scores, against = (each[:, chunk, :1] for each, chunk in zip(curves, at, strict=True))
    own, other = ((arm, [chunk] * len(whole)) for arm, chunk in zip(trained, at, strict=True))
    estimate, _ = verdict_estimate(scores - against, images.between(own, other)) or (None, "")
    return FinalLook(entry.name, scores[:, 0], against[:, 0], estimate, len(pairs) - len(whole))


def _best_chunk(spec: Spec, everything: Trainings, name: str) -> int:
    """The chunk at which an arm scores best on average over seeds and folds."""
    whole = _stacked(spec, [e for e in everything if e.role == CONFIRM and e.arm == name])
    return int(costs(spec.score.metric, whole).mean(axis=(0, 2)).argmin())


def _lead(metric: str, scores: np.ndarray, against: np.ndarray) -> float:
    return _mean(costs(metric, against)) - _mean(costs(metric, scores))


def _mean(scores: np.ndarray) -> float:
    return float(scores.mean()) if scores.size else math.nan
