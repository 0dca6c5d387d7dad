"""What a confirmation says, in sentences of plain text."""

from collections.abc import Iterator, Sequence

from objectives.distances import DISTANCES
from objectives.distances.contract import HIGHER
from sweep.confirm.arms import BASELINE_ARM
from sweep.confirm.reading import ALPHA, Confirmation, Confirmed, Effect
from sweep.confirm.records import Kept
from sweep.statistics.corrected import Estimate
from sweep.study.records import CONFIRM
from sweep.study.words import described, interval, metric_name, number, p_value

WORDS = {
    "helps": "helps",
    "hurts": "hurts",
    "unclear": "no effect that this study could detect",
}


def verdict_sentence(found: Confirmation) -> str:
    """The verdict: whether regularisation helps, by how much, and how sure that is."""
    best = found.best
    word = WORDS[found.verdict]
    subject = described(best.trial)
    metric = metric_name(found.spec.score.metric)
    if best.effect is None:
        return f"{word}: {subject} has too few confirmed scores to judge"
    against = _baseline(best)
    numbers = _estimate(best.effect.estimate, best.effect.adjusted_p, len(found.candidates))
    if found.verdict == "unclear":
        return (
            f"{word}: {subject} differs in {metric} by {best.effect.estimate.mean:+.3g} from "
            f"{against} {numbers}; four such studies in five would have found an effect of "
            f"{number(best.effect.detectable)}" + _alone(best.effect)
        )
    wins = round(best.effect.wins * len(best.scores))
    moves = "raises" if (best.effect.estimate.mean > 0) else "lowers"
    every = ""
    if found.verdict == "hurts":
        of = "" if all(entry.is_paired for entry in found.candidates) else " that can be compared"
        every = f"every candidate{of} is worse, and the best of them, "
    return (
        f"{word}: {every}{subject}, {moves} {metric} by {abs(best.effect.estimate.mean):.3g} from "
        f"{against} {numbers}, and is better on {wins} of {len(best.scores)} seeds"
    )


def _alone(effect: Effect) -> str:
    """What to say where the interval leaves 0 out and the verdict does not."""
    if effect.is_certain or effect.estimate.p > ALPHA:
        return ""
    return f" (alone, without other candidates, it would be certain: p = {effect.estimate.p:.2g})"


def details(found: Confirmation) -> Iterator[str]:
    """What stands behind the verdict, a sentence each."""
    best = found.best
    metric = metric_name(found.spec.score.metric)
    folds = best.scores.shape[1]
    yield (
        f"Confirmed on {_count(found.seeds, 'seed')} and folds that the search never saw, {folds} "
        f"folds each; better is {'higher' if _higher(found) else 'lower'}."
    )
    if best.effect is not None and best.effect.relative is not None:
        yield (
            f"The effect is {abs(best.effect.relative):.1f} times the baseline's standard "
            "deviation between seeds."
        )
    if best.effect is not None and best.effect.over_seeds is not None:
        yield _over_seeds_sentence(best.effect, len(best.scores), len(found.candidates))
    yield (
        f"Its lead over the baseline was {number(best.search_lead)} in the search ({metric} "
        f"{number(best.trial.score)}), and is {number(best.lead)} confirmed "
        f"({number(best.score)} against {number(best.baseline_score)}){_luck(best)}."
    )
    if found.spec.score.at == "best":
        yield from _of_best_chunks(found)
    elif best.stopped is not None and best.stopped_scores and best.stopped_steps:
        own, other = best.stopped_scores
        yield (
            f"With both stopped early, each where other seeds are best ({_steps(best)}), "
            f"{metric} is {number(own)} against the baseline's {number(other)} "
            f"{_estimate(best.stopped.estimate, best.stopped.adjusted_p, len(found.candidates))}."
        )
        yield _of_stopping_alone(best, metric)
    for entry in found.candidates:
        if entry.diverged:
            yield _diverged_sentence(entry)
    if found.final is not None:
        yield _final_sentence(found, metric)


