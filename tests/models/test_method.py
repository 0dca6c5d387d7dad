"""A method's static side: the cheapest entry that is exact for a form, and its coefficients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.models.method import LINEAR, Method, NetworkPenalty, network_penalty, penalty_entry
from normsweep.objectives.penalties import PENALTIES

LINEAR_FORMS = [("none", None), ("elastic", None), ("power", 1.0), ("power", 2.0), ("norm", 1.0)]


@pytest.mark.parametrize(("form", "order"), LINEAR_FORMS)
def test_what_is_linear_in_sign_and_weight_is_the_elastic_net(
    form: str, order: float | None
) -> None:
    assert penalty_entry(form, order) is LINEAR is PENALTIES["elastic"]


@pytest.mark.parametrize(
    ("form", "order"),
    [("norm", 2.0), ("norm", 1.5), ("group", None), ("orthogonal", None), ("spectral", None)],
)
def test_other_forms_are_their_own_entry(form: str, order: float | None) -> None:
    assert penalty_entry(form, order) is PENALTIES[form]


def test_every_order_of_the_power_shares_one_entry_beside_1_and_2() -> None:
    """Entries are compared by identity: each would be a program of its own."""
    entries = {penalty_entry("power", order) for order in (0.5, 1.5, 3.0, 8.0)}
    assert len(entries) == 1
    assert LINEAR not in entries


def test_an_order_that_the_program_does_not_know_is_the_general_power() -> None:
    assert penalty_entry("power", None) is penalty_entry("power", 1.5)


@pytest.mark.parametrize("form", PENALTIES)
def test_coefficients_are_float32_scalars(form: str) -> None:
    given = {name: 1.5 for name in PENALTIES[form].coefficients}
    for number in network_penalty(form, **given):
        assert np.asarray(number).dtype == np.float32
        assert np.shape(number) == ()


def test_without_arguments_nothing_is_penalised_and_nothing_constrained() -> None:
    nothing = network_penalty("none")
    assert nothing == NetworkPenalty()
    assert all(getattr(nothing, name) == 0 for name in ("strength", "l1", "l2"))
    assert nothing.radius == np.inf


def test_a_constraint_has_its_radius_and_no_penalty() -> None:
    assert network_penalty("l2_ball", radius=0.5) == NetworkPenalty(radius=np.float32(0.5))


@given(st.sampled_from(["power", "norm"]), st.floats(0, 1e3), st.floats(1, 8))
def test_coefficients_of_an_entry_describe_the_form(
    form: str, strength: float, order: float
) -> None:
    found = network_penalty(form, strength=strength, order=order)
    if penalty_entry(form, order) is LINEAR:
        assert (found.l1, found.l2) in [(np.float32(strength), 0), (0, np.float32(strength))]
        assert found.strength == 0
    else:
        assert found[:4] == (np.float32(strength), np.float32(order), 0, 0)


def test_a_factor_scales_what_weighs_and_nothing_else() -> None:
    given = NetworkPenalty(*map(np.float32, (2, 3, 5, 7, 11)))
    assert given.scaled(np.float32(0.5)) == (1, 3, 2.5, 3.5, 11)


def test_equal_methods_are_one_static_argument() -> None:
    one, other = (Method(penalty_entry("power", order), "decoupled") for order in (1.5, 3.0))
    assert one == other and hash(one) == hash(other)
    assert one != Method(penalty_entry("power", 1.5))
