"""What a confirmation says: the effect of each candidate against its baseline, and a verdict."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count, product, takewhile

import numpy as np
import optuna
from optuna.storages import RDBStorage

from normsweep.objectives.distances import cost
from normsweep.spec.ranges import in_spreads
from normsweep.spec.spec import Spec
from normsweep.study.attributes import CONFIRM, FINAL, ArmAttributes, Planned
from normsweep.study.confirmation import find_confirmation, has_its_trial, planned, trainings
from normsweep.study.records import study_spec
from normsweep.verdict.answers import Ranked, ranked
from normsweep.verdict.arms import BASELINE_ARM
from normsweep.verdict.effect import Effect, adjusted, costs, paired_effect
from normsweep.verdict.futility import ends_in_vain
from normsweep.verdict.images import JudgingImages
from normsweep.verdict.statistics import verdict_estimate
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.looks import ONLY, Look, Plan, Stretch, look_at, looks
from normsweep.verdict.statistics.over_halves import other_half
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
    or its baseline, did not stay finite, `own_diverged` and `baseline_diverged` those of either;
    `seeds` are those that both were trained by, among them what was left out: of halves of the
    images also the seed that had the other half.
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
    seeds: int
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
    `planned` that are still to be made before there is a verdict. `look` is after how many seeds
    the look was taken that the verdict is of: the first at which it was certain, else the last;
    None where none was planned, or none is there yet. `beyond` are the candidates by all seeds, in
    the same order and as if so many had been planned, where there are more than that. `futile` is
    one that ended at its look without a word, since the seeds that are left can hardly give one.
    """

    spec: Spec
    seeds: int
    candidates: tuple[Confirmed, ...]
    final: FinalLook | None
    planned: Planned | None
    missing: int
    look: int | None = None
    beyond: tuple[Confirmed, ...] = ()
    futile: bool = False

    @property
    def best(self) -> Confirmed:
        """The one that the verdict is about: the surest to help, else the best by its scores."""
        surely = [entry for entry in self.candidates if self._helps(entry)]
        return (surely or list(self.candidates))[0]

    @property
    def verdict(self) -> str:
        """`helps`, `hurts`, `negligible` or `unclear`; `unfinished` while a training is missing.

        It helps where one candidate is certainly better than its baseline, and hurts where all that
        can be compared are certainly worse. Holm's adjustment holds the chance that an inert
        penalty is said to do either, at any of the looks, at 5 %. It is negligible where the
        intervals of all candidates lie within ± `confirm.smallest`: with an effect that is larger
        that is said in 5 % at most, since some interval then leaves it out.
        """
        if self.missing:
            return "unfinished"
        if all(self._is_negligible(entry) for entry in self.candidates):
            return "negligible"
        if any(self._helps(entry) for entry in self.candidates):
            return "helps"
        paired = [entry for entry in self.candidates if entry.is_paired]
        if paired and all(self._hurts(entry) for entry in paired):
            return "hurts"
        return "unclear"

    @property
    def is_decided(self) -> bool:
        """Whether there is a word that more seeds would not change."""
        return self.verdict not in ("unfinished", "unclear")

    @property
    def is_over(self) -> bool:
        """Whether no more seeds are trained, unless somebody plans more."""
        return self.is_decided or self.futile

    @property
    def smallest(self) -> float | None:
        """The smallest effect that counts, in units of the score, by the best one's baseline.

        Of a number of its standard deviations between seeds, by the least that these surely are.
        """
        return self._smallest(self.best)

    def _smallest(self, entry: Confirmed) -> float | None:
        wanted = self.spec.confirm.smallest
        if wanted is None or isinstance(wanted, float):
            return wanted
        return None if entry.effect is None else in_spreads(wanted) * entry.effect.least_spread

    def _is_negligible(self, entry: Confirmed) -> bool:
        smallest = self._smallest(entry)
        if smallest is None or entry.effect is None or entry.diverged:
            return False
        found = entry.effect.estimate
        return -smallest <= found.low and found.high <= smallest

    def _helps(self, entry: Confirmed) -> bool:
        # A baseline that diverges is nothing against the penalty: without it training failed.
        return self._is_certain(entry) and not entry.own_diverged and entry.lead > 0

    def _hurts(self, entry: Confirmed) -> bool:
        # On the seeds on which its baseline diverged it was the better one.
        return self._is_certain(entry) and not entry.baseline_diverged and entry.lead < 0

    def _is_certain(self, entry: Confirmed) -> bool:
        return entry.effect is not None and entry.effect.is_certain


