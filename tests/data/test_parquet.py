"""Pictures in Parquet files, in Hugging Face's layout: good ones, and each fault."""

import random
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normsweep.data import parquet_rows
from normsweep.data.listing import Listing
from normsweep.data.parquet import list_parquet
from normsweep.errors import UserError
from tests.pictures import write_parquet

pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")

PICTURES = [bytes([place]) * 9 for place in range(20)]
LABELS = [place % 3 for place in range(20)]


def read(listing: Listing) -> list[bytes | Exception]:
    return [picture for part in listing.parts for picture in part.read()]


def write(path: Path, columns: dict[str, Any], **options: Any) -> None:
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    import pyarrow.parquet  # noqa: F401

    return tmp_path / "digits.parquet"


def test_pictures_labels_and_names_of_classes_are_read(path: Path) -> None:
    write_parquet(path, PICTURES, label=LABELS, names=["cat", "dog", "owl"])
    found = list_parquet(path)
    assert read(found) == PICTURES
    assert found.labels is not None
    assert found.labels.tolist() == LABELS
    assert found.classes == ("cat", "dog", "owl")
    assert (found.name, found.origin) == ("digits", str(path))
    assert found.names[17] == "digits.parquet, row 17"


def test_shards_are_read_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number, part in enumerate((slice(0, 12), slice(12, 20))):
        name = f"data/train-{number:05d}-of-00002.parquet"
        write_parquet(tmp_path / name, PICTURES[part], label=LABELS[part])
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", PICTURES[:2], label=[0, 1])
    found, test = list_parquet(tmp_path), list_parquet(tmp_path, "test")
    assert (read(found), read(test)) == (PICTURES, PICTURES[:2])
    assert found.names[12] == "train-00001-of-00002.parquet, row 0"
    assert found.stamp != test.stamp


def test_a_large_group_of_rows_is_several_parts_which_any_thread_may_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "_MOST_ROWS", 3)
    monkeypatch.setattr(parquet_rows, "_KEPT", 2)
    write_parquet(path, PICTURES, rows=11)
    parts = list_parquet(path).parts
    assert [len(part) for part in parts] == [3, 3, 3, 2, 3, 3, 3]
    for seed in range(3):
        order = random.Random(seed).sample(range(len(parts)), len(parts))
        found = {place: list(parts[place].read()) for place in order}
        assert [each for place in range(len(parts)) for each in found[place]] == PICTURES


def test_parts_are_small_where_pictures_are_large(path: Path) -> None:
    large = [random.Random(place).randbytes(2**21) for place in range(4)]
    write_parquet(path, large)
    found = list_parquet(path)
    assert [len(part) for part in found.parts] == [1, 1, 1, 1]
    assert read(found) == large


@pytest.mark.parametrize("kind", ["binary", "large_binary", "binary_view"])
def test_a_column_of_plain_bytes_is_one_of_pictures(path: Path, kind: str) -> None:
    write(path, {"img": pyarrow.array(PICTURES, getattr(pyarrow, kind)())})
    assert read(list_parquet(path)) == PICTURES


@pytest.mark.parametrize(
    ("values", "labels", "classes"),
    [
        (["owl", "cat", "owl"], [1, 0, 1], ("cat", "owl")),
        (["10", "9", "10"], [1, 0, 1], ("9", "10")),
        (pyarrow.array(["b", "a", "b"]).dictionary_encode(), [1, 0, 1], ("a", "b")),
        (pyarrow.array([7, 0, 7], pyarrow.uint8()), [7, 0, 7], None),
        ([-1, -1, -1], None, None),
    ],
)
def test_labels_are_numbers_or_text(
    path: Path, values: Any, labels: Any, classes: tuple[str, ...] | None
) -> None:
    write(path, {"picture": PICTURES[:3], "label": values})
    found = list_parquet(path)
    assert (None if found.labels is None else found.labels.tolist()) == labels
    assert found.classes == classes


@pytest.mark.parametrize(
    ("columns", "label"),
    [
        ({"id": [1, 2]}, None),
        ({"id": [1, 2], "labels": [3, 4]}, [3, 4]),
        ({"coarse_label": [1, 2], "fine_label": [3, 4]}, [3, 4]),
        ({"label": [0.5, 1.5]}, None),
    ],
)
def test_only_a_column_with_a_usual_name_is_one_of_labels(
    path: Path, columns: dict[str, Any], label: Any
) -> None:
    write(path, {"embedding": PICTURES[2:4], "image": PICTURES[:2]} | columns)
    found = list_parquet(path)
    assert (None if found.labels is None else found.labels.tolist()) == label
    assert read(found) == PICTURES[:2]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"x": [1, 2], "y": ["a", "b"]},
         "no column can be the one of pictures; there are: x (int64), y (string); accepted are"),
        ({"a": PICTURES[:2], "b": PICTURES[:2]},
         "any of the columns a, b may be the one of pictures; there are: a (binary), b (binary)"),
        ({"image": PICTURES[:2], "label": [0, 1], "labels": [0, 1]},
         "any of the columns label, labels may be the one of labels"),
        ({"image": PICTURES[:2], "label": [0, -2]}, "'label' has the range -2 to 0"),
        ({"image": PICTURES[:2], "label": [0, 2**40]}, "accepted are integers of 0 to 2147483647"),
        ({"image": PICTURES[:3], "label": [0, None, None]},
         "2 faults; accepted are rows with the bytes of a picture, and with a label if others have"
         "\n  digits.parquet, row 1: no label\n  digits.parquet, row 2: no label"),
        ({"image": pyarrow.array([], pyarrow.binary())}, "no rows"),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_are_told(path: Path, columns: dict[str, Any], told: str) -> None:
    write(path, columns)
    with pytest.raises(UserError, match=re.escape(told)):
        list_parquet(path)


