"""What is guessed of a study's data is said when it begins, and what looks wrong whenever shown."""

from typing import Any

import numpy as np

from normsweep.study.attributes import study_attributes
from normsweep.verdict.answers import answer
from normsweep.worker.submit import submit


def test_guesses_are_logged_and_warnings_and_classes_are_kept(
    make_spec, databases, storage_url, tmp_path
) -> None:
    drawn = np.random.default_rng(0)
    images = drawn.uniform(0, 0.1, (200, 4, 4))
    names = np.arange(200) % 2 * 10**9
    np.savez(tmp_path / "dim.npz", images=images, labels=names)
    spec = make_spec(data__source="npz", data__path=str(tmp_path / "dim.npz"), data__limit=None)
    heard: list[tuple[str, dict[str, Any]]] = []
    storage = databases.open(storage_url)
    _, study, setup, *_ = submit(
        spec, storage, log=lambda event, /, **facts: heard.append((event, facts))
    )
    assert [event for event, _ in heard] == ["understood", "data", "data", "warning"]
    assert heard[0][1] == {
        "source": "npz 'dim'",
        "images": "200 of 4×4, grey",
        "pixels": "0 to 1",
        "labels": "2 classes (0, 1000000000) of 100 images",
    }
    assert "taken as 0 to 1" in heard[1][1]["guess"]
    assert heard[3][1]["of"] in setup.warnings
    assert list(setup.warnings) == list(study_attributes(study).warnings)
    assert answer(study).warnings[0] == setup.warnings[0]
    assert study_attributes(study).classes == [0, 10**9]


def test_a_range_that_is_given_is_part_of_the_spec(make_spec) -> None:
    spec = make_spec(data__range=[0, 16])
    assert spec.data.range == (0.0, 16.0)
    assert spec.plain()["data"]["range"] == [0.0, 16.0]
    assert type(spec).stored(spec.plain()) == spec
