"""What is kept of a feature map is what would be found anew, which it is where it may differ."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.data.cache import CACHE_VARIABLE
from normsweep.engine import compiled
from normsweep.errors import UserError
from normsweep.score import features as features_module
from normsweep.score import kept as kept_module
from normsweep.score.kept import kept
from normsweep.score.setup import Setup, prepare
from tests.small_studies import MakeSpec

FOUND = {
    "layers": [{"kernel": np.float32([[0.1, np.nan], [-0.0, 3e-45]])}, {"bias": np.zeros(0)}],
    "count": np.int32(3),
    "share": 0.1,
}


class Finding:
    """Finds the same each time, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Any:
        self.times += 1
        return FOUND


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture
def times(folder: Path) -> Callable[..., int]:
    """How often it was found, once this call has it, from data and seed."""
    finding = Finding()

    def times(what: str = "map", **facts: Any) -> int:
        found = kept(what, {"of": "data", "seed": 0} | facts, finding)
        assert jax.tree.structure(found) == jax.tree.structure(FOUND)
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(FOUND), strict=True):
            assert np.asarray(one).dtype == np.asarray(other).dtype
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
        return finding.times

    return times


def test_it_is_found_once_and_kept_to_the_bit(times: Callable[..., int], folder: Path) -> None:
    assert [times(), times()] == [1, 1]
    [place] = folder.glob("*/*")
    assert place.parent.name == compiled.this_machine()
    assert place.parent.stat().st_mode & 0o077 == 0


def test_other_facts_settings_code_and_versions_find_it_anew(
    times: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [times(), times(seed=1), times(of="other"), times("accuracy")] == [1, 2, 3, 4]
    with jax.default_matmul_precision("highest"):
        assert times() == 5
    with monkeypatch.context() as patched:
        patched.setattr(kept_module, "_code", lambda: "other code")
        assert times() == 6
    with monkeypatch.context() as patched:
        patched.setattr(kept_module, "versions", lambda: {"jax": "0.0.1"})
        assert times() == 7
    with monkeypatch.context() as patched:
        patched.setattr(kept_module, "this_machine", lambda: "another")
        assert times() == 8
    assert times() == 8


def test_the_code_of_every_feature_map_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    kept_module._code.cache_clear()
    before, read = kept_module._code(), Path.read_bytes
    for name in ("classifier.py", "layers.py", "features.py"):
        kept_module._code.cache_clear()
        monkeypatch.setattr(
            Path, "read_bytes", lambda path, name=name: read(path) + b"#" * (path.name == name)
        )
        assert kept_module._code() != before
    monkeypatch.undo()
    kept_module._code.cache_clear()
    assert kept_module._code() == before


def test_what_is_damaged_is_found_again(times: Callable[..., int], folder: Path) -> None:
    times()
    [place] = folder.glob("*/*")
    place.write_bytes(place.read_bytes()[:-1])
    assert [times(), times()] == [2, 2]


def test_nothing_is_kept_where_it_is_off(
    times: Callable[..., int], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    assert [times(), times()] == [1, 2]
    assert not folder.exists()


def bits(setup: Setup) -> list[bytes]:
    """All that scores follow from."""
    leaves = jax.tree.leaves((setup.feature_params, setup.feature_accuracy, setup.judge.samples))
    judged = [each.held_out for each in setup.judge.samples]
    return [np.asarray(leaf).tobytes() for leaf in (*leaves[:-1], *judged)]


@pytest.mark.parametrize("name", ["classifier", "random", "pca"])
def test_a_setup_with_what_was_kept_is_the_one_without_to_the_bit(
    make_spec: MakeSpec, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spec = make_spec(score__features=name)
    with monkeypatch.context() as patched:
        patched.setenv(CACHE_VARIABLE, "off")
        alone = prepare(spec)
    prepare(spec)
    fitted: list[str] = []
    fit = features_module._fit

    def counted(*arguments: Any) -> Any:
        fitted.append(arguments[0])
        return fit(*arguments)

    monkeypatch.setattr(features_module, "_fit", counted)
    again = prepare(spec)
    assert fitted == []
    assert bits(again) == bits(alone)
    assert again.fingerprints() == alone.fingerprints()
    assert again.feature_accuracy == alone.feature_accuracy
    prepare(make_spec(score__features=name, data__seed=1))
    assert fitted == [name]


def test_what_cannot_be_fitted_is_told_each_time(make_spec: MakeSpec, folder: Path) -> None:
    spec = make_spec(score__features="pca", score__dimension=60)
    told = []
    for _ in range(2):
        with pytest.raises(UserError) as raised:
            prepare(spec)
        told.append(str(raised.value))
    assert told[0] == told[1]
    assert "score.features = 'pca': dimension must be at most" in told[0]
