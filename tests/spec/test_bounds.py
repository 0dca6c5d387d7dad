"""What a spec requires of its trials, and how it is read."""

import math

import pytest

from normsweep.errors import UserError
from normsweep.score.judge import recorded_metrics
from normsweep.spec import Spec
from normsweep.spec.bounds import requirements


def test_a_bound_is_met_at_0_or_below(make_spec) -> None:
    spec = make_spec(score__require={"recall": ">= 0.4", "copying": "<=0.1"})
    recall, copying = requirements(spec)
    assert (recall.metric, recall.at_least, recall.bound) == ("recall", True, 0.4)
    assert recall.violation(0.4) == 0
    assert recall.violation(0.3) == pytest.approx(0.1)
    assert copying.violation(0.05) == pytest.approx(-0.05)
    assert recall.violation(math.nan) == copying.violation(math.nan) == math.inf
    assert recall.missed(recall.violation(0.25)) == "recall 0.25, required >= 0.4"
    assert copying.missed(copying.violation(0.25)) == "copying 0.25, required <= 0.1"


def test_what_is_required_is_measured(make_spec) -> None:
    spec = make_spec(score__require={"recall": ">= 0.4"})
    assert set(recorded_metrics(spec)) == {"fid", "kid", "recall"}


def test_it_is_stored_and_read_again(make_spec) -> None:
    spec = make_spec(score__require={"recall": ">= 0.4"})
    assert spec.plain()["score"]["require"] == {"recall": ">= 0.4"}
    assert Spec.stored(spec.plain()) == spec
    assert "require" not in make_spec().plain()["score"]


@pytest.mark.parametrize(
    ("require", "told"),
    [
        ("recall >= 0.4", "score.require: got 'recall >= 0.4'; accepted: a table of bounds"),
        ({}, "score.require: got {}; accepted: a table of bounds"),
        ({"recal": ">= 0.4"}, 'score.require: "recal" is no metric; accepted: fid,'),
        ({"recall": 0.4}, "score.require: recall: got 0.4; accepted: "),
        ({"recall": "> 0.4"}, "score.require: recall: got '> 0.4'; accepted: \">= NUMBER\""),
        ({"recall": ">= much"}, "score.require: recall: got '>= much'"),
        ({"recall": ">= inf"}, "score.require: recall: got '>= inf'"),
        ({"class_agreement": ">= 0.4"}, 'score.require = "class_agreement" needs samples of'),
        ({"elbo": ">= 0.4"}, 'score.require = "elbo" is not measured with model.family = "gan"'),
    ],
)
def test_what_cannot_be_required_is_told(make_spec, require, told: str) -> None:
    with pytest.raises(UserError) as caught:
        make_spec(score__require=require)
    assert told in str(caught.value)


def test_a_sampler_that_would_not_heed_it_is_refused(make_spec) -> None:
    strength = {"low": 1e-4, "high": 1e-1, "log": True}
    with pytest.raises(UserError, match='"cmaes" learns nothing of score'):
        make_spec(
            score__require={"recall": ">= 0.4"},
            study__sampler="cmaes",
            penalty__strength=strength,
        )
