"""One study over many kinds of regularisation, from launch to the bits of its exported configs."""

import copy
import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from normsweep.cli import main
from normsweep.engine.population import training_programs
from normsweep.errors import UserError
from normsweep.export.again import score_config
from normsweep.export.configs import trial_config
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.config import read_config, render
from normsweep.storage import open_storage
from normsweep.storage.measurements import read_measurements
from normsweep.verdict.answers import answer
from normsweep.worker.launch import launch

POWER = {"form": "power", "order": 1, "strength": 1e-2}
METHODS: dict[str, Any] = {
    "lasso": {"penalty": POWER | {"strength": [1e-3, 1e-2]}},
    "bridge": {"penalty": POWER | {"order": 1.5, "target": ["generator", "both"]}},
    "ball": {"penalty": {"form": "l2_ball", "radius": 2.0, "scope": "layer"}},
    "decay": {"penalty": POWER | {"order": 2, "coupling": "decoupled", "strength": 1.0}},
    "sparse": {"penalty": {"form": "group", "strength": 100.0, "coupling": "proximal"}},
    "warm": {
        "penalty": POWER
        | {
            "schedule": ["linear", "cosine", "step"],
            "schedule_start": 0.5,
            "schedule_end": 2.0,
            "schedule_begin": 0.25,
            "schedule_finish": 0.75,
        }
    },
    "ada": {
        "penalty": POWER
        | {
            "schedule": "adaptive",
            "adaptive_signal": ["real_sign", "held_out"],
            "adaptive_target": -1.0,
            "adaptive_speed": 100.0,
        }
    },
    "r1": {"gradient_penalty": {"kind": "r1", "strength": 1.0, "every": 2}},
    "cut": {"augment": {"policy": "translation+cutout", "strength": 1.0}},
    "drop": {"model": {"discriminator_dropout": 0.4}},
    "spectral": {"model": {"discriminator_normalisation": "spectral"}},
    "narrow": {"model": {"discriminator_units": 8}},
}
BASE: dict[str, Any] = {
    "study": {"name": "kinds", "trials": 50, "seed": 3, "sampler": "grid", "slots": 4},
    "data": {"source": "digits", "limit": 200},
    "model": {"latent": 4, "generator_hidden": [12], "discriminator_hidden": [12]},
    "train": {"steps": 8, "chunks": 2, "batch": 8, "discriminator_learning_rate": 2e-3},
    "score": {"folds": 2, "features": "pca", "dimension": 6},
}
COUNTS = (
    {"baseline": 1} | dict.fromkeys(METHODS, 1) | {"lasso": 2, "bridge": 2, "warm": 3, "ada": 2}
)
STEPS, CHUNK_STEPS = 8, 4


def make(**study: Any) -> Spec:
    tables = copy.deepcopy(BASE) | {"methods": METHODS}
    tables["study"] |= study
    return spec_from_tables(tables, "the test's spec")


class Kinds:
    """The study of all methods, and how many programs its launch compiled."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.storage = open_storage(url, create=True)
        before = training_programs()
        self.study = launch(make(), self.storage).study
        self.compiled = training_programs() - before

    @property
    def trials(self) -> dict[str, list[optuna.trial.FrozenTrial]]:
        """The trials of each method, the baseline's under its role."""
        found: dict[str, list[optuna.trial.FrozenTrial]] = {}
        for trial in self.study.get_trials():
            found.setdefault(trial.params.get("method", "baseline"), []).append(trial)
        return found


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinds]:
    folder = tmp_path_factory.mktemp("kinds")
    made = Kinds(f"sqlite:///{folder / 'studies.db'}")
    yield made
    made.storage.engine.dispose()


def test_every_method_is_trained_to_the_end(kinds) -> None:
    trials = kinds.study.get_trials()
    assert len(trials) == sum(COUNTS.values())
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    counts = {method: len(found) for method, found in kinds.trials.items()}
    assert counts == COUNTS


def test_parameters_are_named_after_their_method(kinds) -> None:
    names = {method: set(found[0].params) for method, found in kinds.trials.items()}
    assert names.pop("baseline") == set()
    assert names.pop("lasso") == {"method", "lasso.penalty.strength"}
    assert names.pop("bridge") == {"method", "bridge.penalty.target"}
    assert names.pop("warm") == {"method", "warm.penalty.schedule"}
    assert names.pop("ada") == {"method", "ada.penalty.adaptive_signal"}
    assert set(map(frozenset, names.values())) == {frozenset({"method"})}
    for method, found in kinds.trials.items():
        told = None if method == "baseline" else method
        assert [trial.user_attrs.get("method") for trial in found] == [told] * len(found)


