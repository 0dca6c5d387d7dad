"""A study whose images stay in a file ends as one with images in memory."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from normsweep.data import npz
from normsweep.errors import UserError
from normsweep.score.training import Training
from normsweep.spec import Spec
from normsweep.storage.influences import read_influences
from normsweep.study.confirmation import find_confirmation, trainings

FULL = "import normsweep.data.stored as stored\n\nstored.has_room = lambda size: False\n"
"""A process that has this as its `sitecustomize` has no room for images in memory."""

LAST = 4
"""Looks at the images of two seeds of an arm and its baseline, by chunks of one."""


@pytest.fixture
def spec(make_spec: Any, tmp_path: Path) -> Spec:
    digits = load_digits()
    images, labels = digits.images[:160].astype(np.uint8) * 15, digits.target[:160]
    np.savez(tmp_path / "digits.npz", images=images, labels=labels)
    of_file = {"data__source": "npz", "data__path": str(tmp_path / "digits.npz")}
    made: Spec = make_spec(
        **of_file,
        data__limit=None,
        study__trials=3,
        penalty__target=["generator", "both"],
        confirm__seeds=2,
        confirm__top=1,
    )
    return made


@pytest.fixture
def full_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on images fit into no memory, neither here nor in what is started from here."""

    def begin() -> None:
        folder = tmp_path / "full"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(FULL, encoding="utf-8")
        path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.setattr(npz, "has_room", lambda size: False)

    return begin


@pytest.fixture
def found(databases: Any, outcome: Any) -> Any:
    """All that a study found, and its confirmation, for comparison to the bit."""

    def found(study: Any, url: str) -> Any:
        confirmation = find_confirmation(study, databases.open(url))
        curves = {
            (entry.role, entry.arm, entry.seed): entry.curve.tolist()
            for entry in trainings(confirmation)
        }
        return outcome(study), curves

    return found


@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
@pytest.mark.parametrize("place", [{}, {"on": "ray", "address": "local"}], ids=["here", "ray"])
def test_it_is_stopped_gone_on_with_by_processes_and_confirmed(
    run: Any,
    spec: Spec,
    found: Any,
    storage_url: str,
    full_memory: Any,
    tmp_path: Path,
    alone: Path,
    place: dict[str, str],
) -> None:
    other = f"sqlite:///{tmp_path / 'held.db'}"
    held = run(spec, url=other)
    full_memory()
    assert not run(spec, chunks=2).done
    read = run(spec, workers=2, **place)
    assert read.done
    assert len(found(read.study, storage_url)[1]) == 4
    assert found(read.study, storage_url) == found(held.study, other)


def test_a_file_that_changes_in_the_last_look_of_a_confirmation_ends_it_unstored(
    run: Any,
    spec: Spec,
    databases: Any,
    storage_url: str,
    full_memory: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = {f"model.{name}_hidden": None for name in ("generator", "discriminator")}
    changes |= {f"model.{name}_hidden": [8] for name in ("encoder", "decoder")}
    changes |= {"model.family": "vae", "score.metric": "elbo", "penalty.target": ["both"]}
    rates = {"train.generator_learning_rate": None, "train.autoencoder_learning_rate": 5e-3}
    short = {"train.steps": 4, "train.chunks": 1, "study.trials": 1, "penalty.strength": [0.1]}
    spec = spec.with_values(changes | rates | short)
    full_memory()
    figures, calls = Training.figures, 0

    def changed(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == LAST:
            os.utime(tmp_path / "digits.npz")
        return figures(*arguments)

    def influences(study: Any, url: str) -> dict[Any, bytes]:
        storage = databases.open(url)
        held = find_confirmation(study, storage)
        rows = read_influences(storage.engine, [t._trial_id for t in held.get_trials()], (4,))
        return {key: row.tobytes() for key, row in rows.items()}

    monkeypatch.setattr(Training, "figures", changed)
    with pytest.raises(UserError, match=r"digits\.npz: it was changed"):
        run(spec)
    assert calls == LAST
    ended = run(spec)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert influences(ended.study, storage_url) == influences(run(spec, url=other).study, other)
