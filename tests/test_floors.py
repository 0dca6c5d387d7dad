"""The floors and rooms of the code, held by its imports."""

import ast
import tomllib
from collections.abc import Iterator

import pytest

from docs.rooms import FLOORS, ROOT, circles, files, floor_of, imports, room_imports, room_of


def test_every_room_has_a_floor() -> None:
    rooms = {room for path in files().values() if (room := room_of(path)) is not None}
    assert rooms == {room for floor in FLOORS for room in floor}


def test_an_import_goes_down_and_to_no_neighbour_in_functions_too() -> None:
    wrong = [
        f"{found.importer} imports {found.imported}"
        for found in imports()
        if (upper := room_of(found.importer)) is not None
        and (lower := room_of(found.imported)) is not None
        and upper != lower
        and floor_of(upper) <= floor_of(lower)
    ]
    assert wrong == []


def test_there_is_no_circle_of_rooms_nor_of_files() -> None:
    rooms: dict[str, set[str]] = {}
    for upper, lower in room_imports():
        rooms.setdefault(upper, set()).add(lower)
    assert circles(rooms) == []
    edges: dict[str, set[str]] = {}
    for found in imports():
        # A face hands names on: who imports from it imports what it hands on.
        if "__init__" not in (found.importer.stem, found.imported.stem):
            edges.setdefault(str(found.importer), set()).add(str(found.imported))
    assert circles(edges) == []


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_there_are_no_more_than_fourteen_rooms_in_sweep() -> None:
    rooms = {room_of(path) for path in files().values() if path.parts[0] == "sweep"} - {None}
    assert len(rooms) <= 14


@pytest.mark.parametrize("floor", ["objectives", "models"])
def test_the_lower_floors_touch_no_file_no_clock_and_no_global_random_state(floor: str) -> None:
    found = [
        f"{path}: {name}"
        for path in files().values()
        if path.parts[0] == floor
        for name in _outside_names(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    ]
    assert found == []


def _outside_names(tree: ast.Module) -> Iterator[str]:
    forbidden = {"os", "pathlib", "time", "datetime", "random", "sqlalchemy", "optuna", "logging"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in forbidden)
        elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in forbidden:
            yield str(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("open", "print", "input"):
            yield ast.unparse(node.func)


def test_the_packages_that_are_installed_are_the_folders_that_there_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    there = {module for module, path in files().items() if path.name == "__init__.py"}
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(there)
