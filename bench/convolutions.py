"""Convolutions inside a loop: each way to compute them against `lax.conv`, and their floor.

Forward and both gradients, on one device, for the layers of the networks that there are. The floor
is the time of the matrix products alone, at the rate of large products on this device.

    python -m bench.convolutions                  # the ways that are chosen from
    python -m bench.convolutions --with-lax       # lax.conv too: minutes
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# One device on one core, as a member of a population has it: before JAX starts.
os.environ.setdefault("NPROC", "1")

import jax
import jax.numpy as jnp
from jax import lax

from bench.rows import print_rows, row
from normsweep.models.layers import convolution as ours

LOOPS, ROUNDS = 2, 6
OPTIONS = {"xla_cpu_prefer_vector_width": 512}
NHWC = ("NHWC", "HWIO", "NHWC")
Convolve = Callable[..., jax.Array]


class Layer(NamedTuple):
    """Of a batch of square images."""

    batch: int
    side: int
    inputs: int
    outputs: int
    width: int
    stride: int
    transposed: bool = False

    @property
    def name(self) -> str:
        """Such as 14×14 64→128 4×4/2."""
        arrow = "⇒" if self.transposed else "→"
        of_images = f"{self.side}×{self.side} {self.inputs}{arrow}{self.outputs}"
        return f"{of_images} {self.width}×{self.width}/{self.stride}, batch {self.batch}"

    @property
    def out(self) -> int:
        """The side of an output, as padding SAME has it."""
        return self.side * self.stride if self.transposed else -(-self.side // self.stride)

    @property
    def operations(self) -> int:
        """Floating-point operations of the three products."""
        pixels = self.batch * (self.side if self.transposed else self.out) ** 2
        return 3 * 2 * pixels * self.width**2 * self.inputs * self.outputs


LAYERS = (
    Layer(64, 28, 1, 64, 4, 2),
    Layer(64, 14, 64, 128, 4, 2),
    Layer(64, 28, 1, 32, 4, 2),
    Layer(64, 14, 32, 64, 4, 2),
    Layer(64, 16, 32, 64, 4, 2),
    Layer(64, 14, 64, 128, 5, 2),
    Layer(64, 8, 64, 64, 3, 1),
    Layer(16, 32, 32, 32, 3, 1),
    Layer(16, 16, 64, 32, 3, 1),
    Layer(16, 16, 32, 64, 3, 1),
    Layer(64, 8, 64, 128, 1, 1),
    Layer(16, 32, 3, 32, 7, 1),
    Layer(8, 32, 32, 3, 7, 1),
    Layer(64, 7, 128, 64, 4, 2, transposed=True),
    Layer(64, 7, 64, 32, 4, 2, transposed=True),
    Layer(64, 14, 64, 1, 4, 2, transposed=True),
    Layer(64, 16, 32, 3, 4, 2, transposed=True),
    Layer(64, 7, 64, 32, 5, 2, transposed=True),
)


def by_lax(layer: Layer) -> Convolve:
    """What Flax's layers call."""
    strides = (layer.stride, layer.stride)
    if layer.transposed:
        return lambda x, kernel: lax.conv_transpose(x, kernel, strides, "SAME")
    return lambda x, kernel: lax.conv_general_dilated(
        x, kernel, strides, "SAME", dimension_numbers=NHWC
    )


def by_table(layer: Layer) -> Convolve:
    """As the networks do it."""
    function: Any = ours.convolve_transposed if layer.transposed else ours.convolve
    return lambda x, kernel: function(x, kernel, stride=layer.stride)


def by_patches(layer: Layer) -> Convolve:
    """All patches with their strides, whatever the channels; phases of a transposed one by one."""

    def gathered(x: jax.Array, kernel: jax.Array, stride: int, pairs: Any) -> jax.Array:
        sizes = ours._sizes(x.shape[1:3], kernel.shape[:2], pairs, stride)
        return ours._gathered(ours._padded(x, pairs), kernel, stride, sizes)

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        pairs = ours._pairs("SAME", x.shape[1:3], kernel.shape[:2], layer.stride)
        return gathered(x, kernel, layer.stride, pairs)

    def transposed(x: jax.Array, kernel: jax.Array) -> jax.Array:
        stride, out = layer.stride, layer.side
        front = ours._transposed_pairs("SAME", kernel.shape[:2], stride)[0][0]
        phases = []
        for r in range(stride):
            for s in range(stride):
                taps = kernel[(front - r) % stride :: stride, (front - s) % stride :: stride]
                pairs = []
                for phase, count in ((r, taps.shape[0]), (s, taps.shape[1])):
                    before = (front - phase - (front - phase) % stride) // stride
                    pairs.append((before, count - 1 - before))
                phases.append(gathered(x, taps, 1, pairs))
        y = jnp.stack(phases, axis=3)
        y = y.reshape(layer.batch, out, out, stride, stride, layer.outputs)
        return y.transpose(0, 1, 3, 2, 4, 5).reshape(layer.batch, layer.out, layer.out, -1)

    return transposed if layer.transposed else plain


