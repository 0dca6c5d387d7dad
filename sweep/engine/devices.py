"""The devices that a population is spread over."""

import contextlib
import os

import jax

from normsweep.data.memory import spare_memory
from normsweep.engine.compiled import keep_programs
from normsweep.errors import UserError


def use_all_cores() -> None:
    """Asks JAX for one CPU device per core. Writes JAX's configuration; call it before any array.

    Where JAX has started already, or the number was set by someone else, it stays as it is: a
    population then runs on the devices that there are, with the same scores up to rounding. What is
    compiled is kept from here on (`keep_programs`).
    """
    spare_memory()
    # Where JAX has started already, the number is what it is.
    if jax.config.jax_num_cpu_devices <= 0:  # type: ignore[attr-defined]
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", len(available_cores()))
    _check_devices()
    keep_programs()


def _check_devices() -> None:
    """Raises `UserError` where JAX finds no device of the kind that the environment asks for."""
    try:
        local_devices()
    # JAX asserts that there is one, and raises a RuntimeError for a kind that it does not know.
    except (AssertionError, RuntimeError) as error:
        asked = os.environ.get("JAX_PLATFORMS", "")
        reason = str(error).strip().splitlines()[:1] or ["there is none here"]
        raise UserError(
            f"JAX_PLATFORMS = {asked!r}: JAX has no device of this kind: {reason[0]}; accepted: "
            "cpu, cuda where jax[cuda13] is installed, or unset for the best that there is"
        ) from error


def use_cores(count: int) -> None:
    """Keeps JAX to so many CPU devices and threads, on a machine that others use too.

    Writes JAX's configuration and the environment; call it before any array. Raises `RuntimeError`
    where JAX has started already.
    """
    # XLA's word for the cores that are ours; which ones they are is left to the system.
    os.environ["NPROC"] = str(count)
    jax.config.update("jax_num_cpu_devices", count)


def available_cores() -> list[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def device_names() -> str:
    """The number and kind of the devices, such as `2 × cpu`."""
    devices = local_devices()
    return f"{len(devices)} × {devices[0].device_kind}"


def local_devices() -> tuple[jax.Device, ...]:
    """The accelerators of this machine, or else its CPU devices."""
    return tuple(jax.local_devices())
