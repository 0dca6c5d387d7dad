"""The garbage collector rests while much is imported or traced, and is left as it was found."""

import gc
import threading
import weakref

import pytest

from normsweep.engine.collection import uncollected


class Circle:
    """Of its own kind of garbage: only the collector finds it."""

    def __init__(self) -> None:
        self.itself = self


def garbage() -> weakref.ref:
    return weakref.ref(Circle())


def test_nothing_is_collected_meanwhile_and_nothing_is_lost_for_that() -> None:
    with uncollected():
        assert not gc.isenabled()
        left = garbage()
        filled = [[] for _ in range(10 * gc.get_threshold()[0])]
        assert left() is not None and filled
    assert gc.isenabled()
    gc.collect()
    assert left() is None


def test_contexts_may_overlap_in_several_threads() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def other() -> None:
        with uncollected():
            begun.set()
            go_on.wait()

    thread = threading.Thread(target=other)
    with uncollected():
        thread.start()
        begun.wait()
    assert not gc.isenabled()
    go_on.set()
    thread.join()
    assert gc.isenabled()


def test_one_that_is_off_stays_off_and_what_was_frozen_stays_frozen() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    gc.freeze()
    frozen = gc.get_freeze_count()
    with uncollected():
        pass
    # What is freed meanwhile is no longer counted; thawed, none would be.
    assert gc.isenabled() and gc.get_freeze_count() > frozen / 2


def test_it_is_on_again_after_an_error() -> None:
    with pytest.raises(ValueError), uncollected():
        raise ValueError
    assert gc.isenabled()
