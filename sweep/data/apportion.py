"""Sharing a total out over classes."""

import numpy as np


def apportion(sizes: np.ndarray, total: int) -> np.ndarray:
    """Splits `total` over classes in proportion to their sizes, by largest remainder.

    Each class gets the floor or the ceiling of `sizes[i] * total / sum(sizes)`, so never more than
    it has; ties go to the class listed first. Integer arithmetic throughout, hence exact.

    Args:
        sizes: [classes] integers >= 0 with a positive sum.
        total: integer in 0..sum(sizes).

    Returns:
        [classes] int64 that sum to `total`.

    Raises:
        ValueError: `total` lies outside 0..sum(sizes).

    References:
        Hamilton's method, also called Hare-Niemeyer.
    """
    sizes = np.asarray(sizes, np.int64)
    count = int(sizes.sum())
    if not 0 <= total <= count:
        raise ValueError(f"cannot share {total} over classes that hold {count} together")
    quotas, remainders = np.divmod(sizes * total, max(count, 1))
    left = total - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left]] += 1
    return quotas
