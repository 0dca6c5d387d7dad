"""Pictures in tar archives, in WebDataset's layout: good ones, and each fault."""

import io
import os
import re
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.data import webdataset
from normsweep.data.listing import Listing
from normsweep.data.tar import members
from normsweep.data.webdataset import list_webdataset
from normsweep.errors import UserError
from tests.pictures import samples, write_tar

PICTURES = [bytes([place + 1]) * 700 for place in range(20)]
LABELS = [place % 3 for place in range(20)]


def archive() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write_tar(Path(folder, "a.tar"), samples(PICTURES[:3], LABELS[:3]))
        return Path(folder, "a.tar").read_bytes()


ARCHIVE = archive()


def read(listing: Listing) -> list[bytes | Exception]:
    return [picture for part in listing.parts for picture in part.read()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "digits.tar"


def test_pictures_and_labels_of_a_key_belong_together(path: Path) -> None:
    files = samples(PICTURES, LABELS)
    # In any order, and with other files among them.
    write_tar(
        path, dict(sorted(files.items())) | {"0000.json": b"{}", "README.md": b"", ".x.png": b""}
    )
    found = list_webdataset(path)
    assert read(found) == PICTURES
    assert found.labels is not None
    assert found.labels.tolist() == LABELS
    assert found.classes is None
    assert (found.name, found.names[3]) == ("digits", "digits.tar, 0003.png")


def test_shards_are_read_one_after_the_other_and_may_use_the_same_keys(tmp_path: Path) -> None:
    write_tar(tmp_path / "train-000.tar", samples(PICTURES[:12]))
    write_tar(tmp_path / "train-001.tar", samples(PICTURES[12:]))
    write_tar(tmp_path / "test-000.tar", samples(PICTURES[:2]))
    found = list_webdataset(tmp_path)
    assert read(found) == PICTURES
    assert found.labels is None
    assert read(list_webdataset(tmp_path, "test")) == PICTURES[:2]


def test_each_ending_is_known_and_folders_are_part_of_a_key(path: Path) -> None:
    names = ("a/1.png", "b/1.JPG", "c.d/1.jpeg", "e/1.webp")
    write_tar(path, {name: name.encode() for name in names})
    found = list_webdataset(path)
    assert [name.removeprefix("digits.tar, ") for name in found.names] == list(names)
    assert read(found) == [name.encode() for name in names]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_are_read_as_tarfile_reads_them(path: Path, form: int) -> None:
    names = ["a.png", "x" * 90 + "/" + "y" * 60 + ".png", "ä/é.png", "folder", "link.png"]
    if form != tarfile.USTAR_FORMAT:
        names += ["z" * 300 + ".png", "z/" * 200 + "ö.png"]
    with tarfile.open(path, "w", format=form) as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.type = {"folder": tarfile.DIRTYPE, "link.png": tarfile.SYMTYPE}.get(
                name, tarfile.REGTYPE
            )
            member.linkname = "a.png" if name == "link.png" else ""
            member.size = 777 if member.isreg() else 0
            member.mtime = 0 if form == tarfile.USTAR_FORMAT else 1.5
            archive.addfile(member, io.BytesIO(bytes(777)))
    with path.open("rb") as file:
        found = [member._replace(name=member.name.rstrip("/")) for member in members(file.fileno())]
    with tarfile.open(path) as archive:
        assert found == [(m.name, m.isreg(), m.offset_data, m.size) for m in archive]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([("1.png", b"a"), ("1.cls", b"0"), ("2.png", b"b"), ("3.png", b"c")],
         ["2: no .cls, which others have", "3: no .cls, which others have"]),
        ([("1.png", b"a"), ("1.png", b"b"), ("2.png", b"c"), ("2.jpg", b"d")],
         ["1.png: the key has a picture before, 1.png",
          "2.jpg: the key has a picture before, 2.png"]),
        ([("1.png", b"a"), ("1.cls", b"0"), ("1.cls", b"0")], ["1.cls: the key has a .cls before"]),
        ([("1.png", b"a"), ("1.cls", b"0"), ("2.cls", b"0")], ["2: a .cls, and no picture"]),
        ([("1.png", b"a"), ("1.cls", b"cat"), ("2.png", b"a"), ("2.cls", b"-1"),
          ("3.png", b"a"), ("3.cls", b"1" * 33), ("4.png", b"a"), ("4.cls", b"")],
         ["1.cls: holds b'cat', no whole number", "2.cls: holds b'-1'", "3.cls: holds",
          "4.cls: holds b''"]),
        ([("1.txt", b"a")], ["no picture; accepted are tar archives with pictures"]),
        ([], ["no picture; accepted are tar archives with pictures"]),
    ],
)  # fmt: skip
def test_faults_are_named_in_one_message(
    path: Path, files: list[tuple[str, bytes]], told: list[str]
) -> None:
    write_tar(path, files)
    with pytest.raises(UserError) as caught:
        list_webdataset(path)
    assert all(each in str(caught.value) for each in told)
    assert len(str(caught.value).splitlines()) == (1 if len(told) == 1 else 1 + len(told))


