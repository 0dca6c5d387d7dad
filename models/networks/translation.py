"""The networks that translate images: a residual generator, and a judge of patches."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.hidden import hidden
from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.layers.normalisation import drop_bias, normalisation, over_positions
from normsweep.models.networks.contract import Network, PureNetwork, Shape
from normsweep.models.networks.modules import of_modules
from normsweep.models.networks.sequence import (
    Row,
    SequenceModule,
    convolution,
    layer_of,
    transposed,
)

PUBLISHED = 64
"""The channels next to the images."""


@dataclass(frozen=True)
class PatchGAN(Network):
    """Residual generator and PatchGAN of CycleGAN (Zhu et al. 2017, arXiv:1703.10593, sec. 7.2).

    From an image to an image: a convolution 7×7, two 3×3 that halve the sides, residual blocks (9
    from 256 pixels on, 6 from 64 on, 3 below), two transposed ones, and one 7×7. From an image to a
    number: as many numbers as there are patches, judged one by one, behind convolutions 4×4 of
    which up to three halve the sides, as long as 7 pixels are left. `channels` is the number next
    to the images; None: the published 64. Images are continued by zeros, not by their reflection.
    Raises `ValueError` for a normalisation that is not in `NORMALISATIONS`.
    """

    channels: int | None = None
    activation: str = "relu"
    output: str = "linear"
    normalisation: str = "none"

    positions: ClassVar[bool] = True

    def __post_init__(self) -> None:
        normalisation(self.normalisation)
        # The published width said in two ways is one description.
        object.__setattr__(self, "channels", PUBLISHED if self.channels is None else self.channels)

    @property
    def widest(self) -> int:
        """Those of the last hidden layer of the judge; the generator has half of it."""
        return 8 * (self.channels or PUBLISHED)

    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The network from an image to an image, or to the logits of its patches."""
        width, named = self.channels or PUBLISHED, (self.activation, self.output)
        if len(inputs) == len(outputs) == 3 and inputs[:2] == outputs[:2]:
            if any(side % 4 for side in inputs[:2]):
                raise ValueError(
                    f"images of {inputs[0]} × {inputs[1]} pixels; accepted by patchgan: sides that "
                    "are multiples of 4"
                )
            return of_modules(
                lambda units, rngs: Translator(self, inputs, outputs, units, rngs=rngs)
            )
        if len(inputs) == 3 and outputs == ():
            rows = judge(inputs, width)
            kind = normalisation(self.normalisation)
            return of_modules(
                lambda units, rngs: SequenceModule(rows, inputs, (), *named, kind, units, rngs=rngs)
            )
        raise ValueError(
            f"patchgan: no network from {inputs} to {outputs}; accepted: from an image to an image "
            "as large, and from an image to one number"
        )


def judge(image: Shape, width: int) -> tuple[Row, ...]:
    """The layers of a PatchGAN: 70×70 pixels are seen by each logit where three of them halve."""
    halved = [n for n in (1, 2, 3) if min(image[:2]) >= 7 * 2**n] or [1]
    rows = [convolution(image, width, window=4, stride=2)]
    for n in range(1, halved[-1]):
        rows.append(convolution(rows[-1], 2**n * width, window=4, stride=2))
    rows.append(convolution(rows[-1], 2 ** halved[-1] * width, window=4))
    first, *others = (*rows, convolution(rows[-1], 1, window=4))
    return (Row(first.kind, first.outputs, first.window, first.stride, normed=False), *others)


class Translator(nnx.Module):
    """[n, h, w, c] → [n, h, w, m] in the range of the output function.

    `layers` are those with a kernel, in order: three, two of each residual block, three. Behind all
    but the second of a block and the last are normalisation and activation.
    """

    def __init__(
        self,
        settings: PatchGAN,
        inputs: Shape,
        outputs: Shape,
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.activation = ACTIVATIONS[settings.activation]
        self.output = IMAGE_OUTPUTS[settings.output]
        kind = normalisation(settings.normalisation)
        width = settings.channels or PUBLISHED
        side = min(inputs[:2])
        self.blocks = 9 if side >= 256 else 6 if side >= 64 else 3
        rows = [convolution(inputs, width, 7)]
        for factor in (2, 4):
            rows.append(convolution(rows[-1], factor * width, 3, stride=2))
        for _ in range(2 * self.blocks):
            rows.append(convolution(rows[-1], 4 * width, 3))
        for factor in (2, 1):
            rows.append(transposed(rows[-1], factor * width, 3, stride=2))
        rows.append(convolution(rows[-1], outputs[-1], 7))
        shapes = [inputs, *(row.outputs for row in rows)]
        used = [None, *(units for _ in rows[1:]), None]
        layers: list[Any] = [
            layer_of(row, shapes[at], used[at], used[at + 1], rngs) for at, row in enumerate(rows)
        ]
        # Dropped and wrapped after all kernels are drawn: those are the same in each normalisation.
        if not kind.hidden_bias:
            for layer in layers[:-1]:
                drop_bias(layer)
        if kind.wrap is not None:
            layers = [kind.wrap(each, used[at + 1], rngs) for at, each in enumerate(layers)]
        self.layers = nnx.List(layers)
        between = kind.between
        hiddens = () if between is None else rows[:-1]
        self.norms = nnx.List(
            [over_positions(between(row.width, units, rngs)) for row in hiddens]  # type: ignore[misc]
        )

    def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
        def layer(at: int, x: jax.Array, *, active: bool = True) -> jax.Array:
            norm = self.norms[at] if self.norms else None
            return hidden(self.layers[at](x), norm, self.activation if active else None, mode, at)

        for at in range(3):
            x = layer(at, x)
        for at in range(3, 3 + 2 * self.blocks, 2):
            x = x + layer(at + 1, layer(at, x), active=False)
        last = len(self.layers) - 1
        for at in (last - 2, last - 1):
            x = layer(at, x)
        y: jax.Array = self.output(self.layers[last](x))
        return y
