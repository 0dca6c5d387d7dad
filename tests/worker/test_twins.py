"""Of complete trials of one config the first is found, and none is read twice."""

from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from normsweep.study.ranking import begun_as, begun_of
from normsweep.worker import twins
from normsweep.worker.twins import Twins

VERSIONS = {"jax": "0"}


def trial(number: int, config: dict[str, Any], **said: Any) -> FrozenTrial:
    state = said.pop("state", TrialState.COMPLETE)
    attributes = {"config": config, "versions": VERSIONS, "role": "search", "result": {}} | said
    made = create_trial(
        state=state,
        value=1.0 if state == TrialState.COMPLETE else None,
        user_attrs=attributes,
    )
    made.number = number
    return made


@pytest.fixture
def config(make_spec) -> dict[str, Any]:
    return make_spec(penalty__strength=0.1, penalty__target="both").plain()


def test_the_first_of_the_complete_ones_is_found(config, make_spec) -> None:
    other = make_spec(penalty__strength=0.2, penalty__target="both").plain()
    mine = begun_as(config, VERSIONS)
    trials = [
        trial(0, other),
        trial(1, config, state=TrialState.RUNNING),
        trial(2, config, **{"same config as": 9}),
        trial(3, config),
        trial(4, config),
    ]
    found = Twins().of(mine, trials, to_the_end=False)
    assert found is not None and found.number == 3
    assert Twins().of(mine, trials[:3], to_the_end=False) is None
    assert Twins().of(begun_as(config, {"jax": "1"}), trials, to_the_end=False) is None


def test_one_that_completes_later_is_found_too_and_the_earlier_one_preferred(config) -> None:
    mine, known = begun_as(config, VERSIONS), Twins()
    ended = [trial(1, config), trial(0, config)]
    for number, expected in ((1, 1), (2, 0)):
        found = known.of(mine, ended[:number], to_the_end=False)
        assert found is not None and found.number == expected


def test_what_other_code_or_another_study_made_was_not_trained_here(config) -> None:
    mine = begun_as(config, VERSIONS)
    ended = [trial(0, config, **{"from": "another 3"}), trial(1, config), trial(2, config)]
    ended[1].user_attrs.pop("result")
    found = Twins().of(mine, ended, to_the_end=False)
    assert found is not None and found.number == 2


def test_what_collapsed_is_no_twin_of_what_is_trained_to_its_end(config) -> None:
    mine, known = begun_as(config, VERSIONS), Twins()
    trials = [trial(0, config, result={"collapsed": "at step 5: dead"}), trial(1, config)]
    found = {end: known.of(mine, trials, to_the_end=end) for end in (False, True)}
    assert {end: each and each.number for end, each in found.items()} == {False: 0, True: 1}
    assert Twins().of(mine, trials[:1], to_the_end=True) is None


def test_no_config_is_written_out_twice(config, monkeypatch) -> None:
    read: list[int] = []
    monkeypatch.setattr(twins, "begun_of", lambda each: read.append(each.number) or begun_of(each))
    known, trials = Twins(), [trial(number, config) for number in range(3)]
    for count in (1, 2, 3, 3):
        known.of("none", trials[:count], to_the_end=False)
    assert read == [0, 1, 2]
