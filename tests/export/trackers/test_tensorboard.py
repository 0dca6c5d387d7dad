"""A study in TensorBoard, read by TensorBoard itself."""

from pathlib import Path

import numpy as np
import optuna
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from normsweep import log_study
from normsweep.errors import UserError
from normsweep.storage import open_storage, read_measurements
from normsweep.storage.connect import study_files
from normsweep.study.attributes import result_of
from normsweep.study.copying import copy_study
from normsweep.study.records import load_study
from tests.small_studies import confirm_by_hand


@pytest.fixture
def logged(example, tmp_path: Path) -> Path:
    """The folder of the example's runs."""
    log(example, tmp_path)
    return tmp_path / "small"


def log(example, folder: Path) -> None:
    log_study(example.study, open_storage(example.url), [f"tensorboard:{folder}"])


def read(folder: Path) -> EventAccumulator:
    everything = dict.fromkeys(("scalars", "images", "tensors"), 0)
    return EventAccumulator(str(folder), size_guidance=everything).Reload()


def points(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = read(folder)
    return {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def text(folder: Path, tag: str) -> str:
    (event,) = read(folder).Tensors(f"{tag}/text_summary")
    return event.tensor_proto.string_val[0].decode()


def test_a_trial_has_its_curves_score_settings_config_and_samples(example, logged) -> None:
    trial = example.study.get_trials()[1]
    rows = read_measurements(open_storage(example.url).engine, trial._trial_id)
    found = points(logged / "trial-0001")
    steps = sorted({row.step for row in rows})
    for name in ("fid", "kid", "discriminator_loss"):
        means = [np.mean([row.value(name) for row in rows if row.step == step]) for step in steps]
        assert [step for step, _ in found[name]] == steps
        np.testing.assert_allclose([value for _, value in found[name]], means, rtol=1e-6)
    result = result_of(trial)
    assert result is not None
    ((step, score),) = found["score"]
    assert (step, pytest.approx(score)) == (result.step, np.mean(result.fold_scores))
    assert "strength = " in text(logged / "trial-0001", "config.toml")
    assert "penalty.strength" in text(logged / "trial-0001", "settings")
    (image,) = read(logged / "trial-0001").Images("samples.png")
    assert image.encoded_image_string.startswith(b"\x89PNG")
    metadata = read(logged / "trial-0001").SummaryMetadata("_hparams_/session_start_info")
    session = HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info
    assert session.hparams.keys() == trial.params.keys()


def test_the_study_has_the_word_that_is_said_first_and_its_best_config(logged) -> None:
    assert "not confirmed" in text(logged / "study", "verdict.md").lower()
    assert "strength = " in text(logged / "study", "best.toml")
    assert len(points(logged / "study")["score"]) == 7


def test_logged_again_nothing_is_there_twice_and_what_was_cut_off_is_added(
    example, logged, tmp_path
) -> None:
    runs = sorted(path.name for path in logged.iterdir() if path.is_dir())
    assert runs == ["baseline", "study", *(f"trial-{number:04d}" for number in range(1, 7))]
    before = {run: points(logged / run) for run in runs}
    files = sorted((logged / "trial-0002").iterdir())
    (whole,) = files
    log(example, tmp_path)
    assert sorted((logged / "trial-0002").iterdir()) == files
    # As a process that was killed leaves it.
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    log(example, tmp_path)
    assert {run: points(logged / run) for run in runs} == before


def test_another_study_of_the_same_name_is_not_mixed_with_it(
    run, make_spec, logged, tmp_path
) -> None:
    other = run(make_spec(study__seed=4, study__trials=1), chunks=0)
    storage = other.study._storage._backend
    with pytest.raises(UserError, match=f"{logged} holds another study called 'small'"):
        log_study(other.study, storage, [f"tensorboard:{tmp_path}"])


def test_one_that_was_deleted_and_launched_again_is_another_study_and_a_copy_is_the_same(
    run, make_spec, databases, storage_url, tmp_path
) -> None:
    spec, to = make_spec(study__trials=1), [f"tensorboard:{tmp_path / 'runs'}"]
    study, files = run(spec, chunks=0).study, tmp_path / "files"
    storage, target = databases.open(storage_url), databases.open(f"sqlite:///{tmp_path}/other.db")
    log_study(study, storage, to)
    copy_study(study, storage, target, files=files, to_files=tmp_path / "others")
    log_study(load_study("small", target), target, to)
    optuna.delete_study(study_name="small", storage=storage)
    again = run(spec, chunks=0).study
    with pytest.raises(UserError, match="holds another study called 'small'"):
        log_study(again, storage, to)


def test_a_study_that_was_confirmed_has_its_trainings_and_the_effect(
    copied_example, database, tmp_path
) -> None:
    storage = open_storage(f"sqlite:///{database}")
    study = load_study("small", storage)
    confirm_by_hand(study, storage)
    log_study(study, storage, [f"tensorboard:{tmp_path}"], files=study_files(storage))
    runs = {path.name for path in (tmp_path / "small").iterdir()}
    assert {"confirm-baseline-seed-1", "confirm-baseline-seed-3"} <= runs
    ((seeds, effect),) = points(tmp_path / "small" / "study")["effect"]
    assert (seeds, pytest.approx(effect)) == (3, -1.0)
    assert "lowers" in text(tmp_path / "small" / "study", "verdict.md")
    storage.engine.dispose()
