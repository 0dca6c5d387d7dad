"""Several tests at once."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: rejecting those at most α makes any false rejection at most α likely.

        p̃(k) = max over j ≤ k of min(1, (m − j + 1) · p(j)),    p(1) ≤ … ≤ p(m)

    in the order given. Holm, Scandinavian Journal of Statistics 6, 1979; it asks nothing of how
    the tests depend on each other.
    """
    values = np.asarray(p_values, float)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(values[order] * factors))
    adjusted = np.empty_like(values)
    adjusted[order] = stepped
    return [float(value) for value in adjusted]
