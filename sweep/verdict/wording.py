"""What a confirmation says, in sentences of plain text."""

from collections.abc import Iterator, Sequence

from normsweep.objectives.distances import DISTANCES, SCORES
from normsweep.objectives.distances.contract import HIGHER
from normsweep.verdict.arms import BASELINE_ARM
from normsweep.verdict.effect import ALPHA, Effect
from normsweep.verdict.futility import why_in_vain
from normsweep.verdict.race import of_race
from normsweep.verdict.reading import Confirmation, Confirmed, FinalLook, plan_of
from normsweep.verdict.statistics import BESIDE
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.looks import FIRST, looks
from normsweep.verdict.words import described, interval, metric_name, number, p_value

WORDS = {
    "helps": "helps",
    "hurts": "hurts",
    "negligible": "no effect larger than",
    "unclear": "not decided",
    "unfinished": "unfinished",
}

FEWEST_SEEDS = 4
"""Of fewer, variances between seeds are as good as not known, and not told."""


def verdict_sentence(found: Confirmation) -> str:
    """The verdict: whether regularisation helps, by how much, and how sure that is."""
    best = found.best
    word = WORDS[found.verdict]
    subject = described(best.trial)
    metric = metric_name(found.spec.score.metric)
    if found.verdict == "unfinished":
        return f"{word}: {_what_is_missing(found)}{_so_far(found)}"
    if not best.is_paired:
        return f"{word}: nothing to compare, {_lost(found)}"
    if best.effect is None:
        few = "one confirmed seed" if len(best.scores) == 1 else "too few confirmed seeds"
        return f"{word}: {subject} has {few}, which says nothing of others"
    if found.verdict == "negligible":
        return (
            f"{word} {number(found.smallest)}: {_differs(found)}, all of which is within "
            f"±{number(found.smallest)} (confirm.smallest){_others_too(found)}"
        )
    if found.verdict == "unclear":
        return f"{word}: {_differs(found)}; {_why_no_word(found, best.effect)}"
    wins = round(best.effect.wins * len(best.scores))
    moves = "raises" if (best.effect.estimate.mean > 0) else "lowers"
    every = ""
    if found.verdict == "hurts":
        of = "" if all(entry.is_paired for entry in found.candidates) else " that can be compared"
        every = f"every candidate{of} is worse, and the best of them, "
        subject += ","
    return (
        f"{word}: {every}{subject} {moves} {metric} by {abs(best.effect.estimate.mean):.3g} from "
        f"{_baseline(best)} {_adjusted_estimate(found, best.effect)}, and is better on {wins} of "
        f"{len(best.scores)} seeds"
    )


def _what_is_missing(found: Confirmation) -> str:
    assert found.planned is not None
    asked = found.planned
    command = f"sweep confirm {found.spec.study.name} --top {asked.top} --seeds {asked.seeds}"
    most = "at most " if found.spec.confirm.looks == "each" and asked.seeds > FIRST else ""
    return (
        f"{most}{found.missing} of {len(asked.arms) * asked.seeds} trainings are still to be made, "
        f"by {command}, and there is no verdict before"
    )


def _so_far(found: Confirmation) -> str:
    return "" if found.best.effect is None else f". So far {_differs(found)}"


def _differs(found: Confirmation) -> str:
    best, effect = found.best, found.best.effect
    assert effect is not None
    return (
        f"{described(best.trial)} differs in {metric_name(found.spec.score.metric)} by "
        f"{effect.estimate.mean:+.3g} from {_baseline(best)} {_adjusted_estimate(found, effect)}"
    )


def _others_too(found: Confirmation) -> str:
    others = len(found.candidates) - 1
    return f", and so {'is' if others == 1 else 'are'} {_count(others, 'other')}" if others else ""


def _adjusted_estimate(found: Confirmation, effect: Effect) -> str:
    return _estimate(
        effect.estimate,
        effect.adjusted_p,
        len(found.candidates),
        alone=effect.test == BESIDE and found.spec.confirm.images == "these",
    )


def _why_no_word(found: Confirmation, effect: Effect) -> str:
    if found.futile:
        return why_in_vain(found, plan_of(found.planned))
    return _why_unclear(found.best, effect)


def _why_unclear(best: Confirmed, effect: Effect) -> str:
    if not effect.is_certain:
        detectable = number(effect.detectable)
        return (
            f"four such studies in five would have found an effect of {detectable}{_alone(effect)}"
        )
    # Certain, on the seeds that are left and of this candidate, and yet no verdict.
    of = _count(best.seeds, "seed")
    if best.own_diverged:
        return f"but it did not stay finite on {best.own_diverged} of {of}"
    if best.baseline_diverged:
        return f"but the {best.against} did not stay finite on {best.baseline_diverged} of {of}"
    return "but the other candidates do not for certain"


