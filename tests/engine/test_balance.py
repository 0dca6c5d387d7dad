"""Balances of every family's networks, by their names."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.engine.settings import hyperparameters_of, method_of, program_of
from normsweep.models import Data, init, member_key
from normsweep.models.balance import DECAY, GRADIENT_PENALTY, PENALTY, RADIUS, Term, balances
from normsweep.models.method import Method
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES
from normsweep.spec import spec_from_tables
from normsweep.spec.family import DISCRIMINATOR, FAMILIES, families_with

SHAPE = (4, 4, 1)
IMAGES = np.zeros((20, *SHAPE), np.float32)
DATA = Data(IMAGES, np.arange(10), np.arange(10, 20), np.arange(20, dtype=np.int32) % 2)
TERMS = (
    Term(PENALTY, Method(PENALTIES["spectral"])),
    Term(RADIUS, Method(constraint=CONSTRAINTS["max_norm"])),
    Term(DECAY, Method()),
    Term(GRADIENT_PENALTY, Method(gradient_penalty=GRADIENT_PENALTIES["r1"])),
)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_them_of_all_its_networks(family: str) -> None:
    # Traced, not computed: which networks there are is known without numbers.
    tables: dict[str, Any] = {"model": {"family": family}, "train": {"batch": 4}}
    for network in FAMILIES[family].networks:
        tables["model"][f"{network}_hidden"] = [3]
    config = spec_from_tables(tables, "f")
    program = program_of(config, SHAPE, 4, classes=2)
    assert program.methods == (method_of(config),)
    numbers = hyperparameters_of(config, family=program.family)
    key = member_key(0, 0)
    state = jax.eval_shape(partial(init, program), numbers, key)
    found = jax.eval_shape(partial(balances, program, 0, TERMS), state, numbers, DATA, key)
    networks = set(program.family.networks())
    judges = {name for name in networks if program.family.role(name) == DISCRIMINATOR}
    assert [set(each) for each in found[:-1]] == [networks] * (len(TERMS) - 1)
    # Other families may have a further term in its place, and the spec no gradient penalty.
    if family in families_with(DISCRIMINATOR):
        assert set(found[-1]) == judges
    assert {leaf.shape for leaf in jax.tree.leaves(found)} == {()}
