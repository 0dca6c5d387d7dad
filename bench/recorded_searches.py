"""Records searches without a pruner, on whose learning curves the paired pruner is chosen and held.

Twelve studies of small GANs on the digits, of different penalties, methods, losses and families.
`python -m bench.recorded_searches FILE` trains them (about ten minutes on 2 cores) and writes one
JSON file: of each study its direction and, trial by trial, role, parameters and curve [chunks,
folds].
`tests/search/searches.json` is such a file.
"""

import argparse
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from normsweep import launch
from normsweep.objectives.distances import scored
from normsweep.spec import spec_from_tables
from normsweep.storage import open_storage
from normsweep.storage.measurements import read_study_measurements
from normsweep.study.attributes import role
from normsweep.study.ranking import direction_of

DIGITS = 5
"""Significant ones of each score."""

_BASE: dict[str, dict[str, Any]] = {
    "study": {"trials": 19, "startup_trials": 8},
    "data": {"source": "digits"},
    "model": {"latent": 32, "generator_hidden": [64, 64], "discriminator_hidden": [64, 64]},
    "train": {
        "steps": 2400,
        "chunks": 8,
        "batch": 32,
        "generator_learning_rate": 1e-3,
        "discriminator_learning_rate": 1e-3,
    },
    "score": {"folds": 3, "features": "classifier", "dimension": 32},
}


def _range(low: float, high: float) -> dict[str, Any]:
    return {"low": low, "high": high, "log": True}


def _power(order: float | dict[str, Any], target: Any, **more: Any) -> dict[str, Any]:
    strength = _range(1e-6, 1e-1)
    return {"form": "power", "order": order, "strength": strength, "target": target} | more


_TARGETS = ["generator", "discriminator", "both"]
_RATES = ("generator_learning_rate", "discriminator_learning_rate")

STUDIES: dict[str, dict[str, dict[str, Any]]] = {
    "power": {"penalty": _power({"low": 1.0, "high": 2.0}, _TARGETS)},
    "hinge": {"train": {"loss": "hinge"}, "penalty": _power(2.0, _TARGETS)},
    "decoupled": {
        "penalty": _power(2.0, _TARGETS, coupling="decoupled", strength=_range(1e-3, 30))
    },
    "proximal": {"penalty": _power(1.0, _TARGETS, coupling="proximal")},
    "warm-up": {
        "penalty": _power(2.0, "discriminator", schedule="linear", schedule_finish=0.75),
    },
    "ball": {"penalty": {"form": "l2_ball", "radius": _range(0.5, 50), "target": _TARGETS}},
    "slopes": {
        "methods": {
            kind: {"gradient_penalty": {"kind": kind, "strength": _range(1e-2, 100)}}
            for kind in ("r1", "wgan_gp", "dragan")
        }
    },
    "wasserstein": {
        "train": {"loss": "wasserstein"},
        "gradient_penalty": {"kind": "wgan_gp", "strength": _range(1e-2, 100)},
        "penalty": _power(2.0, "generator"),
    },
    "dropout": {
        "model": {"discriminator_dropout": {"low": 0.0, "high": 0.6}},
        "penalty": _power(2.0, "discriminator"),
    },
    "rates": {
        "train": {name: _range(1e-4, 1e-2) for name in _RATES},
        "penalty": _power(2.0, "discriminator"),
    },
    "cooling": {
        "train": {"learning_rate_schedule": "cosine", **dict.fromkeys(_RATES, 2e-3)},
        "penalty": _power(1.0, _TARGETS),
    },
    "conditional": {"model": {"family": "conditional"}, "penalty": _power(2.0, _TARGETS)},
}
"""What each study has over the common spec."""


def record(name: str, number: int) -> dict[str, Any]:
    """Trains a study and reads its curves: trials that came to their end, in their order."""
    tables = copy.deepcopy(_BASE)
    for section, changes in STUDIES[name].items():
        tables[section] = tables.get(section, {}) | changes
    tables["study"] |= {"name": name, "seed": number}
    tables["data"]["seed"] = number
    spec = spec_from_tables(tables, "bench.recorded_searches")
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"sqlite:///{folder}/studies.db", create=True)
        study = launch(spec, storage).study
        rows = read_study_measurements(storage.engine, study._study_id)
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        storage.engine.dispose()
    metric, folds = spec.score.metric, spec.score.folds
    found = []
    for trial in trials:
        scores = [_short(scored(metric, row.value(metric))) for row in rows[trial._trial_id]]
        curve = [scores[begin : begin + folds] for begin in range(0, len(scores), folds)]
        found.append({"role": role(trial), "params": trial.params, "curve": curve})
    return {"direction": direction_of(metric).name.lower(), "trials": found}


def _short(score: float) -> float:
    return float(f"{score:.{DIGITS}g}")


def main() -> None:
    """Trains, or those that the file lacks, and writes after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    found = json.loads(path.read_text()) if path.exists() else {}
    for number, name in enumerate(STUDIES):
        if name not in found:
            found[name] = record(name, number)
            lines = [
                f"{json.dumps(n)}: {json.dumps(found[n], separators=(',', ':'))}" for n in found
            ]
            path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
            print(name, flush=True)


if __name__ == "__main__":
    main()
