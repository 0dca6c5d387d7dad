"""The convolutional networks of two papers, between vectors and images."""

import math
from dataclasses import dataclass

from normsweep.models.layers.normalisation import normalisation
from normsweep.models.networks.contract import Network, PureNetwork, Shape
from normsweep.models.networks.modules import of_modules
from normsweep.models.networks.sequence import (
    Row,
    SequenceModule,
    convolution,
    dense,
    transposed,
)


@dataclass(frozen=True)
class DCGAN(Network):
    """Convolutions: SNDCGAN and, of 28×28, InfoGAN (arXiv:1802.05957, table 3; 1711.10337).

    From a vector to an image, or from an image to a vector or a number. Images of 32 × 32 pixels or
    more whose sides are multiples of 8 get SNDCGAN, other images whose sides are multiples of 4 the
    networks of InfoGAN in the form of arXiv:1711.10337. `channels` is the number next to the
    images, from which all others follow; None: the published 64. `output` names the function behind
    the last layer. Raises `ValueError` for a normalisation that is not in `NORMALISATIONS`.
    """

    channels: int | None = None
    activation: str = "leaky_relu"
    output: str = "linear"
    normalisation: str = "none"

    def __post_init__(self) -> None:
        normalisation(self.normalisation)
        # The published width said in two ways is one description.
        object.__setattr__(self, "channels", PUBLISHED if self.channels is None else self.channels)

    @property
    def widest(self) -> int:
        """Those of the dense layer of InfoGAN; SNDCGAN has half of it."""
        return 16 * (self.channels or PUBLISHED)

    def rows(self, inputs: Shape, outputs: Shape) -> tuple[Row, ...]:
        """The layers between these shapes. Raises `ValueError` where there are none."""
        width = self.channels or PUBLISHED
        if len(inputs) == 1 and len(outputs) == 3:
            rows = _sndcgan_to_image if _is_large(outputs) else _infogan_to_image
            return rows(outputs, width)
        if len(inputs) == 3 and len(outputs) <= 1:
            encoder = _sndcgan_from_image if _is_large(inputs) else _infogan_from_image
            return (*encoder(inputs, width), dense(math.prod(outputs)))
        raise ValueError(
            f"dcgan: no network from {inputs} to {outputs}; accepted: from a vector to an image, "
            "and from an image to a vector or one number"
        )

    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The network between a vector and an image, or an image and a vector or number."""
        rows = self.rows(inputs, outputs)
        kind = normalisation(self.normalisation)
        named = (self.activation, self.output, kind)
        return of_modules(
            lambda units, rngs: SequenceModule(rows, inputs, outputs, *named, units, rngs=rngs)
        )


PUBLISHED = 64
"""The channels next to the images in both papers."""


def _is_large(image: Shape) -> bool:
    """Whether it is halved three times, and not twice. Raises `ValueError` where it cannot be."""
    if any(side % 4 for side in image[:2]):
        raise ValueError(
            f"images of {image[0]} × {image[1]} pixels; accepted by dcgan: sides that are "
            "multiples of 4, such as 28 or 32"
        )
    return not any(side % 8 or side < 32 for side in image[:2])


def _sndcgan_to_image(image: Shape, width: int) -> tuple[Row, ...]:
    height, length, colours = image
    start = dense(height // 8, length // 8, 8 * width, bare=True)
    first = transposed(start, 4 * width, window=4, stride=2)
    second = transposed(first, 2 * width, window=4, stride=2)
    third = transposed(second, width, window=4, stride=2)
    return start, first, second, third, convolution(third, colours, window=3)


def _sndcgan_from_image(image: Shape, width: int) -> tuple[Row, ...]:
    rows: list[Row] = []
    before: Row | Shape = image
    for factor in (1, 2, 4):
        rows.append(convolution(before, factor * width, window=3))
        rows.append(convolution(rows[-1], factor * width, window=4, stride=2))
        before = rows[-1]
    return (*rows, convolution(before, 8 * width, window=3))


def _infogan_to_image(image: Shape, width: int) -> tuple[Row, ...]:
    height, length, colours = image
    start = dense(height // 4, length // 4, 2 * width)
    first = transposed(start, width, window=4, stride=2)
    last = transposed(first, colours, window=4, stride=2)
    return dense(16 * width), start, first, last


def _infogan_from_image(image: Shape, width: int) -> tuple[Row, ...]:
    first = convolution(image, width, window=4, stride=2)
    second = convolution(first, 2 * width, window=4, stride=2)
    return first, second, dense(16 * width)
