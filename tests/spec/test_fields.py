"""The table of fields: what it says holds, and one entry is all that a new field takes."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import pytest

from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.models.families import FAMILIES as MODELS
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.family import ALL, BOTH, FAMILIES, GAN, NETWORKS, Names
from normsweep.spec.fields import FACTS, METHOD_SECTIONS, NOT_TRAINING, SECTIONS, rule_of
from normsweep.spec.penalty_fields import coefficient_fields
from normsweep.spec.tables import TARGETS

ROOT = Path(__file__).parents[2]
SHAPE = (8, 8, 1)


def test_the_names_are_those_of_the_families() -> None:
    assert FAMILIES.keys() == MODELS.keys()
    for name, family in MODELS.items():
        networks = dict.fromkeys(map(family.role, family.networks()))
        assert FAMILIES[name] == Names(tuple(networks), tuple(family.players))
    assert set(TARGETS) == {*NETWORKS, BOTH, ALL}


def words_in_code(file: Path) -> Iterator[str]:
    """All names and texts in a file but for docstrings and what stands below a definition."""
    tree = ast.parse(file.read_text("utf-8"))
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield "" if id(node) in told else node.value
        for name in ("id", "attr", "arg", "name"):
            yield str(getattr(node, name, ""))


def test_only_the_file_of_the_family_names_its_networks() -> None:
    naming = {
        file.name
        for file in (ROOT / "sweep" / "spec").rglob("*.py")
        if any(network in word for word in words_in_code(file) for network in NETWORKS)
    }
    assert naming == {"family.py"}


def test_the_sections_of_the_table_are_those_of_a_spec() -> None:
    assert [*SECTIONS, "methods"] == list(Spec.model_fields)
    for name, section in SECTIONS.items():
        plain = getattr(Spec(), name)
        assert isinstance(plain, section)
        defaults = {key: known.default for key, known in section.model_fields.items()}
        assert dict(plain) == defaults | ({"form": "none"} if name == "penalty" else {})
    assert NOT_TRAINING == ("study", "confirm", "service", "stop")
    assert METHOD_SECTIONS == (
        "model",
        "train",
        "coefficients",
        "penalty",
        "gradient_penalty",
        "augment",
    )


def test_what_others_depend_on_is_asked_first_and_takes_names() -> None:
    controls = {needed.control for facts in FACTS.values() for needed in facts.counts}
    asked = [path for path, facts in FACTS.items() if facts.asked]
    assert controls <= set(asked)
    assert len({FACTS[path].asked for path in asked}) == len(asked)
    assert all((rule := rule_of(path)) and rule.names for path in asked)


def test_a_field_counts_with_some_values_of_its_control_and_not_with_others() -> None:
    for path, facts in FACTS.items():
        for needed in facts.counts:
            rule = rule_of(needed.control)
            assert rule is not None and rule.names is not None
            accepted = set(rule.names)
            own = bool(getattr(rule.names, "plugin", ""))
            assert set(needed.values) < accepted or (own and set(needed.values) == accepted), path
            assert set(needed.values), path


FORM = {"strength": "group", "order": "norm", "l1": "elastic", "l2": "elastic", "radius": "l2_ball"}
"""A form that takes each coefficient."""


def config(path: str, value: Any) -> Spec:
    """A config in which a field counts, and has this value."""
    section, field = path.split(".")
    tables: dict[str, Any] = {name: {} for name in (*METHOD_SECTIONS, section)}
    for needed in FACTS[path].counts:
        control, name = needed.control.split(".")
        tables[control][name] = next(iter(needed.values))
    if section in ("gradient_penalty", "augment"):
        tables[section] |= {"strength": 0.5}
    own = field.startswith(NETWORKS)
    form = FORM.get(field.split("_")[-1] if own else field, "group")
    form = tables["penalty"].get("form", form)
    separate = own and section == "penalty"
    networks = FAMILIES[tables["model"].get("family", GAN)].networks
    numbers = dict.fromkeys(coefficient_fields(form, networks, separate), 3.0)
    tables["penalty"] |= {"form": form, "separate_strengths": separate} | numbers
    tables[section][field] = value
    if value == "batch_norm":
        tables["model"]["generator_normalisation"] = "conditional_batch"
    return spec_from_tables(tables, path)


def two_values(path: str) -> tuple[Any, Any]:
    """Two values that a field accepts."""
    rule = rule_of(path)
    assert rule is not None
    if rule.names is not None:
        first, second, *_ = rule.names
        return first, second
    if path == "penalty.order":
        return 3.0, 4.0
    special = {"train.steps": (16, 24), "train.chunks": (2, 4)}
    by_kind = {float: (0.25, 0.75), int: (1, 2), bool: (False, True), tuple: ([8], [16])}
    return special.get(path, by_kind[rule.kind])


def leaves(spec: Spec) -> list[float]:
    return [float(leaf) for leaf in jax.tree.leaves(hyperparameters_of(spec))]


@pytest.mark.parametrize("path", [path for path, facts in FACTS.items() if facts.traced])
def test_a_traced_number_travels_through_one_program(path: str) -> None:
    first, second = (config(path, value) for value in two_values(path))
    assert program_of(first, SHAPE, 16) == program_of(second, SHAPE, 16)
    assert leaves(first) != leaves(second)


@pytest.mark.parametrize(
    "path",
    [
        path
        for path, facts in FACTS.items()
        if path.startswith(("model.", "train."))
        and not facts.traced
        and path not in ("model.family", "model.network", "model.initial", "model.settings")
    ],
)
def test_every_other_field_of_networks_and_training_is_a_part_of_the_program(path: str) -> None:
    first, second = (config(path, value) for value in two_values(path))
    assert program_of(first, SHAPE, 16) != program_of(second, SHAPE, 16)


TRAINED = """
    restarts: Annotated[
        Any,
        Rule(float, minimum=0, maximum=1),
        Facts(
            counts=_optimizers_with("momentum"),
            off=0.0,
            table="structure",
            label="share of units that begin anew",
        ),
    ] = 0.5
