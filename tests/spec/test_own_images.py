"""`data.source = "mine.py:images"`: an object, a function or a class in a user's file."""

import re
from pathlib import Path

import numpy as np
import pytest

from normsweep.data import make_dataset
from normsweep.errors import UserError
from normsweep.spec.plugins.images import plugin_images
from normsweep.spec.plugins.load import FORBIDDEN_VARIABLE, look_again

MINE = '''
import numpy as np

ARRAY = np.arange(8 * 9, dtype=np.uint8).reshape(8, 3, 3)


def images():
    return ARRAY


def of_split(split="train"):
    return ARRAY if split == "train" else ARRAY[:2]


class Source:
    """Grain's protocol."""

    def __len__(self):
        return 8

    def __getitem__(self, place):
        return ARRAY[place], place % 2


class Failing(Source):
    def __getitem__(self, place):
        if place in (2, 5):
            raise KeyError(place)
        return super().__getitem__(place)


source = Source()


def fails():
    return 1 / 0


def of_path(path, size=3):
    return ARRAY


def leaves():
    raise SystemExit(3)
'''
ARRAY = np.arange(8 * 9, dtype=np.uint8).reshape(8, 3, 3)


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    monkeypatch.chdir(tmp_path)
    look_again()
    return path


@pytest.mark.parametrize("name", ["images", "ARRAY", "of_split"])
def test_arrays_are_named_or_returned(name: str) -> None:
    assert plugin_images(f"mine.py:{name}") == make_dataset(name, ARRAY)


def test_a_split_is_given_to_what_takes_one() -> None:
    assert plugin_images("mine.py:of_split", split="test") == make_dataset("of_split", ARRAY[:2])


def test_an_object_and_its_class_give_the_same() -> None:
    one, other = plugin_images("mine.py:source"), plugin_images("mine.py:Source")
    assert one.fingerprint == other.fingerprint
    assert one.labels is not None
    assert sorted(one.labels) == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("name", "split", "told"),
    [
        ("fails", "train", "data.source = 'mine.py:fails': mine.py, line 36: ZeroDivisionError"),
        ("leaves", "train", "SystemExit: 3"),
        ("of_path", "train", "takes path; accepted is a function of nothing, or of split"),
        ("images", "test", "data.split = 'test': data.source = 'mine.py:images' takes no split"),
        ("source", "test", "is no function of split, so it has none"),
        ("nothing", "train", "no 'nothing' in mine.py; there are: ARRAY, Failing, Source"),
    ],
)
def test_what_gives_no_images_is_told(name: str, split: str, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        plugin_images(f"mine.py:{name}", split=split)


def test_items_that_fail_are_all_named_with_their_line_and_the_traceback_is_there() -> None:
    with pytest.raises(UserError) as caught:
        plugin_images("mine.py:Failing")
    assert str(caught.value).splitlines()[1:] == [
        "  item 2 cannot be read (mine.py, line 28: KeyError: 2)",
        "  item 5 cannot be read (mine.py, line 28: KeyError: 5)",
    ]
    cause = caught.value.__cause__
    assert cause is not None and isinstance(cause.__cause__, KeyError)


def test_no_plugins_means_these_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORBIDDEN_VARIABLE, "1")
    with pytest.raises(UserError, match="a file of code, which --no-plugins"):
        plugin_images("mine.py:images")