def _alone(effect: Effect) -> str:
    """What to say where the interval leaves 0 out and the verdict does not."""
    if effect.is_certain or effect.estimate.p > ALPHA:
        return ""
    return f" (alone, without other candidates, it would be certain: p = {effect.estimate.p:.2g})"


def details(found: Confirmation) -> Iterator[str]:
    """What stands behind the verdict, a sentence each."""
    if found.best.is_paired:
        yield from _details_of_best(found)
        yield from of_race(found.planned)
    for entry in found.candidates:
        if entry.diverged:
            yield _diverged_sentence(entry, halves=_is_of_halves(found))
    if found.final is not None:
        yield _final_sentence(found.final, metric_name(found.spec.score.metric))


def _details_of_best(found: Confirmation) -> Iterator[str]:
    best = found.best
    metric = metric_name(found.spec.score.metric)
    folds = best.scores.shape[1]
    higher = SCORES[found.spec.score.metric].better == HIGHER
    yield (
        f"Confirmed on {_count(found.seeds, 'seed')} and folds that the search never saw, {folds} "
        f"folds each; better is {'higher' if higher else 'lower'}."
    )
    if (
        best.effect is not None
        and best.effect.relative is not None
        and best.effect.is_certain
        and len(best.scores) >= FEWEST_SEEDS
    ):
        # Of fewer seeds the deviation is not known, and no effect has no size.
        yield (
            f"The effect is {abs(best.effect.relative):.1f} times the baseline's standard "
            "deviation between seeds."
        )
    yield from _looks(found)
    if best.effect is not None:
        yield _images_sentence(found, best.effect)
    yield (
        f"Its lead over the baseline was {number(best.search_lead)} in the search ({metric} "
        f"{number(best.trial.score)}), and is {number(best.lead)} confirmed "
        f"({number(best.score)} against {number(best.baseline_score)}){_luck(best)}."
    )
    if found.spec.score.at == "best":
        yield from _of_best_chunks(found)
    elif (
        best.stopped is not None
        and best.stopped_scores
        and best.stopped_steps
        and min(best.stopped_steps) < found.spec.train.steps
    ):
        own, other = best.stopped_scores
        yield (
            f"With both stopped early, each where other seeds are best ({_steps(best)}), "
            f"{metric} is {number(own)} against the baseline's {number(other)} "
            f"{_adjusted_estimate(found, best.stopped)}."
        )
        if best.stopped_steps[1] < found.spec.train.steps:
            yield _of_stopping_alone(best, metric)


def _looks(found: Confirmation) -> Iterator[str]:
    """When one looked, and what seeds beyond the plan say."""
    plan = plan_of(found.planned)
    each = looks(plan)
    if found.look is not None and len(each) > 1:
        ended = "which ended it" if found.is_over else "the last so far"
        if not found.is_over and found.look == each[-1]:
            ended = "the last"
        longer = ", made longer while it ran" if len(plan) > 1 else ""
        yield (
            f"Looked at after {_and(each)} seeds at most{longer}: intervals and p-values allow for "
            f"that. This is the look after {found.look}, {ended}."
        )
    if found.beyond:
        yield (
            f"More seeds were added when the {found.look} that were planned had given no word. No "
            "word rests on what all of them say: who adds seeds until there is one finds one."
        )
        yield from map(_beyond_sentence, found.beyond)


def _beyond_sentence(entry: Confirmed) -> str:
    """What all seeds say of a candidate, those beyond the plan too."""
    left, every = len(entry.scores), entry.seeds
    # Of halves of the images a seed that stayed finite is left out with the one that did not.
    alone = left + entry.diverged == every
    if not left:
        return (
            f"By all {every} there is no difference of {entry.name}: it and the {entry.against} "
            f"both stayed finite on {'none' if alone else 'both seeds of no pair of halves'}."
        )
    finite = "that" if alone else "whose pair of halves"
    by = f"By all {every}"
    if left < every:
        by = f"By the {left} of all {every} {finite} stayed finite"
    difference = float((entry.scores - entry.baseline_scores).mean())
    bounds = ""
    if entry.effect is not None:
        bounds = f" ({interval(entry.effect.estimate)}, as if so many had been planned)"
    return f"{by} the difference of {entry.name} is {difference:+.3g}{bounds}."


def _and(numbers: Sequence[int]) -> str:
    if len(numbers) > 3 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"each of {numbers[0]} to {numbers[-1]}"
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _images_sentence(found: Confirmation, effect: Effect) -> str:
    """What the verdict is about: whether other images could have judged otherwise."""
    if found.spec.confirm.images != "these":
        return _OTHER_IMAGES[found.spec.confirm.images]
    if effect.of_images is None:
        entry = DISTANCES.get(found.spec.score.metric)
        why = "was not stored with the scores"
        if entry is not None and entry.influence is None:
            why = f"is not known of {metric_name(found.spec.score.metric)}"
        return f"The images that judge are taken as given: what each of them adds {why}."
    about = (
        "The verdict is about training on these images, by any seed, as judged by all images of "
        "which the held-out ones are a sample"
    )
    if len(found.best.scores) < FEWEST_SEEDS:
        return f"{about}."
    share = f": that makes {100 * effect.of_images:.0f} % of its variance"
    said = _estimate(effect.over_seeds, effect.adjusted_p_over_seeds, len(found.candidates))
    return (
        f"{about}{share}. With these taken as given, the means of the {len(found.best.scores)} "
        f"seeds alone say {effect.over_seeds.mean:+.3g} {said}."
    )


