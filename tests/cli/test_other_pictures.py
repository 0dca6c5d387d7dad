"""Mistakes in Parquet files, tar archives and files of one's own: one message, and no more."""

from pathlib import Path

import pytest

from normsweep.data.cache import CACHE_VARIABLE
from tests.data.pictures import drawn, encoded
from tests.pictures import samples, write_parquet, write_tar

PICTURES = [encoded(image) for image in drawn(40, 4, 4)]
BAD = [*PICTURES[:5], b"nothing", PICTURES[6][:40], *PICTURES[7:]]
LABELS = [place % 2 for place in range(40)]
FAILS = "def images():\n    raise OSError('the disk is away')\n"
ITEMS = """
class Images:
    def __len__(self):
        return 3

    def __getitem__(self, place):
        return {}["image"] if place else b""
"""


@pytest.mark.parametrize(
    ("source", "path", "told"),
    [
        ("parquet", "bad.parquet", "bad.parquet: 2 of 40 pictures cannot be used"),
        ("parquet", "bad.parquet", "\n  bad.parquet, row 5 is none of PNG"),
        ("parquet", "null.parquet", "null.parquet: null.parquet, row 3: no picture"),
        ("parquet", "cut.parquet", "cut.parquet: cut.parquet: cannot be read"),
        ("parquet", "odd.parquet", "no column can be the one of pictures; there are: x (int64)"),
        ("webdataset", "bad.tar", "\n  bad.tar, 0006.png is "),
        ("webdataset", "cut.tar", "cut.tar: cut.tar: cannot be read to its end (no end"),
        ("webdataset", "odd.tar", "odd.tar: odd.tar, 0003: no .cls, which others have"),
        ("fails.py:images", None, "fails.py, line 2: OSError: the disk is away; accepted are"),
        ("items.py:Images", None, "\n  item 2 cannot be read (items.py, line 7: KeyError"),
        ("items.py:nothing", None, "no 'nothing' in items.py; there are: Images"),
        ("items.py:Images", "here", "data.path = 'here': data.source = 'items.py:Images' takes no"),
    ],
)  # fmt: skip
def test_a_launch_ends_with_one_message_and_nothing_is_written(
    sweep, write_spec, folder: Path, monkeypatch: pytest.MonkeyPatch,
    source: str, path: str | None, told: str,
) -> None:  # fmt: skip
    import pyarrow
    import pyarrow.parquet

    write_parquet(folder / "bad.parquet", BAD, label=LABELS)
    write_parquet(folder / "null.parquet", [*PICTURES[:3], None], label=LABELS[:4])
    content = (folder / "bad.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(content[: len(content) // 2])
    pyarrow.parquet.write_table(pyarrow.table({"x": [1, 2]}), folder / "odd.parquet")
    files = samples(BAD, LABELS)
    write_tar(folder / "bad.tar", files)
    (folder / "cut.tar").write_bytes((folder / "bad.tar").read_bytes()[:50_000])
    files.pop("0003.cls")
    write_tar(folder / "odd.tar", files)
    (folder / "fails.py").write_text(FAILS)
    (folder / "items.py").write_text(ITEMS)
    monkeypatch.setenv(CACHE_VARIABLE, str(folder / "cache"))
    spec = write_spec(data__source=source, data__path=path, data__limit=None)
    there = set(folder.iterdir())
    called = sweep("launch", spec)
    assert called.code == 2
    assert told in called.err
    assert called.err.count("error:") == 1 and "Traceback" not in called.err
    assert called.out == ""
    left = {file for file in folder.rglob("*") if file.parent == folder / "cache" / "images"}
    assert left == set() and set(folder.iterdir()) - there <= {folder / "cache"}
