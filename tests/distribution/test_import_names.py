"""Beside a user's own `models/`, `objectives/` and `sweep.py`, as many repositories have them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tomlkit

from tests.distribution.conftest import Environment, ran

SCRIPT = """
import objectives
import sweep
from models import x
from models.gan import squares
from normsweep import launch, load_spec
from normsweep.models.program import Program
from normsweep.objectives import lp_power

assert (x, objectives.x, sweep.x) == ("models", "objectives", "sweep")
assert launch.__module__ == "normsweep.worker.launch"
print(load_spec("digits").study.name)
"""

PENALTY = """
from models.gan import squares


def ridge(params, strength):
    import objectives

    assert objectives.x == "objectives"
    return strength * squares(params)
"""

SQUARES = """
import jax
import jax.numpy as jnp


def squares(params):
    return sum(jnp.sum(w * w) for w in jax.tree.leaves(params))
"""

SPEC = {
    "study": {"name": "own", "trials": 2, "sampler": "grid"},
    "data": {"source": "digits", "limit": 200},
    "model": {"latent": 4, "generator_hidden": [8], "discriminator_hidden": [8]},
    "train": {"steps": 4, "chunks": 2, "batch": 8},
    "penalty": {"form": "mine.py:ridge", "strength": [1e-2, 1e-1]},
    "score": {"folds": 2, "features": "pca", "dimension": 4},
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder as users have one."""
    for name in ("models", "objectives"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"x = {name!r}\n", encoding="utf-8")
    (tmp_path / "sweep.py").write_text("x = 'sweep'\n", encoding="utf-8")
    (tmp_path / "models" / "gan.py").write_text(SQUARES, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "mine.py").write_text(PENALTY, encoding="utf-8")
    (tmp_path / "spec.toml").write_text(tomlkit.dumps(SPEC), encoding="utf-8")
    return tmp_path


def test_a_script_imports_its_own_packages_and_ours(
    installed: Environment, repository: Path
) -> None:
    assert ran(installed.python, "script.py", cwd=repository) == "digits\n"


def test_a_notebook_imports_its_own_packages_and_ours(
    installed: Environment, repository: Path
) -> None:
    # A notebook's kernel has the folder that it was started in at the head of its path, as -c has.
    assert ran(installed.python, "-c", SCRIPT, cwd=repository) == "digits\n"


def test_the_command_and_the_module_are_the_same(installed: Environment, repository: Path) -> None:
    (told,) = {
        ran(*command, "--help", cwd=repository)
        for command in ([installed.sweep], [installed.python, "-m", "normsweep"])
    }
    assert "Usage: sweep" in told


def test_a_penalty_of_the_users_imports_its_neighbours(
    installed: Environment, repository: Path
) -> None:
    told = ran(installed.sweep, "submit", "spec.toml", cwd=repository)
    assert told.startswith("Submitted own: 3 trials.")


@pytest.mark.slow
def test_the_wheel_alone_runs_studies_in_an_empty_folder(
    built, environment: Callable[[], Environment], tmp_path: Path
) -> None:
    """The built-in one for a chunk, a small one to its answer."""
    made = environment()
    made.install(built.wheel)
    where = "import normsweep; print(normsweep.__file__)"
    assert str(made.folder) in ran(made.python, "-c", where, cwd=tmp_path)
    told = ran(made.sweep, "launch", "digits", "--trials", "1", "--timeout", "1", cwd=tmp_path)
    assert "sweep launch digits --trials 1" in told
    assert "Stopped before the end; nothing is lost. Go on with:" in told
    ours = SPEC | {"penalty": {"form": "power", "order": 2.0, "strength": [1e-2, 1e-1]}}
    (tmp_path / "spec.toml").write_text(tomlkit.dumps(ours), encoding="utf-8")
    told = ran(made.sweep, "launch", "spec.toml", cwd=tmp_path)
    assert "own: 3 complete" in told
    assert "Best config:  trial" in told
    assert {path.name for path in tmp_path.iterdir()} == {
        "spec.toml",
        "studies.db",
        "studies.files",
    }