_OTHER_IMAGES = {
    "shards": "Each seed had a part of the images of its own: the verdict is about training on so "
    "many as that, of all images of which these are a sample, by any seed.",
    "halves": "Each two seeds had the two halves of the images, divided anew each time: the "
    "verdict is about training on half as many as there are, of all images of which these are a "
    "sample, by any seed. The interval is a conservative one.",
}


def _luck(best: Confirmed) -> str:
    """What is less than the search saw of it was luck; there need not be less.

    Against another baseline than the search's the leads differ by what the settings do, too.
    """
    if best.against != BASELINE_ARM:
        return "; the search's baseline had other settings"
    return ": the rest was luck" if best.lead < best.search_lead else ""


def _of_best_chunks(found: Confirmation) -> Iterator[str]:
    """What was scored where, with scores at the best chunk: all of them are stopped early."""
    best = found.best
    metric = metric_name(found.spec.score.metric)
    if best.stopped_steps is not None:
        yield (
            "All scores are stopped early, each at the chunk that is best on other seeds "
            f"({_steps(best)})."
        )
        if best.last is not None:
            own, other = best.last_scores
            yield (
                f"Without stopping, both at their last chunk, {metric} is {number(own)} against "
                f"the baseline's {number(other)} {_adjusted_estimate(found, best.last)}."
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


def _is_of_halves(found: Confirmation) -> bool:
    return found.spec.confirm.images == "halves"


def _diverged_sentence(entry: Confirmed, *, halves: bool) -> str:
    """Which side did not stay finite, and what follows from that."""
    of = _count(entry.seeds, "seed")
    out = "left out" + (", each with the seed of its other half" if halves else "")
    if not entry.own_diverged:
        return (
            f"The {entry.against} did not stay finite on {entry.baseline_diverged} of {of}, where "
            f"{entry.name} did; they are {out}."
        )
    other = f" and its baseline on {entry.baseline_diverged}" if entry.baseline_diverged else ""
    return (
        f"{entry.name} did not stay finite on {entry.own_diverged} of {of}{other}, which are "
        f"{out}; it is not called helpful."
    )


def _lost(found: Confirmation) -> str:
    """Which arms diverged on how many seeds, where no pair of finite scores is left."""
    told = {
        arm: f"{arm} on {diverged} of {_count(entry.seeds, 'seed')}"
        for entry in found.candidates
        for arm, diverged in (
            (entry.against, entry.baseline_diverged),
            (entry.name, entry.own_diverged),
        )
        if diverged
    }
    where = "both seeds of a pair of halves" if _is_of_halves(found) else "a seed"
    return (
        f"no candidate and its baseline both stayed finite on {where} (diverged: "
        f"{', '.join(told.values())})"
    )


def _of_stopping_alone(best: Confirmed, metric: str) -> str:
    assert best.stopped_scores is not None
    stopped = best.stopped_scores[1]
    return (
        f"The baseline itself goes from {number(best.baseline_score)} at its scored step to "
        f"{number(stopped)} by early stopping alone; {best.name} without stopping is at "
        f"{number(best.score)}."
    )


def _final_sentence(look: FinalLook, metric: str) -> str:
    of = _count(look.diverged + len(look.scores), "seed")
    if not len(look.scores):
        return (
            f"On images that nothing else has touched: none, since {look.name} and its baseline "
            f"did not both stay finite on any of {of}."
        )
    own, other = float(look.scores.mean()), float(look.baseline_scores.mean())
    bounds = "" if look.estimate is None else f" ({interval(look.estimate)})"
    left_out = ""
    if look.diverged:
        left_out = f" On {look.diverged} of {of} one of the two did not stay finite."
    return (
        "On images that nothing else has touched, trained on those of all folds: "
        f"{metric} {number(own)} for {look.name} against {number(other)} for its baseline, "
        f"difference {own - other:+.3g}{bounds}.{left_out}"
    )


def _baseline(entry: Confirmed) -> str:
    return f"the baseline's {number(entry.baseline_score)}"


def _estimate(
    estimate: Estimate, adjusted_p: float, candidates: int, *, alone: bool = False
) -> str:
    """`alone` where it is by seeds alone, with the images that judge taken as given."""
    over = f", adjusted for {candidates} candidates" if candidates > 1 else ""
    of = ", by seeds alone" if alone else ""
    return f"({interval(estimate)}; {p_value(adjusted_p)}{over}{of})"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
