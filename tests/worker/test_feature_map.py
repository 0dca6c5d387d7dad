"""Workers of other numbers of cores than the launch, with which a map comes out otherwise."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.data.cache import CACHE_VARIABLE
from normsweep.errors import UserError
from normsweep.score import features, kept
from normsweep.score.setup import prepare
from normsweep.study.attributes import study_attributes
from normsweep.study.records import load_study
from normsweep.worker.confirming import Confirming
from normsweep.worker.serve import Server
from normsweep.worker.submit import submit


def on_another_number_of_cores(patched: pytest.MonkeyPatch) -> None:
    """Every map that is fitted from now on rounds otherwise."""
    fit = features._fit

    def otherwise(*arguments: Any) -> Any:
        return jax.tree.map(lambda leaf: np.asarray(leaf) * np.float32(1.001), fit(*arguments))

    patched.setattr(features, "_fit", otherwise)
    patched.setattr(kept, "this_machine", lambda: "of one core")


def test_they_take_the_map_that_the_study_has_to_its_confirmation(
    make_spec, databases, storage_url, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    spec = make_spec(study__trials=1, confirm__seeds=2, confirm__top=1)
    storage, *_ = submit(spec, databases.open(storage_url))
    on_another_number_of_cores(monkeypatch)
    Server(storage).serve("small")
    study = load_study("small", storage)
    assert all(trial.state.is_finished() for trial in study.get_trials())
    # By who confirms alone, too, who prepares for himself.
    assert Confirming(study, storage).run(top=1, seeds=2)
    known = study_attributes(study).fingerprints
    assert prepare(spec, known=known).fingerprints() == known
    # Nobody else is given it.
    assert prepare(spec).fingerprints()["features"] != known["features"]


def test_it_is_only_taken_for_what_it_was_fitted_to(make_spec, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    known = prepare(make_spec()).fingerprints()
    for changes in ({"score__dimension": 7}, {"data__seed": 5}, {"score__features": "random"}):
        spec = make_spec(**changes)
        assert prepare(spec, known=known).fingerprints() == prepare(spec).fingerprints()


def test_where_it_is_not_kept_the_cores_are_named(
    make_spec, databases, storage_url, monkeypatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    storage, *_ = submit(make_spec(study__trials=1), databases.open(storage_url))
    on_another_number_of_cores(monkeypatch)
    with pytest.raises(UserError, match=r"its features have another .*number of cores"):
        Server(storage).serve("small")
