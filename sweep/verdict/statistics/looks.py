"""Looks at a t-test while seeds are added: how sure each must be, so that few of all are wrong.

An overall α is spent over the looks (Lan and DeMets, Biometrika 70, 1983), little at first: of a
plan of K seeds, when k are there, the part of O'Brien and Fleming's kind, α/2 at each end,

    spent(k/K) = 4 Φ(z / √(k/K)),    Φ(z) = α/4

A look is judged by the p-value of its own t-test. The levels that it is held against follow from
how such p-values hang together: of normal draws with mean 0, U_k = (x_1 + … + x_k)/√(x_1² + … +
x_k²) is a Markov chain, with

    U_k+1 = (U_k + y)/√(1 + y²),    y = t/√k,    t of Student's law with k degrees of freedom

(Jennison and Turnbull, Biometrika 78, 1991: exact calculations for sequential t-tests); by the
levels of a normal test eight seeds would be called something in 5.7 % of nulls instead of 5. Where
other doubt, such as that of the images that judge, is the same at all looks, these hang together
more closely, and are wrong more rarely.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from normsweep.verdict.statistics.estimate import Estimate

FIRST = 3
"""Seeds before which nobody looks: of two, t-tests have one degree of freedom."""
MOST = 40
"""Looks of a plan; of one with more seeds they are so many apart. With more seeds than this a
t-test is as good as a normal one."""
_OVERALL = np.sort([1.959963984540054, *np.arange(0.0, 4.1, 0.25)])
"""Overall levels for which boundaries are found, as normal deviates of α/2, with that of 5 %;
between them they follow nearly a line, and beyond them as good as a ray."""
_CELLS = np.linspace(0.0, 7.0, 141)
"""Bounds of the cells of |z| that probability is spread over."""


class Stretch(NamedTuple):
    """A plan since `after` seeds were there: `seeds` in all, a look after `each` or the last."""

    after: int
    seeds: int
    each: bool


Plan = tuple[Stretch, ...]
"""What was planned, and planned further later: what is left of α is spent over what is to come."""


@dataclass(frozen=True)
class Look:
    """How sure a look must be: the boundary that |z| of its p-value is held against.

    `boundary` has it for each of the overall levels in `_OVERALL`; None where the look is the only
    one, and all of α is its own.
    """

    boundary: tuple[float, ...] | None = None

    def nominal(self, alpha: float) -> float:
        """The level of the look's own test for an overall α."""
        return alpha if self.boundary is None else _moved(alpha, _OVERALL, self.boundary)

    def repeated(self, p: float) -> float:
        """The least overall α by which this look would have called an effect.

        A p-value that looks before and after do not spoil (Jennison and Turnbull, 2000, section
        9.3).
        """
        return p if self.boundary is None else _moved(p, self.boundary, _OVERALL)

    def estimate(self, of: Estimate) -> Estimate:
        """The repeated confidence interval and p-value in place of those of the test alone.

        At all looks together the interval holds the truth with its level, whenever one stops. The
        test's quantile is the careful one: by Satterthwaite's degrees of freedom up to 7 % of nulls
        are called something within eight seeds, where images make a tenth of the doubt. The only
        look, at the usual level, goes by Satterthwaite's.
        """
        if self.boundary is None:
            return replace(of, parts=())
        width = of.quantile(self.nominal(1 - of.level)) * of.standard_error
        p = self.repeated(of.careful_p)
        return replace(of, low=of.mean - width, high=of.mean + width, p=p)


ONLY = Look()


def planned_further(plan: Plan, complete: int, seeds: int, *, each: bool) -> Plan:
    """A plan that is now for `seeds` seeds, of which `complete` are there.

    Before its first look it is another one. After that it may be made longer, as long as something
    of α is left, that is before its last look; never shorter, which would spend more of it now.
    """
    if not any(look <= complete for look in looks(plan)):
        return (Stretch(0, seeds, each),)
    if seeds <= plan[-1].seeds or complete >= plan[-1].seeds:
        return plan
    return (*plan, Stretch(complete, seeds, each))


def looks(plan: Plan) -> tuple[int, ...]:
    """After how many seeds one looks."""
    ends = [*(later.after for later in plan[1:]), *(last.seeds for last in plan[-1:])]
    return tuple(
        look
        for stretch, end in zip(plan, ends, strict=True)
        for look in _looks(stretch)
        if stretch.after < look <= end
    )


@lru_cache(maxsize=64)
def look_at(plan: Plan, seeds: int) -> Look:
    """What a look after so many seeds, one of the `looks`, is held against."""
    each = looks(plan)
    if len(each) == 1:
        return ONLY
    return Look(tuple(_boundaries_of(plan)[:, each.index(seeds)].tolist()))


@lru_cache(maxsize=16)
def _boundaries_of(plan: Plan) -> np.ndarray:
    from scipy.special import ndtr

    return boundaries(looks(plan), _spent(plan, 2 * ndtr(-_OVERALL)))


