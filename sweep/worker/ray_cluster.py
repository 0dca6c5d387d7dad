"""A Ray cluster to run workers on: found or started, measured, and left again."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from normsweep.errors import UserError
from normsweep.storage.urls import parse_url, shown

ADDRESS_VARIABLE = "RAY_ADDRESS"
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, by what it lends to Ray."""

    address: str
    cpus: int
    gpus: int = 0


@dataclass(frozen=True)
class Share:
    """What each worker gets of a cluster."""

    cpus: int
    gpus: int


@contextmanager
def connected(address: str | None = None) -> Iterator[tuple[Node, ...]]:
    """The nodes of the cluster at `address`, with this process connected to it for the context.

    As `ray.init` has it: without an address that in RAY_ADDRESS, a running one, or a new one of
    this machine, which ends with the context. A process that is connected already stays so.

    Raises `UserError` where Ray is not installed, and for an address at which no cluster answers.
    """
    ray = _ray()
    if ray.is_initialized():
        if address is not None:
            raise UserError(f"--address {address}: this process has a Ray cluster already")
        yield _nodes(ray)
        return
    _check_address(address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        try:
            ray.init(
                address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        # Ray says what is wrong by whichever exception is at hand.
        except Exception as error:
            raise UserError(f"{_place(address)[1]}: {_first_line(error)}; {_ACCEPTED}") from error
        finally:
            # Ray's own handler would exit in the middle of a chunk.
            if threading.current_thread() is threading.main_thread() and before is not None:
                signal.signal(signal.SIGTERM, before)
        yield _nodes(ray)
    finally:
        ray.shutdown()


_ACCEPTED = (
    "accepted: HOST:PORT of a running cluster that this machine belongs to, auto for the one that "
    "runs here, local for a new one"
)


def share_of(nodes: Sequence[Node], count: int) -> Share:
    """The most that each of `count` equal workers can have of the CPUs: one accelerator each, too,
    where there are any.

    Raises `UserError` where not all of them have room.
    """
    gpus = int(any(node.gpus for node in nodes))
    if (most := _room(nodes, Share(1, gpus))) < count:
        raise UserError(
            f"--workers {count}: the Ray cluster has room for {most}, with "
            f"{sum(node.cpus for node in nodes)} CPUs and {sum(node.gpus for node in nodes)} GPUs "
            "in all; a worker needs a CPU and, where there are any, a GPU"
        )
    cpus = 1
    while _room(nodes, Share(cpus + 1, gpus)) >= count:
        cpus += 1
    return Share(cpus, gpus)


def check_reach(storage: str, nodes: Sequence[Node], here: str) -> None:
    """Raises `UserError` for an SQLite file on the machine `here` where nodes are on others."""
    elsewhere = sorted({node.address for node in nodes} - {here})
    if elsewhere and parse_url(storage).get_backend_name() == "sqlite":
        raise UserError(
            f"storage {shown(storage)}: SQLite serves one machine, and the Ray cluster has others "
            f"({', '.join(elsewhere)}); use PostgreSQL (--storage postgresql+psycopg://…)"
        )


def this_node() -> str:
    """The address of this machine as the connected cluster has it."""
    return str(_ray().util.get_node_ip_address())


def _room(nodes: Sequence[Node], share: Share) -> int:
    return sum(
        min(node.cpus // share.cpus, node.gpus if share.gpus else node.cpus) for node in nodes
    )


def _nodes(ray: Any) -> tuple[Node, ...]:
    alive = [node for node in ray.nodes() if node["Alive"]]
    lent = [(node["NodeManagerAddress"], node["Resources"]) for node in alive]
    nodes = [Node(where, int(has.get("CPU", 0)), int(has.get("GPU", 0))) for where, has in lent]
    return tuple(node for node in nodes if node.cpus)


def _ray() -> Any:
    # Read by Ray when it is imported.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError(
            f"--on ray: Ray is not installed ({error}); pip install 'normsweep[ray]'"
        ) from error
    return ray


def _check_address(address: str | None) -> None:
    """Refuses what Ray would try for many minutes to reach."""
    place, named = _place(address)
    if place in (None, "auto", "local"):
        return
    host, _, port = place.rpartition(":")
    if "://" in place or not host or not port.isdecimal():
        raise UserError(f"{named}: no address of a Ray cluster; {_ACCEPTED}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"{named}: nothing answers there ({error}); {_ACCEPTED}") from error


def _place(address: str | None) -> tuple[str | None, str]:
    """The address that Ray will use, None for a new cluster, and where it is from."""
    if address not in (None, "auto"):
        return address, f"--address {address}"
    if given := os.environ.get(ADDRESS_VARIABLE):
        return given, f"{ADDRESS_VARIABLE} = {given}"
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    last = Path(folder, "ray", "ray_current_cluster")
    if last.is_file() and (found := last.read_text(encoding="utf-8").strip()):
        return found, f"--on ray: {found} (by {last}, as the latest cluster here)"
    return address, "--on ray" if address is None else f"--address {address}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
