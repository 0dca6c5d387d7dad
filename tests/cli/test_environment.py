"""What an environment sets: devices that are not there, an interpreter without docstrings."""

import os
import subprocess
import sys

import pytest


def called(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "normsweep", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("kind", ["cuda", "nonsense"])
def test_a_kind_of_device_that_is_not_there_is_told_in_one_message(kind, write_spec) -> None:
    done = called("launch", str(write_spec()), JAX_PLATFORMS=kind)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"JAX_PLATFORMS = '{kind}': JAX has no device of this kind" in done.stderr
    assert "accepted: cpu" in done.stderr


def test_without_docstrings_there_are_all_options_and_descriptions() -> None:
    plain, without = called("options"), called("options", PYTHONOPTIMIZE="2")
    assert without.returncode == 0
    assert without.stdout == plain.stdout
    assert called("--help", PYTHONOPTIMIZE="2").stdout == called("--help").stdout
