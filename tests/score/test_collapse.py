"""When a run is dead, and that none is that learns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bench.pruners import recorded
from normsweep.score.collapse import ALIKE, LOOK_BACK, STILL, collapse
from normsweep.storage import Measurement

FOLDS, STEP = 2, 30
ALIVE = np.random.default_rng(0).uniform(-1, 1, (FOLDS, 24, 8, 8, 1)).astype(np.float32)


def chunks(*scores: float | Sequence[float], zeros: Any = 0.0) -> list[list[Measurement]]:
    """The measurements of chunks with these distances, by fold or the same in both."""
    return [
        [
            Measurement(1, fold, 10 * place, fid, 0.0, others={"generator_zeros": zeros})
            for fold, fid in enumerate(score if isinstance(score, Sequence) else [score] * FOLDS)
        ]
        for place, score in enumerate(scores, 1)
    ]


MOVING = chunks(3.0, 2.0, 1.0)


def test_a_run_that_learns_is_not_dead(make_spec) -> None:
    assert collapse(make_spec(), MOVING, ALIVE, STEP) is None


def test_of_recorded_trials_that_stood_still_none_moved_again(make_spec) -> None:
    spec, ended = make_spec(), 0
    for costs in recorded().values():
        for curve in costs.tolist():
            for at in range(LOOK_BACK, len(curve)):
                if collapse(spec, chunks(*curve[at - LOOK_BACK : at]), ALIVE, STEP):
                    ended += 1
                    np.testing.assert_allclose(curve[at - 1], curve[-1], rtol=2 * STILL)
                    break
    assert ended == 11


def test_a_score_that_stands_still_in_every_fold_over_two_chunks_is_the_end(make_spec) -> None:
    moved = 3.0 * (1 + STILL / 2)
    assert collapse(make_spec(), chunks(3.0, moved, 3.0), ALIVE, STEP) == (
        "by step 30: the score has stood still in every fold over two chunks"
    )
    alive = [(3.0, 3.0), (3.0, 3.0), (3.0, 3.0 * (1 + 2 * STILL))]
    assert collapse(make_spec(), chunks(*alive), ALIVE, STEP) is None
    assert collapse(make_spec(), chunks(2.0, 3.0, 3.0), ALIVE, STEP) is None
    assert len(MOVING) == LOOK_BACK
    assert collapse(make_spec(), chunks(3.0, 3.0), ALIVE, 20) is None


def test_samples_that_are_one_image_in_every_fold_are_the_end(make_spec) -> None:
    alike = ALIVE[:, :1] + ALIKE / 4 * ALIVE
    assert collapse(make_spec(), MOVING, alike, STEP) == (
        "by step 30: all samples are the same image"
    )
    one_fold = np.stack([ALIVE[0], alike[0]])
    assert collapse(make_spec(), MOVING, one_fold, STEP) is None
    assert collapse(make_spec(), MOVING[:1], alike, 10) is None, "networks may begin so"


def test_a_network_without_weights_after_two_chunks_in_a_row_is_the_end(make_spec) -> None:
    gone = chunks(3.0, 2.0, zeros=1.0)
    assert collapse(make_spec(), gone, ALIVE, 20) == (
        "by step 20: all weights of the generator are 0"
    )
    back = [*chunks(3.0, zeros=1.0), *chunks(2.0, zeros=0.99)]
    assert collapse(make_spec(), back, ALIVE, 20) is None
    # What was measured is of some weights alone; the others may do.
    some = make_spec(penalty__weights="layers/0/kernel$")
    assert collapse(some, gone, ALIVE, 20) is None


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_while_a_penalty_changes_nothing_is_dead(make_spec, schedule: str) -> None:
    fading = make_spec(
        penalty__schedule=schedule,
        penalty__schedule_start=1.0,
        penalty__schedule_end=0.0,
        penalty__schedule_finish=0.75,
    )
    gone = chunks(3.0, 3.0, 3.0, zeros=1.0)
    assert collapse(fading, gone, ALIVE * 0, 29) is None
    assert collapse(fading, gone, ALIVE * 0, 30) is not None


def test_an_adaptive_strength_may_always_fall(make_spec) -> None:
    spec = make_spec(penalty__schedule="adaptive", penalty__target="discriminator")
    assert collapse(spec, chunks(3.0, 3.0, 3.0, zeros=1.0), ALIVE * 0, 40) is None


def test_a_score_may_stand_still_while_the_learning_rate_is_low(make_spec) -> None:
    still = chunks(3.0, 3.0, 3.0)
    cosine = make_spec(train__learning_rate_schedule="cosine")
    assert collapse(cosine, still, ALIVE, STEP) is None
    warming = make_spec(train__learning_rate_warmup=0.5)
    assert collapse(warming, still, ALIVE, STEP) is None
    assert collapse(warming, still, ALIVE, 40) is not None
