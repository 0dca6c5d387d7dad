"""The files for clusters do what they say: the worker that they start finishes a study."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from normsweep.spec import spec_from_tables
from normsweep.storage import open_storage
from normsweep.worker.submit import submit

CLUSTER = Path(__file__).parents[2] / "examples" / "cluster"
SPEC: dict[str, Any] = {
    "study": {"name": "small", "trials": 2, "slots": 2},
    "data": {"source": "digits", "limit": 120},
    "model": {"latent": 8, "generator_hidden": [16], "discriminator_hidden": [16]},
    "train": {"steps": 4, "chunks": 2, "batch": 8},
    "penalty": {"form": "power", "order": 2.0, "strength": {"low": 0.1, "high": 1.0}},
    "score": {"folds": 2, "features": "pca", "dimension": 4},
}


@pytest.fixture
def environment(postgres: Any, tmp_path: Path) -> dict[str, str]:
    """A submitted study on PostgreSQL, and `sweep` on the path."""
    url = postgres.new_url()
    storage, *_ = submit(spec_from_tables(SPEC, "the test's spec"), url)
    storage.engine.dispose()
    command = tmp_path / "sweep"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m normsweep "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"SWEEP_STORAGE": url, "SWEEP_FILES": str(tmp_path / "f"), "PATH": path}


def check(environment: dict[str, str], command: list[str]) -> None:
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    storage = open_storage(environment["SWEEP_STORAGE"])
    study = optuna.load_study(study_name="small", storage=storage)
    assert [trial.state.name for trial in study.get_trials()] == ["COMPLETE"] * 3
    storage.engine.dispose()
    assert "postgresql" not in ran.stdout + ran.stderr


def test_the_slurm_script_starts_a_worker_of_all_studies_or_of_the_one_that_it_is_given(
    environment,
) -> None:
    script = str(CLUSTER / "slurm.sh")
    check(environment | {"SLURM_ARRAY_TASK_ID": "1"}, [script])
    refused = subprocess.run([script, "absent"], env=environment, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "study 'absent' is not in" in refused.stderr


def test_the_kubernetes_job_starts_a_worker(environment) -> None:
    job = yaml.safe_load((CLUSTER / "kubernetes.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    named = {entry["name"] for entry in container["env"]}
    assert named == {"SWEEP_STORAGE", "SWEEP_FILES"}
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    check(environment, container["command"])
