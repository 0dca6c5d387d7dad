"""`sweep launch --dry-run`: what a study takes, and nothing launched."""

import json

import pytest

from normsweep.score.estimate import in_words


def test_it_says_what_the_study_takes_and_launches_nothing(sweep, write_spec, folder) -> None:
    spec = write_spec(confirm__seeds=4, confirm__top=2, confirm__holdout=0.2)
    called = sweep("launch", spec, "--dry-run", "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert not list(folder.glob("*.db*"))
    assert (found["programs"], found["at_least"]) == (1, False)
    assert (found["slots"], found["folds"], found["members"], found["trials"]) == (3, 2, 6, 7)
    assert min(found[name] for name in ("memory", "step", "chunk", "cores")) > 0
    trial = (40 * found["step"] + 4 * found["chunk"]) / 3
    assert found["search"] == pytest.approx(7 * trial)
    # Four seeds of two candidates and the baseline, and of one of these with it at the end.
    assert found["confirmation"] == pytest.approx(4 * (3 + 2) * trial)
    total = found["compiling"] + found["search"] + found["confirmation"]
    assert found["total"] == pytest.approx(total)
    assert found["core_hours"] == pytest.approx(total * found["cores"] / 3600)


def test_fewer_trials_than_slots_are_no_more_members(sweep, write_spec) -> None:
    called = sweep("launch", write_spec(study__slots=8, study__trials=2), "--dry-run", "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert (found["slots"], found["members"], found["trials"]) == (3, 6, 3)
    trial = (40 * found["step"] + 4 * found["chunk"]) / 3
    assert found["search"] == pytest.approx(3 * trial)


def test_it_counts_the_programs_of_what_shapes_them(sweep, write_spec) -> None:
    spec = write_spec(
        study__sampler="random",
        penalty__strength="auto",
        model__generator_hidden=["16", "8"],
        train__batch={"low": 15, "high": 16},
    )
    called = sweep("launch", spec, "--dry-run")
    assert called.code == 0, called.err
    assert "programs      4," in called.out
    assert "ranges" in called.out and "none: confirm.seeds is 0" in called.out


def test_a_baseline_that_diverges_is_told(sweep, write_spec) -> None:
    rates = {f"train__{player}_learning_rate": 1e38 for player in ("generator", "discriminator")}
    called = sweep("launch", write_spec(**rates), "--dry-run")
    assert called.code == 2 and "the baseline cannot be timed" in called.err


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 s"), (80, "80 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_a_time_is_told_in_its_unit(seconds: float, told: str) -> None:
    assert in_words(seconds) == told
