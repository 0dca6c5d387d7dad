"""A step of a whole DCGAN: convolutions as products, against `lax.conv` in the same loop.

One member on 28×28 images with 32 channels, in float32, through the engine as a study trains it;
seconds are of the process on the CPU. Not part of `make bench`: a step by `lax.conv` takes seconds.

    python -m bench.lax_in_the_loop
"""

import time
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import jax
from jax import lax

from bench.accelerator import CASES, program_of
from bench.floor import hyperparameters, some_pixels
from bench.rows import print_rows, row
from normsweep.engine.devices import local_devices
from normsweep.engine.population import Population, forget_programs
from normsweep.models.layers import convolution

CHUNK, ROUNDS = 5, 5
DCGAN = replace(next(case for case in CASES if case.name.startswith("dcgan")), chunk=CHUNK)


def by_lax(x: jax.Array, kernel: jax.Array, *, stride: int = 1, padding: Any = "SAME") -> jax.Array:
    """What Flax's `Conv` calls."""
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride,) * 2, padding, dimension_numbers=layout)


def transposed_by_lax(
    x: jax.Array, kernel: jax.Array, *, stride: int, padding: Any = "SAME"
) -> jax.Array:
    """What Flax's `ConvTranspose` calls."""
    return lax.conv_transpose(x, kernel, (stride,) * 2, padding)


def seconds_a_step(rounds: int) -> float:
    """The least of some rounds, by the process's time on the CPU."""
    forget_programs()
    program, shared = program_of(DCGAN, "float32")
    trained = Population(program, some_pixels, shared, 1, local_devices()[:1])
    setting = hyperparameters(1.5)
    trained.advance([setting], [True])
    found = []
    for _ in range(rounds):
        started = time.process_time()
        trained.advance([setting], [False])
        found.append((time.process_time() - started) / CHUNK)
    return min(found)


def main() -> None:
    """Measures ours, then the way of Flax's layers."""
    ours = seconds_a_step(ROUNDS)
    today = {"convolve": by_lax, "convolve_transposed": transposed_by_lax}
    with patch.multiple(convolution, **today):
        theirs = seconds_a_step(1)
    figure = f"{theirs / ours:.0f} ×  ({1e3 * ours:.0f} against {1e3 * theirs:.0f} ms)"
    print_rows([row("a dcgan step, 28×28, against lax.conv in the loop", figure, "≥ 15 ×")])


if __name__ == "__main__":
    main()
