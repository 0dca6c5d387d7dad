"""Workers as processes of this machine, on cores of their own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.storages import RDBStorage

from normsweep.engine.devices import available_cores
from normsweep.storage.connect import FILES_VARIABLE, study_files
from normsweep.storage.urls import STORAGE_VARIABLE
from normsweep.worker.pool import Ended


@dataclass(frozen=True)
class LocalWorkers:
    """`count` workers on a study, with as many cores each, as far as there are enough."""

    study: str
    storage: RDBStorage
    count: int
    files: str | Path | None = None

    def start(self, index: int) -> "LocalWorker":
        """Starts the worker of an index as `sweep worker`."""
        url = self.storage.engine.url.render_as_string(hide_password=False)
        # In the environment, since anybody can read the arguments of a process.
        environment = os.environ | {
            STORAGE_VARIABLE: url,
            FILES_VARIABLE: str(study_files(self.storage, self.files)),
        }
        cores = ",".join(map(str, cores_of(index, self.count, available_cores())))
        # Without -P, a `random.py` in the current folder would be taken for the one of Python.
        command = [sys.executable, "-P", "-m", "normsweep", "worker", self.study]
        command += ["--cores", cores] if cores else []
        # Out of reach of the terminal's Ctrl-C, which is this process's to pass on; if this one
        # dies, they notice.
        return LocalWorker(
            subprocess.Popen(
                [*command, "--parent", str(os.getpid())], env=environment, process_group=0
            )
        )


@dataclass(frozen=True)
class LocalWorker:
    """One of them."""

    process: "subprocess.Popen[bytes]"

    def poll(self) -> Ended | None:
        """How it ended, or None as long as it has not."""
        status = self.process.poll()
        return None if status is None else Ended(status)

    def terminate(self) -> None:
        """Tells it to end after its chunk."""
        self.process.terminate()

    def wait(self) -> None:
        """Returns when it has ended."""
        self.process.wait()


def cores_of(index: int, count: int, cores: Sequence[int]) -> Sequence[int]:
    """The cores of one of `count` workers: an equal share, or all where there are too few."""
    share = len(cores) // count
    return cores[index * share : (index + 1) * share] if share else ()
