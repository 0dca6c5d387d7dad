"""How much of 5 % is spent early, and what that takes from the last look: plans of eight seeds.

`python -m bench.spending` draws differences between seeds from a normal law and tests them after
3, 4, … 8 of them by the t-tests of a verdict, with the boundaries that follow from each way to
spend: of O'Brien and Fleming's kind (Lan and DeMets, Biometrika 70, 1983), which verdicts have, and
those of Hwang, Shih and DeCani (Statistics in Medicine 9, 1990),

    spent(t) = α · (1 − exp(−γt)) / (1 − exp(−γ)),    α · t for γ = 0

where γ = 1 is nearly Pocock's. Effects are in standard
deviations between seeds.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from scipy import special, stats

from bench.rows import print_rows, row
from normsweep.verdict.effect import ALPHA
from normsweep.verdict.statistics.looks import FIRST, boundaries

SEEDS = 8
LARGE, SLIGHT = (6.0, 4.0, 3.0), (2.0, 1.5, 1.25)
Spent = Callable[[np.ndarray], np.ndarray]


def hwang(gamma: float) -> Spent:
    """The share of α that is spent at a share t of the seeds."""
    if not gamma:
        return lambda t: t
    return lambda t: np.expm1(-gamma * t) / np.expm1(-gamma)


def o_brien(t: np.ndarray) -> np.ndarray:
    """4Φ(z/√t), Φ(z) = α/4, over α."""
    spent: np.ndarray = 4 * special.ndtr(special.ndtri(ALPHA / 4) / np.sqrt(t)) / ALPHA
    return spent


WAYS: dict[str, Spent] = {
    "O'Brien and Fleming's": o_brien,
    **{f"γ = {gamma:g}": hwang(gamma) for gamma in (-4, -2, -1, 0, 1)},
}
LOOKS = tuple(range(FIRST, SEEDS + 1))


def levels(way: Spent, alpha: float = ALPHA) -> np.ndarray:
    """The levels of the looks' own tests."""
    spent = alpha * way(np.array(LOOKS) / SEEDS)
    found: np.ndarray = 2 * special.ndtr(-boundaries(LOOKS, spent[None])[0])
    return found


def called(each: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """After how many seeds each study is called something; 0 where it never is."""
    at = np.zeros(len(draws), int)
    for look, level in zip(LOOKS, each, strict=True):
        first = draws[:, :look]
        t = first.mean(axis=1) / first.std(axis=1, ddof=1) * look**0.5
        at = np.where((at == 0) & (np.abs(t) >= stats.t.isf(level / 2, look - 1)), look, at)
    return at


def rows_of(name: str, studies: int) -> Iterator[dict[str, str]]:
    """Levels, false alarms, seeds that large effects take, and how often slight ones are found."""
    each = levels(WAYS[name])
    random = np.random.default_rng(1)
    noise = random.normal(size=(studies, SEEDS))
    wider = stats.t.isf(each[-1] / 2, SEEDS - 1) / stats.t.isf(ALPHA / 2, SEEDS - 1)
    yield row(f"{name}: level of the first look, of the last", _pair(each), "–")
    yield row(f"{name}: the last interval, over that of one look", f"{wider:.2f} ×", "–")
    yield row(f"{name}: nothing called an effect", f"{(called(each, noise) > 0).mean():.1%}", "5 %")
    for effect in LARGE:
        at = called(each, noise + effect)
        seeds = np.where(at, at, SEEDS).mean()
        yield row(f"{name}: seeds taken of an effect of {effect:g}", f"{seeds:.2f}", "≤ 4")
    for effect in SLIGHT:
        # With three candidates, the first step of Holm's.
        found = [
            (called(e, noise + effect) > 0).mean() for e in (each, levels(WAYS[name], ALPHA / 3))
        ]
        figure = f"{found[0]:.0%}, of three candidates {found[1]:.0%}"
        yield row(f"{name}: an effect of {effect:g} found", figure, "≥ 85 %")


def _pair(each: np.ndarray) -> str:
    return f"{each[0]:.2%}, {each[-1]:.2%}"


def main() -> None:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000, help="of each effect")
    asked = parser.parse_args()
    print_rows([each for name in WAYS for each in rows_of(name, asked.studies)])


if __name__ == "__main__":
    main()
