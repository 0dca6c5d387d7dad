"""Racing by replicates: further seeds for those configs that noise may have put first, or second.

The best of a search is also its luckiest. Where configs are within noise of the best of their kind,
further seeds tell which of them it is (races: Maron and Moore, NIPS 6, 1994; of random restarts:
Birattari et al., GECCO 2002).
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

WITHIN = 1.0
"""Standard errors of a difference within which two configs race."""


class Heat(NamedTuple):
    """Which configs train next, by number, and by which seed: 1 is the first after the search."""

    seed: int
    configs: tuple[int, ...]


def means(costs: Sequence[np.ndarray]) -> np.ndarray:
    """The mean cost of each config, [configs], lower is better.

    `costs` has [seeds, folds] of each config, by the same seeds in the same order, of some more
    than of others. What makes a seed hard for all is taken out: by least squares

        cost of c by s = mean_c + seed_s,    seed_0 = 0 of the search

    of the means over folds. Infinite for a config with a cost that is not finite.
    """
    found = np.array([each[0].mean() if np.isfinite(each).all() else np.inf for each in costs])
    # Of the search's seed alone a config tells nothing of the others.
    several = [c for c, each in enumerate(costs) if len(each) > 1 and np.isfinite(found[c])]
    rows = [(place, s) for place, c in enumerate(several) for s in range(len(costs[c]))]
    if not rows:
        return found
    configs, seeds = np.array(rows).T
    design = np.zeros((len(rows), len(several) + seeds.max() + 1))
    design[np.arange(len(rows)), configs] = 1
    design[np.arange(len(rows)), len(several) + seeds] = 1
    values = np.array([costs[several[place]][s].mean() for place, s in rows])
    # Without the column of seed 0, whose effect is in the means.
    solved, *_ = np.linalg.lstsq(np.delete(design, len(several), axis=1), values)
    found[several] = solved[: len(several)]
    return found


def chosen(costs: Sequence[np.ndarray], kinds: Sequence[object], top: int) -> list[int]:
    """The best config of each kind, by its `means`, best first; at most `top`."""
    return _leaders(means(costs), kinds)[:top]


def next_heat(
    costs: Sequence[np.ndarray], kinds: Sequence[object], top: int, left: int
) -> Heat | None:
    """What trains next, at most `left`; None where nothing is left to be told apart.

    Those race that another choice of `top` could be for: each of the leaders that are chosen with
    the configs of its kind, and the last of these leaders with those of kinds that are not, where
    they are within a standard error of each other, paired by the folds of the seeds that both have.
    Of them, those with the fewest seeds come first, so that what they train by others have.
    """
    if left < 1:
        return None
    found = means(costs)
    leaders = _leaders(found, kinds)
    pairs = [
        (leader, c)
        for leader in leaders[:top]
        for c, kind in enumerate(kinds)
        if kind == kinds[leader] and c != leader
    ]
    pairs += [(leaders[top - 1], other) for other in leaders[top:]]
    near = set(chain.from_iterable(p for p in pairs if _is_near(costs[p[0]], costs[p[1]])))
    if not near:
        return None
    seed = min(len(costs[c]) for c in near)
    ready = sorted((c for c in near if len(costs[c]) == seed), key=lambda c: (found[c], c))
    return Heat(seed, tuple(ready[:left]))


def _leaders(found: np.ndarray, kinds: Sequence[object]) -> list[int]:
    """The best of each kind, best first."""
    best: dict[object, int] = {}
    for c in np.argsort(found, kind="stable"):
        best.setdefault(kinds[c], int(c))
    return list(best.values())


def _is_near(leader: np.ndarray, other: np.ndarray) -> bool:
    """Whether what is between two configs is less than its standard error; not of equal ones."""
    shared = min(len(leader), len(other))
    if not (np.isfinite(leader).all() and np.isfinite(other).all()):
        return False
    apart = (other[:shared] - leader[:shared]).ravel()
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    return bool(apart.mean() < WITHIN * error)
