"""From what a source lists to a data set: order, faults, the cache."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from normsweep.data import kept, make_dataset, pixels
from normsweep.data.cache import CACHE_VARIABLE, cache_folder
from normsweep.data.decoding import decode
from normsweep.data.duplicates import digests_of, order_of
from normsweep.data.pictures import load_pictures
from normsweep.data.pixels import BytePixels
from normsweep.data.stored import StoredBytes
from normsweep.data.treatment import Treatment
from normsweep.errors import UserError
from tests.data.pictures import drawn, encoded, listing

IMAGES = drawn(11, 6, 5, 3)
PNGS = [encoded(image) for image in IMAGES]
LABELS = np.arange(11) % 3


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


def test_images_are_in_an_order_that_follows_from_them_alone(cache: Path) -> None:
    one = load_pictures(listing(PNGS, LABELS, stamp="a"))
    turned = load_pictures(listing(PNGS[::-1], LABELS[::-1], stamp="b", a_part=3))
    assert one == turned
    order = order_of(digests_of(IMAGES), LABELS)
    assert one == make_dataset("mine", IMAGES[order], LABELS[order])
    assert one.labels is not None
    np.testing.assert_array_equal(one.labels, LABELS[order])


def test_what_was_decoded_once_is_read_again_and_no_picture_is_touched(cache: Path) -> None:
    told: list[tuple[int, int]] = []
    listed = listing([*PNGS, PNGS[2]], [*LABELS, 0], stamp="a", classes=("x", "y", "z"))
    first = load_pictures(listed, watch=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 12) and told[-1] == (12, 12)
    bare = listing([b""] * 12, [*LABELS, 0], stamp="a", classes=("x", "y", "z"))
    again = load_pictures(bare, watch=lambda done, total: told.append((-1, -1)))
    assert (-1, -1) not in told
    assert again == first and again.fingerprint == first.fingerprint
    for name in ("images", "labels", "groups", "classes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    assert (again.warnings, again.guesses) == (first.warnings, first.guesses)
    assert again.file == first.file
    np.testing.assert_array_equal(np.load(again.file), np.asarray(first.images) * 127.5 + 127.5)


def test_another_stamp_and_another_treatment_are_decoded_anew(cache: Path) -> None:
    load_pictures(listing(PNGS, stamp="a"))
    others = (("b", Treatment()), ("a", Treatment(size=4)), ("a", Treatment(colour="grey")))
    for stamp, treatment in others:
        with pytest.raises(UserError, match="is empty"):
            load_pictures(listing([b""] * 11, stamp=stamp), treatment)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", ["images", "beside", "shorter", "other"])
def test_a_damaged_cache_costs_no_more_than_decoding_again(cache: Path, damage: str) -> None:
    first = load_pictures(listing(PNGS, stamp="a"))
    assert first.file is not None
    beside = first.file.with_suffix(".npz")
    if damage == "images":
        first.file.unlink()
    elif damage == "beside":
        beside.write_bytes(beside.read_bytes()[:50])
    elif damage == "shorter":
        first.file.write_bytes(first.file.read_bytes()[:-1])
    else:
        np.save(first.file, np.zeros(3))
    assert load_pictures(listing(PNGS, stamp="a")) == first
    assert load_pictures(listing([b""] * 11, stamp="a")) == first


def test_without_a_cache_all_is_the_same_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = load_pictures(listing(PNGS, LABELS, stamp="a"))
    assert found == make_dataset("mine", IMAGES[o := order_of(digests_of(IMAGES))], LABELS[o])
    assert found.file is None and not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_is_told_and_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    found = load_pictures(listing(PNGS, stamp="a"))
    assert found.file is None
    assert "cannot be written" in found.guesses[0] and CACHE_VARIABLE in found.guesses[0]


def test_the_usual_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    if sys.platform == "linux":
        assert cache_folder("images") == Path("/somewhere/normsweep/images")


def test_every_picture_that_cannot_be_used_is_named_in_one_message(cache: Path) -> None:
    contents: list[Any] = [*PNGS]
    contents[1], contents[4], contents[5] = b"", b"GIF89a and nothing", PNGS[5][:70]
    contents[8], contents[9] = OSError(5, "Input/output error"), ConnectionError("gone")
    with pytest.raises(UserError) as raised:
        load_pictures(listing(contents, stamp="bad"))
    told = str(raised.value).splitlines()
    assert told[0].startswith("here: 6 of 11 pictures cannot be used; accepted are")
    assert [line.split()[0] for line in told[1:]] == [f"{n}.png" for n in (1, 4, 5, 8, 9, 10)]
    assert told[1] == "  1.png is empty"
    assert "truncated" in told[3]
    assert told[4] == "  8.png cannot be read (Input/output error)"
    assert told[6] == "  10.png cannot be read (gone)"
    assert not list(cache.iterdir())


def test_a_part_that_ends_too_early_is_told(cache: Path) -> None:
    whole = listing(PNGS[:3], stamp="short")
    short = type(whole)(**{**vars(whole), "parts": (_Short(),)})
    with pytest.raises(UserError, match=r"2\.png cannot be read \(ends too early\)"):
        load_pictures(short)


class _Short:
    def __len__(self) -> int:
        return 3

    def read(self) -> Any:
        return iter(PNGS[:2])


def test_of_very_many_bad_pictures_the_rest_is_counted(cache: Path) -> None:
    with pytest.raises(UserError) as raised:
        load_pictures(listing([PNGS[0], *[b""] * 130], stamp="many", a_part=50))
    told = str(raised.value).splitlines()
    assert len(told) == 102 and told[-1] == "  … and 30 more"


def test_sizes_that_differ_are_counted_and_the_odd_ones_named_with_what_would_do(
    cache: Path,
) -> None:
    odd = [encoded(drawn(1, 9, 9)[0]), *PNGS[:6], encoded(drawn(1, 4, 12, 3)[0]), b""]
    with pytest.raises(UserError) as raised:
        load_pictures(listing(odd, stamp="sizes"))
    told = str(raised.value)
    assert "1 of 9 pictures cannot be used" in told
    assert "3 sizes (height × width: 6 of 6×5, 1 of 9×9, 1 of 4×12); accepted is one" in told
    assert "data.size = 5" in told
    assert "  0.png is of 9×9\n  7.png is of 4×12" in told and "1.png" not in told
    found = load_pictures(listing(odd[:-1], stamp="sizes"), Treatment(size=5))
    assert found.images.shape == (8, 5, 5, 3)


@pytest.mark.parametrize(("contents", "channels"), [(PNGS[:3], 3), ([], 1)])
def test_images_are_of_colour_where_any_picture_is(
    cache: Path, contents: list[bytes], channels: int
) -> None:
    greys = drawn(4, 6, 5, 1, seed=1)
    mixed = [*(encoded(grey[..., 0]) for grey in greys), *contents]
    found = load_pictures(listing(mixed, stamp=f"colour {channels}"))
    assert found.images.shape == (len(mixed), 6, 5, channels)
    expected = np.concatenate(
        [np.repeat(greys, channels, 3), IMAGES[: len(contents), ..., :channels]]
    )
    expected = expected[order_of(digests_of(expected))]
    assert found == make_dataset("mine", expected)
    # What they are and what was asked for makes no difference.
    asked = Treatment(colour="rgb" if contents else "grey")
    assert load_pictures(listing(mixed, stamp=f"colour {channels}"), asked) == found


def test_many_images_stay_bytes_that_lie_where_jax_reads_them(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "LARGE", 0)
    for _ in range(2):
        found = load_pictures(listing(PNGS, stamp="bytes")).images
        assert isinstance(found, BytePixels) and isinstance(found.bytes, np.ndarray)
        assert found.bytes.ctypes.data % 64 == 0
        assert found.bytes.dtype == np.uint8


@pytest.mark.parametrize("where", ["kept", "off"])
def test_what_memory_does_not_hold_stays_in_the_file(
    cache: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Also in one without a name, where nothing is to be kept."""
    held = load_pictures(listing(PNGS, LABELS, stamp="room"))
    monkeypatch.setattr(kept, "has_room", lambda size: False)
    monkeypatch.setenv(CACHE_VARIABLE, "off" if where == "off" else str(cache.parent / "other"))
    # Decoded, and taken from what was kept of it.
    for _ in range(2):
        found = load_pictures(listing(PNGS, LABELS, stamp="room"))
        assert isinstance(found.images, BytePixels) and isinstance(found.images.bytes, StoredBytes)
        assert found == held
        np.testing.assert_array_equal(found.images[[3, 1]], held.images[[3, 1]])
        assert found.images.bytes.file.path == (found.file or Path("here").absolute())