def test_damaged_archives_are_named_in_one_message(tmp_path: Path) -> None:
    whole = tmp_path / "a.tar"
    write_tar(whole, samples(PICTURES, LABELS))
    content = whole.read_bytes()
    end = len(content.rstrip(b"\0")) // 512 * 512 + 512
    header = content.find(b"0009.png\0")
    (tmp_path / "b.tar").write_bytes(content[: end - 512])
    (tmp_path / "c.tar").write_bytes(content[:end])
    (tmp_path / "d.tar").write_bytes(content[:header] + b"\xff" * 512 + content[header + 512 :])
    (tmp_path / "e.tar").write_bytes(content + content)
    (tmp_path / "f.tar").write_bytes(b"")
    (tmp_path / "g.tar").write_bytes(b"no archive at all" * 99)
    with pytest.raises(UserError) as caught:
        list_webdataset(tmp_path)
    assert re.findall(r"\n  (.)\.tar: cannot be read to its end \((.{12})", str(caught.value)) == [
        ("b", "cut off: wha"),
        ("c", "no end mark:"),
        ("d", "no header of"),
        ("e", "something fo"),
        ("f", "no end mark:"),
        ("g", "no header of"),
    ]


def test_links_and_devices_are_never_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    with tarfile.open(path, "w") as archive:
        for kind, name in ((tarfile.SYMTYPE, "1.png"), (tarfile.LNKTYPE, "2.png"),
                           (tarfile.CHRTYPE, "3.png"), (tarfile.FIFOTYPE, "4.cls")):  # fmt: skip
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path / "secret.png")
            archive.addfile(member)
    with pytest.raises(UserError) as caught:
        list_webdataset(path)
    assert str(caught.value).count("is no plain file; links and devices are not followed") == 4


def test_sparse_files_are_refused(path: Path, tmp_path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("1.png")
        member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": str(2**40)}
        archive.addfile(member)
    with pytest.raises(UserError, match="is no plain file"):
        list_webdataset(path)


@pytest.mark.parametrize("size", [b"-0000000001", b"77777777777", b"\x80" + bytes(10)])
def test_a_false_size_is_told(path: Path, size: bytes) -> None:
    write_tar(path, {"1.png": b"a"})
    content = bytearray(path.read_bytes())
    place = content.find(b"1.png\0")
    header = content[place : place + 512]
    header[124:135] = size
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    content[place : place + 512] = header
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read to its end"):
        list_webdataset(path)


def test_a_compressed_archive_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").touch()
    for path in (tmp_path, tmp_path / "a.tar.gz"):
        with pytest.raises(UserError, match=r"\(\.tar\.gz\) are to be unpacked before: gunzip"):
            list_webdataset(path)


def test_an_archive_that_was_cut_since_is_told(path: Path) -> None:
    write_tar(path, samples(PICTURES))
    found = list_webdataset(path)
    os.truncate(path, 2048)
    assert [str(each) for each in read(found)[1:]] == ["the archive has become shorter"] * 19


@given(st.data())
def test_no_damage_to_an_archive_ends_otherwise_than_in_a_message(data: st.DataObject) -> None:
    content = bytearray(ARCHIVE)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.tar")
        path.write_bytes(content)
        try:
            found = list_webdataset(path)
        except UserError:
            return
        assert all(isinstance(each, bytes) for each in read(found))


def test_a_picture_of_far_too_many_bytes_is_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webdataset, "MOST_BYTES", 699)
    write_tar(path, samples([*PICTURES[:2], b"small"]))
    assert [str(each) for each in read(list_webdataset(path))] == [
        "more than 699 bytes",
        "more than 699 bytes",
        "b'small'",
    ]
