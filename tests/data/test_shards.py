"""Which files hold a data set together."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from normsweep.data.parquet import list_parquet
from normsweep.data.shards import shards_of, stamp_of
from normsweep.data.webdataset import list_webdataset
from normsweep.errors import UserError
from tests.pictures import samples, write_parquet, write_tar


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("files", "split", "found"),
    [
        ("b.tar a.tar notes.txt ._a.tar", "train", "a.tar b.tar"),
        ("data/a.tar", "train", "a.tar"),
        ("train/0.tar test/1.tar", "test", "1.tar"),
        ("data/train/0.tar data/test/1.tar", "train", "0.tar"),
        ("train-0.tar validation-0.tar test-0.tar", "train", "train-0.tar"),
        ("train-0.tar validation-0.tar test-0.tar", "test", "test-0.tar"),
        ("cifar_train_0.tar cifar_test_0.tar", "test", "cifar_test_0.tar"),
        ("a-00000-of-00002.tar a-00001-of-00002.tar", "train",
         "a-00000-of-00002.tar a-00001-of-00002.tar"),
        ("train-00000-of-00001.tar test-00001-of-00002.tar", "train", "train-00000-of-00001.tar"),
    ],
)  # fmt: skip
def test_the_files_of_a_split_are_told_by_their_names(
    tmp_path: Path, files: str, split: str, found: str
) -> None:
    touch(tmp_path, *files.split())
    assert [file.name for file in shards_of(tmp_path, split, ".tar")] == found.split()


def test_one_file_is_taken_whatever_its_name_says(tmp_path: Path) -> None:
    touch(tmp_path, "test-00001-of-00002.tar")
    path = tmp_path / "test-00001-of-00002.tar"
    assert shards_of(path, "train", ".tar") == shards_of(path, "test", ".tar") == [path]


@pytest.mark.parametrize(
    ("files", "path", "split", "told"),
    [
        ("", "nowhere", "train", "no such file or folder; accepted is a .tar file, or a folder"),
        ("a.parquet", "", "train", "no .tar file in this folder, nor in its data/"),
        ("a.parquet", "a.parquet", "train", "is no .tar file by its name"),
        ("a.tar", "a.tar", "test", "is one file, which has only 'train'"),
        ("a.tar", "", "test", "so all are 'train'; accepted: test-….tar beside train-….tar"),
        ("train-0.tar val-0.tar", "", "test", "has the splits train, validation"),
        ("train-0.tar a.tar b.tar", "", "train",
         "2 faults; accepted: the split (train, test) in the names of all files, or of none\n"
         "  a.tar: its name says no split\n  b.tar: its name says no split"),
        ("a-00001-of-00003.tar", "", "train",
         "a-00000-of-00003.tar is missing\n  a-00002-of-00003.tar is missing"),
    ],
)  # fmt: skip
def test_what_is_no_whole_split_is_told(
    tmp_path: Path, files: str, path: str, split: str, told: str
) -> None:
    touch(tmp_path, *files.split())
    with pytest.raises(UserError, match=re.escape(told)):
        shards_of(tmp_path / path, split, ".tar")


def test_a_stamp_changes_with_the_files_and_what_else_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"one")
    stamps = {stamp_of([path]), stamp_of([path], "other")}
    path.write_bytes(b"three")
    stamps.add(stamp_of([path]))
    assert len(stamps) == 3
    assert stamp_of([path]) in stamps


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
@pytest.mark.parametrize(
    ("suffix", "lister"), [(".tar", list_webdataset), (".parquet", list_parquet)]
)
def test_a_name_that_is_no_text_does_no_harm(tmp_path: Path, suffix: str, lister: Any) -> None:
    path = tmp_path / os.fsdecode(b"\xff" + suffix.encode())
    if suffix == ".tar":
        write_tar(path, samples([b"picture"]))
    else:
        write_parquet(tmp_path / "a", [b"picture"])
        (tmp_path / "a").rename(path)
    found = lister(path)
    assert (found.name, found.names[0].partition(",")[0]) == ("\\xff", f"\\xff{suffix}")
    found.origin.encode()
