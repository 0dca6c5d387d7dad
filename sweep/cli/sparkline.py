"""λ profiles in one line of text."""

from collections.abc import Sequence

import numpy as np

BARS = "▁▂▃▄▅▆▇█"
EMPTY = "·"
PRUNED = "×"
PROFILE = 24


def sparkline(
    values: Sequence[float],
    scores: Sequence[float],
    low: float,
    high: float,
    width: int = PROFILE,
    pruned: Sequence[float] = (),
) -> str:
    """The median score in each of `width` equal steps of log λ from `low` to `high`, as bars.

    The least score is the lowest bar. Steps without a score are dots, or crosses where values were
    `pruned`; values beyond the ends, and scores that are not finite, are left out. Of no score
    nothing but these, of equal ones the lowest bar.
    """
    ends = np.log([low, high])

    def place(value: float) -> int:
        share = (np.log(value) - ends[0]) / (ends[1] - ends[0]) if high > low else 0.0
        return min(int(share * width), width - 1)

    places: dict[int, list[float]] = {}
    for value, score in zip(values, scores, strict=True):
        if low <= value <= high and np.isfinite(score):
            places.setdefault(place(value), []).append(score)
    crossed = {place(value) for value in pruned if low <= value <= high}
    empty = [PRUNED if at in crossed else EMPTY for at in range(width)]
    medians = {place: float(np.median(found)) for place, found in places.items()}
    if not medians:
        return "".join(empty)
    least, span = min(medians.values()), max(medians.values()) - min(medians.values())
    heights = {
        place: round((len(BARS) - 1) * (median - least) / span) if span else 0
        for place, median in medians.items()
    }
    return "".join(BARS[heights[at]] if at in heights else empty[at] for at in range(width))
