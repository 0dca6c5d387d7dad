"""Commands that do not train begin at once: they print what they print without importing JAX."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, create_trial

from normsweep.spec import Spec, load_spec
from normsweep.spec.baseline import baseline
from normsweep.spec.space import METHOD, middle, resolve
from normsweep.storage import open_storage
from normsweep.study.attributes import (
    CONFIRM,
    ArmAttributes,
    Result,
    of_arm,
    of_begin,
    of_result,
    plain_result,
)
from normsweep.study.confirmation import open_confirmation, plan_confirmation
from normsweep.study.records import Facts, checked_spec, load_study, open_study
from normsweep.verdict.answers import answer
from normsweep.verdict.arms import arms

SPEC = """
[study]
name = "small"
trials = 5
slots = 3
[data]
limit = 120
[model]
latent = 4
generator_hidden = [8]
discriminator_hidden = [8]
[train]
steps = 6
chunks = 2
batch = 8
generator_learning_rate = { low = 1e-3, high = 1e-2, log = true }
[score]
features = "pca"
folds = 2
dimension = 4
[methods.own.penalty]
form = "mine.py:lasso"
strength = { low = 1e-4, high = 1e-1, log = true }
[methods.ridge.penalty]
form = "power"
order = 2
strength = { low = 1e-4, high = 1e-1, log = true }
[methods.r1.gradient_penalty]
kind = "r1"
strength = { low = 0.1, high = 10.0 }
"""
OWN = """
import jax
import jax.numpy as jnp


def lasso(params, strength):
    return strength * sum(jnp.sum(jnp.abs(w)) for w in jax.tree.leaves(params))
"""
CALL = """
import json, sys
from normsweep.cli import main
try:
    main()
finally:
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""
TRAINING = {"jax", "flax", "optax", "orbax", "scipy.stats", "normsweep.models"}
DRAWING = {"matplotlib", "plotly", "optuna_dashboard"}
DATABASE = {"optuna", "sqlalchemy", "alembic"}
STATISTICS = {"scipy"}
"""What only a verdict needs."""
UNUSED = {"alembic", "mako", "sqlalchemy.dialects.postgresql", "typer.rich_utils", "pandas"}
"""What a command on a file of this version has no use for, and takes half a second to import."""
LATER = {"orbax", "tensorstore", "sklearn", "scipy.stats", "pandas", "structlog"} | DRAWING
"""What a launch may come to need, and not before its first chunk, nor for its answer and note."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a study of methods, one of which is in a file of the user's, and confirmed.

    Its records are written by hand: what they are is the training's, how they are shown is not.
    """
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        Path("mine.py").write_text(OWN, encoding="utf-8")
        Path("spec.toml").write_text(SPEC, encoding="utf-8")
        storage = open_storage(f"sqlite:///{folder / 'studies.db'}", create=True)
        spec = load_spec("spec.toml")
        made = open_study(spec, storage, Facts({"samples": 20}, 40, None, {}))
        baseline_trial = made.ask()
        said = of_begin(baseline(spec).plain(), None, {}) | of_result(result(2.0))
        for key, value in said.items():
            baseline_trial.set_user_attr(key, value)
        made.tell(baseline_trial, 2.0)
        for number in range(6):
            made.add_trial(searched(spec, number))
        confirm(made, storage)
        storage.engine.dispose()
        # What is stored is shown without it.
        Path("mine.py").unlink()
        yield folder


def result(score: float) -> Result:
    return Result((score - 0.1, score + 0.1), 6, {"kid": score / 10})


def searched(spec: Spec, number: int) -> FrozenTrial:
    """A completed trial of the search; the methods take turns."""
    asked: dict[str, BaseDistribution] = {}

    def ask(name: str, distribution: BaseDistribution) -> Any:
        asked[name] = distribution
        return answer_to(name, distribution)

    def answer_to(name: str, distribution: BaseDistribution) -> Any:
        if name == METHOD:
            return list(spec.methods)[number % len(spec.methods)]
        return middle(distribution)

    config, method = resolve(spec, ask)
    score = 1.0 + number / 10
    said = {"config": config.plain(), "method": method, "result": plain_result(result(score))}
    params = {name: answer_to(name, distribution) for name, distribution in asked.items()}
    return create_trial(value=score, params=params, distributions=asked, user_attrs=said)


