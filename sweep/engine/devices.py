"""The devices that a population is spread over."""

import os

import jax


def use_all_cores() -> None:
    """Asks JAX for one CPU device per core. Writes JAX's configuration; call it before any array.

    Where JAX has started already, or the number was set by someone else, it stays as it is: a
    population then runs on the devices that there are, with the same scores up to rounding.
    """
    if jax.config.jax_num_cpu_devices > 1:  # type: ignore[attr-defined]
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        jax.config.update("jax_num_cpu_devices", cores or 1)
    except RuntimeError:
        return


def local_devices() -> tuple[jax.Device, ...]:
    """The accelerators of this machine, or else its CPU devices."""
    return tuple(jax.local_devices())
