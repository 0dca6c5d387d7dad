"""Two studies side by side, and paired by fold where their scores may be compared."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.storages import RDBStorage

from normsweep.objectives.distances import cost
from normsweep.spec.fields import SCORE, causes
from normsweep.spec.spec import Spec
from normsweep.study.attributes import CONFIRM, study_attributes
from normsweep.study.confirmation import find_confirmation, planned, trainings
from normsweep.verdict.answers import Answer, Ranked, answer
from normsweep.verdict.effect import ALPHA
from normsweep.verdict.headline import stopping_alone
from normsweep.verdict.images import JudgingImages
from normsweep.verdict.reading import read_confirmation
from normsweep.verdict.statistics import verdict_estimate
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.over_halves import other_half
from normsweep.verdict.statistics.stopping import chosen_on_others
from normsweep.verdict.words import metric_name, number

_FINGERPRINTS = ("data", "folds", "features", "samples", "training")
"""Those that two studies must share."""


@dataclass(frozen=True)
class Side:
    """A study with its best config, and that config's scores by seed, [folds] each.

    Where both studies are confirmed it is the config that its confirmation is about, by the seeds
    of that verdict, else the best of its search, under seed 0. `candidates` are so many as that
    confirmation chose it from, None where it is the search's. `diverged` are seeds by which it did
    not stay finite, `beyond` how many there are that the verdict is not of. `influences` are those
    of the images [images] on the mean of `scores`, by seed. `entry` is None where no config has a
    score. `stopping` is the step at which its confirmed baseline, stopped early, scores as well as
    that config, and how well that is; None where it does not.
    """

    found: Answer
    entry: Ranked | None
    scores: dict[int, np.ndarray]
    diverged: tuple[int, ...] = ()
    candidates: int | None = None
    influences: dict[int, np.ndarray] = field(default_factory=dict)
    stopping: tuple[float, float] | None = None
    beyond: int = 0

    @property
    def name(self) -> str:
        return self.found.study

    @property
    def score(self) -> float | None:
        """The mean over seeds and folds."""
        return self.score_on(self.scores) if self.scores else None

    def score_on(self, seeds: Iterable[int]) -> float:
        """The mean over some of the seeds, and folds."""
        return float(np.mean([self.scores[seed] for seed in seeds]))


@dataclass(frozen=True)
class Comparison:
    """Two studies: score of the first minus score of the second, if they can be paired.

    `apart` says why they cannot, a reason each. `notes` is what a reader should know beside the
    difference. `confirmed` is true where both sides are judged by their confirmations. `seeds` are
    those that both have, which `differences` are of.
    """

    first: Side
    second: Side
    confirmed: bool
    differences: np.ndarray | None
    estimate: Estimate | None
    apart: tuple[str, ...]
    notes: tuple[str, ...]
    seeds: tuple[int, ...] = ()

    @property
    def scores(self) -> tuple[float, float]:
        """Those of the two whose difference is told: seeds that one side lacks would shift them."""
        return self.first.score_on(self.seeds), self.second.score_on(self.seeds)

    @property
    def better(self) -> Side | None:
        """The study that is better for certain, if one is, and stayed finite on every seed."""
        if self.estimate is None or self.estimate.p > ALPHA:
            return None
        metric = self.first.found.spec.score.metric
        first, second = (cost(metric, score) for score in self.scores)
        side = self.first if first < second else self.second
        return None if side.diverged else side

    @property
    def verdict(self) -> str:
        """`first`, `second`, `unclear`, or `unpaired`."""
        if self.apart:
            return "unpaired"
        if self.better is None:
            return "unclear"
        return "first" if self.better is self.first else "second"


def compare(
    first: tuple[optuna.Study, RDBStorage], second: tuple[optuna.Study, RDBStorage]
) -> Comparison:
    """The best configs of two studies, paired by fold, and by seed where both are confirmed.

    The folds of a confirmation follow from the data's seed and the number of the repetition, so
    that two studies with equal fold plans share them, and the images that judge. The p-value is
    by the test of the verdict (`verdict/statistics/`); there is none of one seed. Raises
    `UserError` for a study that was not made by sweep.
    """
    answers = answer(first[0]), answer(second[0])
    confirmed = _confirmed(*first, answers[0]), _confirmed(*second, answers[1])
    one, other = confirmed
    both = one is not None and other is not None
    if one is None or other is None:
        one, other = _searched(answers[0]), _searched(answers[1])
    apart = tuple(_reasons(first[0], second[0], one, other))
    if both:
        apart += tuple(_divided_otherwise(first, second, one, other))
    seeds = sorted(one.scores.keys() & other.scores.keys())
    images = one.found.spec.confirm.images if both else "these"
    if images == "halves":
        seeds = [seed for seed in seeds if other_half(seed) in seeds]
    if not apart and not seeds:
        apart = ("no seed is confirmed in both: sweep confirm adds some",)
    if apart:
        return Comparison(one, other, both, None, None, apart, ())
    differences = np.stack([one.scores[seed] - other.scores[seed] for seed in seeds])
    influences = None
    if all(seed in side.influences for side in (one, other) for seed in seeds):
        # Equal fingerprints: an image has the same number in both.
        influences = np.stack([one.influences[seed] - other.influences[seed] for seed in seeds])
    estimate, _ = verdict_estimate(differences, influences, images) or (None, "")
    unconfirmed = [
        side.name for side, found in zip((one, other), confirmed, strict=True) if found is None
    ]
    notes = (*_of_seeds((one, other), seeds), *_notes((one, other), unconfirmed))
    return Comparison(one, other, both, differences, estimate, (), notes, tuple(seeds))


def _searched(found: Answer) -> Side:
    best = found.best
    return Side(found, best, {} if best is None else {0: np.array(best.fold_scores)})


def _confirmed(study: optuna.Study, storage: RDBStorage, found: Answer) -> Side | None:
    confirmation = read_confirmation(study, storage)
    if confirmation is None or confirmation.missing:
        return None
    best = confirmation.best
    every = [
        entry
        for entry in trainings(find_confirmation(study, storage))
        if entry.role == CONFIRM and entry.arm == best.name
    ]
    # It was chosen by these. By more of them another candidate may be the best.
    look = confirmation.look
    arm = [entry for entry in every if look is None or entry.seed <= look]
    curves = {entry.seed: entry.curve for entry in arm if entry.curve is not None}
    if found.spec.confirm.images == "halves":
        # A verdict leaves out who has lost its other half.
        curves = {seed: curve for seed, curve in curves.items() if other_half(seed) in curves}
    chunks = np.array([len(curve) - 1 for curve in curves.values()])
    if found.spec.score.at == "best":
        metric = found.spec.score.metric
        costs = np.array([[[cost(metric, x) for x in row] for row in c] for c in curves.values()])
        chosen = chosen_on_others(costs)
        chunks = chunks if chosen is None else chosen
    scores = {seed: curve[at] for (seed, curve), at in zip(curves.items(), chunks, strict=True)}
    diverged = tuple(entry.seed for entry in arm if entry.curve is None)
    judging = JudgingImages.of(storage, found.spec)
    whole = [entry for entry in arm if entry.seed in curves]
    images = judging.at(whole, chunks.tolist())
    influences = {} if images is None else dict(zip(curves, images, strict=True))
    step, alone = stopping_alone(confirmation), best.stopped_scores
    stopping = None if step is None or alone is None else (step, alone[1])
    candidates = len(confirmation.candidates)
    beyond = len(every) - len(arm)
    return Side(found, best.trial, scores, diverged, candidates, influences, stopping, beyond)


def _reasons(first: optuna.Study, second: optuna.Study, one: Side, other: Side) -> Iterator[str]:
    for side in (one, other):
        if side.entry is None:
            counts = {state: n for state, n in side.found.counts.items() if n}
            told = ", ".join(f"{n} {state}" for state, n in counts.items())
            yield f"no config of the search of {side.name!r} has a score yet ({told})"
    specs = one.found.spec, other.found.spec
    for path in causes(SCORE):
        values = [spec.value(path) for spec in specs]
        if values[0] != values[1]:
            yield f"{path}: {values[0]} and {values[1]}"
    prints = [study_attributes(study).fingerprints for study in (first, second)]
    for name in _FINGERPRINTS:
        if prints[0].get(name) == prints[1].get(name):
            continue
        told = "; ".join(_differing(specs, causes(name)))
        reason = told or "the same settings: other files, versions or machine"
        yield f"the {name} fingerprints differ ({reason})"


def _divided_otherwise(
    first: tuple[optuna.Study, RDBStorage],
    second: tuple[optuna.Study, RDBStorage],
    one: Side,
    other: Side,
) -> Iterator[str]:
    """Why seeds of two confirmations do not share their images."""
    images = [side.found.spec.confirm.images for side in (one, other)]
    if images[0] != images[1]:
        yield f"confirm.images: {images[0]} and {images[1]}"
    wanted = [planned(find_confirmation(*each)) for each in (first, second)]
    parts = [0 if plan is None else plan.parts for plan in wanted]
    if images[0] == images[1] and parts[0] != parts[1]:
        yield f"the images were divided into {parts[0]} and {parts[1]} parts"


def _differing(specs: tuple[Spec, Spec], fields: tuple[str, ...]) -> Iterator[str]:
    for path in fields:
        values = [spec.value(path) for spec in specs]
        if values[0] != values[1]:
            one, other = ("not set" if value is None else value for value in values)
            yield f"{path}: {one} and {other}"


def _of_seeds(sides: tuple[Side, Side], shared: Sequence[int]) -> Iterator[str]:
    """Which seeds the numbers are of, where these are not all that there are."""
    if any(len(side.scores) > len(shared) for side in sides):
        one, other = sides
        those = "the seed" if len(shared) == 1 else f"the {len(shared)} seeds"
        metric = metric_name(one.found.spec.score.metric)
        yield (
            f"The difference is on {those} that both have, where {metric} is "
            f"{number(one.score_on(shared))} for {one.name} and {number(other.score_on(shared))} "
            f"for {other.name}; in the table each has all that its verdict is of."
        )
    for side in sides:
        if side.beyond:
            more = "1 more seed is" if side.beyond == 1 else f"{side.beyond} more seeds are"
            yield (
                f"Of {side.name} {more} there than its verdict is of: as in sweep show, no word "
                "rests on those."
            )


def _notes(sides: tuple[Side, Side], unconfirmed: list[str]) -> Iterator[str]:
    if unconfirmed:
        yield (
            "These are the scores by which each search chose its best: the one with more trials "
            "had more luck to choose from. Surer:  "
            + ";  ".join(f"sweep confirm {name}" for name in unconfirmed)
        )
    elif any((side.candidates or 1) > 1 for side in sides):
        chosen = " and ".join(f"{side.name}'s of {side.candidates}" for side in sides)
        yield (
            "The best of several candidates was chosen by the same confirmed scores, and is the "
            f"luckier the more there are: {chosen}."
        )
    seeds = [side.found.spec.study.seed for side in sides]
    if seeds[0] != seeds[1]:
        yield (
            f"study.seed: {seeds[0]} and {seeds[1]}: the folds are shared, initial weights and "
            "batches are not, so that more of the difference is noise."
        )
    for side in sides:
        if side.stopping is not None:
            step, score = side.stopping
            yield (
                f"Stopping the baseline of {side.name} at step {step:,.0f} does as well as its "
                f"best config: {number(score)} against {number(side.score)}."
            )
    for side in sides:
        if side.diverged:
            yield (
                f"{side.name} did not stay finite on {len(side.diverged)} of its seeds, which are "
                "left out; it is not called better."
            )
    if any(side.found.spec.score.second for side in sides):
        yield f"Compared by the first metric, {sides[0].found.spec.score.metric}, alone."
