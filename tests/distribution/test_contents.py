"""What the sdist and the wheel hold, and what the metadata say."""

import tarfile
import tomllib
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FLOORS = {"sweep": "normsweep", "models": "normsweep/models", "objectives": "normsweep/objectives"}


def installed_name(path: Path) -> Path:
    """Where a file of the checkout lies when it is installed."""
    floor, *rest = path.relative_to(ROOT).parts
    return Path(FLOORS[floor], *rest)


def source_files() -> list[Path]:
    return [
        path
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def metadata(built) -> Message:
    (text,) = (text for name, text in contents(built.wheel).items() if name.endswith("/METADATA"))
    return message_from_string(text.decode())


def test_the_packages_are_the_folders_with_an_init_file() -> None:
    folders = [path.parent for path in source_files() if path.name == "__init__.py"]
    names = [".".join(installed_name(folder).parts) for folder in folders]
    assert PROJECT["tool"]["setuptools"]["packages"] == sorted(names)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(built) -> None:
    found = {n: text for n, text in contents(built.wheel).items() if ".dist-info/" not in n}
    expected = {str(installed_name(path)): path.read_bytes() for path in source_files()}
    assert found.keys() == expected.keys()
    assert found == expected
    kinds = {Path(name).suffix or Path(name).name for name in found}
    assert {".py", ".toml", ".css", ".js"} <= kinds
    for floor in FLOORS.values():
        assert f"{floor}/py.typed" in found


def test_the_wheel_names_its_command_and_brings_its_licence(built) -> None:
    found = contents(built.wheel)
    (licence,) = (text for name, text in found.items() if name.endswith("/licenses/LICENSE"))
    assert licence == (ROOT / "LICENSE").read_bytes()
    (scripts,) = (text for name, text in found.items() if name.endswith("/entry_points.txt"))
    assert scripts.decode().split() == ["[console_scripts]", "sweep", "=", "normsweep.cli:main"]


def test_the_sdist_builds_the_same_wheel(built) -> None:
    """To the byte, but for the dates of the archive and how the lists are sorted."""
    assert contents(built.wheel_of_sdist) == contents(built.wheel)


def test_the_sdist_holds_what_is_needed_to_build_and_nothing_else(built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = archive.getnames()
    top = built.sdist.name.removesuffix(".tar.gz")
    assert all(name.split("/")[0] == top and ".." not in name.split("/") for name in names)
    assert not [name for name in names if name.endswith((".db", ".pyc"))]
    written = {"PKG-INFO", "setup.cfg", "normsweep.egg-info"}
    assert {name.split("/")[1] for name in names if "/" in name} - written == {
        *FLOORS,
        *("CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"),
    }


def test_the_metadata_say_what_the_project_says(metadata: Message) -> None:
    project = PROJECT["project"]
    for field, name in {"name": "Name", "version": "Version", "description": "Summary"}.items():
        assert metadata[name] == project[field]
    assert metadata["License-Expression"] == project["license"]
    assert metadata["License-File"] == "LICENSE"
    assert metadata.get_all("Classifier") == project["classifiers"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_citation_names_what_is_released() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = PROJECT["project"]
    assert str(cited["version"]) == project["version"]
    assert cited["license"] == project["license"]
    assert cited["keywords"] == project["keywords"]
    assert cited["authors"] == project["authors"]