"""
NOT_TRAINED = """
    greeting: Annotated[int, _whole(0), Facts(free=True)] = 0
"""
SHOWN = """
from normsweep.errors import UserError
from normsweep.spec import spec_from_tables
from normsweep.spec.baseline import baseline
from normsweep.spec.options import option_tables
from normsweep.spec.space import middle, resolve
from normsweep.worker.trial_checkpoints import checkpoint_identity

def refusal(**tables):
    try:
        spec_from_tables(tables, "new")
    except UserError as error:
        return str(error)

assert refusal(train={"optimizer": "sgd", "restarts": 2}) == (
    "new: train.restarts: got 2.0; accepted: a number ≥ 0 and ≤ 1, or a range {low, high, log, "
    "step}, or a list of choices"
)
assert refusal(train={"restarts": 0.25}) == (
    'new: train.restarts = 0.25 has no effect with train.optimizer = "adam"; it counts with sgd'
)

train = {"optimizer": ["sgd", "adam"], "restarts": {"low": 0.25, "high": 0.75}}
study = spec_from_tables({"train": train}, "new")
for optimizer, value in (("sgd", 0.3), ("adam", 0.5)):
    asked = []
    def ask(name, distribution):
        asked.append(name)
        return {"train.optimizer": optimizer, "train.restarts": 0.3}[name]
    config, _ = resolve(study, ask)
    assert config.train.restarts == value
    assert ("train.restarts" in asked) == (optimizer == "sgd")
assert baseline(study).train.optimizer == "sgd" and baseline(study).train.restarts == 0

(table,) = option_tables("train.restarts")
assert table.name == "structure"
assert [o.summary for o in table.options if o.name == "train.restarts"] == [
    "share of units that begin anew"
]

def identity(**changes):
    return checkpoint_identity(config.with_values(changes), {})

config = config.with_values({"train.optimizer": "sgd"})
assert identity(**{"train.restarts": 0.1}) != identity(**{"train.restarts": 0.2})
assert identity(**{"service.greeting": 1}) == identity(**{"service.greeting": 2})
"""


def test_one_entry_is_all_that_a_new_field_takes(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "sweep", tmp_path / "normsweep", ignore=ignored)
    for package in ("objectives", "models"):
        shutil.copytree(ROOT / package, tmp_path / "normsweep" / package, ignore=ignored)
    file = tmp_path / "normsweep" / "spec" / "fields.py"
    source = file.read_text("utf-8")
    for entry, beside in ((TRAINED, "    ema: "), (NOT_TRAINED, "    retries: ")):
        assert source.count(beside) == 1
        source = source.replace(beside, f"{entry.lstrip(chr(10))}{beside}")
    file.write_text(source, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
