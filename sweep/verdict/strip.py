"""The effects of a confirmation drawn in text: each interval against 0, with its seeds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from normsweep.verdict.effect import Effect
from normsweep.verdict.reading import Confirmation, Confirmed

LAST, STOPPED = "at the last step", "both stopped early"
WIDTH, _LEAST_BESIDE, _LEAST = 41, 31, 21


@dataclass(frozen=True)
class Pairs:
    """A candidate beside its baseline, [seeds] each, and the effect between them.

    `how` is `LAST` or `STOPPED`. There is no effect of a single seed.
    """

    entry: Confirmed
    how: str
    scores: np.ndarray
    baseline_scores: np.ndarray
    effect: Effect | None


def pairs_of(found: Confirmation) -> tuple[Pairs, ...]:
    """Each candidate by its last chunk and stopped early, that first by which the study scores.

    Those that share no finite seed with their baseline are left out, and so is stopping where it
    stops nothing.
    """
    made = []
    for entry in found.candidates:
        if not entry.is_paired:
            continue
        ways = [(LAST, entry.last_pairs, entry.last)]
        if entry.stopped_steps is not None and min(entry.stopped_steps) < found.spec.train.steps:
            ways.append((STOPPED, entry.stopped_pairs, entry.stopped))
        if found.spec.score.at == "best":
            ways.reverse()
        for how, sides, effect in ways:
            if sides is not None:
                own, other = (side.mean(axis=1) for side in sides)
                made.append(Pairs(entry, how, own, other, effect))
    return tuple(made)


def strip(found: Confirmation, width: int = WIDTH, cells: int | None = None) -> Iterator[str]:
    """A line for each of `pairs_of` that has an interval, below a line with the scale.

        trial 7            ├──·─●·──┤   │            -0.52

    `●` is the mean, `·` a seed's difference, `│` stands at 0. Nothing where there is no interval.
    Where a line has but so many `cells`, it is narrower, or names have lines for themselves.
    """
    drawn = [pairs for pairs in pairs_of(found) if pairs.effect is not None]
    estimates = [pairs.effect.estimate for pairs in drawn if pairs.effect is not None]
    if not estimates:
        return
    low = min(0.0, *(each.low for each in estimates))
    high = max(0.0, *(each.high for each in estimates))
    span = high - low or 1.0

    labels = [f"{pairs.entry.name} {pairs.how}" for pairs in drawn]
    first = max(map(len, labels))
    room = width if cells is None else cells - 2 - max(len(f"{e.mean:+.3g}") for e in estimates)
    beside = cells is None or room - first - 2 >= _LEAST_BESIDE
    width = min(width, room - first - 2 if beside and cells is not None else max(room, _LEAST))

    def place(value: float) -> int:
        return min(width - 1, max(0, round((value - low) / span * (width - 1))))

    ends = f"{low:+.3g}" if low else "0", f"{high:+.3g}" if high else "0"
    scale = f"{ends[0]}{ends[1]:>{width - len(ends[0])}}"
    yield f"{'difference':<{first}}  {scale}" if beside else scale
    for label, pairs, each in zip(labels, drawn, estimates, strict=True):
        marks = [" "] * width
        begin, end = place(each.low), place(each.high)
        marks[begin : end + 1] = "─" * (end + 1 - begin)
        marks[begin], marks[end] = "├", "┤"
        marks[place(0.0)] = "│" if not begin < place(0.0) < end else "┼"
        for difference in pairs.scores - pairs.baseline_scores:
            # Beyond the scale, and on the marks of the interval and of 0, there is no place for it.
            if low <= difference <= high and marks[at := place(float(difference))] in "─ ":
                marks[at] = "·"
        marks[place(each.mean)] = "●"
        drawing = f"{''.join(marks)}  {each.mean:+.3g}"
        if beside:
            yield f"{label:<{first}}  {drawing}"
        else:
            yield from (label, drawing)
