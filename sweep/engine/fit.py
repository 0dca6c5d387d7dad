"""How many trials fit on the devices at a time, by what the compiled programs say they take."""

from collections.abc import Sequence

import jax

from normsweep.data import memory
from normsweep.engine.population import Features, Shared, memory_of
from normsweep.errors import UserError
from normsweep.models.data import ByteImages, HostArray
from normsweep.models.program import Program

AUTO = "auto"
"""As a number of slots: as many as fit."""
FEWEST_ON_CPU, _MOST = 4, 256
"""On a CPU members run one after the other, and more of them at a time gain nothing; on an
accelerator a step of more takes longer by as much, from there on."""
_SHARE = 0.8
"""Of a device's free memory that a population may take: allocators leave gaps."""
_OF_IMAGES = 0.5
"""Of an accelerator's free memory that the images may take; more of them stay on the host."""


def within_reach(shared: Shared, devices: Sequence[jax.Device]) -> Shared:
    """What is shared, with images that an accelerator does not hold as a `HostArray`.

    CPU devices read the memory of the host.
    """
    images = shared.images
    held = images.bytes if isinstance(images, ByteImages) else images
    if devices[0].platform == "cpu" or isinstance(held, HostArray):
        return shared
    if held.nbytes <= _OF_IMAGES * free_memory(devices[0]):
        return shared
    left = HostArray(held.__getitem__, held.shape, held.dtype)
    return shared._replace(
        images=images._replace(bytes=left) if isinstance(images, ByteImages) else left
    )


def fitting_slots(
    program: Program,
    features: Features,
    shared: Shared,
    devices: Sequence[jax.Device],
    most: int = _MOST,
) -> int:
    """The most trials, up to `most`, whose members the memory of the devices holds.

    Raises `UserError` where it does not hold one. Compiles the program for two sizes of population:
    what a member takes is their difference.
    """
    folds, count = len(shared.train), len(devices)
    # One trial, and one more: each device then has so many members more.
    one, two = (memory_of(program, features, shared, slots, devices) for slots in (1, 1 + count))
    free = free_memory(devices[0]) * _SHARE / (count if devices[0].platform == "cpu" else 1)
    if one > free:
        raise UserError(
            f"one trial of {folds} folds takes {one / 1e9:.2g} GB of a device, of which "
            f"{free / 1e9:.2g} GB are free: smaller are train.batch, score.samples, the networks "
            "and the images (data.limit)"
        )
    each = max((two - one) / count, 1)
    found = min(1 + int((free - one) / each), most, _MOST)
    if devices[0].platform != "cpu":
        return found
    # So many that all devices have as many members, as nearly as can be.
    return min(found, max(FEWEST_ON_CPU, -(-count // folds)))


def free_memory(device: jax.Device) -> int:
    """Bytes that are free on a device; on a CPU, those that this process may yet take."""
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))
    return memory.free_memory()
