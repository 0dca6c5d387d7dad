"""The time to a confirmed answer: what a search costs whoever wants to know.

The target is a config whose score lies within one standard error of the best config of a search of
200 trials, recorded once by `python -m bench.answer record`. Every contestant searches, confirms
what it found best, and ends: that is a run, a process of its own from its first import on, with
nothing kept from any other. Off the clock a referee, the same for all, then trains the config that
it ended with by seeds and on folds that nobody else has seen, those of the record.

A contestant's time is the expected running time of COCO and BBOB: the time of all its runs, those
without success too, over the number of those that reached the target, which is what it takes to
begin anew until one does. Runs beyond `--cap` seconds are ended, and count as without success.

`python -m bench.answer --only sweep flax --seeds 1 2 --out runs.jsonl` runs a part. What a file of
runs has already is not run again, and the table is made of all that it has. What is not installed,
such as PyTorch, is left out.

References:
  Hansen et al. 2016, arXiv:1605.03560, section 3 (the average runtime); Breiman et al. 1984,
  Classification and Regression Trees, section 3.4.3 (one standard error of a cross-validated score)
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.contestants import CASES, CONTESTANTS, OURS, QUICK, SEARCHED, fresh, spec_of
from bench.rows import print_rows, row
from normsweep import UserError, answer, launch
from normsweep.engine.devices import use_all_cores
from normsweep.engine.versions import versions
from normsweep.export.again import train_alone
from normsweep.score.setup import Setup, prepare
from normsweep.spec import Spec

RECORD = Path(__file__).with_name("answer.json")
TRIALS, SEEDS = 200, 8
REFEREE = 0x5EFE
"""Sets the seeds of the referee apart from those of any search and confirmation."""


class Target(NamedTuple):
    """What a config must score at most; `error` is one standard error of a score by one seed."""

    best: float
    error: float

    @property
    def most(self) -> float:
        return self.best + self.error


def target_of(scores: np.ndarray) -> Target:
    """From the best config's scores [seeds, folds] by the referee.

        best = mean,    error = mean over seeds of s / √folds

    with s the standard deviation between the folds of a seed: the error that a search shows of it.
    """
    errors = scores.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])
    return Target(float(scores.mean()), float(errors.mean()))


@dataclass(frozen=True)
class Run:
    """One contestant's way to an answer, by a seed; `trials` None where it was the spec's.

    `seconds` by the clock and `cpu_seconds` of all cores. Without `parameters` it was ended after
    `cap` seconds, or had no answer. `referee` is the score of its config; `load` is that of the
    machine just before.
    """

    case: str
    contestant: str
    seed: int
    trials: int | None
    seconds: float
    cpu_seconds: float
    cap: float | None
    load: float
    parameters: dict[str, Any] | None = None
    verdict: str | None = None
    score: float | None = None
    baseline_score: float | None = None
    seeds: int | None = None
    referee: float | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is known by."""
        return self.case, self.contestant, self.seed, self.trials

    def stands(self, cap: float | None) -> bool:
        """Whether a run under this cap would say no more."""
        return self.parameters is not None or (self.cap is not None and (cap or inf) <= self.cap)


def expected_running_time(times: Sequence[float], reached: Sequence[bool]) -> float:
    """The time of all runs over the number that reached the target; infinite where none did."""
    return sum(times) / sum(reached) if any(reached) else inf


def time_of(runs: Sequence[Run], target: Target) -> tuple[float, bool]:
    """The expected running time; where no run reached the target all they took, and False."""
    reached = [run.referee is not None and run.referee <= target.most for run in runs]
    times = [run.seconds for run in runs]
    return expected_running_time(times, reached if any(reached) else [True]), any(reached)


def rows_of(case: str, runs: Sequence[Run], target: Target) -> Iterator[dict[str, str]]:
    """The table of a case: each contestant's time, and how many times ours it is."""
    own = {name: [run for run in runs if run.contestant == name] for name in CONTESTANTS}
    found = {name: time_of(each, target) for name, each in own.items() if each}
    for name, (seconds, reached) in found.items():
        each = own[name]
        scores = ", ".join("none" if r.referee is None else f"{r.referee:.2f}" for r in each)
        count = sum(r.referee is not None and r.referee <= target.most for r in each)
        cpu = sum(run.cpu_seconds for run in each) / max(count, 1)
        yield row(
            f"time to a confirmed answer, {case}: {CONTESTANTS[name].title}",
            f"{'' if reached else '> '}{seconds:.0f} s  ({cpu:.0f} s of the processor; {count} of "
            f"{len(each)} reached {target.most:.2f}: {scores})",
            "–",
        )
    for name, contestant in CONTESTANTS.items():
        if name != OURS and name in found and OURS in found:
            (ours, sure), (theirs, reached) = found[OURS], found[name]
            sign = "" if reached else "> "
            yield row(
                f"this tool from nothing against {contestant.title}, {case}",
                f"{sign}{theirs / ours:.1f} ×" if sure else "this tool did not reach the target",
                contestant.targets.get(case, "–"),
            )


