"""How much memory this process may yet take."""

import ctypes
import resource
from pathlib import Path

import psutil

from normsweep.errors import UserError

PROGRAM = 700_000_000
"""Bytes of Python, its packages and JAX with what it compiles: measured, on a CPU."""

_GIVEN_BACK = 4 * 2**20
"""Bytes from which a block that is free is given back."""
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def free_memory() -> int:
    """Bytes that may yet be taken: of the machine, of the container, and of the process's limit."""
    free = [psutil.virtual_memory().available, *_left_in_cgroups()]
    # macOS knows the limit and does not hold anyone to it.
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        free.append(limit - psutil.Process().memory_info().vms)
    return max(0, min(free))


def spare_memory() -> None:
    """Has the C library give back what is free, and take few addresses where these are limited.

    Of blocks that glibc gives back at once the least grows with each that was given back, up to
    32 MB: smaller ones then stay with the process, in pieces, and blocks of images are 16 MB. And
    it reserves 64 MB for each of the first threads that allocate, eight for each core, of which it
    uses little (`ulimit -v`). M_MMAP_THRESHOLD (-3) and M_ARENA_MAX (-8) of mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(-3, _GIVEN_BACK)
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        mallopt(-8, 2)


def check_room(size: int, what: str) -> None:
    """Raises `UserError` where so many bytes are more than there is memory for."""
    if size > (free := free_memory()):
        raise UserError(
            f"{what} takes {gigabytes(size)} of memory, and {gigabytes(free)} is free; accepted is "
            "what fits: fewer or smaller images, fewer --workers, or a larger limit of memory"
        )


def gigabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.2g} GB" if size < 10e9 else f"{size / 1e9:.0f} GB"


def _left_in_cgroups() -> list[int]:
    """What each limit of Linux's control groups leaves that this process is under."""
    try:
        groups = [line.split(":", 2) for line in _OWN_CGROUPS.read_text().splitlines()]
    except OSError:
        return []
    left = []
    for _, controllers, path in groups:
        if controllers == "":
            root, names = _CGROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = _CGROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        inside = root / path.lstrip("/")
        # A limit of a group further out holds too.
        for folder in (
            inside,
            *(outer for outer in inside.parents if root in (outer, *outer.parents)),
        ):
            left += _left(folder, *names)
    return left


def _left(folder: Path, limit: str, used: str, evictable: str) -> list[int]:
    try:
        most = int((folder / limit).read_text())
        taken = int((folder / used).read_text())
        lines = (folder / "memory.stat").read_text().splitlines()
    # No such file, or "max", which is no limit.
    except (OSError, ValueError):
        return []
    stat = dict(line.split() for line in lines)
    return [most - taken + int(stat.get(evictable, 0))]
