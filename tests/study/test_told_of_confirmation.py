"""What of another study's confirmation comes with a launch is said before anything is trained."""

from typing import Any

import optuna
import pytest

from normsweep.study.confirmation import confirmation_name, find_confirmation, open_confirmation
from normsweep.study.progress import Progress
from normsweep.study.records import load_study
from normsweep.worker.submit import submit

Heard = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def heard() -> Heard:
    return []


@pytest.fixture
def log(heard: Heard) -> Any:
    def log(event: str, /, **facts: Any) -> None:
        heard.append((event, facts))

    return log


def test_a_launch_that_narrows_says_that_it_will_be_confirmed_as_the_other_was(
    run, make_spec, copied_example, heard: Heard, log
) -> None:
    spec = make_spec(study__name="next", confirm__seeds=4, confirm__top=2)
    begun: list[Progress] = []

    def stop() -> bool:
        # Not one chunk is trained.
        return any(event == "to be confirmed" for event, _ in heard)

    run(spec, source="small", log=log, watch=begun.append, stop=stop)
    (told,) = (facts for event, facts in heard if event == "to be confirmed")
    assert told == {
        "as": "small",
        "configs": "the best 2 and the baseline",
        "seeds": "4 at most",
        "without": "--set confirm.seeds=0",
    }
    heard.clear()
    run(make_spec(study__name="third"), source="small", log=log, stop=lambda: True)
    assert "to be confirmed" not in [event for event, _ in heard]


@pytest.mark.parametrize("says_of_which", [True, False])
def test_a_confirmation_that_a_deleted_study_of_the_name_has_left_is_told(
    make_spec, databases, storage_url, heard: Heard, log, says_of_which: bool
) -> None:
    storage = databases.open(storage_url)
    study = submit(make_spec(), storage).study
    held = open_confirmation(study, storage)
    if not says_of_which:
        # As of the first version that had confirmations.
        attributes = storage.get_study_user_attrs(held._study_id)
        optuna.delete_study(study_name=confirmation_name("small"), storage=storage)
        held = optuna.create_study(storage=storage, study_name=confirmation_name("small"))
        for key, value in attributes.items():
            if key != "study id":
                held.set_user_attr(key, value)
    optuna.delete_study(study_name="small", storage=storage)
    submit(make_spec(), storage, log=log)
    again = load_study("small", storage)
    (told,) = (facts["of"] for event, facts in heard if event == "warning")
    assert told.startswith("a confirmation that another study called 'small' has left is there")
    if says_of_which:
        assert told.endswith("it will be removed when this one is confirmed")
        assert find_confirmation(again, storage) is None
    else:
        assert "will be taken for this one's" in told
        assert find_confirmation(again, storage) is not None
    heard.clear()
    submit(make_spec(), storage, log=log)
    assert "warning" not in [event for event, _ in heard]
