"""Networks of Flax linen, Flax NNX, Equinox and Haiku as networks of the user's own.

Each makes the module anew from a key, so that whatever its constructor draws is drawn for every
member. Equinox and Haiku are not imported: what their modules look like is enough.
"""

from normsweep.models.adapters.equinox import from_equinox
from normsweep.models.adapters.haiku import from_haiku
from normsweep.models.adapters.linen import from_linen
from normsweep.models.adapters.nnx import from_nnx

__all__ = ["from_equinox", "from_haiku", "from_linen", "from_nnx"]
