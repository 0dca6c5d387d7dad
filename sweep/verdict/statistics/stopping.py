"""Early stopping, judged fairly: when to stop is chosen on other seeds than those that judge it."""

import numpy as np


def chosen_on_others(costs: np.ndarray) -> np.ndarray | None:
    """The chunk at which to stop, [seeds]: for every seed it is chosen on all others.

    `costs` are [seeds, chunks, folds], lower is better. For seed r it is the chunk with the least
    mean over all folds of all other seeds, the first of equals. Chosen on the seed itself, the best
    chunk would be that of the luckiest noise. A cost that is not finite is worse than all others.
    None with fewer than two seeds, and where the others of a seed have no chunk without one.
    """
    seeds = len(costs)
    if seeds < 2:
        return None
    means = np.where(np.isfinite(costs), costs, np.inf).mean(axis=2)
    # Each mean over the others alone: taken off the sum of all, a huge cost takes them along.
    others = np.stack([np.delete(means, seed, axis=0).mean(axis=0) for seed in range(seeds)])
    if not np.isfinite(others).any(axis=1).all():
        return None
    chosen: np.ndarray = np.argmin(others, axis=1)
    return chosen
