"""Checkpoints: written whole or not at all, and gone on with to the bit."""

import json
import pickle
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from optuna.trial import TrialState

from normsweep.engine.population import Population
from normsweep.storage.checkpoints import Checkpoints, _digest, study_checkpoints
from normsweep.study.queue import Queue


@pytest.fixture
def storage_url(tmp_path: Path) -> str:
    """A file: what is tested here is the same with any database."""
    return f"sqlite:///{tmp_path / 'studies.db'}"


IDENTITY = {"config": "c", "fingerprints": {"data": "d"}, "versions": {"jax": "1"}}
STATE = {
    "step": np.array([7, 7], np.int32),
    "weights": [
        np.arange(12, dtype=np.float32).reshape(2, 3, 2),
        np.full((2,), np.nan, np.float32),
    ],
    "none": None,
}
LIKE = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), STATE)


def bits(tree: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "study" / "checkpoints")


def test_a_state_comes_back_to_the_bit(checkpoints) -> None:
    checkpoints.save(3, 200, IDENTITY, STATE)
    found = checkpoints.load(3, IDENTITY, LIKE)
    assert found is not None
    assert found[0] == 200
    assert jax.tree.structure(found[1]) == jax.tree.structure(STATE)
    assert bits(found[1]) == bits(STATE)
    assert checkpoints.load(4, IDENTITY, LIKE) is None


def test_the_newest_is_kept_and_loaded(checkpoints) -> None:
    for step in (900, 1000):
        checkpoints.save(0, step, IDENTITY, STATE | {"step": np.array([step] * 2, np.int32)})
    (trial,) = checkpoints.folder.iterdir()
    assert [place.name for place in trial.iterdir()] == ["step-000001000"]
    assert checkpoints.load(0, IDENTITY, LIKE)[0] == 1000
    checkpoints.drop(0)
    checkpoints.drop(0)
    assert checkpoints.load(0, IDENTITY, LIKE) is None


@pytest.mark.parametrize("key", list(IDENTITY))
def test_one_of_another_config_data_or_version_is_passed_over(checkpoints, key: str) -> None:
    checkpoints.save(0, 200, IDENTITY, STATE)
    assert checkpoints.load(0, IDENTITY | {key: "other"}, LIKE) is None


def test_one_of_another_program_is_passed_over(checkpoints) -> None:
    checkpoints.save(0, 200, IDENTITY, STATE)
    wider = LIKE | {"step": jax.ShapeDtypeStruct((3,), np.int32)}
    more = LIKE | {"step": [LIKE["step"], LIKE["step"]]}
    renamed = {"first": LIKE["step"], "second": LIKE["weights"]}
    assert jax.tree.leaves(renamed) == jax.tree.leaves(LIKE)
    for like in (wider, more, renamed):
        assert checkpoints.load(0, IDENTITY, like) is None


