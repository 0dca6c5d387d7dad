"""Whether a file lies on a disk of this machine, where the locks of SQLite hold."""

import sys
from pathlib import Path

import psutil

# Kinds of the kernel's own whose every access goes through this machine. What is exported, shared
# with a guest or a host, or synchronised by a program (FUSE) has locks of its own, or none.
_LOCAL = (
    "apfs aufs bcachefs btrfs ecryptfs erofs exfat ext2 ext3 ext4 f2fs fuse.fuse-overlayfs fuseblk "
    "hfs hfsplus iso9660 jffs2 jfs minix msdos nilfs2 ntfs ntfs3 overlay overlayfs ramfs reiserfs "
    "rootfs squashfs tmpfs ubifs udf ufs vfat xfs zfs"
)


def foreign_kind(path: Path) -> str | None:
    """The kind of the file system of a path, where that is not known to be local; else None.

    Where the system does not say which it is, the kind is "unknown".
    """
    # A link may lead elsewhere; what is mounted on demand is, once it was looked for.
    place = path.resolve()
    try:
        mounts = {Path(mount.mountpoint): mount for mount in psutil.disk_partitions(all=True)}
    except OSError:
        return "unknown"
    found = next((mounts[parent] for parent in (place, *place.parents) if parent in mounts), None)
    if found is None:
        return "unknown"
    if sys.platform != "linux" and "local" in found.opts.split(","):
        return None
    kind = str(found.fstype).lower()
    return None if kind in _LOCAL.split() else kind or "unknown"
