"""A spec without a range: its one config is trained beside the baseline."""

import pytest

from normsweep.errors import UserError
from normsweep.report.document import FORMATS, report_page
from normsweep.report.source import read_source
from normsweep.spec.spec import Spec
from normsweep.study.status import status
from normsweep.verdict.answers import answer

ONE = {"penalty__strength": 1e-4, "penalty__target": "discriminator"}


@pytest.mark.parametrize("sampler", ["tpe", "grid", "cmaes"])
def test_a_fixed_strength_is_compared_with_the_baseline(
    run, make_spec, databases, storage_url, sampler: str
) -> None:
    spec = make_spec(study__sampler=sampler, study__trials=6, **ONE)
    launched = run(spec)
    assert launched.done
    found = answer(launched.study)
    assert found.baseline is not None and found.baseline.penalty() == {"form": "none"}
    (only,) = found.ranking
    assert only.penalty() == {
        "form": "power",
        "target": "discriminator",
        "strength": 1e-4,
        "order": 2.0,
    }
    assert only.parameters == {}
    storage = databases.open(storage_url)
    (told,) = status(storage).studies
    assert (told.state, told.done, told.waiting) == ("finished", 2, 0)
    for render in FORMATS.values():
        assert "trial 1" in render(report_page(read_source(launched.study, storage)))


def test_it_scores_what_a_list_of_one_value_scores(run, make_spec, tmp_path) -> None:
    alone = run(make_spec(**ONE), url=f"sqlite:///{tmp_path / 'alone.db'}").study
    listed = run(make_spec(**ONE | {"penalty__strength": [1e-4]})).study
    assert [trial.value for trial in alone.get_trials()] == [
        trial.value for trial in listed.get_trials()
    ]


def test_without_a_penalty_there_is_nothing_to_compare(run, make_spec, database) -> None:
    spec = Spec.model_validate(make_spec().plain() | {"penalty": {"form": "none"}})
    with pytest.raises(UserError, match="nothing, and has no penalty to compare"):
        run(spec)
    assert not database.exists() or database.stat().st_size
