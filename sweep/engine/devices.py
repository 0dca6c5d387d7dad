"""The devices that a population is spread over."""

import os

import jax


def use_all_cores() -> None:
    """Asks JAX for one CPU device per core. Writes JAX's configuration; call it before any array.

    Where JAX has started already, or the number was set by someone else, it stays as it is: a
    population then runs on the devices that there are, with the same scores up to rounding.
    """
    if jax.config.jax_num_cpu_devices > 0:  # type: ignore[attr-defined]
        return
    try:
        jax.config.update("jax_num_cpu_devices", len(available_cores()))
    except RuntimeError:
        return


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
