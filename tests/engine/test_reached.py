"""Every strength of a spec reaches the weights: none is read by nothing, whatever the method."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import pytest

from normsweep.engine.settings import hyperparameters_of, method_of
from normsweep.models.method import Method, NetworkPenalty, check_reached, network_penalty
from normsweep.models.regulariser import regularised_update, regulariser
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.objectives.penalties import PENALTIES
from normsweep.spec import Spec, spec_from_tables
from tests.haste import IN_HASTE

ORDERS = {"power": (0.5, 1.0, 1.5, 2.0, 3.0), "norm": (1.0, 1.5, 2.0, 3.0)}
WEIGHTS = {
    f"layers/{index}": {"kernel": np.random.default_rng(index).normal(size=shape).astype("f4")}
    for index, shape in enumerate([(4, 3), (3, 2)])
}
STILL = jax.tree.map(np.zeros_like, WEIGHTS)


def penalties() -> Iterator[dict[str, Any]]:
    """A section for each form, order, scope and coupling, in which one strength is to be set."""
    for form, entry in PENALTIES.items():
        ways = (
            ("loss", "decoupled") if entry.proximal is None else ("loss", "decoupled", "proximal")
        )
        for coupling in ways:
            for scope in ("network", "layer"):
                for order in ORDERS.get(form, (None,)):
                    if coupling == "proximal" and order not in (None, 1.0, 2.0):
                        continue
                    given = {} if order is None else {"order": order}
                    yield {"form": form, "coupling": coupling, "scope": scope, **given}


@partial(jax.jit, static_argnums=0, compiler_options=IN_HASTE)
def step(method: Method, penalty: NetworkPenalty) -> Any:
    """The weights after a step on no gradient but that of the penalty."""
    own, optimizer = regulariser(method, penalty, 0.5), optax.sgd(0.5)
    before = {"net": WEIGHTS}
    found, _, _ = regularised_update(
        *({"net": own}, optimizer, {"net": STILL}, optimizer.init(before)),
        *({"net": own.init(WEIGHTS)}, before),
    )
    return found


def stepped(config: Spec, network: str) -> list[np.ndarray]:
    found = step(method_of(config), hyperparameters_of(config).penalties[network])
    return [np.asarray(leaf) for leaf in jax.tree.leaves(found)]


@pytest.mark.parametrize("section", list(penalties()), ids=lambda s: " ".join(map(str, s.values())))
def test_the_step_changes_with_each_strength(section: dict[str, Any]) -> None:
    names = [name for name in PENALTIES[section["form"]].coefficients if name != "order"]
    for name in names:
        others = {other: 0.0 for other in names if other != name}

        def config(strength: float, name: str = name, others: Any = others) -> Spec:
            table = {"target": "discriminator", **section, **others, name: strength}
            return spec_from_tables({"penalty": table}, "reached")

        none, little, more = (stepped(config(value), "discriminator") for value in (0, 0.02, 0.04))
        for one, other in ((none, little), (little, more)):
            assert all(np.any(a != b) for a, b in zip(one, other, strict=True))
        untargeted = stepped(config(0.04), "generator")
        for one, other in zip(untargeted, jax.tree.leaves(WEIGHTS), strict=True):
            np.testing.assert_array_equal(one, other)


ENTRIES = [Method(entry) for entry in PENALTIES.values()]
ENTRIES += [Method(constraint=entry) for entry in CONSTRAINTS.values()]


@pytest.mark.parametrize("method", ENTRIES)
@pytest.mark.parametrize("name", NetworkPenalty._fields)
def test_a_number_that_nothing_reads_is_an_error(method: Method, name: str) -> None:
    penalty = NetworkPenalty(**{name: np.float32(0.25)})
    bound = () if method.constraint is None else method.constraint.coefficients
    if name in (*method.penalty.coefficients, *bound):
        check_reached(method, penalty)
        return
    with pytest.raises(ValueError, match=rf"{name} = 0\.25 is read by nothing; read are"):
        check_reached(method, penalty)


def test_what_nobody_sets_needs_no_reader() -> None:
    for method in ENTRIES:
        check_reached(method, NetworkPenalty())


def test_a_method_and_numbers_that_were_decided_apart_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when one takes an order for 1 and the other does not."""
    config = spec_from_tables({"penalty": {"strength": 0.25, "order": 1.0}}, "apart")
    monkeypatch.setattr("normsweep.engine.settings.method_of", lambda _: Method(PENALTIES["norm"]))
    with pytest.raises(
        ValueError, match=r"l1 = 0\.25 is read by nothing; read are strength, order"
    ):
        hyperparameters_of(config)


def test_a_coefficient_that_a_form_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="elastic has no strength; accepted: l1, l2"):
        network_penalty("elastic", strength=0.1)