def test_the_baseline_has_none_of_them(kinds) -> None:
    config = Spec.model_validate(kinds.trials["baseline"][0].user_attrs["config"])
    tables = copy.deepcopy(BASE)
    assert config == spec_from_tables(tables, "f")


def test_methods_that_need_no_other_networks_share_one_program(kinds) -> None:
    # One for all, one with spectral normalisation, and one with masked units.
    assert kinds.compiled == 3


def test_every_method_scores_other_than_the_baseline_and_than_the_others(kinds) -> None:
    """None is idle, and none falls together with another."""
    values = [trial.value for trial in kinds.study.get_trials()]
    assert len(set(values)) == len(values)


@pytest.mark.parametrize(
    ("method", "form"),
    [
        ("baseline", "toml"),
        # Each is compiled alone; the decoupled and the warm one run nothing that these do not, and
        # a constraint and a gradient penalty are tried so in `test_population.py`.
        *((each, "toml") for each in METHODS if each not in ("decay", "warm", "ball", "r1")),
        ("lasso", "json"),
        ("cut", "yaml"),
    ],
)
def test_alone_a_config_scores_the_bits_that_it_scored_among_all(
    kinds, tmp_path, method: str, form: str
) -> None:
    trial = kinds.trials[method][0]
    file = tmp_path / f"config.{form}"
    file.write_text(render([trial_config(kinds.study, trial.number)], form), encoding="utf-8")
    config = read_config(file)
    assert config.spec.methods == {}
    found = score_config(config)
    assert found.identical is True
    assert found.differences == ()
    assert list(found.fold_scores) == trial.user_attrs["result"]["fold_scores"]


def factors(kinds: Kinds, trial: optuna.trial.FrozenTrial) -> np.ndarray:
    """The stored factors on the strength, [chunks, folds]."""
    rows = read_measurements(kinds.storage.engine, trial._trial_id)
    return np.array([row.others["strength_factor"] for row in rows]).reshape(-1, 2)


def ends_of_chunks(factor: np.ndarray) -> np.ndarray:
    return np.repeat(factor[CHUNK_STEPS - 1 :: CHUNK_STEPS, None], 2, axis=1)


def test_the_strength_s_way_is_stored_chunk_by_chunk(kinds) -> None:
    progress = np.arange(STEPS) / STEPS
    x = np.clip((progress - 0.25) / 0.5, 0, 1)
    ways = {"linear": x, "cosine": (1 - np.cos(np.pi * x)) / 2, "step": progress >= 0.25}
    for trial in kinds.trials["warm"]:
        way = ways[trial.params["warm.penalty.schedule"]]
        wanted = ends_of_chunks(0.5 + 1.5 * way)
        np.testing.assert_allclose(factors(kinds, trial), wanted, rtol=1e-6)


def test_an_adaptive_strength_moves_by_its_speed_in_every_step(kinds) -> None:
    for trial in kinds.trials["ada"]:
        real_sign = trial.params["ada.penalty.adaptive_signal"] == "real_sign"
        # A mean of signs is never below a target of −1.
        moves = list(itertools.product((0, 1) if real_sign else (-1, 0, 1), repeat=STEPS - 1))
        ways = np.exp(0.1 * np.cumsum(np.pad(moves, ((0, 0), (1, 0))), axis=1))
        possible = ways[:, CHUNK_STEPS - 1 :: CHUNK_STEPS]
        for found in factors(kinds, trial).T:
            assert np.abs(possible - found).max(axis=1).min() < 1e-5
            assert found[-1] != 1


def test_a_strength_that_does_not_move_is_stored_as_once_itself(kinds) -> None:
    for method in ("baseline", "lasso", "ball", "spectral"):
        assert (factors(kinds, kinds.trials[method][0]) == 1).all()


def test_only_a_proximal_step_makes_zeros_of_weights_in_use_and_they_are_stored(kinds) -> None:
    for method, trials in kinds.trials.items():
        rows = read_measurements(kinds.storage.engine, trials[0]._trial_id)
        zeros = [row.others["discriminator_zeros"] for row in rows[2:]]
        assert all(zero > 0 for zero in zeros) if method == "sparse" else zeros == [0.0, 0.0]


