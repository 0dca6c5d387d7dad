"""Convolutions of many members at once, each with a kernel of its own, by ours and by `lax.conv`.

Not part of `make bench`: of use on an accelerator, where the engine maps over members by `vmap`.
Forward and both gradients of the layers that a DCGAN and residual networks have, in a loop, with
batches of 64; a few minutes, most of them compiling.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bench.rows import print_rows, row
from normsweep.engine.devices import device_names
from normsweep.models.layers.convolution import convolve, convolve_transposed

BATCH, LOOP, ROUNDS = 64, 20, 3
PRECISIONS = {"TF32": ("float32", "tensorfloat32"), "bfloat16": ("bfloat16", "highest")}
"""The type of numbers, and what JAX calls the precision of their products."""
NHWC = ("NHWC", "HWIO", "NHWC")

Way = Callable[[jax.Array, jax.Array], jax.Array]


class Layer(NamedTuple):
    """Images of side × side pixels, from channels to channels, by a kernel of size × size."""

    side: int
    inputs: int
    outputs: int
    size: int
    stride: int
    transposed: bool = False

    def ways(self) -> dict[str, Way]:
        """Ours, and JAX's."""
        strides = (self.stride, self.stride)
        if self.transposed:
            theirs = partial(lax.conv_transpose, strides=strides, padding="SAME")
            return {"ours": partial(convolve_transposed, stride=self.stride), "lax.conv": theirs}
        return {
            "ours": partial(convolve, stride=self.stride),
            "lax.conv": partial(
                lax.conv_general_dilated,
                window_strides=strides,
                padding="SAME",
                dimension_numbers=NHWC,
            ),
        }

    def __str__(self) -> str:
        kind = ", transposed" if self.transposed else ""
        shape = f"{self.side}×{self.side}, {self.inputs} → {self.outputs}"
        return f"{shape}, {self.size}×{self.size}, stride {self.stride}{kind}"


LAYERS = (
    Layer(28, 1, 32, 4, 2),
    Layer(14, 32, 64, 4, 2),
    Layer(7, 64, 32, 4, 2, transposed=True),
    Layer(14, 32, 1, 4, 2, transposed=True),
    Layer(32, 32, 32, 3, 1),
)


def seconds(layer: Layer, way: Way, dtype: str, members: int) -> float:
    """What a member takes of a forward pass with both gradients."""

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.mean(jnp.square(way(x, kernel)).astype(jnp.float32))

    gradients = jax.vmap(jax.grad(loss, (0, 1)))

    def step(_: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        small = jnp.asarray(1e-3, dtype)
        x, kernel = (w + small * g for w, g in zip(carry, gradients(*carry), strict=True))
        return x, kernel

    key, other = jax.random.split(jax.random.key(0))
    images = (members, BATCH, layer.side, layer.side, layer.inputs)
    kernels = (members, layer.size, layer.size, layer.inputs, layer.outputs)
    x = jax.random.normal(key, images).astype(dtype)
    kernel = (0.05 * jax.random.normal(other, kernels)).astype(dtype)
    run = jax.jit(lambda x, kernel: lax.fori_loop(0, LOOP, step, (x, kernel)))
    jax.block_until_ready(run(x, kernel))
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        jax.block_until_ready(run(x, kernel))
        times.append(time.perf_counter() - started)
    return statistics.median(times) / (LOOP * members)


def rows(members: int, layers: tuple[Layer, ...]) -> Iterator[dict[str, str]]:
    """A row for each layer and precision."""
    for name, (dtype, precision) in PRECISIONS.items():
        with jax.default_matmul_precision(precision):
            for layer in layers:
                found = {
                    way: seconds(layer, function, dtype, members)
                    for way, function in layer.ways().items()
                }
                figure = ", ".join(f"{way} {1e6 * took:.1f}" for way, took in found.items())
                yield row(f"{layer}, {name}: µs a member", figure, "–")


def main() -> None:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=64, help="members at once")
    parser.add_argument("--layers", type=int, nargs="*", choices=range(len(LAYERS)))
    arguments = parser.parse_args()
    print(device_names(), "jax", jax.__version__, flush=True)
    some = LAYERS if arguments.layers is None else tuple(LAYERS[at] for at in arguments.layers)
    print_rows(list(rows(arguments.members, some)))


if __name__ == "__main__":
    main()
