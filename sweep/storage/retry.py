"""A database that is away for a while: what counts as that, and how long it is waited for."""

import math
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeVar

import tenacity
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError

from normsweep.storage.events import Log, no_log
from normsweep.storage.urls import shown

Result = TypeVar("Result")

_PIECE = 0.1
"""Seconds between two looks whether to go on waiting."""
_WAIT = tenacity.wait_random_exponential(multiplier=0.2, max=10)
"""How long the next try is waited for: ever longer."""


class StorageLost(Exception):
    """The database was away for longer than a worker is told to wait."""


class Stopped(Exception):
    """The database is away, and the user does not want to wait for it."""


def is_outage(error: BaseException) -> bool:
    """Whether an error of the database may be gone by the next try.

    A lost connection, a lock, a full disk; not a mistake in a statement.
    """
    if isinstance(error, (StorageInternalError, PendingRollbackError)):
        # Optuna wraps what SQLAlchemy said, or tries again on what is left of a connection.
        cause = error.__cause__ or error.__context__
        return cause is None or is_outage(cause)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    told = error.orig if isinstance(error, DBAPIError) else error
    # SQLite's code for a statement that it cannot run at all, such as of a table that is not there.
    if getattr(told, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_ERROR:
        return False
    return isinstance(error, (OperationalError, InterfaceError, sqlite3.OperationalError))


@dataclass
class Retry:
    """Tries what needs the database, for `seconds` from when it was first away."""

    seconds: float
    shown: str
    log: Log = no_log
    _since: float | None = field(default=None, init=False)

    @classmethod
    def with_storage(cls, storage: RDBStorage, seconds: float, log: Log) -> Self:
        """For a storage, which its log lines and messages name."""
        return cls(seconds, f"storage {shown(storage.engine.url)}", log)

    def once(self, action: Callable[[], Result]) -> tuple[bool, Result | None]:
        """One try: whether the database was there, and what the action gave.

        Raises `StorageLost` when it has been away for too long.
        """
        try:
            found = action()
        except Exception as error:
            if not is_outage(error):
                raise
            self._away(error)
            return False, None
        self._back()
        return True, found

    def until(
        self, action: Callable[[], Result], stop: Callable[[], bool] = lambda: False
    ) -> Result:
        """Tries again and again, ever more rarely; raises `StorageLost` in the end.

        Raises `Stopped` where it would wait and `stop()` is true.
        """

        def rest(seconds: float) -> None:
            pieces = math.ceil(seconds / _PIECE)
            for _ in range(pieces):
                if stop():
                    raise Stopped
                time.sleep(seconds / pieces)

        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_outage),
            wait=_WAIT,
            sleep=rest,
            before_sleep=lambda state: self._away(
                state.outcome.exception() if state.outcome else None
            ),
            reraise=True,
        )
        found = waiting(action)
        self._back()
        return found

    def _away(self, error: BaseException | None) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self.log("storage away", storage=self.shown, cause=cause_of(error))
        elif now - self._since > self.seconds:
            raise StorageLost(
                f"{self.shown} has been away for {now - self._since:.0f} s ({cause_of(error)}), "
                f"more than service.storage_patience = {self.seconds:g}; nothing finished is "
                "lost, start the worker again when it is back"
            ) from error

    def _back(self) -> None:
        if self._since is not None:
            self._since = None
            self.log("storage back", storage=self.shown)


def cause_of(error: BaseException | None) -> str:
    """What the database itself said, in one line."""
    while error is not None and (deeper := _behind(error)):
        error = deeper
    return str(error).strip().splitlines()[0] if error and str(error).strip() else "no answer"


def _behind(error: BaseException) -> BaseException | None:
    if isinstance(error, PendingRollbackError):
        return error.__context__
    found: BaseException | None = getattr(error, "orig", None)
    return found or error.__cause__
