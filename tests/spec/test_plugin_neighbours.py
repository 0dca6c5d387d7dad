"""What a user's file imports from its folder, and what becomes of it after an edit."""

import hashlib
import os
import random
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from normsweep.errors import UserError
from normsweep.spec.plugins import (
    fault_of_plugin,
    load_plugin,
    look_again,
    plugin_feature_map,
    plugin_fingerprint,
    plugin_penalty,
)

Write = Callable[[dict[str, str]], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files of a user's, named without `.py`; returns how references to it begin."""

    def write(texts: dict[str, str]) -> str:
        paths = [tmp_path / f"{name}.py" for name in texts]
        for path, text in zip(paths, texts.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return f"{paths[0]}:"

    return write


def loaded(reference: str) -> object:
    """What a study that begins now finds."""
    look_again()
    return load_plugin(reference, "penalty.form")


@pytest.mark.parametrize(
    "statement",
    [
        "from helpers import f",
        "import helpers\nf = helpers.f",
        "import helpers as of_mine\nf = of_mine.f",
        "from helpers import *",
        "from models.gan import f",
        "from models import gan\nf = gan.f",
        "import models.gan\nf = models.gan.f",
        "import models.gan as gan\nf = gan.f",
        "from models.listed import *\nf = within.f",
        "from objectives import f",
        "from sweep import f",
        "from random import f",
        "from .helpers import f",
        "def f():\n    from helpers import f\n    return f()",
        "def f():\n    import models.gan\n    return models.gan.f()",
    ],
)
def test_each_way_to_import_a_neighbour_finds_it(write: Write, statement: str):
    f = "def f():\n    return 'of the user'\n"
    mine = write(
        {
            "mine": statement,
            "helpers": f,
            "models/gan": "from models.layers.dense import f\n",
            "models/layers/dense": "from ..relative import f\n",
            "models/relative": "from models.layers.deeper import f",
            "models/layers/deeper": f,
            "models/listed/__init__": "__all__ = ['within']",
            "models/listed/within": f,
            "objectives/__init__": "from .inner import f",
            "objectives/inner": f,
            "sweep": f,
            "random": f,
        }
    )
    assert loaded(mine + "f")() == "of the user"


def test_files_of_one_name_in_two_folders_are_each_their_own(write: Write):
    code = "from helpers import name\ndef late():\n    import helpers\n    return helpers.name\n"
    one = write({"one/mine": code, "one/helpers": "name = 'one'"})
    two = write({"two/mine": code, "two/helpers": "name = 'two'"})
    found = [loaded(mine + what) for mine in (one, two) for what in ("name", "late")]
    assert (found[0], found[1](), found[2], found[3]()) == ("one", "one", "two", "two")


def test_neighbours_that_import_each_other_find_the_same_modules(write: Write):
    mine = write(
        {
            "mine": "import helpers\nclass Thing: ...\nsame = lambda: helpers.thing() is Thing",
            "helpers": "def thing():\n    from mine import Thing\n    return Thing",
        }
    )
    assert loaded(mine + "same")()


def test_nothing_of_it_is_left_for_others_to_import(write: Write, tmp_path: Path):
    import optuna  # noqa: F401  (what it imports is of no interest here)

    path, before = list(sys.path), set(sys.modules)
    mine = write(
        {
            "mine": "import helpers, models.gan, random, sweep, optuna\nname = optuna.__name__",
            "helpers": "import optuna, models",
            "models/gan": "",
            "random": "",
            "sweep": "",
            "normsweep": "raise AssertionError",
            "optuna/notes": "raise AssertionError",
        }
    )
    assert loaded(mine + "name") == "optuna"
    assert sys.path == path
    new = set(sys.modules) - before
    assert new and all(name.startswith("_sweep_plugin_") for name in new)
    assert sys.modules["random"] is random
    with pytest.raises(ImportError):
        __import__("helpers")


def test_the_interpreter_and_what_is_ours_cannot_be_replaced(write: Write):
    mine = write(
        {
            "mine": "import time, os\nfrom normsweep.objectives.penalties import PENALTIES\n"
            "ours = PENALTIES['power']\nname = time.sleep.__name__, os.path.sep",
            "time": "",
            "os": "",
            "normsweep/objectives": "",
            "normsweep/__init__": "",
        }
    )
    from normsweep.objectives.penalties import PENALTIES

    assert loaded(mine + "name") == ("sleep", os.path.sep)
    assert plugin_penalty(mine + "ours") is PENALTIES["power"]


def test_a_file_named_as_a_package_that_it_imports_gets_that(write: Write):
    optax = write({"optax": "import optax\nname = optax.adam.__name__"})
    assert loaded(optax + "name") == "adam"


def test_a_file_among_installed_packages_imports_these_as_others_do(monkeypatch, tmp_path: Path):
    from normsweep.spec.plugins import sources

    installed = sources._INSTALLED
    assert Path(sysconfig.get_path("purelib")).resolve() in installed
    (tmp_path / "optax").mkdir()
    (tmp_path / "optax" / "__init__.py").write_text("raise AssertionError", encoding="utf-8")
    (tmp_path / "mine.py").write_text("from optax import adam", encoding="utf-8")
    monkeypatch.setattr(sources, "_INSTALLED", installed | {tmp_path.resolve()})
    import optax

    assert loaded(f"{tmp_path}/mine.py:adam") is optax.adam


def test_the_fingerprint_is_that_of_the_bytes_where_nothing_beside_is_imported(write: Write):
    text = "import json, jax\nfrom models import nothing_of_the_kind\n"
    mine = write({"mine": text, "helpers": "", "models/gan": ""})
    mine_alone = write({"alone": text.splitlines()[0], "helpers": ""})
    look_again()
    digest = hashlib.sha256(text.splitlines()[0].encode()).hexdigest()
    assert plugin_fingerprint(mine_alone + "f") == digest
    with pytest.raises(UserError, match=r"mine\.py, line 2: ImportError: cannot import name"):
        loaded(mine + "f")


@pytest.mark.parametrize("edited", ["mine", "helpers", "models/gan", "models/__init__", "late"])
def test_the_fingerprint_covers_each_neighbour_that_is_imported(write: Write, edited: str):
    texts = {
        "mine": "import helpers\ndef f():\n    import late",
        "helpers": "from models import gan",
        "models/gan": "",
        "models/__init__": "",
        "late": "",
        "other": "",
    }
    mine = write(texts)

    def found() -> str:
        look_again()
        return plugin_fingerprint(mine + "f")

    before = found()
    write({"other": "x = 1"})
    assert found() == before
    write({edited: texts[edited] + "\n# edited\n"})
    assert found() != before
    write({edited: texts[edited]})
    assert found() == before


def test_an_edit_is_seen_by_the_next_study_and_not_by_the_one_that_runs(write: Write):
    """Of the same length and within the same second, as no modification time would tell."""
    for name in ("mine", "helpers"):
        mine = write({"mine": "from helpers import two\none = 1", "helpers": "two = 2"})
        attribute = {"mine": "one", "helpers": "two"}[name]
        before = loaded(mine + attribute)
        write({name: {"mine": "from helpers import two\none = 8", "helpers": "two = 9"}[name]})
        assert load_plugin(mine + attribute, "penalty.form") == before
        assert loaded(mine + attribute) in (8, 9)


def test_a_function_that_imports_late_gets_what_was_there_when_it_was_read(write: Write):
    mine = write({"mine": "def f():\n    import helpers\n    return helpers.x", "helpers": "x = 1"})
    old = loaded(mine + "f")
    write({"helpers": "x = 2"})
    assert (old(), loaded(mine + "f")(), old()) == (1, 2, 1)


def test_equal_content_gives_the_same_objects_so_that_no_program_is_compiled_again(write: Write):
    def text(factor: int) -> str:
        return (
            f"def ridge(params, strength):\n    return {factor} * strength\n"
            f"def embed(images):\n    return {factor} * images\n"
        )

    mine = write({"mine": "from helpers import ridge, embed", "helpers": text(1)})

    def objects() -> tuple[object, object]:
        look_again()
        return plugin_penalty(mine + "ridge"), plugin_feature_map(mine + "embed")

    first = objects()
    assert objects() == first
    write({"helpers": text(2)})
    second = objects()
    assert second[0] is not first[0] and second[1] is not first[1]
    assert second[0].value(None, 3) == 6
    write({"helpers": text(1)})
    assert all(new is old for new, old in zip(objects(), first, strict=True))


def test_an_error_in_a_neighbour_is_told_with_its_file_and_line(write: Write):
    mine = write(
        {
            "mine": "import helpers\ndef f():\n    return helpers.f()",
            "helpers": "def f():\n    return 1 / 0",
        }
    )
    with pytest.raises(ZeroDivisionError) as raised:
        loaded(mine + "f")()
    told = "helpers.py, line 2: ZeroDivisionError: division by zero"
    assert fault_of_plugin(raised.value) == told


@pytest.mark.parametrize(
    ("helpers", "told"),
    [
        ("x = 1\ny = x / 0", "helpers.py, line 2: ZeroDivisionError: division by zero"),
        ("x = 1\ny = (\n", "helpers.py, line 2: SyntaxError: '(' was never closed"),
        ("", "mine.py, line 1: ImportError: cannot import name 'y' from 'helpers'"),
        (
            "import helpers.more",
            "helpers.py, line 1: ModuleNotFoundError: No module named 'helpers",
        ),
    ],
)
def test_a_neighbour_that_fails_is_told_and_run_again_once_it_is_mended(
    write: Write, helpers: str, told: str
):
    mine = write({"mine": "from helpers import y", "helpers": helpers})
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            loaded(mine + "y")
        assert told in str(caught.value)
    assert {name for name in set(sys.modules) - before if name.startswith("_sweep")} == set()
    write({"helpers": "y = 3"})
    assert loaded(mine + "y") == 3
