"""Early stopping, judged fairly: when to stop is chosen on other seeds than those that judge it."""

import numpy as np


def chosen_on_others(costs: np.ndarray) -> np.ndarray | None:
    """The chunk at which to stop, [seeds]: for every seed it is chosen on all others.

    `costs` are [seeds, chunks, folds], lower is better. For seed r it is the chunk with the least
    mean over all folds of all other seeds, the first of equals. Chosen on the seed itself, the best
    chunk would be that of the luckiest noise. None with fewer than two seeds.
    """
    seeds = len(costs)
    if seeds < 2:
        return None
    means = costs.mean(axis=2)
    others = (means.sum(axis=0) - means) / (seeds - 1)
    chosen: np.ndarray = np.argmin(others, axis=1)
    return chosen
