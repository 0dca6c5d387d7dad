"""What pruners cost and save on recorded searches, whose trials come in many orders.

`python -m bench.pruners [FILE]`: for each pruner the share of searches in which what would have
been the best trial was pruned, and the share of chunks saved. The file is that of
`bench.recorded_searches`. Trials come in orders that are drawn, the baseline first, in four slots.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import TrialState, create_trial

from bench.rows import print_rows, row
from normsweep.search import paired

ORDERS, SLOTS = 40, 4
MOVES, PACES = (0.5, 0.75, 1.0, 1.5, 2.0), (0.0, 0.25, 0.5, 1.0, 2.0)
RECORDED = Path(__file__).parents[1] / "tests" / "search" / "searches.json"

Costs = np.ndarray
"""Of all trials of a search, [trials, chunks, folds], the baseline first; lower is better."""
Prune = Callable[[Costs, Sequence[int], int, int], bool]
"""Of the costs, those that have ended, a trial and its chunks so far: whether it is pruned."""


def recorded(path: Path = RECORDED) -> dict[str, Costs]:
    """The costs of every recorded search, by its name."""
    found: dict[str, Any] = json.loads(path.read_text())
    signs = {"minimize": 1, "maximize": -1}
    return {
        name: signs[search["direction"]] * np.array([trial["curve"] for trial in search["trials"]])
        for name, search in found.items()
    }


def replay(costs: Costs, order: Sequence[int], prune: Prune, slots: int = SLOTS) -> dict[int, int]:
    """The chunks after which trials are pruned, by trial; those that are not are left out."""
    waiting, running = [0, *order], dict[int, int]()
    complete, pruned = list[int](), dict[int, int]()
    while waiting or running:
        while waiting and len(running) < slots:
            running[waiting.pop(0)] = 0
        for trial in [*running]:
            running[trial] += 1
            if running[trial] == costs.shape[1]:
                complete.append(trial)
            elif trial and prune(costs, complete, trial, running[trial]):
                pruned[trial] = running[trial]
            else:
                continue
            del running[trial]
    return pruned


def orders(costs: Costs, number: int) -> Iterator[list[int]]:
    """Orders in which the trials beside the baseline might have come."""
    random = np.random.default_rng(0)
    for _ in range(number):
        yield (1 + random.permutation(len(costs) - 1)).tolist()


def lost_and_saved(costs: Costs, prune: Prune, number: int = ORDERS) -> tuple[float, float]:
    """The share of orders in which the best trial was pruned, and of chunks that were saved."""
    trials, chunks, _ = costs.shape
    best = 1 + int(np.argmin(costs[1:, -1].mean(axis=1)))
    found = [replay(costs, order, prune) for order in orders(costs, number)]
    saved = [sum(chunks - at for at in pruned.values()) / (trials * chunks) for pruned in found]
    return float(np.mean([best in pruned for pruned in found])), float(np.mean(saved))


def by_pairs(
    costs: Costs,
    complete: Sequence[int],
    trial: int,
    chunks: int,
    move: float = paired.MOVE,
    pace: float = paired.PACE,
) -> bool:
    """Ours, asked as a worker asks it, with its factors or others."""
    stubs = [SimpleNamespace(number=other, costs=costs[other]) for other in complete]
    study: Any = SimpleNamespace(get_trials=lambda deepcopy, states: stubs)
    of_stub: Any = lambda stub: stub.costs  # noqa: E731
    asked: Any = SimpleNamespace(costs=costs[trial, :chunks])
    return paired.PairedPruner(costs.shape[1], 1, of_stub, move, pace).prune(study, asked)


def by_optuna(
    pruner: BasePruner, costs: Costs, complete: Sequence[int], trial: int, chunks: int
) -> bool:
    """One of Optuna's, which is told the means over folds."""

    def told(number: int, chunks: int, state: TrialState) -> Any:
        values = dict(enumerate(costs[number, :chunks].mean(axis=1).tolist()))
        last = values[chunks - 1]
        return create_trial(
            state=state, value=last if state.is_finished() else None, intermediate_values=values
        )

    ended = [told(other, costs.shape[1], TrialState.COMPLETE) for other in complete]
    study: Any = SimpleNamespace(
        get_trials=lambda deepcopy, states: ended, direction=optuna.study.StudyDirection.MINIMIZE
    )
    return pruner.prune(study, told(trial, chunks, TrialState.RUNNING))


def left_out(searches: dict[str, Costs]) -> dict[str, tuple[float, float]]:
    """What each search loses and saves by factors that are chosen on the others.

    These are the pair that saves most of those that lose none of the best trials there.
    """
    grid = list(itertools.product(MOVES, PACES))
    found = {
        factors: {
            name: lost_and_saved(costs, partial(by_pairs, move=factors[0], pace=factors[1]))
            for name, costs in searches.items()
        }
        for factors in grid
    }

    def chosen(out: str) -> tuple[float, float]:
        lossless = [g for g in grid if not any(found[g][n][0] for n in searches if n != out)]
        return max(lossless, key=lambda g: sum(found[g][n][1] for n in searches if n != out))

    return {name: found[chosen(name)][name] for name in searches}


def main() -> None:
    """Replays all searches by ours and by what Optuna has, and chooses factors without each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=RECORDED)
    searches = recorded(parser.parse_args().file)
    pruners: dict[str, Prune] = {"paired": by_pairs}
    for warmup in (1, 4, 6):
        median = optuna.pruners.MedianPruner(8, warmup)
        pruners[f"median, after {warmup} chunks"] = partial(by_optuna, median)
    rows = []
    for name, prune in pruners.items():
        found = {search: lost_and_saved(costs, prune) for search, costs in searches.items()}
        lost, saved = np.mean([*found.values()], axis=0)
        worst = max(found, key=lambda search: found[search][0])
        rows.append(
            row(
                f"{name}: best trial lost, chunks saved",
                f"{lost:.1%} (at most {found[worst][0]:.0%}, {worst}), {saved:.1%}",
                "≤ 1 %" if name == "paired" else "–",
            )
        )
    lost, saved = np.mean([*left_out(searches).values()], axis=0)
    told = "paired, its factors chosen without the search: best trial lost, chunks saved"
    print_rows([*rows, row(told, f"{lost:.1%}, {saved:.1%}", "≤ 1 %")])


if __name__ == "__main__":
    main()
