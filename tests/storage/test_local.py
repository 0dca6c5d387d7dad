"""A database file is opened where its file system is known to be local, and refused elsewhere."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from normsweep.errors import UserError
from normsweep.storage import open_storage
from normsweep.storage.local import foreign_kind

SHARED = ["nfs4", "cifs", "fuse.sshfs"]
SYNCED = ["fuse.rclone", "fuse.onedriver", "fuse.gcsfuse", "fuse.insync-next"]
OF_GUESTS = ["9p", "virtiofs", "vboxsf", "fuse.vmhgfs-fuse", "fuse.grpcfuse"]
NEW = ["lustre2", "autofs", "fuse", ""]


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch):
    """Has the system say what is mounted where."""

    def mounted(places: dict[str | Path, str], opts: str = "rw") -> None:
        found = [
            SimpleNamespace(mountpoint=str(place), fstype=kind, opts=opts)
            for place, kind in places.items()
        ]
        monkeypatch.setattr("psutil.disk_partitions", lambda all: found)

    return mounted


@pytest.mark.parametrize("kind", [*SHARED, *SYNCED, *OF_GUESTS, *NEW])
def test_what_is_not_known_to_be_local_is_refused_unless_forced(
    kind: str, tmp_path: Path, mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted({"/": "ext4", tmp_path: kind})
    folder = tmp_path / "below"
    folder.mkdir()
    url = f"sqlite:///{folder / 'studies.db'}"
    with pytest.raises(UserError) as caught:
        open_storage(url, create=True)
    assert f"({kind or 'unknown'}), or another that is not known to be a local disk" in str(
        caught.value
    )
    assert "use a local disk, or PostgreSQL" in str(caught.value)
    assert list(folder.iterdir()) == []
    monkeypatch.setenv("SWEEP_FORCE_SQLITE", "1")
    open_storage(url, create=True).engine.dispose()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "zfs", "tmpfs", "overlay", "fuseblk", "NTFS"])
def test_what_is_known_to_be_local_is_taken(kind: str, tmp_path: Path, mounted) -> None:
    mounted({"/": "nfs4", tmp_path: kind})
    assert foreign_kind(tmp_path / "studies.db") is None


def test_a_link_to_another_place_is_followed(tmp_path: Path, mounted) -> None:
    there = tmp_path / "there"
    there.mkdir()
    mounted({"/": "ext4", there: "nfs4"})
    (tmp_path / "folder").symlink_to(there)
    (tmp_path / "studies.db").symlink_to(there / "studies.db")
    assert foreign_kind(tmp_path / "folder" / "studies.db") == "nfs4"
    assert foreign_kind(tmp_path / "studies.db") == "nfs4"
    assert foreign_kind(tmp_path / "other.db") is None


def test_where_the_system_says_nothing_it_is_unknown(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("psutil.disk_partitions", lambda all: [])
    assert foreign_kind(tmp_path / "studies.db") == "unknown"

    def unreadable(all: bool) -> None:
        raise FileNotFoundError("/proc/self/mounts")

    monkeypatch.setattr("psutil.disk_partitions", unreadable)
    assert foreign_kind(tmp_path / "studies.db") == "unknown"


def test_the_word_of_another_system_than_linux_is_taken(
    tmp_path: Path, mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    mounted({"/": "newfs"}, opts="rw,local,journaled")
    assert foreign_kind(tmp_path) is None
    mounted({"/": "newfs"}, opts="rw,journaled")
    assert foreign_kind(tmp_path) == "newfs"


def test_a_uri_of_sqlite_is_refused_by_every_command_alike(tmp_path: Path) -> None:
    for create in (False, True):
        with pytest.raises(UserError, match="accepted: sqlite:///FILE"):
            open_storage(f"sqlite:///file:{tmp_path}/x.db?uri=true", create=create)
    assert list(tmp_path.iterdir()) == []