def read_confirmation(study: optuna.Study, storage: RDBStorage) -> Confirmation | None:
    """What is confirmed of a study so far; None where nothing is.

    Looks are taken in their order, each at the seeds up to it and no others: what a verdict is does
    not depend on when somebody asked for it.
    """
    spec = study_spec(study)
    trials = study.get_trials(deepcopy=False)
    held = find_confirmation(study, storage)
    everything = [e for e in trainings(held) if has_its_trial(e, trials)]
    wanted = planned(held)
    arms = {} if wanted is None or not everything else dict(wanted.arms)
    # One that has no training yet counts: with more candidates one is sooner lucky.
    arms |= {e.arm: (e.against, e.trial) for e in everything if e.role == CONFIRM}
    _, first = arms.pop(BASELINE_ARM, (BASELINE_ARM, None))
    if first is None:
        return None
    confirmed = {
        name: (against, ranked(trials[number]))
        for name, (against, number) in arms.items()
        if name != against and number is not None
    }
    if not confirmed:
        return None
    plan = plan_of(wanted)
    every = _Everything(
        spec, confirmed, ranked(trials[first]), everything, JudgingImages.of(storage, spec), plan
    )
    there = complete_seeds(wanted, everything)
    taken = [look for look in looks(plan) if look <= there]
    for look in taken:
        found = every.at(wanted, look)
        if found.is_decided:
            return found
    missing = _missing(wanted, everything)
    # Only while it is the last that was taken: who goes on all the same may find a word.
    if taken and ends_in_vain(found, plan):
        return replace(found, futile=True)
    if not taken or (missing and there < plan[-1].seeds):
        return every.at(wanted, None, missing)
    if there > plan[-1].seeds:
        names = [entry.name for entry in found.candidates]
        return replace(found, beyond=tuple(every.candidate(name, there, ONLY) for name in names))
    return found


def plan_of(wanted: Planned | None) -> Plan:
    """When one looks; nothing where it is not known what was planned."""
    if wanted is None:
        return ()
    return tuple(Stretch(*each) for each in wanted.looks) or (Stretch(0, wanted.seeds, False),)


def complete_seeds(wanted: Planned | None, everything: Trainings) -> int:
    """By how many seeds, from the first on without a gap, all arms that are asked for are there."""
    if wanted is None or not wanted.arms:
        return 0
    there = {(e.arm, e.seed) for e in everything if e.role == CONFIRM}
    return _without_gap(all((arm, seed) in there for arm in wanted.arms) for seed in count(1))


def _without_gap(those: Iterable[bool]) -> int:
    return sum(1 for _ in takewhile(bool, those))


@dataclass(frozen=True)
class _Everything:
    """All that a confirmation holds: its candidates, by name, with what they are compared with."""

    spec: Spec
    confirmed: dict[str, tuple[str, Ranked]]
    baseline: Ranked
    trained: Trainings
    images: JudgingImages
    plan: Plan

    def at(self, wanted: Planned | None, look: int | None, missing: int = 0) -> Confirmation:
        """What is said at a look; by None at the last one of each candidate, and with no plan."""
        found = [self._at(name, look) for name in self.confirmed]
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
        metric = self.spec.score.metric
        found.sort(key=lambda entry: (not entry.is_paired, cost(metric, entry.score)))
        seeds = max(len(entry.scores) for entry in found)
        final = _final(self.spec, self.trained, found, self.images)
        return Confirmation(self.spec, seeds, tuple(found), final, wanted, missing, look)

    def _at(self, name: str, look: int | None) -> Confirmed:
        if not self.plan:
            return self.candidate(name, None, ONLY)
        against, _ = self.confirmed[name]
        there = {(e.arm, e.seed) for e in self.trained if e.role == CONFIRM}
        own = _without_gap((name, k) in there and (against, k) in there for k in count(1))
        last = own if look is None else min(own, look)
        taken = [each for each in looks(self.plan) if each <= last]
        if not taken:
            return self.candidate(name, look, None)
        return self.candidate(name, taken[-1], look_at(self.plan, taken[-1]))

    def candidate(self, name: str, seeds: int | None, look: Look | None) -> Confirmed:
        """A candidate by its first so many seeds; without a look it has no effect."""
        against, searched = self.confirmed[name]
        trained = [e for e in self.trained if seeds is None or e.seed <= seeds]
        return _candidate(
            self.spec, name, against, trained, searched, self.baseline, self.images, look
        )


