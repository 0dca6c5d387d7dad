"""Residual networks between vectors and images."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.convolution import enlarge, halve
from normsweep.models.layers.hidden import hidden
from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.layers.normalisation import normalisation, over_positions
from normsweep.models.networks.contract import Network, PureNetwork, Shape
from normsweep.models.networks.modules import of_modules
from normsweep.models.networks.sequence import Row, as_map, convolution, dense, layer_of, times

TO_IMAGE, FROM_IMAGE = 256, 128
"""The published channels of networks to an image, and from one."""


@dataclass(frozen=True)
class ResNet(Network):
    """Residual blocks, of 32×32 the SNGAN (Miyato et al. 2018, arXiv:1802.05957, table 4).

    From a vector to an image: a dense layer to 4 × 4 up to 7 × 7 pixels, and blocks that double the
    sides (three for 32×32, two for 28×28). From an image to a vector or a number: blocks that halve
    the sides, one at least and until they are 8 at most (two for 32×32), two more, and a dense
    layer of the sum over all positions. `channels` are those of all layers; None: the published
    256 to an image, and 128 from one. `output` names the function behind the last layer. Raises
    `ValueError` for a normalisation that is not in `NORMALISATIONS`.
    """

    channels: int | None = None
    activation: str = "relu"
    output: str = "linear"
    normalisation: str = "none"

    positions: ClassVar[bool] = True

    def __post_init__(self) -> None:
        normalisation(self.normalisation)

    @property
    def widest(self) -> int:
        """The channels, or the larger of the published ones."""
        return self.channels or TO_IMAGE

    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The network between a vector and an image, or an image and a vector or number."""
        if len(inputs) == 1 and len(outputs) == 3:
            ups, width = doublings(outputs), self.channels or TO_IMAGE
            start = (outputs[0] >> ups, outputs[1] >> ups, width)
            blocks = tuple(Block(width, width, "up") for _ in range(ups))
            layout = Layout(start, blocks, outputs)
        elif len(inputs) == 3 and len(outputs) <= 1:
            width = self.channels or FROM_IMAGE
            first = Block(inputs[-1], width, "down", first=True)
            more = (Block(width, width, "down") for _ in range(halvings(inputs) - 1))
            layout = Layout(None, (first, *more, *2 * (Block(width, width),)), outputs)
        else:
            raise ValueError(
                f"resnet: no network from {inputs} to {outputs}; accepted: from a vector to an "
                "image, and from an image to a vector or one number"
            )
        return of_modules(
            lambda units, rngs: ResNetModule(self, layout, inputs, outputs, units, rngs=rngs)
        )


def doublings(image: Shape) -> int:
    """How often sides of 4 to 7 pixels double to the shorter side of an image.

    Raises `ValueError` where that is never, or does not give both sides.
    """
    times, side = 0, min(image[:2])
    while side >= 8 and not side % 2:
        times, side = times + 1, side // 2
    if not times or not 4 <= side < 8 or any(length % 2**times for length in image[:2]):
        raise ValueError(
            f"images of {image[0]} × {image[1]} pixels; accepted by resnet: a shorter side of 4 to "
            "7 times a power of two above 1, such as 8, 28, 32 or 64, and a longer one that the "
            "same power divides"
        )
    return times


def halvings(image: Shape) -> int:
    """How often sides are halved: until the shorter is 8 at most, and once at least."""
    found = doublings(image)
    return max(1, found - (min(image[:2]) == 4 << found))


@dataclass(frozen=True)
class Block:
    """Two convolutions beside a shortcut: how many channels go in and out, and what of the sides.

    `sampling` is "up", "down" or "". The first block of images has nothing before its first
    convolution.
    """

    inputs: int
    outputs: int
    sampling: str = ""
    first: bool = False

    @property
    def shortcut(self) -> bool:
        """Whether a 1×1 convolution is on the shortcut."""
        return self.inputs != self.outputs or bool(self.sampling)


@dataclass(frozen=True)
class Layout:
    """Blocks, between a dense layer to a map `start` and a convolution to images of shape `end`.

    Without a start they begin with images, and end in a dense layer to a vector or number `end`.
    """

    start: tuple[int, int, int] | None
    blocks: tuple[Block, ...]
    end: Shape


class ResNetModule(nnx.Module):
    """[n, *inputs] → [n, *outputs] in the range of the output function.

    `layers` are those with a kernel: that to the start, of each block its two convolutions and the
    one on its shortcut, and the last one. `norms` stand in front of the activations, in order.
    """

    def __init__(
        self,
        settings: ResNet,
        layout: Layout,
        inputs: Shape,
        outputs: Shape,
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.layout, self.outputs = layout, outputs
        self.activation = ACTIVATIONS[settings.activation]
        self.output = IMAGE_OUTPUTS[settings.output]
        kind = normalisation(settings.normalisation)
        layers: list[Any] = []
        used: list[ArrayLike | None] = []

        def add(row: Row, before: Shape, into: ArrayLike | None, out: ArrayLike | None) -> None:
            layers.append(layer_of(row, before, into, out, rngs))
            used.append(out)

        if layout.start is not None:
            row = dense(*layout.start)
            add(row, inputs, None, times(units, row.positions))
        widths = []
        for block in layout.blocks:
            into, out = (1, 1, block.inputs), (1, 1, block.outputs)
            before = None if block.first else units
            add(convolution(into, block.outputs, 3), into, before, units)
            add(convolution(out, block.outputs, 3), out, units, units)
            if block.shortcut:
                add(convolution(into, block.outputs, 1), into, before, units)
            widths += [block.outputs] if block.first else [block.inputs, block.outputs]
        widths.append(layout.blocks[-1].outputs)
        last = (1, 1, widths[-1])
        if layout.start is not None:
            add(convolution(last, layout.end[-1], 3), last, units, None)
        else:
            add(dense(math.prod(layout.end)), last, units, None)
        # Wrapped after all kernels are drawn: those are the same in each normalisation.
        if kind.wrap is not None:
            layers = [kind.wrap(each, used[at], rngs) for at, each in enumerate(layers)]
        self.layers = nnx.List(layers)
        between = kind.between
        norms = [] if between is None else [between(width, units, rngs) for width in widths]
        self.norms = nnx.List([over_positions(norm) for norm in norms])

    def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
        layers, places = iter(self.layers), iter(range(2 * len(self.layers)))

        def active(x: jax.Array) -> jax.Array:
            at = next(places)
            return hidden(x, self.norms[at] if self.norms else None, self.activation, mode, at)

        if self.layout.start is not None:
            x = as_map(next(layers)(x), self.layout.start)
        for block in self.layout.blocks:
            first, second = next(layers), next(layers)
            shortcut = next(layers) if block.shortcut else None
            y = x if block.first else active(x)
            y = first(enlarge(y) if block.sampling == "up" else y)
            y = second(active(y))
            # A 1×1 convolution and a change of the sides commute: it is done where there is less.
            if block.sampling == "down":
                x, y = halve(x), halve(y)
            x = x if shortcut is None else shortcut(x)
            x = (enlarge(x) if block.sampling == "up" else x) + y
        x = active(x)
        if self.layout.start is None:
            x = jnp.sum(x, axis=(1, 2))
        y = self.output(next(layers)(x))
        return y.reshape(-1, *self.outputs) if self.outputs else y[:, 0]