def run(case: str, name: str, seed: int, trials: int | None, cap: float | None) -> Run:
    """Runs a contestant in a process of its own, by the clock; its config is not judged yet."""
    load = os.getloadavg()[0]
    command = [sys.executable, "-m", "bench.contestants", case, name, str(seed)]
    command += [] if trials is None else ["--trials", str(trials)]
    with tempfile.TemporaryDirectory() as folder:
        kept = folder if CONTESTANTS[name].keeps else "off"
        environment = os.environ | {"SWEEP_CACHE": kept}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        before, started = _cpu_seconds(), time.perf_counter()
        try:
            ended = subprocess.run(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                timeout=cap,
            )
            found = json.loads(ended.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            found = {}
        seconds = time.perf_counter() - started
    return Run(case, name, seed, trials, seconds, _cpu_seconds() - before, cap, load, **found)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@lru_cache(maxsize=1)
def _prepared(case: str) -> tuple[Spec, Setup]:
    use_all_cores()
    spec = spec_of(case, None, 0, None)
    return spec, prepare(spec)


def judged(
    spec: Spec, setup: Setup, parameters: Mapping[str, Any], seeds: int = SEEDS
) -> np.ndarray:
    """The referee's scores [seeds, folds] of a config after all steps."""
    config = spec.with_values(dict(parameters))
    scores = []
    for number in range(1, seeds + 1):
        dealt, seed = fresh(setup, spec, REFEREE, number)
        trained, _ = train_alone(config, dealt, seed)
        scores.append(trained.fold_scores[-1][0])
    return np.stack(scores)


def of_search(spec: Spec) -> dict[str, Any]:
    """What of a spec a record is about."""
    plain = spec.plain()
    wanted = {name: plain[name] for name in ("data", "model", "train", "penalty", "score")}
    # As a file gives it back.
    found: dict[str, Any] = json.loads(json.dumps(wanted))
    return found


def record(case: str, trials: int, storage: str) -> dict[str, Any]:
    """Searches, and judges the best; what the storage has of the search already is gone on with."""
    spec, setup = _prepared(case)
    wanted = {"study.trials": trials, "study.name": f"answer-{spec.study.name}", "confirm.seeds": 0}
    study = launch(spec.with_values(wanted), storage).study
    best = answer(study).ranking[0]
    parameters = {path: best.config.value(path) for path in SEARCHED}
    return {
        "trials": trials,
        "parameters": parameters,
        "searched": best.score,
        "scores": judged(spec, setup, parameters).tolist(),
        "versions": versions(),
        "spec": of_search(spec),
    }


def records() -> dict[str, Any]:
    """The records that there are, by case."""
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def target_for(case: str) -> Target:
    """The target of a case; raises `UserError` where none is recorded for its spec of today."""
    there = records() if RECORD.exists() else {}
    if case not in there or there[case]["spec"] != of_search(_prepared(case)[0]):
        raise UserError(f"{RECORD.name} has no record of {case}: python -m bench.answer record")
    return target_of(np.array(there[case]["scores"]))


def read_runs(file: Path) -> dict[tuple[Any, ...], Run]:
    """The runs of a file, by key; the last of those that are there more than once."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {found.key: found for found in (Run(**json.loads(line)) for line in lines)}


def measure(
    asked: argparse.Namespace, run: Callable[..., Run] = run, judge: Callable[..., Any] = judged
) -> list[dict[str, str]]:
    """Runs what is asked for and not there yet, and makes the table of all that is."""
    targets = {case: target_for(case) for case in asked.cases}
    for seed in asked.seeds:
        for case in asked.cases:
            for name in asked.only:
                if find_spec(CONTESTANTS[name].needs) is None:
                    continue
                known = read_runs(asked.out).get((case, name, seed, asked.trials))
                if known is not None and known.stands(asked.cap):
                    continue
                found = run(case, name, seed, asked.trials, asked.cap)
                kept = asdict(found)
                if found.parameters is not None:
                    scores = judge(*_prepared(case), found.parameters)
                    kept["referee"] = float(scores.mean())
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(kept) + "\n")
    runs = [each for each in read_runs(asked.out).values() if each.trials == asked.trials]
    rows = []
    for case, target in targets.items():
        rows += rows_of(case, [each for each in runs if each.case == case], target)
    if runs:
        load = f"{np.mean([each.load for each in runs]):.1f} on {os.cpu_count()} cores"
        rows.append(row("load of the machine before these runs, on the average", load, "–"))
    return rows


def main() -> None:
    """Measures, or with `record` makes the target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", nargs="?", choices=("run", "record"), default="run")
    measured = [case for case in CASES if case != QUICK]
    parser.add_argument("--cases", nargs="+", choices=CASES, default=measured)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=range(1, 11))
    parser.add_argument("--trials", type=int, help=f"of a search; of a record {TRIALS}")
    parser.add_argument("--cap", type=float, metavar="S", help="seconds after which a run is ended")
    parser.add_argument("--out", type=Path, default=Path("answer.jsonl"), help="runs, a line each")
    parser.add_argument("--storage", default="sqlite:///answer.db", help="of the search recorded")
    asked = parser.parse_args()
    if asked.action == "record":
        for case in asked.cases:
            made = record(case, asked.trials or TRIALS, asked.storage)
            there = records() if RECORD.exists() else {}
            RECORD.write_text(json.dumps(there | {case: made}, indent=1) + "\n", encoding="utf-8")
            print(case, target_of(np.array(made["scores"])))
    else:
        print_rows(measure(asked))


if __name__ == "__main__":
    main()
