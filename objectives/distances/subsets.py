"""Random subsets that are the same on every machine."""

import numpy as np
from numpy.typing import NDArray


def random_orders(count: int, orders: int, seed: int) -> NDArray[np.intp]:
    """Returns `orders` random permutations of `count` indices, `[orders, count]`.

    They are the same under every version of NumPy: the raw output of PCG64 is fixed for good,
    while the methods of `Generator` may change (NEP 19), and with them every stored score.
    """
    raw = np.random.PCG64(seed).random_raw(orders * count).reshape(orders, count)
    return np.argsort(raw, axis=1, kind="stable")
