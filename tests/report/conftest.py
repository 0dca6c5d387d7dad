"""Sources of reports: studies written by hand, and one that was trained and confirmed."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from normsweep.report.source import Source, read_source
from normsweep.score.pictures import draw_grid
from normsweep.storage import open_storage
from normsweep.storage.connect import study_files
from normsweep.study.attributes import StudyAttributes
from normsweep.worker.launch import launch
from tests.report.figures.studies import (
    at,
    confirmation_of,
    measured,
    picture_of,
    spec_of,
    study_of,
)
from tests.small_studies import make

EVIL = "</script><img src=https://example.org/x onerror=alert(1)> | `*_#"
"""What a name or a reason might hold to break out of a page."""

INTERVAL = {"low": 1e-4, "high": 1e-1, "log": True}
METHODS = {
    "lasso": {"penalty": {"form": "power", "order": 1.0, "strength": INTERVAL}},
    "bridge": {
        "penalty": {"form": "power", "order": {"low": 1.0, "high": 2.0}, "strength": INTERVAL}
    },
    "r1": {"gradient_penalty": {"kind": "r1", "strength": INTERVAL}},
}


def source_of(study: Any, measurements: Any = None, confirmed: Any = None) -> Source:
    """The source of a study in memory."""
    attributes = StudyAttributes(
        versions={"jax": "1.2.3", "evil": EVIL},
        fingerprints={"data": "abc123"},
        feature_accuracy=0.975,
    )
    return Source(
        picture_of(study, measurements, confirmed), attributes, " --storage sqlite:///x.db"
    )


@pytest.fixture
def new_source() -> Callable[..., Source]:
    """The source of what `study_of` takes."""
    return lambda *arguments, **options: source_of(study_of(*arguments, **options))


def grid(seed: int) -> bytes:
    """A picture as a trial has it, of noise."""
    drawn = io.BytesIO()
    noise = np.random.default_rng(seed).uniform(-1, 1, (48, 8, 8, 1))
    draw_grid(noise.astype(np.float32), drawn, columns=24)
    return drawn.getvalue()


def pictured(confirmed: Mapping[int, float], **options: Any) -> Source:
    """A study whose trials have these confirmed scores by number, if any, with pictures."""
    trials = [(at(1e-3), [1.0, 1.1, 1.3]), (at(1e-2, "discriminator"), [1.2, 1.2, 1.3])]
    study = study_of(spec_of(), [3.0, 3.2, 3.3], trials)
    told = confirmation_of(study, confirmed, **options) if confirmed else None
    source = source_of(study, confirmed=told)
    references = {"real": [0.1, 0.1, 0.1], "untrained": [40.0, 41.0, 42.0]}
    found = replace(source.answer, references=references)
    picture = replace(source.picture, answer=found)
    return replace(source, picture=picture, real=grid(9), samples={n: grid(n) for n in range(3)})


@pytest.fixture(scope="session")
def first_screens() -> dict[str, Source]:
    """Studies of every kind of answer."""
    early = {0: 1.3, 1: 1.6}
    return {
        "confirmed": pictured({0: 3.0, 1: 1.5, 2: 2.0}, noise=0.3, early=early),
        "undecided": pictured({0: 2.0, 2: 2.0}, noise=0.2),
        "unconfirmed": pictured({}),
        "failed": source_of(study_of(spec_of(), None, failed=3)),
    }


@pytest.fixture(scope="session")
def whole() -> Source:
    """A study that all figures can be drawn of, with failures whose reasons are markup."""
    generator = np.random.default_rng(0)
    spec = spec_of(score__record=["generalisation_gap"], penalty__order={"low": 1.0, "high": 2.0})
    trials = []
    for _ in range(40):
        strength, order = float(10 ** generator.uniform(-5, -1)), float(generator.uniform(1, 2))
        target = str(generator.choice(["generator", "discriminator"]))
        score = 1 + (np.log10(strength) + 3) ** 2 + order / 5 + (target == "generator")
        folds = [score + e for e in generator.normal(0, 0.2, 3)]
        trials.append((at(strength, target, order), folds))
    recorded = [{"generator_zeros": 0.1 * k / 40, "discriminator_zeros": 0.2} for k in range(40)]
    study = study_of(spec, [3.0, 3.2, 3.3], trials, recorded=recorded, failed=2)
    rows = [
        row
        for step in (10, 20, 30, 40)
        for row in measured(
            step,
            [3 - step / 20, 3.3 - step / 20, 2.8 - step / 20],
            generalisation_gap=[0.1, 0.2, step / 50],
            generator_zeros=[step / 100] * 3,
        )
    ]
    return source_of(study, dict.fromkeys(range(41), rows))


@pytest.fixture(scope="session")
def of_methods() -> Source:
    """A study of methods, without a baseline that has a score."""
    generator = np.random.default_rng(1)
    trials = []
    for index in range(36):
        method = list(METHODS)[index % 3]
        strength = float(10 ** generator.uniform(-4, -1))
        chosen: dict[str, Any] = {"method": method}
        if method == "bridge":
            chosen["bridge.penalty.order"] = float(generator.uniform(1, 2))
        place = "gradient_penalty" if method == "r1" else "penalty"
        chosen[f"{method}.{place}.strength"] = strength
        score = index % 3 + (np.log10(strength) + 2) ** 2
        trials.append((chosen, [score + 1, score + 1.2, score + 0.9]))
    spec = spec_of(penalty={"form": "none"}, methods=METHODS)
    return source_of(study_of(spec, [4.0, 4.1, 4.2], trials))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A small study as its launch leaves it: confirmed, with pictures of samples."""
    spec = make(
        study__trials=9,
        study__sampler="random",
        penalty__strength=INTERVAL,
        penalty__order={"low": 1.0, "high": 2.0},
        score__record=["generalisation_gap"],
        confirm__seeds=2,
        confirm__top=3,
        confirm__holdout=0.2,
    )
    storage = open_storage(f"sqlite:///{tmp_path_factory.mktemp('trained')}/a.db", create=True)
    try:
        launched = launch(spec, storage)
        assert launched.done
        return read_source(launched.study, storage, files=study_files(storage))
    finally:
        storage.engine.dispose()
