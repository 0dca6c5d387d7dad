"""The race of a study's configs before its confirmation: who trains further, and who won."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from normsweep.study.attributes import REPLICATE, ArmAttributes, Planned
from normsweep.verdict.answers import Answer, Ranked
from normsweep.verdict.arms import arm_name, contenders
from normsweep.verdict.effect import costs
from normsweep.verdict.statistics.racing import Heat, means, next_heat


@dataclass(frozen=True)
class Race:
    """What is known of a race for `top` places with so many trainings.

    `entries` are those that may be confirmed, `costs` what they have, [seeds, folds] each, from the
    search on; `next` are the names of those that train next, and by which seed, None in the end.
    """

    entries: tuple[Ranked, ...]
    costs: tuple[np.ndarray, ...]
    next: tuple[int, tuple[str, ...]] | None

    @property
    def trained(self) -> int:
        """How many trainings went into it."""
        return sum(len(each) - 1 for each in self.costs)

    @property
    def racers(self) -> int:
        """How many configs have trained further."""
        return sum(len(each) > 1 for each in self.costs)


def race(found: Answer, everything: Sequence[ArmAttributes], top: int, trainings: int) -> Race:
    """The race of a study whose confirmation holds `everything`: it follows from these alone.

    A training that failed is worse than all that did not.
    """
    metric, folds = found.spec.score.metric, found.spec.score.folds
    # What another program has written may have others.
    entries = tuple(entry for entry in contenders(found) if len(entry.fold_scores) == folds)
    kinds = [(entry.kind, entry.target) for entry in entries]
    known = [costs(metric, np.array([entry.fold_scores])) for entry in entries]
    further = {
        (each.arm, each.seed): np.full(folds, np.inf)
        if each.curve is None
        else costs(metric, _scored(found, each.curve))
        for each in everything
        if each.role == REPLICATE
    }
    left = trainings
    while (heat := next_heat(known, kinds, top, left)) is not None:
        names = tuple(arm_name(entries[c]) for c in heat.configs)
        if any((name, heat.seed) not in further for name in names):
            return Race(entries, tuple(known), (heat.seed, names))
        _take(known, heat, [further[name, heat.seed] for name in names])
        left -= len(names)
    return Race(entries, tuple(known), None)


def raced(found: Answer, of: Race) -> Answer:
    """The answer with its ranking as the race leaves it."""
    if not of.trained:
        return found
    order = np.argsort(means(of.costs), kind="stable")
    ranking = tuple(of.entries[place] for place in order)
    racing = {entry.number for entry in ranking}
    others = tuple(entry for entry in found.ranking if entry.number not in racing)
    return replace(found, ranking=ranking + others)


def of_race(planned: Planned | None) -> Iterator[str]:
    """That a race chose what was confirmed, in a sentence; none where there was none."""
    if planned is not None and planned.replicates:
        yield (
            f"Which configs are confirmed, {planned.replicates} further trainings at most said "
            "before: of those within noise of the best of their kind, by other seeds, on which no "
            "verdict rests."
        )


def _take(known: list[np.ndarray], heat: Heat, trained: list[np.ndarray]) -> None:
    for c, each in zip(heat.configs, trained, strict=True):
        known[c] = np.concatenate([known[c], each[None]])


def _scored(found: Answer, curve: np.ndarray) -> np.ndarray:
    """The scores [folds] of a training, where the search takes those of its trials."""
    if found.spec.score.at == "final":
        last: np.ndarray = curve[-1]
        return last
    best: np.ndarray = curve[int(costs(found.spec.score.metric, curve).mean(axis=1).argmin())]
    return best