def test_what_the_disk_does_not_hold_is_refused_before_a_picture_is_decoded(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Full())
    with pytest.raises(UserError, match="GB of disk while they are unpacked, and 1e-08 GB is free"):
        load_pictures(listing(PNGS, stamp="room"))


class _Full:
    free = 10


def test_a_disk_that_is_full_is_told_with_the_folder(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(UserError, match=r"images: pictures cannot be unpacked there \(No space"):
        load_pictures(listing(PNGS, stamp="full"))
    assert not list(cache.iterdir())


def test_a_bomb_is_refused_and_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 29)
    bomb, large = encoded(drawn(1, 90, 90)[0]), encoded(drawn(1, 5, 7)[0])
    small = encoded(drawn(1, 5, 5)[0])
    with pytest.raises(UserError, match=r"1\.png unpacks to more than 29 .*\n  2\.png unpacks"):
        load_pictures(listing([small, bomb, large, small], stamp="bomb"))


_KILLED = """
import os, sys, time
import normsweep.data.decoding as decoding
from normsweep.data.pictures import load_pictures
from tests.data.test_pictures import PNGS, listing

def slowly(done, total):
    print(done, flush=True)
    if done:
        time.sleep(60)

load_pictures(listing(PNGS, stamp="killed"), watch=slowly)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_stopped_in_the_middle_leaves_nothing_that_counts(
    cache: Path, how: signal.Signals
) -> None:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        assert process.stdout.readline() != ""
        process.send_signal(how)
    left = list(cache.iterdir())
    assert len(left) == (how == signal.SIGKILL)
    for path_left in left:
        old = time.time() - 3600
        os.utime(path_left, (old, old))
    found = load_pictures(listing(PNGS, stamp="killed"))
    assert found == make_dataset("mine", IMAGES[order_of(digests_of(IMAGES))])
    assert sorted(path.suffix for path in cache.iterdir()) == [".npy", ".npz"]


def test_what_another_process_is_writing_is_left_to_it(cache: Path) -> None:
    with kept.new_place(cache, "a") as place:
        assert place.path is not None
        os.utime(place.path, (0, 0))
        load_pictures(listing(PNGS, stamp="b"))
        assert place.path.exists()


def test_pictures_that_nothing_was_trained_on_for_long_are_removed(cache: Path) -> None:
    def is_kept(stamp: str) -> bool:
        return (
            kept.read_kept(cache, kept.key_of(listing(PNGS, stamp=stamp), Treatment())) is not None
        )

    def aged() -> None:
        for path in cache.iterdir():
            os.utime(path, (0, 0))

    for stamp in "ab":
        load_pictures(listing(PNGS, stamp=stamp))
    aged()
    load_pictures(listing(PNGS, stamp="b"))
    load_pictures(listing(PNGS, stamp="c"))
    assert [is_kept(stamp) for stamp in "abc"] == [False, True, True]
    assert len(list(cache.iterdir())) == 4


def test_decoding_holds_no_more_than_a_block(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("normsweep.data.decoding.BLOCK", 2 * 6 * 5 * 3)
    with (tmp_path / "pixels").open("xb+") as file:
        found = decode(listing(PNGS, stamp=""), Treatment(), file, lambda *_: None)
        blocks = list(found.blocks(np.arange(11)[::-1]))
    assert {len(block) for block in blocks} == {1, 2}
    np.testing.assert_array_equal(np.concatenate(blocks), IMAGES[::-1])
