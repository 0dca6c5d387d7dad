"""The distribution as others get it: built from a copy, and installed into fresh environments."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = 77
"""The first version of setuptools that knows a licence by its name, as pyproject.toml has it."""

ANYWHERE = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
AT_THE_TOP = shutil.ignore_patterns("build", "dist", "data", "out", "*.db*", "*.files")


def ran(*command: str | Path, cwd: Path) -> str:
    """What a command prints, without what this process has in its environment for tests."""
    ours = ("PYTHONPATH", "PYTHONSAFEPATH", "SWEEP_STORAGE", "SWEEP_DATA", "SWEEP_FILES")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def tools() -> None:
    """Skips where nothing can be built without the network."""
    try:
        found = importlib.metadata.version("setuptools")
        importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError as error:
        pytest.skip(f"needs pip and setuptools ≥ {NEEDED}: {error.name} is not installed")
    if int(found.split(".")[0]) < NEEDED:
        pytest.skip(f"needs setuptools ≥ {NEEDED} to build: {found} is installed")


@pytest.fixture(scope="session")
def copied(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Copies the project, with a database beside it as somebody who has used it there has one."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        top = AT_THE_TOP(folder, names) if Path(folder) == ROOT else set()
        return top | ANYWHERE(folder, names)

    def copied() -> Path:
        folder = tmp_path_factory.mktemp("source") / "normsweep"
        shutil.copytree(ROOT, folder, ignore=left_out)
        (folder / "studies.db").touch()
        return folder

    return copied


@dataclass(frozen=True)
class Built:
    """An sdist, the wheel that is built from the sources, and the one built from the sdist."""

    source: Path
    sdist: Path
    wheel: Path
    wheel_of_sdist: Path


def build(kind: str, source: Path, into: Path) -> Path:
    """Builds as a front end does, by the hooks of the project's own build backend."""
    into.mkdir()
    hook = f"from setuptools import build_meta; build_meta.build_{kind}({str(into)!r})"
    ran(sys.executable, "-c", hook, cwd=source)
    (found,) = into.iterdir()
    return found


@pytest.fixture(scope="session")
def built(copied: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> Built:
    source, into = copied(), tmp_path_factory.mktemp("built")
    sdist = build("sdist", source, into / "sdist")
    shutil.unpack_archive(sdist, into / "unpacked", filter="data")
    (unpacked,) = (into / "unpacked").iterdir()
    wheels = build("wheel", source, into / "wheel"), build("wheel", unpacked, into / "again")
    return Built(source, sdist, *wheels)


@dataclass(frozen=True)
class Environment:
    """A virtual environment with what is installed here, but for this project."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def sweep(self) -> Path:
        return self.folder / "bin" / "sweep"

    def install(self, *arguments: str | Path) -> None:
        options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install"]
        ran(*pip, *options, *arguments, cwd=self.folder)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Environment]:
    """Makes one; no line of the `.pth` files of an installation for development is read there."""

    def environment() -> Environment:
        made = Environment(tmp_path_factory.mktemp("environment"))
        venv.create(made.folder, symlinks=True)
        variables = {"base": str(made.folder), "platbase": str(made.folder)}
        packages = Path(sysconfig.get_path("purelib", vars=variables))
        here = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        (packages / "installed_here.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
        return made

    return environment


@pytest.fixture(scope="session", params=["editable", "strict editable", "wheel"])
def installed(
    request: pytest.FixtureRequest,
    copied: Callable[[], Path],
    environment: Callable[[], Environment],
) -> Environment:
    """An environment into which the project was installed in each of these ways."""
    made = environment()
    if request.param == "wheel":
        made.install(request.getfixturevalue("built").wheel)
    else:
        strict = ["--config-settings", "editable_mode=strict"]
        made.install(*(strict if request.param.startswith("strict") else []), "-e", copied())
    return made
