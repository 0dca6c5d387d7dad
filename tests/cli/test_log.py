"""`--log-to`, and `sweep log`."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from normsweep.cli.launch import _without_secrets


def scores(run: Path) -> list[tuple[int, float]]:
    found = EventAccumulator(str(run)).Reload()
    return [(event.step, event.value) for event in found.Scalars("score")]


def test_a_launch_logs_what_it_trains_and_one_that_goes_on_adds_the_rest(
    sweep, write_spec, folder
) -> None:
    spec = write_spec(study__trials=2)
    to = ("--log-to", "tensorboard:runs")
    assert sweep("launch", spec, "--timeout", "1e-9", *to).code == 0
    done = sweep("launch", spec, *to)
    assert done.code == 0, done.err
    runs = folder / "runs" / "small"
    assert {path.name for path in runs.iterdir() if path.is_dir()} == {
        "baseline",
        "trial-0001",
        "trial-0002",
        "study",
    }
    assert len(scores(runs / "trial-0002")) == 1
    assert len(scores(runs / "study")) == 3


def test_log_adds_what_is_there_to_each_destination_once(sweep, example, folder) -> None:
    call = ("log", "small", "--storage", example.url, "--to", "tensorboard:a", "--to")
    assert sweep(*call, "tensorboard:b").out == (
        "Logged small to tensorboard:a.\nLogged small to tensorboard:b.\n"
    )
    before = scores(folder / "a" / "small" / "trial-0001")
    assert len(before) == 1
    assert sweep(*call, "tensorboard:b").code == 0
    assert scores(folder / "a" / "small" / "trial-0001") == before


def test_a_confirmation_is_logged_with_its_verdict(sweep, confirmed, folder) -> None:
    done = sweep("log", "small", "--to", "tensorboard:runs")
    assert done.code == 0, done.err
    assert (folder / "runs" / "small" / "confirm-baseline-seed-2").is_dir()


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        ("aim:runs", "log to aim:runs: accepted: tensorboard:DIR, mlflow:URI, wandb"),
        ("tensorboard:spec.toml", "log to tensorboard:spec.toml: cannot be made a folder"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_is_made(
    sweep, write_spec, folder, destination, told
) -> None:
    spec = write_spec()
    done = sweep("launch", spec, "--log-to", destination)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert [*folder.iterdir()] == [spec]


def test_a_finished_study_tells_of_a_wrong_destination_by_its_name(sweep, confirmed) -> None:
    for destination in ("aim:runs", "tensorboard:studies.db"):
        called = sweep("log", "small", "--to", destination)
        assert called.code == 2
        assert f"log to {destination}: " in called.err
    called = sweep("log", "small", "--to", "mlflow:http://me:s3cret@127.0.0.1:1")
    assert called.code == 2
    assert "s3cret" not in called.err


def test_the_command_that_goes_on_has_the_destination_without_its_password() -> None:
    arguments = ["launch", "--storage", "x", "--log-to", "mlflow:http://me:s3cret@host:5000"]
    assert [*_without_secrets(arguments)] == [
        "launch",
        "--log-to",
        "mlflow:http://me:***@host:5000",
    ]
