"""A program that is compiled in a thread, while what comes before its first call is made ready."""

import atexit
import threading
from collections.abc import Callable
from contextlib import suppress
from threading import Thread


class Ahead:
    """Compiles a program in a thread of its own.

    All that it does is to fill JAX's caches. Whoever calls the program finds it there, or compiles
    it as if there had been no thread: where it is called under other settings, or could not be
    compiled. The call then raises what the thread met, which says nothing of it.
    """

    def __init__(self) -> None:
        self._program: object = None
        self._thread: _Compilation | None = None

    @property
    def begun(self) -> bool:
        """Whether it was told what to compile."""
        return self._thread is not None

    def begin(self, program: object, compile: Callable[[], object]) -> None:
        """Starts to compile a program."""
        self._program, self._thread = program, _Compilation(target=compile, daemon=True)
        self._thread.start()

    def is_at(self, program: object) -> bool:
        """Whether the program is the one that this compiles, and not compiled yet."""
        return self._thread is not None and program == self._program and self._thread.is_alive()

    def wait(self, program: object) -> None:
        """Returns when the program is compiled, if it is the one that this compiles."""
        if self._thread is not None and program == self._program:
            self._thread.join()


class _Compilation(Thread):
    def run(self) -> None:
        # Were it in the compiler when the interpreter ends, the process would crash.
        atexit.register(self.join)
        # The call raises it again, where it is told to whom it concerns.
        with suppress(Exception):
            super().run()
        atexit.unregister(self.join)


def is_ahead() -> bool:
    """Whether this thread compiles something for which nobody waits yet."""
    return isinstance(threading.current_thread(), _Compilation)


def is_compiling() -> bool:
    """Whether any thread of this process does."""
    return any(isinstance(thread, _Compilation) for thread in threading.enumerate())