def _over_seeds_sentence(effect: Effect, seeds: int, candidates: int) -> str:
    assert effect.over_seeds is not None and effect.adjusted_p_over_seeds is not None
    said = _estimate(effect.over_seeds, effect.adjusted_p_over_seeds, candidates)
    return (
        f"The verdict allows for other images. With these taken as given, the means of the {seeds} "
        f"seeds alone say {effect.over_seeds.mean:+.3g} {said}."
    )


def _luck(best: Confirmed) -> str:
    """What is less than the search saw of it was luck; there need not be less.

    Against another baseline than the search's the leads differ by what the settings do, too.
    """
    if best.against != BASELINE_ARM:
        return "; the search's baseline had other settings"
    return ": the rest was luck" if best.lead < best.search_lead else ""


def _of_best_chunks(found: Confirmation) -> Iterator[str]:
    """What was scored where, with scores at the best chunk: all of them are stopped early."""
    if found.best.stopped_steps is not None:
        yield (
            "All scores are stopped early, each at the chunk that is best on other seeds "
            f"({_steps(found.best)})."
        )
    if single := [entry.name for entry in found.candidates if len(entry.scores) == 1]:
        yield (
            f"{' and '.join(single)} and the baseline are scored at their last chunk: with one "
            "seed there are no others to choose the best by."
        )


def _steps(best: Confirmed) -> str:
    assert best.stopped_steps is not None
    own, other = best.stopped_steps
    return f"after {own:.0f} and {other:.0f} steps on average"


def _diverged_sentence(entry: Confirmed) -> str:
    """Which side did not stay finite, and what follows from that."""
    of = _count(entry.diverged + len(entry.scores), "seed")
    if not entry.own_diverged:
        return (
            f"The {entry.against} did not stay finite on {entry.baseline_diverged} of {of}, where "
            f"{entry.name} did; they are left out."
        )
    other = f" and its baseline on {entry.baseline_diverged}" if entry.baseline_diverged else ""
    return (
        f"{entry.name} did not stay finite on {entry.own_diverged} of {of}{other}, which are left "
        "out; it is not called helpful."
    )


def nothing_sentence(everything: Sequence[Kept]) -> str:
    """Why what is stored of a confirmation holds no pair of finite scores."""
    curves: dict[str, list[bool]] = {}
    for entry in everything:
        if entry.role == CONFIRM:
            curves.setdefault(entry.arm, []).append(entry.curve is None)
    told = ", ".join(
        f"{arm} on {sum(failed)} of {_count(len(failed), 'seed')}"
        for arm, failed in curves.items()
        if any(failed)
    )
    return (
        "nothing to compare: no candidate and its baseline both stayed finite on a seed. "
        f"Diverged: {told}."
    )


def _of_stopping_alone(best: Confirmed, metric: str) -> str:
    assert best.stopped_scores is not None
    stopped = best.stopped_scores[1]
    return (
        f"The baseline itself goes from {number(best.baseline_score)} at its scored step to "
        f"{number(stopped)} by early stopping alone; {best.name} without stopping is at "
        f"{number(best.score)}."
    )


def _final_sentence(found: Confirmation, metric: str) -> str:
    assert found.final is not None
    look = found.final
    own, other = float(look.scores.mean()), float(look.baseline_scores.mean())
    bounds = "" if look.estimate is None else f" ({interval(look.estimate)})"
    return (
        "On images that nothing else has touched, trained on all others: "
        f"{metric} {number(own)} for {look.name} against {number(other)} for its baseline, "
        f"difference {own - other:+.3g}{bounds}."
    )


def _baseline(entry: Confirmed) -> str:
    return f"the baseline's {number(entry.baseline_score)}"


def _estimate(estimate: Estimate, adjusted_p: float, candidates: int) -> str:
    over = f", adjusted for {candidates} candidates" if candidates > 1 else ""
    return f"({interval(estimate)}; {p_value(adjusted_p)}{over})"


def _higher(found: Confirmation) -> bool:
    return DISTANCES[found.spec.score.metric].better == HIGHER


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
