"""Images of one class drawn among those of a fold."""

from functools import partial

import jax
import numpy as np
import pytest

from normsweep.models.data import dealt_rows_of, drawn_rows_of
from tests.haste import IN_HASTE

LABELS = np.random.default_rng(0).integers(0, 2, 60).astype(np.int32)
AMONG = np.random.default_rng(1).permutation(60)[:33].astype(np.int32)
OF = {label: AMONG[LABELS[AMONG] == label] for label in (0, 1)}

many = partial(jax.jit, static_argnums=(0, 2), compiler_options=IN_HASTE)
drawn, dealt = many(drawn_rows_of), many(dealt_rows_of)


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_a_class_are_drawn_uniformly_and_no_others(label: int) -> None:
    rows = np.asarray(drawn(label, jax.random.key(2), 20_000, AMONG, LABELS))
    found, counts = np.unique(rows, return_counts=True)
    assert found.tolist() == sorted(OF[label])
    expected = 20_000 / len(found)
    # Chi-square with some 15 degrees of freedom: 45 is beyond its 0.9999 quantile.
    assert ((counts - expected) ** 2 / expected).sum() < 45
    assert rows.dtype == np.int32


@pytest.mark.parametrize("label", [0, 1])
def test_dealt_rows_of_a_class_come_again_after_all_others_and_in_another_order_by_key(
    label: int,
) -> None:
    size = len(OF[label])
    rows = np.asarray(dealt(label, jax.random.key(2), 2 * size + 3, AMONG, LABELS))
    assert sorted(rows[:size]) == sorted(OF[label])
    assert np.array_equal(rows[size:], rows[: size + 3])
    other = np.asarray(dealt(label, jax.random.key(3), 2 * size + 3, AMONG, LABELS))
    assert not np.array_equal(rows, other)
