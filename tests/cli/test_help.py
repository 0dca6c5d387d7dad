"""The help is the manual: every command and option explains itself."""

import platform
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from typer.main import get_command

from normsweep.cli.app import app
from normsweep.spec import load_spec
from normsweep.spec.assignments import assignments

GROUP = get_command(app)
DATA = GROUP.commands["data"]
COMMANDS = {
    **{name: command for name, command in GROUP.commands.items() if command is not DATA},
    **{f"data {name}": command for name, command in DATA.commands.items()},
}
WANTED = [
    *("launch", "init", "suggest", "confirm", "submit", "worker", "pause", "resume", "stop"),
    *("status", "options", "list", "show", "compare", "report", "export", "score", "train"),
    *("samples", "log", "copy", "delete", "clean", "dashboard", "data"),
]


def test_the_commands_are_those_that_were_asked_for() -> None:
    assert list(GROUP.commands) == WANTED
    assert list(DATA.commands) == ["fetch", "show"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(sweep, name: str) -> None:
    called = sweep(*name.split(), "--help")
    assert called.code == 0
    assert f"Usage: sweep {name}" in called.out
    summary = COMMANDS[name].help
    assert summary
    assert summary.split(".")[0].split("\n")[0][:30] in called.out
    assert f"Example:  sweep {name}" in called.out


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_says_what_it_does(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize("name", ["launch", "list", "show", "export", "dashboard"])
def test_every_command_on_a_storage_takes_its_url(name: str) -> None:
    option = next(entry for entry in COMMANDS[name].params if entry.name == "storage")
    assert option.opts == ["--storage"]
    assert option.envvar == "SWEEP_STORAGE"


@pytest.mark.parametrize(
    "name", ["launch", "list", "show", "compare", "score", "train", "samples", "data fetch"]
)
def test_every_command_that_prints_data_prints_json_if_asked(name: str) -> None:
    assert ["--json"] in [entry.opts for entry in COMMANDS[name].params]


def test_without_a_command_there_is_the_help(sweep) -> None:
    called = sweep()
    assert "Usage: sweep" in called.out + called.err
    assert all(name in called.out + called.err for name in WANTED)


def test_a_group_of_commands_without_one_says_which_there_are(sweep) -> None:
    called = sweep("data")
    assert "Usage: sweep data" in called.out + called.err
    assert "Fetch a data set's files" in called.out + called.err


def test_the_version_is_told_in_a_line_for_which_jax_is_not_imported() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "normsweep", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = f"sweep {version('normsweep')} (normsweep), Python {platform.python_version()}, "
    assert done.stdout.startswith(f"{told}jax {version('jax')}, flax {version('flax')}, ")
    assert len(done.stdout.splitlines()) == 1
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & {"jax", "flax"}


def test_every_file_of_the_package_that_is_no_code_is_shipped_with_it() -> None:
    package = Path(str(files("normsweep")))
    project = package.parent / "pyproject.toml"
    if not project.is_file():
        pytest.skip("installed without its project")
    tools = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["setuptools"]
    shipped = {
        path for pattern in tools["package-data"]["normsweep"] for path in package.glob(pattern)
    }
    there = {
        path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert there
    assert there <= shipped


def test_the_other_scale_that_help_and_manual_name_is_one_of_the_built_in_study() -> None:
    method = (Path(__file__).parents[2] / "docs/method.md").read_text("utf-8")
    (of_method,) = re.findall(r"`(sweep confirm STUDY --set[^`]*)`", method)
    help_text = COMMANDS["confirm"].help
    assert help_text
    (of_help,) = re.findall(r"such as\s+(--set.*?), against", help_text, re.S)
    for command in (of_method, of_help):
        words = shlex.split(command)
        given = [after for word, after in pairwise(words) if word == "--set"]
        assert len(given) == 2
        values, called = assignments(given)
        assert load_spec("digits", values, called).train.steps == 20000