def confirm(study: optuna.Study, storage: RDBStorage) -> None:
    """Three seeds of the best two and the baseline."""
    wanted = arms(answer(study), study.get_trials(), 2)
    held = open_confirmation(study, storage)
    plan_confirmation(held, 2, 3, wanted)
    draw = np.random.default_rng(0)
    for arm, seed in product(wanted, (1, 2, 3)):
        curve = draw.normal(1.0 + arm.is_baseline, 0.1, (2, 2))
        said = ArmAttributes(
            CONFIRM, arm.name, arm.against, arm.trial, seed, arm.config.plain(), {}, curve
        )
        held.add_trial(create_trial(value=float(curve[-1].mean()), user_attrs=of_arm(said)))


@pytest.fixture
def call(study: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, set[str]]]:
    """Calls `sweep` as a process; what it printed, and the modules that it imported."""
    monkeypatch.chdir(study)

    def call(*arguments: str) -> tuple[str, set[str]]:
        called = subprocess.run(
            [sys.executable, "-c", CALL, *arguments], capture_output=True, text=True
        )
        assert called.returncode == 0, called.stderr
        return called.stdout, set(json.loads(Path("modules.json").read_text("utf-8")))

    return call


@pytest.mark.parametrize(
    "command",
    [
        *("list", "list --json", "show small", "show small --json", "status", "status --json"),
        *("export small", "export small --format csv"),
    ],
)
def test_what_reads_a_study_prints_the_same_without_jax(
    call, sweep, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    told, modules = call(*command.split())
    assert modules.isdisjoint(TRAINING | DRAWING | UNUSED)
    assert modules.isdisjoint(STATISTICS) != command.startswith("show")
    # Its models of the JSON take a while to build.
    assert ("normsweep.cli.schema" in modules) == (command == "show small --json")
    # As it is where every stored spec and config is checked as a whole.
    monkeypatch.setattr(Spec, "stored", Spec.model_validate)
    assert told == sweep(*command.split()).out
    assert "small" in told
    if not command.startswith("export"):
        assert ("p = " in told or '"p": ' in told) == command.startswith("show")


def test_what_tells_the_workers_of_a_study_needs_no_jax(call) -> None:
    for command, told in (("pause", "paused"), ("stop", "stopped"), ("resume", "open")):
        printed, modules = call(command, "small")
        assert printed == f"small is {told}.\n"
        assert modules.isdisjoint(TRAINING | DRAWING | UNUSED | STATISTICS)


PASSES = """
import atexit, gc, sys
from normsweep.cli import main
passes = []
gc.callbacks.append(lambda phase, info: passes.append(phase))
# Called after what `main` has registered itself.
atexit.register(lambda: print(len(passes), len(gc.get_objects()), file=sys.stderr))
main()
"""


def test_a_command_looks_for_garbage_neither_in_what_it_imports_nor_at_its_end(
    study: Path,
) -> None:
    called = subprocess.run(
        [sys.executable, "-c", PASSES, "list"], cwd=study, capture_output=True, text=True
    )
    assert called.returncode == 0, called.stderr
    passes, looked_through = map(int, called.stderr.split())
    # By itself, Python makes a pass for each 700 of its objects.
    assert passes < 100
    assert looked_through < 1000


def test_a_launch_imports_neither_charts_nor_checkpoints_to_train_and_to_tell_its_answer() -> None:
    named = "normsweep.worker.launch, normsweep.cli.launched, normsweep.cli.watching"
    asked = f"import sys, {named}, normsweep.cli.logs; print(*sys.modules)"
    called = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert called.returncode == 0, called.stderr
    modules = set(called.stdout.split())
    assert "jax" in modules and modules.isdisjoint(LATER)


@pytest.mark.parametrize("arguments", [["--help"], ["launch", "--help"], ["init", "new.toml"]])
def test_what_needs_no_study_opens_no_database(call, arguments: list[str]) -> None:
    printed, modules = call(*arguments)
    assert modules.isdisjoint(TRAINING | DRAWING | DATABASE)
    assert printed


def test_a_stored_spec_is_the_one_that_was_checked(study: Path, folder: Path) -> None:
    storage = open_storage(f"sqlite:///{study / 'studies.db'}")
    loaded = load_study("small", storage)
    stored = loaded.user_attrs["spec"]
    assert Spec.stored(stored) == checked_spec(loaded)
    assert Spec.stored(stored).ranges() == checked_spec(loaded).ranges()
    for trial in loaded.get_trials():
        config = Spec.stored(trial.user_attrs["config"])
        assert config == config.checked()
    storage.engine.dispose()
