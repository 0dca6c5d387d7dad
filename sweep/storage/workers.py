"""Who is at work, and on which trial: the tables that keep any trial from running twice.

A worker has a row, in which it says every few seconds that it lives. A trial in flight has a claim,
of one worker: the database lets one insert it. Optuna's state of the trial follows the claim, never
the other way round: a trial is claimed before it is RUNNING, and freed after it is WAITING or
finished. Whoever finds a claim whose worker is gone takes the claim over, which again only one can,
and gives the trial back.
"""

import os
import socket
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from sqlalchemy import (
    Column,
    Engine,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    delete,
    inspect,
    select,
    update,
)

from normsweep.storage.schema import alone, insert_into, metadata, now

workers = Table(
    "sweep_workers",
    metadata,
    Column("worker", String(32), primary_key=True),
    Column("study", String(512)),
    Column("host", String(255), nullable=False),
    Column("machine", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Float(53), nullable=False),
    Column("device", String(255), nullable=False),
    Column("state", String(32), nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("rate", Float(53), nullable=False),
    Column("seen", Float(53), nullable=False),
)

claims = Table(
    "sweep_claims",
    metadata,
    Column("trial_id", ForeignKey("trials.trial_id", ondelete="CASCADE"), primary_key=True),
    # No foreign key: a claim outlives the row of a worker that was tidied away.
    Column("worker", String(32), nullable=False, index=True),
)


@dataclass(frozen=True)
class Worker:
    """A process that trains. `started` is when it did, in seconds since its machine did: a process
    number alone may have been given out again. Workers of one `machine` see each other's process
    numbers; host names may be equal on two.

    `chunks` counts the trial chunks that it has trained, `rate` is how many a second of late.
    """

    worker: str
    host: str
    machine: str
    pid: int
    started: float
    device: str
    study: str | None = None
    state: str = "starting"
    chunks: int = 0
    rate: float = 0.0


@dataclass(frozen=True)
class SeenWorker:
    """A worker's row, `silent` seconds old by the clock of the database."""

    worker: Worker
    silent: float
    trial_ids: tuple[int, ...] = ()


def this_worker(device: str) -> Worker:
    """A worker of this process, under a name of its own."""
    process, host = psutil.Process(), socket.gethostname()
    return Worker(uuid.uuid4().hex, host, this_machine(), process.pid, _started(process), device)


def this_machine() -> str:
    """The boot and the process namespace, which containers of one machine have for themselves."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The last words set rows of earlier versions apart, whose starts are by another clock: as
        # those of another machine they are known from their silence.
        return f"{boot} {os.readlink('/proc/self/ns/pid')} since boot"
    except OSError:
        return f"{socket.gethostname()} {psutil.boot_time():.0f}"


def _started(process: psutil.Process) -> float:
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_bytes()
    except OSError:
        return process.create_time()
    # Not psutil's, which is by a clock that may be set while the process runs. The name of the
    # program, in brackets, may hold anything.
    return int(stat.rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def beat(engine: Engine, worker: Worker) -> None:
    """Writes a worker's row anew, seen now."""
    values = asdict(worker) | {"seen": now()}
    statement = insert_into(engine, workers).values(values)
    del values["worker"]
    statement = statement.on_conflict_do_update(index_elements=["worker"], set_=values)
    with alone(engine).begin() as connection:
        connection.execute(statement)


def leave(engine: Engine, worker: str) -> None:
    """Removes a worker's row."""
    with alone(engine).begin() as connection:
        connection.execute(delete(workers).where(workers.c.worker == worker))


def forget(engine: Engine, silent: float) -> None:
    """Removes workers that hold nothing and have said nothing for so many seconds.

    One that lives all the same has a row again at its next beat.
    """
    long_ago = now() - workers.c.seen > silent
    holding = select(claims.c.worker)
    with alone(engine).begin() as connection:
        connection.execute(delete(workers).where(long_ago, workers.c.worker.not_in(holding)))


def claim(engine: Engine, trial_id: int, worker: str) -> bool:
    """Claims a trial; False where another worker has."""
    statement = insert_into(engine, claims).values(trial_id=trial_id, worker=worker)
    # Not its row count, which a driver need not know of an INSERT.
    returned = statement.on_conflict_do_nothing().returning(claims.c.trial_id)
    with alone(engine).begin() as connection:
        return connection.execute(returned).first() is not None


def free(engine: Engine, trial_id: int, worker: str) -> None:
    """Ends a worker's claim, if it still has it."""
    mine = (claims.c.trial_id == trial_id) & (claims.c.worker == worker)
    with alone(engine).begin() as connection:
        connection.execute(delete(claims).where(mine))


def take_over(engine: Engine, trial_id: int, gone: str, worker: str) -> bool:
    """Makes the claim of a worker that is gone another's; False where somebody was faster."""
    theirs = (claims.c.trial_id == trial_id) & (claims.c.worker == gone)
    with alone(engine).begin() as connection:
        changed = connection.execute(update(claims).where(theirs).values(worker=worker))
        return bool(changed.rowcount)


def held(engine: Engine, worker: str) -> set[int]:
    """The trials that a worker has claimed."""
    with alone(engine).connect() as connection:
        found = connection.execute(select(claims.c.trial_id).where(claims.c.worker == worker))
        return {trial_id for (trial_id,) in found}


def claimed(engine: Engine) -> dict[int, str]:
    """The trials that are claimed, and by which worker."""
    with alone(engine).connect() as connection:
        return {trial_id: worker for trial_id, worker in connection.execute(select(claims))}


def seen_workers(engine: Engine) -> list[SeenWorker]:
    """All workers that have a row, with what they hold, the one seen last first.

    None in a database that Optuna wrote alone, or a version that knew no workers.
    """
    silent = (now() - workers.c.seen).label("silent")
    holding: dict[str, list[int]] = {}
    with engine.connect() as connection:
        if not inspect(connection).has_table(workers.name):
            return []
        for trial_id, name in connection.execute(select(claims).order_by(claims.c.trial_id)):
            holding.setdefault(name, []).append(trial_id)
        query = select(workers, silent).order_by(workers.c.seen.desc())
        rows = [dict(row) for row in connection.execute(query).mappings()]
    found = []
    for row in rows:
        seconds = float(row.pop("silent"))
        del row["seen"]
        worker = Worker(**row)
        found.append(SeenWorker(worker, seconds, tuple(holding.get(worker.worker, ()))))
    return found


def is_gone(seen: SeenWorker | None, grace: float) -> bool:
    """Whether a worker is dead: by the process table where it is ours, else by its silence."""
    if seen is None:
        return True
    if seen.worker.machine != this_machine():
        return seen.silent > grace
    try:
        process = psutil.Process(seen.worker.pid)
        same = abs(_started(process) - seen.worker.started) < 1
        return not (same and process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
