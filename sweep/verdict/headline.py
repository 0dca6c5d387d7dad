"""The answer of a study before all else: a word with its strongest caveat, and one sentence."""

from dataclasses import dataclass

import numpy as np

from normsweep.objectives.distances import cost
from normsweep.verdict.answers import Answer
from normsweep.verdict.reading import Confirmation, Confirmed
from normsweep.verdict.statistics.estimate import paired_estimate
from normsweep.verdict.where import nothing_better
from normsweep.verdict.wording import verdict_sentence
from normsweep.verdict.words import described, direction, interval, metric_name, number

NOT_CONFIRMED, NO_SCORE = "not confirmed", "no score yet"
TONES = {
    "helps": "good",
    "hurts": "bad",
    "negligible": "none",
    "unclear": "unsure",
    "unfinished": "open",
}
SIGNS = {"good": "✓", "bad": "✗", "none": "≈", "unsure": "?", "open": "…"}
"""By tone, what a word is told by beside its colour."""


@dataclass(frozen=True)
class Headline:
    """What is said first.

    `word` is the verdict's, or says that there is none; `caveat` goes on from it, if there is one.
    `sentence` says by how much, and how sure that is. `command` is what brings a verdict where
    there is none, with a space between. `tone` is one of `SIGNS`.
    """

    word: str
    sentence: str
    tone: str
    caveat: str | None = None
    command: str | None = None

    @property
    def title(self) -> str:
        """The word with the caveat, as a heading."""
        return capital(self.word + (f", {self.caveat}" if self.caveat else ""))

    @property
    def sign(self) -> str:
        """What tells it without colour."""
        return SIGNS[self.tone]


def headline(found: Answer, confirmed: Confirmation | None, option: str = "") -> Headline:
    """The headline of a study; without a confirmation it is no verdict, whatever the scores are.

    `option` names the storage in commands, with a space in front.
    """
    if confirmed is not None:
        return verdict_headline(confirmed)
    command = f"sweep confirm {found.study}{option}"
    best, baseline = found.best, found.baseline
    if best is None:
        has = "is feasible by score.require" if found.missed else "has a score"
        return Headline(NO_SCORE, f"No trial of the search {has} yet.{_failed(found)}", "open")
    metric = metric_name(found.spec.score.metric)
    subject = capital(described(best))
    if len(found.ranking) > 1:
        subject = f"The best of {len(found.ranking)}, {described(best)},"
    if baseline is None or found.difference is None:
        why = found.unpaired or "there is no baseline to compare it with"
        told = f"{subject} has {metric} {number(best.score)}. {capital(why)}."
        return Headline(NOT_CONFIRMED, told, "open")
    differences = np.subtract(best.fold_scores, baseline.fold_scores)
    bounds = paired_estimate(differences)
    over = f" over the {len(differences)} folds of one seed"
    sure = "" if bounds is None else f" ({interval(bounds)}{over})"
    told = (
        f"{subject} differs in {metric} by {found.difference.mean:+.3g} from the baseline's "
        f"{number(baseline.score)}{sure}"
    )
    if found.beats_baseline is False:
        return Headline(NOT_CONFIRMED, f"{told}. {nothing_better(found)}.", "open", None, command)
    told += "; the best of many is also the luckiest."
    return Headline(NOT_CONFIRMED, told, "open", None, command)


def verdict_headline(found: Confirmation) -> Headline:
    """The headline of a study that has a confirmation, finished or not."""
    word, _, rest = verdict_sentence(found).partition(": ")
    return Headline(word, f"{capital(rest)}.", TONES[found.verdict], caveat(found))


def caveat(found: Confirmation) -> str | None:
    """What most weakens a verdict that is one, to be read on from its word; None for nothing.

    First that stopping early does as much; then that images nothing has touched say otherwise; then
    that other images might.
    """
    if found.verdict not in ("helps", "hurts"):
        return None
    best, metric = found.best, found.spec.score.metric
    if found.spec.score.at == "final" and (said := _of_stopping(found, best)):
        return said
    look = found.final
    if look is not None and len(look.scores) and look.name == best.name:
        own, other = float(look.scores.mean()), float(look.baseline_scores.mean())
        gain = cost(metric, other) - cost(metric, own)
        if gain * best.lead < 0:
            return f"but not on untouched images ({number(own)} against {number(other)})"
    of_these = found.spec.confirm.images == "these"
    if of_these and best.effect is not None and best.effect.of_images is None:
        return "as far as these judging images go"
    return None


def stopping_alone(found: Confirmation) -> float | None:
    """The step at which the baseline, stopped early, scores as well as the best config at its end.

    None where it does not, and of a config that is no better than the baseline at its own end.
    """
    best, metric = found.best, found.spec.score.metric
    if found.spec.score.at != "final" or best.stopped_scores is None or best.stopped_steps is None:
        return None
    enough = best.lead > 0 and cost(metric, best.stopped_scores[1]) <= cost(metric, best.score)
    return best.stopped_steps[1] if enough else None


def scale_sentence(found: Answer) -> str | None:
    """What the best and the worst scores are that one can expect; None where they are not known."""
    named = {"real": "real images against other real ones", "untrained": "untrained networks"}
    told = [
        f"{number(float(np.mean(found.references[name])))} for {what}"
        for name, what in named.items()
        if name in found.references
    ]
    if not told:
        return None
    metric = found.spec.score.metric
    return f"For scale: {metric_name(metric)} ({direction(metric)}) is {' and '.join(told)}."


def capital(text: str) -> str:
    """Text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def _of_stopping(found: Confirmation, best: Confirmed) -> str | None:
    """That early stopping does what regularisation does, or undoes it."""
    if best.stopped is None or best.stopped_scores is None or best.stopped_steps is None:
        return None
    metric, alone = found.spec.score.metric, best.stopped_scores[1]
    if found.verdict == "helps" and (enough := stopping_alone(found)) is not None:
        return f"but no more than stopping at step {enough:,.0f} does ({number(alone)})"
    gain = cost(metric, alone) - cost(metric, best.stopped_scores[0])
    if not best.stopped.is_certain or gain * best.lead < 0:
        return f"but not for certain with both stopped early ({best.stopped.estimate.mean:+.3g})"
    return None


def _failed(found: Answer) -> str:
    if not found.failures:
        return ""
    trial, why = next(iter(found.failures.items()))
    return f" {len(found.failures)} failed, trial {trial} because: {why}."