def test_one_that_does_not_say_which_array_is_which_is_passed_over(checkpoints) -> None:
    """As those of 0.4, whose states had another order."""
    checkpoints.save(0, 200, IDENTITY, STATE)
    (place,) = (checkpoints.folder / "trial-000000").iterdir()
    said = json.loads((place / "identity.json").read_text(encoding="utf-8"))
    del said["leaves"]
    (place / "identity.json").write_text(json.dumps(said), encoding="utf-8")
    assert checkpoints.load(0, IDENTITY, LIKE) is None


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_torn_one_is_passed_over_whichever_file_is_torn(checkpoints) -> None:
    checkpoints.save(0, 200, IDENTITY, STATE)
    kept = {path: path.read_bytes() for path in files(checkpoints.folder)}
    for path, content in kept.items():
        for damaged in (None, content[: len(content) // 2]):
            path.unlink() if damaged is None else path.write_bytes(damaged)
            assert checkpoints.load(0, IDENTITY, LIKE) is None
            path.write_bytes(content)
    assert len(kept) > 4
    assert checkpoints.load(0, IDENTITY, LIKE) is not None


def test_one_that_holds_a_program_instead_of_numbers_does_not_run_it(checkpoints, tmp_path) -> None:
    ran = tmp_path / "ran"
    pickled = f"cos\nsystem\n(S'touch {ran}'\ntR.".encode()
    # That it would run is what makes this a test.
    pickle.loads(pickled)
    ran.unlink()
    checkpoints.save(0, 200, IDENTITY, STATE)
    (place,) = (checkpoints.folder / "trial-000000").iterdir()
    said = json.loads((place / "identity.json").read_text(encoding="utf-8"))
    for path in files(place / "state"):
        path.write_bytes(pickled)
    # Whoever can write there can also write a digest that fits.
    said["digest"] = _digest(place / "state")
    (place / "identity.json").write_text(json.dumps(said), encoding="utf-8")
    assert checkpoints.load(0, IDENTITY, LIKE) is None
    (place / "identity.json").write_bytes(pickled)
    assert checkpoints.load(0, IDENTITY, LIKE) is None
    assert not ran.exists()


@pytest.mark.parametrize(
    "name", ["..", ".", "...", "../../other", "/etc", "a/b", "a\\b", "ü", "a b"]
)
def test_no_name_of_a_study_leads_out_of_its_folder(tmp_path, name: str) -> None:
    # Only names of ours are safe by themselves: studies may have been copied by Optuna's tools.
    folder = study_checkpoints(tmp_path, name).folder
    assert folder.resolve().parents[1] == tmp_path.resolve()
    assert study_checkpoints(tmp_path, "digits").folder == tmp_path / "digits" / "checkpoints"


def test_a_write_that_fails_leaves_the_one_before_it(checkpoints, monkeypatch) -> None:
    checkpoints.save(0, 100, IDENTITY, STATE)

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            checkpoints.save(0, 200, IDENTITY, STATE)
    (trial,) = checkpoints.folder.iterdir()
    assert [place.name for place in trial.iterdir()] == ["step-000000100"]
    assert checkpoints.load(0, IDENTITY, LIKE)[0] == 100


@pytest.fixture
def trained(monkeypatch) -> list[int]:
    """How many trials were trained in each chunk."""
    counts: list[int] = []
    advance = Population.advance

    def count(self: Population, hyperparameters: Any, fresh: Any) -> Any:
        counts.append(sum(h is not None for h in hyperparameters))
        return advance(self, hyperparameters, fresh)

    monkeypatch.setattr(Population, "advance", count)
    return counts


@pytest.mark.parametrize("chunks", [1, 2, 3, 7])
def test_a_trial_in_flight_goes_on_from_its_checkpoint_with_the_same_bits(
    example, run, make_spec, outcome, trained, chunks: int
) -> None:
    first = run(make_spec(), chunks=chunks)
    assert not first.done
    second = run(make_spec())
    assert outcome(second.study) == outcome(example.study)
    # Seven trials of four chunks each: no chunk was trained twice.
    assert sum(trained) == 7 * 4


def test_a_study_launched_with_more_trials_goes_on_from_its_checkpoints(
    example, run, make_spec, outcome, trained
) -> None:
    run(make_spec(study__trials=4), chunks=2)
    scores = [entry[:6] for entry in outcome(run(make_spec()).study)]
    assert scores == [entry[:6] for entry in outcome(example.study)]
    assert sum(trained) == 7 * 4


def test_trials_are_given_back_when_all_checkpoints_are_written(
    run, make_spec, monkeypatch
) -> None:
    save, give_back, done = Checkpoints.save, Queue.give_back, []

    def slow(*arguments: Any) -> None:
        time.sleep(0.2)
        save(*arguments)
        done.append("written")

    def note(*arguments: Any) -> None:
        done.append("given back")
        give_back(*arguments)

    monkeypatch.setattr(Checkpoints, "save", slow)
    monkeypatch.setattr(Queue, "give_back", note)
    run(make_spec(), chunks=2)
    assert done == ["written"] * 3 + ["given back"] * 3


def test_without_its_checkpoint_it_begins_anew_with_the_same_bits(
    example, run, make_spec, outcome, trained, tmp_path
) -> None:
    run(make_spec(), chunks=2)
    for path in files(tmp_path / "studies.files"):
        if path.name == "identity.json":
            path.write_text(json.dumps(json.loads(path.read_text()) | {"config": "other"}))
    assert outcome(run(make_spec()).study) == outcome(example.study)
    assert sum(trained) == 7 * 4 + 3 * 2


def test_the_checkpoints_of_finished_trials_are_removed_but_for_the_best(
    run, make_spec, tmp_path
) -> None:
    study = run(make_spec(service__checkpoint_every=1, service__keep_checkpoints=2)).study
    folder = tmp_path / "studies.files" / "small" / "checkpoints"
    best = sorted(study.get_trials(states=(TrialState.COMPLETE,)), key=lambda trial: trial.value)
    expected = {f"trial-{trial.number:06d}" for trial in best[:2]}
    assert {path.name for path in folder.iterdir()} == expected
    assert not list(folder.rglob(".draft-*"))


def test_none_is_left_where_none_is_kept(run, make_spec, tmp_path) -> None:
    run(make_spec(service__checkpoint_every=1))
    folder = tmp_path / "studies.files" / "small" / "checkpoints"
    assert list(folder.glob("*")) == []


def test_a_worker_that_died_between_the_last_checkpoint_and_the_score_is_no_loss(
    example, run, make_spec, trained, monkeypatch
) -> None:
    spec = make_spec(service__checkpoint_every=1, service__keep_checkpoints=7)

    def died(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("normsweep.worker.trial_run.TrialRun.finish", died)
        with pytest.raises(KeyboardInterrupt):
            run(spec)
    values = [trial.value for trial in run(spec).study.get_trials()]
    assert values == [trial.value for trial in example.study.get_trials()]
    # A trial's last scores are stored with its end, of none of the three in flight; a checkpoint
    # without its scores is of no use.
    assert sum(trained) == 7 * 4 + 3 * 4
