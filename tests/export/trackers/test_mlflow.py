"""A study in MLflow, on a server of its own; `make install` has it in a folder beside all else."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from normsweep.storage import open_storage, read_measurements

pytestmark = pytest.mark.slow
PLACE = Path(os.environ.get("SWEEP_TEST_MLFLOW", Path(sys.prefix, "mlflow")))
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(PLACE), os.environ.get("PYTHONPATH", "")]),
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
# Else each process compiles all of MLflow anew.
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with a database of its own."""
    assert PLACE.is_dir(), "make install"
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--workers",
        "1",
        "--backend-store-uri",
        "sqlite:///mlflow.db",
        "--artifacts-destination",
        "artifacts",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--port", str(port), *options],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(f"{url}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def sweep(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    code = "from normsweep.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def ask(server: str) -> Callable[..., Any]:
    """Asks the server by its REST interface, past all clients."""

    def ask(path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if body else None
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"{server}/api/2.0/mlflow/{path}", data, headers)) as answer:
            return json.load(answer)

    return ask


def test_trials_and_study_are_runs_on_a_server_and_nothing_is_there_twice(
    example, server, ask, tmp_path
) -> None:
    def log() -> None:
        done = sweep(
            *("log", "small", "--to", f"mlflow:{server}", "--storage", example.url), folder=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert f"Logged small to mlflow:{server}." in done.stdout

    def read() -> dict[str, Any]:
        found = ask("experiments/get-by-name?experiment_name=small")["experiment"]
        ids = [found["experiment_id"]]
        runs = ask("runs/search", experiment_ids=ids, max_results=100)["runs"]
        return {run["info"]["run_name"]: run for run in runs}

    log()
    runs = read()
    assert sorted(runs) == ["baseline", "study", *(f"trial-{n:04d}" for n in range(1, 7))]
    trial = example.study.get_trials()[1]
    run_id = runs["trial-0001"]["info"]["run_id"]
    parameters = {each["key"]: each["value"] for each in runs["trial-0001"]["data"]["params"]}
    assert float(parameters["penalty.strength"]) == trial.params["penalty.strength"]
    tags = {each["key"]: each["value"] for each in runs["trial-0001"]["data"]["tags"]}
    assert (tags["sweep.state"], tags["sweep.trial"]) == ("complete", "1")
    assert runs["trial-0001"]["info"]["status"] == "FINISHED"

    def history(run: str) -> list[tuple[int, float]]:
        found = ask(f"metrics/get-history?run_id={run}&metric_key=fid")["metrics"]
        return sorted((int(each["step"]), each["value"]) for each in found)

    def are(found: list[tuple[int, float]], means: dict[int, float]) -> bool:
        return [step for step, _ in found] == [*means] and [
            value for _, value in found
        ] == pytest.approx([*means.values()])

    rows = read_measurements(open_storage(example.url).engine, trial._trial_id)
    means = {
        step: np.mean([row.fid for row in rows if row.step == step])
        for step in sorted({row.step for row in rows})
    }
    assert are(history(run_id), means)
    files = ask(f"artifacts/list?run_id={run_id}")["files"]
    assert sorted(file["path"] for file in files) == ["config.toml", "samples.png"]
    study = {each["key"]: each["value"] for each in runs["study"]["data"]["tags"]}
    assert study["sweep.word"] == "not confirmed"

    # As a process that was killed leaves it.
    ask("runs/delete-tag", run_id=run_id, key="sweep.whole")
    log()
    assert read().keys() == runs.keys()
    assert are(history(run_id), means)


def test_a_server_that_is_away_is_told_before_anything_is_trained_without_its_password(
    tmp_path,
) -> None:
    destination = "mlflow:http://somebody:s3cret@127.0.0.1:9"
    told = sweep("launch", "digits", "--log-to", destination, folder=tmp_path)
    assert told.returncode == 2
    assert "log to mlflow:http://somebody:***@127.0.0.1:9: cannot be used" in told.stderr
    assert "s3cret" not in told.stderr + told.stdout
    assert not [*tmp_path.iterdir()]
