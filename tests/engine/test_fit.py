"""The number of trials that are in training at a time, where the devices' memory decides."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from normsweep.engine import fit
from normsweep.engine.devices import local_devices
from normsweep.engine.fit import fitting_slots, within_reach
from normsweep.engine.population import Shared, memory_of
from normsweep.errors import UserError
from normsweep.models import Program
from normsweep.models.data import ByteImages, HostArray
from tests.gans import make_gan
from tests.small_studies import MakeSpec, Run, make

FOLDS = 2
PROGRAM = Program(
    make_gan((3, 2, 1), latent=4, generator_hidden=(7,), discriminator_hidden=(5,)),
    batch=2,
    steps=2,
    chunk_steps=1,
    samples=2,
)


def shared() -> Shared:
    images = np.zeros((8, 3, 2, 1), np.float32)
    train = np.tile(np.arange(6, dtype=np.int32), (FOLDS, 1))
    return Shared(images, train, np.arange(2, dtype=np.int32), {}, np.uint32(0))


def pixels(params, images):  # type: ignore[no-untyped-def]
    del params
    return images.reshape(images.shape[0], -1)


@pytest.fixture
def with_free(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], int]:
    """How many slots fit into so many free bytes on each device."""

    def slots(free: float, most: int = 10**6) -> int:
        devices = local_devices()
        monkeypatch.setattr(fit, "free_memory", lambda device: free * len(devices) / fit._SHARE)
        monkeypatch.setattr(fit, "FEWEST_ON_CPU", 1000)
        return fitting_slots(PROGRAM, pixels, shared(), devices, most)

    return slots


def test_as_many_fit_as_the_programs_memory_says(with_free: Callable[[float], int]) -> None:
    count = len(local_devices())
    one, several = (
        memory_of(PROGRAM, pixels, shared(), slots, local_devices()) for slots in (1, 1 + count)
    )
    assert several > one
    assert with_free(one) == 1
    found = with_free(one + 3.5 * (several - one))
    assert found == 1 + int(3.5 * count)
    # And what is said of them holds.
    assert memory_of(PROGRAM, pixels, shared(), found, local_devices()) <= one + 4 * (several - one)


def test_no_more_than_there_is_to_train(with_free: Callable[[float], int]) -> None:
    assert with_free(1e12, 7) == 7
    assert with_free(1e12) == fit._MOST


def test_where_not_one_fits_it_is_said_before_anything_is_trained(
    with_free: Callable[[float], int],
) -> None:
    with pytest.raises(UserError, match=r"one trial of 2 folds takes .* GB of a device, of which"):
        with_free(10.0)


def test_a_study_of_as_many_slots_as_fit_ends_with_an_answer(run: Run, make_spec: MakeSpec) -> None:
    launched = run(make_spec(study__slots="auto"))
    assert launched.done
    assert len(launched.study.trials) == 7
    scores = {tuple(t.params.items()): t.value for t in launched.study.trials}
    assert make(study__slots="auto").plain()["study"]["slots"] == "auto"
    assert scores == {
        tuple(t.params.items()): t.value for t in run(make_spec(study__name="fixed")).study.trials
    }


class Accelerator:
    """A device of which so many bytes are free."""

    platform = "gpu"

    def __init__(self, free: int) -> None:
        self.free = free

    def memory_stats(self) -> dict[str, int]:
        return {"bytes_limit": self.free + 7, "bytes_in_use": 7}


BYTES = ByteImages(np.arange(48, dtype=np.uint8).reshape(8, 3, 2, 1), np.zeros(256, np.float32))


@pytest.mark.parametrize("images", [BYTES, BYTES.bytes.astype(np.float32)], ids=["bytes", "floats"])
def test_images_that_an_accelerator_does_not_hold_stay_on_the_host(images: Any) -> None:
    given = shared()._replace(images=images)
    held = images.bytes if isinstance(images, ByteImages) else images
    assert within_reach(given, [Accelerator(2 * held.nbytes)]) is given  # type: ignore[list-item]
    assert within_reach(given, local_devices()) is given
    left = within_reach(given, [Accelerator(2 * held.nbytes - 1)])  # type: ignore[list-item]
    assert within_reach(left, [Accelerator(1)]) is left  # type: ignore[list-item]
    rows = np.array([7, 7, 1], np.int32)
    there = left.images.bytes if isinstance(images, ByteImages) else left.images
    assert isinstance(there, HostArray)
    np.testing.assert_array_equal(there[rows], held[rows])