def _missing(wanted: Planned | None, everything: Trainings) -> int:
    if wanted is None:
        return 0
    there = {(e.arm, e.seed) for e in everything if e.role == CONFIRM}
    asked = product(wanted.arms, range(1, wanted.seeds + 1))
    return sum(pair not in there for pair in asked)


def _candidate(
    spec: Spec,
    name: str,
    against: str,
    everything: Trainings,
    searched: Ranked,
    baseline: Ranked,
    images: JudgingImages,
    look: Look | None,
) -> Confirmed:
    pairs, whole = _pairs(everything, CONFIRM, name, against)
    if spec.confirm.images == "halves":
        whole = _of_whole_halves(whole)
    sides = [one for one, _ in whole], [other for _, other in whole]
    curves, baselines = (_stacked(spec, side) for side in sides)
    metric = spec.score.metric
    chosen = [chosen_on_others(costs(metric, side)) for side in (curves, baselines)]
    stopped = stopped_scores = stopped_steps = None
    scores, against_scores = curves[:, -1], baselines[:, -1]
    at_last = [curves.shape[1] - 1] * len(curves)
    influences = images.between((sides[0], at_last), (sides[1], at_last))
    effect = last = _effect(spec, scores, against_scores, influences, look)
    last_pairs, stopped_pairs = (scores, against_scores), None
    last_scores = _mean(scores), _mean(against_scores)
    if chosen[0] is not None and chosen[1] is not None:
        each = np.arange(len(curves))
        at_best = stopped_pairs = curves[each, chosen[0]], baselines[each, chosen[1]]
        of_best = images.between((sides[0], chosen[0].tolist()), (sides[1], chosen[1].tolist()))
        stopped = _effect(spec, *at_best, of_best, look)
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
        seeds=len(pairs),
        diverged=sum(a.curve is None or b.curve is None for a, b in pairs),
        own_diverged=sum(a.curve is None for a, _ in pairs),
        baseline_diverged=sum(b.curve is None for _, b in pairs),
        influences=influences,
        last_pairs=last_pairs,
        stopped_pairs=stopped_pairs,
    )


def _effect(
    spec: Spec,
    scores: np.ndarray,
    against: np.ndarray,
    influences: np.ndarray | None,
    look: Look | None,
) -> Effect | None:
    if look is None:
        return None
    metric, of_seeds = spec.score.metric, spec.confirm.images
    return paired_effect(metric, scores, against, influences, look, of_seeds)


Pairs = list[tuple[ArmAttributes, ArmAttributes]]


def _pairs(everything: Trainings, role: str, name: str, against: str) -> tuple[Pairs, Pairs]:
    """Two arms by the seeds that both were trained by; and those by which both stayed finite."""
    own, other = (
        {e.seed: e for e in everything if e.role == role and e.arm == arm}
        for arm in (name, against)
    )
    pairs = [(own[seed], other[seed]) for seed in sorted(own.keys() & other.keys())]
    return pairs, [(a, b) for a, b in pairs if a.curve is not None and b.curve is not None]


def _of_whole_halves(pairs: Pairs) -> Pairs:
    """Those whose seed's other half is there, too: seeds 1 and 2, 3 and 4, …"""
    seeds = {arm.seed for arm, _ in pairs}
    return [(a, b) for a, b in pairs if other_half(a.seed) in seeds]


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
