"""What docs/extending.md shows is run as it stands there."""

import importlib
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.objectives import Penalty
from normsweep.spec import spec_from_tables
from normsweep.spec.load import parse_toml
from normsweep.spec.plugins import plugin_penalty
from normsweep.verdict.answers import answer
from normsweep.worker.launch import launch

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
TINY = """
[study]
name = "tiny"
trials = 2
slots = 2
[data]
limit = 120
[model]
latent = 4
generator_hidden = [8]
discriminator_hidden = [8]
[train]
steps = 6
chunks = 2
batch = 8
generator_learning_rate = [1e-3, 2e-3]
[score]
folds = 2
dimension = 4
"""


def blocks(heading: str, language: str) -> list[str]:
    """The code blocks under a heading."""
    body = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", body, re.DOTALL)


def study(text: str, features: str) -> dict[str, dict[str, object]]:
    """The tables of a tiny study, with those of the page over them."""
    shown = parse_toml(text, "docs/extending.md")
    tables = parse_toml(TINY, "tiny")
    tables["score"]["features"] = features
    for section, table in shown.items():
        tables.setdefault(section, {}).update(table)
    return tables


def test_a_penalty_takes_less_than_20_lines() -> None:
    from_file, _ = blocks("A penalty, from a file of yours", "python")
    assert len(from_file.splitlines()) < 20
    file, line, entry, *_ = blocks("A penalty, to the project", "python")
    assert len([row for row in (file + line + entry).splitlines() if row.strip()]) <= 20


def test_a_study_runs_with_a_penalty_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage_url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _ = blocks("A penalty, from a file of yours", "python")
    (text,) = blocks("A penalty, from a file of yours", "toml")
    Path("mine.py").write_text(code, encoding="utf-8")
    found = answer(launch(spec_from_tables(study(text, "pca"), "page"), storage_url).study)
    assert found.counts["complete"] == 3
    assert {entry.penalty()["form"] for entry in found.ranking} == {"mine.py:log_penalty"}
    assert found.baseline is not None
    # Six steps are enough for a penalty to leave a mark.
    assert all(entry.score != found.baseline.score for entry in found.ranking)


def test_the_penalty_for_the_project_is_what_it_says(tmp_path: Path) -> None:
    file, *_ = blocks("A penalty, to the project", "python")
    (tmp_path / "log.py").write_text(file, encoding="utf-8")
    penalty = plugin_penalty(f"{tmp_path}/log.py:LOG")
    assert isinstance(penalty, Penalty)
    weights = {"a": jnp.array([[0.0, -3.0], [0.5, 1e3]]), "b": None, "c": jnp.zeros((0,))}
    flat = np.array([0.0, -3.0, 0.5, 1e3])
    value = penalty.value(weights, strength=0.1)
    np.testing.assert_allclose(value, 0.1 * np.log1p(flat**2).sum(), rtol=1e-6)
    gradient = penalty.gradient(weights, strength=0.1)
    expected = (0.1 * 2 * flat / (1 + flat**2)).reshape(2, 2)
    np.testing.assert_allclose(gradient["a"], expected, rtol=1e-6)
    assert gradient["a"][0, 0] == 0 and gradient["b"] is None


def test_a_study_runs_with_features_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage_url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    heading = "Features, from a file of yours"
    code, _ = blocks(heading, "python")
    text, _ = blocks(heading, "toml")
    Path("mine.py").write_text(f"import jax.numpy as jnp\n\n\n{code}", encoding="utf-8")
    found = answer(launch(spec_from_tables(study(text, "pca"), "page"), storage_url).study)
    assert found.spec.score.features == "mine.py:rows_and_columns"
    assert found.baseline is not None
    assert np.isfinite(found.baseline.score)


def test_a_study_runs_with_inception_features_by_weights_that_the_user_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage_url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    heading = "Features, from a file of yours"
    _, code = blocks(heading, "python")
    _, text = blocks(heading, "toml")
    assert len([row for row in code.splitlines() if row.strip()]) <= 20
    Path("mine.py").write_text(code, encoding="utf-8")
    Path("inception.py").write_text(INCEPTION, encoding="utf-8")
    kernel = np.random.default_rng(0).normal(size=(75, 2048)).astype(np.float32)
    np.savez("inception.npz", kernel=kernel)
    tables = study(text, "pca")
    # As many as are fewer than the images of a fold.
    tables["score"] |= {"dimension": 8}
    tables["study"] |= {"trials": 1}
    found = answer(launch(spec_from_tables(tables, "page"), storage_url).study)
    assert found.baseline is not None
    assert 0 < found.baseline.score < np.inf


INCEPTION = '''
import jax


def network(weights, images):
    """A stand-in: some pixels of the 299 × 299, projected."""
    assert images.shape[1:] == (299, 299, 3), images.shape
    return jax.nn.relu(images[:, ::60, ::60].reshape(len(images), -1) @ weights["kernel"])
'''


def test_the_root_that_the_page_shows_has_the_gradient_0_at_0() -> None:
    _, root = blocks("A penalty, from a file of yours", "python")
    slope = jax.grad(lambda w: eval(root, {"jnp": jnp, "s": jnp.sum(w * w)}))
    np.testing.assert_array_equal(slope(jnp.zeros(3)), np.zeros(3))
    np.testing.assert_allclose(slope(jnp.array([3.0, -4.0])), [0.6, -0.8], rtol=1e-6)


ROWS = re.findall(r"^\| [^|]+ \| (`[A-Z_`, ]+) \| `([a-z_/.]+)` \| ", PAGE, re.MULTILINE)
TABLES = {name: place for names, place in ROWS for name in re.findall(r"`(\w+)`", names)}


def import_name(place: str) -> str:
    """The module at a place of the tree: installed, all is below `normsweep`."""
    name = place.removesuffix(".py").strip("/").replace("/", ".").removeprefix("sweep.")
    return f"normsweep.{name}"


def test_every_table_is_where_the_page_says() -> None:
    assert len(ROWS) == 24
    for name, place in TABLES.items():
        module = importlib.import_module(import_name(place))
        assert len(getattr(module, name)) > 0