def test_a_class_without_a_name_is_told(path: Path) -> None:
    write_parquet(path, PICTURES[:2], label=[0, 2], names=["cat", "dog"])
    with pytest.raises(UserError, match="range 0 to 2; accepted are integers of 0 to 1, which"):
        list_parquet(path)


@pytest.mark.parametrize("statistics", [True, False])
def test_all_rows_without_bytes_are_named_in_one_message(path: Path, statistics: bool) -> None:
    rows = [{"bytes": b"1", "path": "a.png"}, {"bytes": None, "path": "b.png"}, None] * 2
    write(path, {"image": rows}, row_group_size=3, write_statistics=statistics)
    with pytest.raises(UserError) as caught:
        list_parquet(path)
    assert str(caught.value).splitlines()[1:] == [
        "  digits.parquet, row 1: a path alone, 'b.png'",
        "  digits.parquet, row 2: no picture",
        "  digits.parquet, row 4: a path alone, 'b.png'",
        "  digits.parquet, row 5: no picture",
    ]


def test_damaged_files_are_named_in_one_message(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", PICTURES)
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    (tmp_path / "c.parquet").touch()
    with pytest.raises(UserError) as caught:
        list_parquet(tmp_path)
    lines = str(caught.value).splitlines()
    assert re.search("2 faults; accepted are Parquet files", lines[0])
    assert [line.partition(":")[0] for line in lines[1:]] == ["  b.parquet", "  c.parquet"]


def test_a_damaged_group_of_rows_says_so_where_it_is_read(path: Path) -> None:
    write_parquet(path, [random.Random(k).randbytes(999) for k in range(9)], label=[0] * 9)
    content = bytearray(path.read_bytes())
    content[4:40] = b"\xff" * 36
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"digits\.parquet, the group of rows from 0: "):
        read(list_parquet(path))


def test_shards_of_other_columns_are_named(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", PICTURES, label=LABELS, names=["a", "b", "c"])
    write_parquet(tmp_path / "b.parquet", PICTURES, label=LABELS, names=["b", "a", "c"])
    write_parquet(tmp_path / "c.parquet", PICTURES)
    with pytest.raises(UserError) as caught:
        list_parquet(tmp_path)
    assert "b.parquet: pictures 'image' and labels 'label' of the classes b, a, c" in str(
        caught.value
    )
    assert "c.parquet: pictures 'image' and no labels, but a.parquet:" in str(caught.value)


def test_what_unpacks_to_far_more_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "_UNPACKED", 2**20)
    write(path, {"image": [bytes(2**20 + k) for k in range(4)]}, compression="zstd")
    with pytest.raises(UserError, match=r"rows 0 to 3: \d+ bytes unpack to 4\d{6}, more than"):
        list_parquet(path)


def test_without_pyarrow_a_message_says_how_to_install_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UserError, match=re.escape("pip install 'normsweep[parquet]'")):
        list_parquet(path)


def test_other_metadata_by_that_name_do_no_harm(path: Path) -> None:
    table = pyarrow.table({"image": PICTURES, "label": np.array(LABELS)})
    for told in (b"{", b"[]", b'{"info": 3}', b'{"info": {"features": {"label": 3}}}'):
        pyarrow.parquet.write_table(table.replace_schema_metadata({b"huggingface": told}), path)
        assert list_parquet(path).classes is None


def test_no_damage_to_a_footer_ends_otherwise_than_in_a_message(path: Path) -> None:
    write_parquet(path, PICTURES, label=LABELS, names=["a", "b", "c"], rows=15)
    content = path.read_bytes()
    refused = 0
    for place in range(len(content) - 1200, len(content), 5):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x1B]) + content[place + 1 :])
        try:
            found = list_parquet(path)
        except UserError:
            refused += 1
        else:
            assert len(found.names) == sum(map(len, found.parts)) == 20
    assert refused > 50


def test_a_column_of_another_type_than_in_the_schema_does_not_end_the_process(path: Path) -> None:
    write_parquet(path, PICTURES)
    content = path.read_bytes()
    # The types of columns in the footer: BYTE_ARRAY, by Thrift's compact protocol.
    places = [match.start() + 1 for match in re.finditer(rb"\x15\x0c", content)]
    assert places
    for place in places:
        path.write_bytes(content[:place] + b"\x70" + content[place + 1 :])
        with suppress(UserError):
            list_parquet(path)