def kind_of(trial: optuna.trial.FrozenTrial) -> str:
    """Its method, and the schedule where that is searched."""
    schedule = trial.params.get("warm.penalty.schedule")
    return str(trial.params["method"]) + (f", {schedule}" if schedule else "")


def test_the_answer_ranks_the_kinds_by_their_best_trials(kinds) -> None:
    found = answer(kinds.study)
    by_kind: dict[str, list[float]] = {}
    for trial in kinds.study.get_trials()[1:]:
        by_kind.setdefault(kind_of(trial), []).append(trial.value)
    best = {kind: min(values) for kind, values in by_kind.items()}
    assert list(found.best_per_kind) == sorted(best, key=best.__getitem__)
    scores = {kind: entry.score for kind, entry in found.best_per_kind.items()}
    assert scores == pytest.approx(best, rel=1e-14)
    assert found.trials_per_kind == {kind: len(values) for kind, values in by_kind.items()}
    assert found.front == ()


@pytest.fixture
def sweep(monkeypatch, capsys, kinds):
    def sweep(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["sweep", *arguments, "--storage", kinds.url])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return str(capsys.readouterr().out)

    return sweep


def test_show_tells_the_kinds_in_order_with_what_they_searched(sweep, kinds) -> None:
    text = sweep("show", "kinds")
    table = text.split("Kinds, each at its best")[1].split("\n\n")[0].splitlines()
    order = list(answer(kinds.study).best_per_kind)
    rows = [line.split() for line in table if line.split() and line.split()[0].isdecimal()]
    assert [row[5].rstrip(",") for row in rows] == [kind.split(",")[0] for kind in order]
    lasso = next(row for row in rows if row[5] == "lasso")
    best = min(kinds.trials["lasso"], key=lambda trial: trial.value)
    assert lasso[4] == "2"
    assert lasso[6:9] == ["strength", "=", f"{best.params['lasso.penalty.strength']:.3g}"]
    assert "baseline" in text


def test_show_in_json_tells_kind_parameters_and_config_of_each_trial(sweep, kinds) -> None:
    shown = json.loads(sweep("show", "kinds", "--json"))
    assert list(shown["best_per_kind"]) == list(answer(kinds.study).best_per_kind)
    trials = kinds.study.get_trials()
    assert len(shown["ranking"]) == sum(COUNTS.values()) - 1
    for entry in shown["ranking"]:
        params = trials[entry["trial"]].params
        method = params["method"]
        assert entry["kind"] == kind_of(trials[entry["trial"]])
        assert entry["parameters"] == {
            name.removeprefix(f"{method}."): value
            for name, value in params.items()
            if name != "method"
        }
        assert entry["config"] == trials[entry["trial"]].user_attrs["config"]
    assert shown["best_per_kind"]["lasso"]["trials"] == 2
    assert shown["baseline"]["penalty"] == {"form": "none"}
    assert shown["spec"]["methods"] == METHODS


def test_a_study_of_methods_that_was_stopped_goes_on_to_the_same_bits(kinds, run, outcome) -> None:
    first = run(make(), chunks=5)
    assert not first.done
    second = run(make())
    assert second.done
    assert outcome(second.study) == outcome(kinds.study)


def test_a_study_with_another_method_is_another_study(kinds) -> None:
    tables = make().plain()
    tables["methods"] = tables["methods"] | {"drop": {"model": {"generator_dropout": 0.4}}}
    with pytest.raises(UserError, match=r"(?m)^  methods\.drop: in the study .*, now .*$"):
        launch(spec_from_tables(tables, "f"), kinds.storage)


def test_a_tpe_search_over_methods_asks_for_what_each_of_them_searches(run) -> None:
    strength = {"low": 1e-4, "high": 1.0, "log": True}
    methods = METHODS | {"lasso": {"penalty": POWER | {"strength": strength}}}
    study = {"name": "tpe", "sampler": "tpe", "trials": 6, "startup_trials": 2, "slots": 4}
    tables = BASE | {"study": study, "methods": methods}
    trials = run(spec_from_tables(tables, "the test's spec")).study.get_trials()
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert len(trials) == 7
    for trial in trials[1:]:
        chosen = trial.params["method"]
        searched = {
            "lasso": {"lasso.penalty.strength"},
            "bridge": {"bridge.penalty.target"},
            "warm": {"warm.penalty.schedule"},
            "ada": {"ada.penalty.adaptive_signal"},
        }
        assert trial.params.keys() == {"method"} | searched.get(chosen, set())