def boundaries(each: Sequence[int], spent: np.ndarray) -> np.ndarray:
    """The boundaries of |z| at looks, [levels, looks], by what is spent up to each, of that shape.

    Of normal draws with mean 0, beyond the boundary of a look and of none before it are as many as
    that look spends.
    """
    from scipy.special import ndtr, ndtri

    # The mass that has not crossed a boundary, by cells of |z|.
    mass = np.tile(np.diff(2 * ndtr(_CELLS)), (len(spent), 1))
    found = [-ndtri(spent[:, 0] / 2)]
    mass = _within(mass, found[0])
    for (before, look), spend in zip(pairwise(each), np.diff(spent).T, strict=True):
        for k, then in _steps(before, look):
            mass = mass @ _transition(k, then).T
        tails = np.cumsum(mass[:, ::-1], axis=1)
        found.append(
            np.array(
                [
                    np.interp(level, [0.0, *tail], _CELLS[::-1])
                    for level, tail in zip(spend, tails, strict=True)
                ]
            )
        )
        mass = _within(mass, found[-1])
    made: np.ndarray = np.stack(found, axis=1)
    return made


def _looks(stretch: Stretch) -> list[int]:
    last = stretch.seeds
    apart = -(-last // MOST)
    those = {last, *range(last, FIRST - 1, -apart)} if stretch.each else {last}
    return sorted(look for look in those if look > 1)


def _spent(plan: Plan, overall: np.ndarray) -> np.ndarray:
    """Of each overall level what is spent by each look, [levels, looks]."""
    from scipy.special import ndtr, ndtri

    def share(stretch: Stretch, seeds: int) -> np.ndarray:
        if seeds == stretch.seeds:
            return np.ones_like(overall)
        if seeds == 0 or not stretch.each:
            return np.zeros_like(overall)
        spent: np.ndarray = 4 * ndtr(ndtri(overall / 4) / np.sqrt(seeds / stretch.seeds)) / overall
        return spent

    columns: list[np.ndarray] = []
    for place, stretch in enumerate(plan):
        before = columns[-1] if columns else np.zeros_like(overall)
        begun = share(stretch, stretch.after)
        for look in looks(plan[: place + 1])[len(columns) :]:
            if place + 1 == len(plan) or look <= plan[place + 1].after:
                of_rest = (share(stretch, look) - begun) / (1 - begun)
                columns.append(before + (overall - before) * of_rest)
    return np.stack(columns, axis=1)


def _within(mass: np.ndarray, boundary: np.ndarray) -> np.ndarray:
    """The mass of |z| below the boundary, cell by cell."""
    shares = (boundary[:, None] - _CELLS[:-1]) / np.diff(_CELLS)
    within: np.ndarray = mass * np.clip(shares, 0.0, 1.0)
    return within


def _steps(before: int, look: int) -> list[tuple[int, int]]:
    """From look to look by single seeds, and at once where these are many."""
    by_one = min(max(before, MOST), look)
    steps = [(k, k + 1) for k in range(before, by_one)]
    return [*steps, (by_one, look)] if by_one < look else steps


@lru_cache(maxsize=256)
def _transition(k: int, then: int) -> np.ndarray:
    """The chance of each cell of |z| after `then` seeds from that after k, [cells, cells]."""
    middles = (_CELLS[1:] + _CELLS[:-1])[None] / 2
    bounds = _CELLS[1:-1, None]
    beyond = _beyond_normal if k >= MOST else _beyond_student
    below = 1 - beyond(bounds, middles, k, then)
    ends = np.zeros_like(middles), np.ones_like(middles)
    changed: np.ndarray = np.diff(np.vstack([ends[0], below, ends[1]]), axis=0)
    return changed


def _beyond_normal(bound: np.ndarray, z: np.ndarray, k: int, then: int) -> np.ndarray:
    """P(|z_then| > bound | z_k) of sums of normal draws of known spread."""
    from scipy.special import ndtr

    share = k / then
    drift, spread = np.sqrt(share) * z, np.sqrt(1 - share)
    beyond: np.ndarray = ndtr((drift - bound) / spread) + ndtr((-drift - bound) / spread)
    return beyond


def _beyond_student(bound: np.ndarray, z: np.ndarray, k: int, then: int) -> np.ndarray:
    """P(|z_k+1| > bound | z_k) of t-tests.

    |U_k+1| ≥ c where (1 − c²) y² + 2 u y + u² − c² ≥ 0: outside of its roots for c < 1, and between
    them for c > 1, where there are any.
    """
    from scipy.special import stdtr

    u, c = _direction(z, k), _direction(bound, then)
    # Nowhere 1 to the last bit, which would have one root.
    curved = c * c - 1
    root = c * np.sqrt(np.maximum(1 + u * u - c * c, 0.0))
    low, high = (stdtr(k, (u + side * root) / curved * np.sqrt(k)) for side in (-1, 1))
    between: np.ndarray = np.abs(high - low)
    return np.where(curved < 0, 1 - between, between)


def _direction(z: np.ndarray, k: int) -> np.ndarray:
    """U of k draws whose t-test has a two-sided p of the normal deviate z ≥ 0."""
    from scipy.special import ndtr, stdtrit

    t = -stdtrit(k - 1, ndtr(-z))
    direction: np.ndarray = np.sqrt(k) * t / np.sqrt(k - 1 + t * t)
    return direction


def _moved(p: float, along: "np.ndarray | tuple[float, ...]", to: object) -> float:
    """A p-value whose normal deviate is moved from one scale to another, piece by piece linear."""
    from scipy.special import ndtr, ndtri

    deviate = float(-ndtri(p / 2))
    along, onto = np.asarray(along), np.asarray(to)
    if deviate > along[-1]:
        moved = deviate * onto[-1] / along[-1]
    else:
        moved = np.interp(deviate, along, onto)
    return float(2 * ndtr(-moved))
