"""The specs in examples/: each loads, makes sense, and runs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from normsweep.score.setup import prepare
from normsweep.search.samplers import SAMPLERS
from normsweep.spec import Spec, load_spec, spec_from_tables
from normsweep.spec.baseline import baseline
from normsweep.spec.grid import grid
from normsweep.spec.space import check_ranges
from normsweep.verdict.answers import answer
from normsweep.worker.launch import launch

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.toml"))
WANTED = [
    "adaptive",
    "autoencoder",
    "beta-vae",
    "constraint",
    "cycle",
    "hard-l1l2",
    "hard-structure",
    "kurach",
    "l1",
    "l2-both",
    "l2-discriminator",
    "l2-generator",
    "landscape",
    "norm-lp",
    "own-linen",
    "own-nnx",
    "projection",
    "r1-gamma",
    "rae",
    "sngan-miniature",
    "soft-elastic",
]
QUICK = {
    "study.trials": 1,
    "study.slots": 2,
    "data.source": "digits",
    "data.limit": 120,
    "train.steps": 4,
    "train.chunks": 2,
    "train.batch": 8,
    "score.folds": 2,
    "score.features": "pca",
    "score.dimension": 4,
}
"""A few steps on few small images; the networks stay as they are."""

FREE = ("digits", "digits_pairs")
"""The sources that need no files."""

every_example = pytest.mark.parametrize("name", EXAMPLES)


def example(name: str) -> Spec:
    return load_spec(FOLDER / f"{name}.toml")


def quick(name: str) -> dict[str, Any]:
    """The changes that make an example quick, on images that are always there."""
    source = example(name).data.source
    return QUICK | {"data.source": source if source in FREE else "digits"}


def test_there_is_an_example_of_each_system() -> None:
    assert EXAMPLES == WANTED


@pytest.mark.parametrize(
    ("name", "generator", "discriminator", "optimizer", "form", "target"),
    [
        ("hard-l1l2", (128, 128, 1024), (128, 128), "sgd", "elastic", "both"),
        ("norm-lp", (128, 128, 128, 100), (128, 128, 128), "adam", "norm", "both"),
        ("l2-both", (128, 128), (128, 128), "adam", "power", "both"),
        ("l2-generator", (128, 128), (128, 128), "adam", "power", "generator"),
        ("l2-discriminator", (128, 128), (128, 128), "adam", "power", "discriminator"),
        ("soft-elastic", (256, 256), (128, 128), "adam", "elastic", "generator"),
        ("l1", (128, 128), (128, 128), "adam", "power", "both"),
        ("hard-structure", (128, 128, 128), (128, 128, 128), "adam", "none", "both"),
    ],
)
def test_an_example_has_the_networks_of_its_system(
    name: str,
    generator: tuple[int, ...],
    discriminator: tuple[int, ...],
    optimizer: str,
    form: str,
    target: str,
) -> None:
    spec = example(name)
    assert spec.model.generator_hidden == generator
    assert spec.model.discriminator_hidden == discriminator
    assert spec.model.generator_activation == spec.model.discriminator_activation == "leaky_relu"
    assert spec.train.optimizer == optimizer
    assert spec.penalty.form == form
    assert spec.penalty.target == target


def test_every_sampler_has_an_example() -> None:
    assert {example(name).study.sampler for name in EXAMPLES} == set(SAMPLERS)


@every_example
def test_every_range_of_an_example_counts(name: str) -> None:
    spec = example(name)
    assert spec.study.name == name
    check_ranges(spec)
    assert spec.ranges()
    assert not baseline(spec).ranges()
    if spec.study.sampler == "grid":
        assert len(grid(spec)) == spec.study.trials


@every_example
def test_an_example_runs_to_an_answer(name: str, storage_url: str) -> None:
    spec = load_spec(FOLDER / f"{name}.toml", quick(name))
    launched = launch(spec, storage_url)
    assert launched.done
    found = answer(launched.study)
    assert found.counts["complete"] == 2
    assert found.baseline is not None
    assert len(found.ranking) == 1


def is_quickly_compiled(name: str) -> bool:
    """Programs of convolutions take tens of seconds each."""
    return example(name).model.network == "mlp"


@pytest.mark.parametrize(
    "name", [name for name in EXAMPLES if example(name).methods and is_quickly_compiled(name)]
)
def test_every_method_of_an_example_runs(name: str, storage_url: str) -> None:
    """Each once, with the first of its values and the low end of its ranges."""
    tables = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    for path, value in quick(name).items():
        section, field = path.split(".")
        tables[section][field] = value
    methods = tables["methods"]
    tables["study"] |= {"sampler": "grid", "trials": len(methods)}
    for sections in [tables, *methods.values()]:
        for section in {"model", "train", "penalty", "gradient_penalty"} & sections.keys():
            for field, value in sections[section].items():
                is_range = isinstance(value, dict)
                first = value["low"] if is_range else value[0] if isinstance(value, list) else value
                sections[section][field] = first
    launched = launch(spec_from_tables(tables, name), storage_url)
    assert launched.done
    assert set(answer(launched.study).best_per_kind) == set(methods)


@every_example
def test_an_example_says_what_it_is(name: str) -> None:
    text = (FOLDER / f"{name}.toml").read_text("utf-8")
    comment = text[: text.index("[study]")]
    assert "System: " in comment
    assert "Searched: " in comment
    assert re.search(r"Runs (about|under) \d", comment)
    page = (FOLDER / "README.md").read_text("utf-8")
    assert f"`sweep launch examples/{name}.toml`" in page


def test_an_example_reads_the_real_mnist(mnist_folder: Path) -> None:
    changes = {"data.path": str(mnist_folder), "data.limit": 200, "score.features": "pca"}
    setup = prepare(load_spec(FOLDER / "l1.toml", changes | {"score.dimension": 4}))
    assert setup.image_shape == (28, 28, 1)
    assert setup.dataset.images.min() == -1
