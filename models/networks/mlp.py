"""Fully connected networks."""

import math
from dataclasses import dataclass

from normsweep.models.layers.normalisation import normalisation
from normsweep.models.networks.contract import Network, PureNetwork, Shape
from normsweep.models.networks.modules import of_modules
from normsweep.models.networks.sequence import SequenceModule, dense


@dataclass(frozen=True)
class MLP(Network):
    """Fully connected networks, as in the first GANs (arXiv:1406.2661).

    Hidden layers have the widths in `hidden`, of which only the first `layers` are used, None: all.
    `output` names the function behind the last layer. Raises `ValueError` for more layers than
    there are widths, and for a normalisation that is not in `NORMALISATIONS`.
    """

    hidden: tuple[int, ...] = (128, 128)
    layers: int | None = None
    activation: str = "leaky_relu"
    output: str = "linear"
    normalisation: str = "none"

    def __post_init__(self) -> None:
        normalisation(self.normalisation)
        if self.layers is not None and not 0 <= self.layers <= len(self.hidden):
            raise ValueError(
                f"layers = {self.layers} does not fit hidden = {self.hidden}; "
                f"accepted: 0 to {len(self.hidden)}"
            )
        # All layers said in two ways are one description.
        if self.layers == len(self.hidden):
            object.__setattr__(self, "layers", None)

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the hidden layers, as many as `layers` says."""
        return self.hidden[: self.layers]

    @property
    def widest(self) -> int:
        """The largest of all widths."""
        return max(self.hidden, default=1)

    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The network between these shapes, whatever they are: what is no vector is flattened."""
        rows = (*(dense(width) for width in self.widths), dense(math.prod(outputs)))
        flat = (math.prod(inputs),)
        kind = normalisation(self.normalisation)
        named = (self.activation, self.output, kind)
        return of_modules(
            lambda units, rngs: SequenceModule(rows, flat, outputs, *named, units, rngs=rngs)
        )