def by_overlap(layer: Layer) -> Convolve:
    """All pixels by all taps, summed where they overlap; of stride 1 or transposed."""

    def overlapped(x: jax.Array, kernel: jax.Array) -> jax.Array:
        window = kernel.shape[:2]
        pairs = ours._transposed_pairs("SAME", window, layer.stride)
        if not layer.transposed:
            pairs = ours._pairs("SAME", x.shape[1:3], window, 1)
        fronts = pairs[0][0], pairs[1][0]
        return ours._overlapped(x, kernel, layer.stride, fronts, (layer.out, layer.out))

    return overlapped


def compiled(layer: Layer, function: Convolve) -> Callable[[], Any]:
    """A loop over forward and both gradients, with its arguments."""
    draw = np.random.default_rng(0)

    def normal(*shape: int) -> jax.Array:
        return jnp.asarray(draw.normal(size=shape), np.float32)

    x = normal(layer.batch, layer.side, layer.side, layer.inputs)
    kernel = normal(layer.width, layer.width, layer.inputs, layer.outputs)
    above = normal(layer.batch, layer.out, layer.out, layer.outputs)

    def loop(x: jax.Array, kernel: jax.Array, above: jax.Array) -> Any:
        def body(_: Any, carry: Any) -> Any:
            x, kernel = carry
            y, back = jax.vjp(function, x, kernel)
            by_x, by_kernel = back(above + y * np.float32(1e-9))
            return x + by_x * np.float32(1e-9), kernel + by_kernel * np.float32(1e-9)

        return lax.fori_loop(0, LOOPS, body, (x, kernel))

    program = jax.jit(loop).lower(x, kernel, above).compile(compiler_options=OPTIONS)
    return lambda: jax.block_until_ready(program(x, kernel, above))


def seconds(run: Callable[[], Any]) -> float:
    """Of this process on the CPU: other work on the machine counts less."""
    started = time.process_time()
    run()
    return time.process_time() - started


def rate() -> float:
    """Floating-point operations per second of a product of large matrices."""
    size = 1024
    matrix = jnp.asarray(np.random.default_rng(0).random((size, size)), np.float32)
    multiply = jax.jit(jnp.matmul)
    multiply(matrix, matrix).block_until_ready()
    least = min(seconds(lambda: multiply(matrix, matrix).block_until_ready()) for _ in range(8))
    return 2 * size**3 / least


def measured(layer: Layer, *, with_lax: bool) -> str:
    """The milliseconds of a pass each way, the least of several rounds in turn."""
    ways = {"chosen": by_table, "patches": by_patches}
    if layer.transposed or layer.stride == 1:
        ways["overlap"] = by_overlap
    programs = {name: compiled(layer, way(layer)) for name, way in ways.items()}
    least = dict.fromkeys(programs, float("inf"))
    for run in programs.values():
        run()
    for _ in range(ROUNDS):
        for name, run in programs.items():
            least[name] = min(least[name], seconds(run) / LOOPS)
    if with_lax:
        # Once: it takes seconds.
        least["lax.conv"] = seconds(compiled(layer, by_lax(layer))) / LOOPS
    floor = layer.operations / rate()
    told = [f"{name} {1e3 * time:.2f}" for name, time in least.items()]
    ratio = f", {least['lax.conv'] / least['chosen']:.0f} × lax.conv" if with_lax else ""
    return f"{floor / least['chosen']:.2f}{ratio}  ({', '.join(told)} ms)"


def main() -> None:
    """Measures every layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with-lax", action="store_true", help="measure lax.conv too")
    parser.add_argument("only", nargs="*", type=int, help="some of the layers, by number")
    arguments = parser.parse_args()
    rows = []
    for index in arguments.only or range(len(LAYERS)):
        layer = LAYERS[index]
        figure = measured(layer, with_lax=arguments.with_lax)
        rows.append(row(f"floor over the convolution in a loop, {layer.name}", figure, "≥ 0.5"))
        print(rows[-1]["what"], rows[-1]["figure"], flush=True)
    print_rows(rows)


if __name__ == "__main__":
    main()
