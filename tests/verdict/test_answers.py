"""What a study answers, from records written by hand where the numbers are to be known."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from normsweep.cli.answers import print_answer
from normsweep.cli.as_json import answer_as_json
from normsweep.errors import UserError
from normsweep.report.board.notes import study_note
from normsweep.spec import Choices, Interval, Spec
from normsweep.spec.penalty_fields import field_value
from normsweep.spec.space import distribution, no_penalty
from normsweep.study.overview import overview
from normsweep.verdict.answers import Answer, answer


@pytest.fixture
def answer_of(make_spec) -> Callable[..., Answer]:
    """The answer of a study of `spec` with a baseline and trials given as (penalty, scores)."""

    def answer_of(
        spec: Spec, baseline: list[float] | None, *trials: tuple[dict[str, Any], list[float]]
    ) -> Answer:
        study = optuna.create_study(study_name="hand-written")
        study.set_user_attr("spec", spec.plain())

        def add(role: str, config: Spec, scores: list[float], **params: Any) -> None:
            error = float(np.std(scores, ddof=1) / np.sqrt(len(scores)))
            result = {"fold_scores": scores, "standard_error": error, "step": 40}
            study.add_trial(
                optuna.trial.create_trial(
                    value=float(np.mean(scores)),
                    params={f"penalty.{name}": value for name, value in params.items()},
                    distributions={
                        f"penalty.{name}": distribution(field_value(spec.penalty, name))
                        for name in params
                    },
                    user_attrs={"role": role, "config": config.plain(), "result": result},
                )
            )

        if baseline is not None:
            add("baseline", spec.with_values(no_penalty()), baseline)
        fixed = {"penalty.strength": 1e-3, "penalty.order": 2.0, "penalty.target": "both"}
        for penalty, scores in trials:
            values = fixed | {f"penalty.{name}": value for name, value in penalty.items()}
            searched = {
                name: value
                for path, value in values.items()
                if value is not None
                and isinstance(
                    field_value(spec.penalty, name := path.removeprefix("penalty.")),
                    Choices | Interval,
                )
            }
            add("search", spec.with_values(values), scores, **searched)
        return answer(study)

    return answer_of


@pytest.fixture
def searched(make_spec) -> Spec:
    """A spec that searches strength and order in intervals."""
    return make_spec(
        study__sampler="random",
        penalty__strength={"low": 1e-6, "high": 1e-1, "log": True},
        penalty__order={"low": 1.0, "high": 2.0},
    )


def test_the_ranking_is_of_the_search_alone_and_the_lowest_score_first(answer_of, searched) -> None:
    found = answer_of(
        searched,
        [1.0, 1.0, 1.0],
        ({}, [5.0, 6.0, 7.0]),
        ({}, [2.0, 2.0, 2.3]),
        ({}, [9.0, 1.0, 5.0]),
    )
    assert [entry.number for entry in found.ranking] == [2, 3, 1]
    assert [entry.score for entry in found.ranking] == pytest.approx([2.1, 5.0, 6.0])
    # s/√n by hand: deviations −4, 0, 4 about 5.
    assert found.ranking[1].standard_error == pytest.approx((32 / 2) ** 0.5 / 3**0.5)
    assert found.baseline is not None
    assert found.baseline.number == 0
    assert found.best == found.ranking[0]


def test_trials_of_equal_score_rank_in_their_order(answer_of, searched) -> None:
    found = answer_of(searched, None, ({}, [2.0, 4.0]), ({}, [3.0, 3.0]), ({}, [4.0, 2.0]))
    assert [entry.number for entry in found.ranking] == [0, 1, 2]


def test_the_difference_to_the_baseline_is_paired_by_fold(answer_of, searched) -> None:
    baseline, best = [10.0, 20.0, 30.0], [9.0, 18.5, 29.0]
    found = answer_of(searched, baseline, ({}, [50.0] * 3), ({}, best)).difference
    assert found is not None
    paired = np.array(best) - np.array(baseline)
    assert found.mean == pytest.approx(-3.5 / 3)
    assert found.standard_error == pytest.approx(paired.std(ddof=1) / np.sqrt(3))
    # Unpaired, the folds' own spread would drown it.
    assert found.standard_error < np.std(baseline, ddof=1) / np.sqrt(3) / 10


@pytest.mark.parametrize(
    ("baseline", "best", "why"),
    [
        ([2.0, 3.0], [1.0, 1.1, 1.2], "trial 1 has the scores of 3, the baseline of 2"),
        # NumPy would take the one for all.
        ([2.0], [1.0, 1.1, 1.2], "trial 1 has the scores of 3, the baseline of 1"),
        ([2.0, 3.0, 4.0], [1.0, 1.1], "trial 1 has the scores of 2, the baseline of 3"),
        ([2.0, np.inf], [1.0, 1.1], "not all of their scores are finite numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_folds_without_pairs_have_no_difference_and_it_is_said_why(
    answer_of, searched, capsys, baseline: list[float], best: list[float], why: str
) -> None:
    found = answer_of(searched, baseline, ({"order": 1.5}, best))
    assert found.difference is None
    told = f"the best config cannot be compared with the baseline fold by fold: {why}"
    assert (found.unpaired, found.warnings) == (told, (told,))
    print_answer(found, None)
    printed = capsys.readouterr().out.replace("\n", " ")
    assert f"warning: {told}" in printed
    assert "Against the baseline" not in printed
    shown = answer_as_json(found)
    assert (shown["difference"], shown["warnings"]) == (None, [told])


def test_the_best_of_every_target_is_told(answer_of, searched) -> None:
    found = answer_of(
        searched,
        [9.0, 9.0],
        ({"target": "both"}, [4.0, 4.0]),
        ({"target": "generator"}, [3.0, 3.0]),
        ({"target": "both"}, [2.0, 2.0]),
        ({"target": "generator"}, [5.0, 5.0]),
    )
    best = {target: entry.number for target, entry in found.best_per_target.items()}
    assert best == {"both": 3, "generator": 2}


@pytest.mark.parametrize(
    ("penalty", "sides"),
    [
        ({"strength": 1e-6}, ["strength lower"]),
        # 2 % of five decades above the lower end, and a little more.
        ({"strength": 1e-6 * 10**0.099}, ["strength lower"]),
        ({"strength": 1e-6 * 10**0.101}, []),
        ({"strength": 1e-3}, []),
        ({"strength": 1e-1}, ["strength upper"]),
        ({"order": 1.0}, ["order lower"]),
        ({"order": 1.019}, ["order lower"]),
        ({"order": 1.021}, []),
        ({"order": 2.0}, ["order upper"]),
        ({"order": 2.0, "strength": 1e-1}, ["order upper", "strength upper"]),
    ],
)
def test_a_best_value_at_the_edge_of_its_interval_is_warned_of(
    answer_of, searched, penalty: dict[str, float], sides: list[str]
) -> None:
    found = answer_of(searched, [9.0, 9.0], ({"order": 1.5} | penalty, [1.0, 1.0])).warnings
    told = sorted(" ".join(np.array(warning.split())[[2, 8]]) for warning in found)
    assert told == sides, found
    assert all("widen it" in warning for warning in found)


def test_a_warning_of_an_edge_says_where_to_look_next(answer_of, searched, make_spec) -> None:
    found = answer_of(searched, [9.0, 9.0], ({"strength": 1e-6, "order": 1.5}, [1.0, 1.0]))
    assert found.warnings[0].endswith("widen it, to 1e-09 … 0.1 for instance")
    norm = make_spec(
        study__sampler="random", penalty__form="norm", penalty__order={"low": 1.0, "high": 2.0}
    )
    found = answer_of(norm, [9.0, 9.0], ({"order": 1.0, "strength": 1e-4}, [1.0, 1.0]))
    assert found.warnings[0].endswith("range 1 … 2: the field accepts nothing beyond it")


def test_only_the_best_ones_values_are_looked_at_for_edges(answer_of, searched) -> None:
    worse = ({"order": 1.0, "strength": 1e-1}, [5.0, 5.0])
    assert answer_of(searched, [9.0, 9.0], ({"order": 1.5}, [1.0, 1.0]), worse).warnings == ()


def test_choices_have_no_edge(answer_of, make_spec) -> None:
    spec = make_spec(penalty__strength=[1e-4, 1e-1], penalty__order=[1.0, 2.0])
    found = answer_of(spec, [9.0, 9.0], ({"strength": 1e-1, "order": 1.0}, [1.0, 1.0]))
    assert found.warnings == ()


def test_a_network_with_a_strength_of_its_own_has_its_own_edge(answer_of, make_spec) -> None:
    spec = make_spec(
        study__sampler="random",
        penalty__separate_strengths=True,
        penalty__strength={"low": 1e-6, "high": 1e-1, "log": True},
        penalty__discriminator_strength={"low": 1e-3, "high": 1e3, "log": True},
        penalty__target=["both", "discriminator"],
    )
    own = {"strength": None, "generator_strength": 1e-3, "discriminator_strength": 1e-3}
    found = answer_of(spec, [9.0, 9.0], (own, [1.0, 1.0]))
    assert len(found.warnings) == 1
    assert "discriminator_strength = 0.001 lies at the lower edge" in found.warnings[0]


def test_a_search_that_never_beats_its_baseline_says_so(answer_of, searched) -> None:
    trial = ({"order": 1.5}, [5.0, 5.0])
    assert answer_of(searched, [5.1, 5.1], trial).warnings == ()
    warnings = answer_of(searched, [5.0, 5.0], trial).warnings
    assert warnings == ("no searched config scores better than the baseline",)


def test_a_baseline_that_differs_in_more_than_the_penalty_is_warned_of(
    answer_of, make_spec
) -> None:
    rates = {"low": 1e-4, "high": 1e-2, "log": True}
    spec = make_spec(study__sampler="random", train__generator_learning_rate=rates)
    warnings = answer_of(spec, [9.0, 9.0], ({"strength": 1e-4}, [1.0, 1.0])).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("train.generator_learning_rate: searched beside the penalty")


WORSE = [68.0, 69.0, 67.0], [90.0, 91.0, 92.0]


def shown(found: Answer, capsys: pytest.CaptureFixture[str]) -> str:
    print_answer(found, None)
    out: str = capsys.readouterr().out
    return " ".join(out.split("Against the baseline")[1].split())


def test_where_nothing_beats_the_baseline_no_config_is_recommended_but_where_to_look(
    answer_of, searched, capsys
) -> None:
    weak, strong = ({"strength": 0.01}, WORSE[0]), ({"strength": 0.1}, WORSE[1])
    found = answer_of(searched.with_values({"study.trials": 2}), [1.0, 1.1, 0.9], weak, strong)
    assert found.beats_baseline is False
    told = shown(found, capsys)
    assert "+67.000" in told
    assert "Next: Nothing found beats the baseline: no config to take away." in told
    assert "strength below 0.01 weaker than any tried; the weakest is the baseline" in told
    assert "sweep options penalties" in told
    assert "sweep report hand-written" in told
    assert not re.search("sweep (export|score|train|confirm)|luckiest", told)
    note = study_note(found, None, {})
    assert "Nothing found beats the baseline." in note and "Where to look:" in note
    assert "strength below 0.01" in note
    assert "whether it really helps" not in note

    # With a trial in the middle of those tried, weaker strengths are none to go for.
    weaker = {"strength": 1e-5}, [70.0, 80.0, 90.0]
    told = shown(answer_of(searched, [1.0, 1.1, 0.9], weak, strong, weaker), capsys)
    assert "Nothing found so far beats the baseline" in told
    assert "weaker than any tried" not in told

    better = answer_of(searched, [70.0, 80.0, 90.0], weak, strong)
    assert better.beats_baseline is True
    assert "sweep export hand-written -o best.toml" in shown(better, capsys)


def test_what_beats_the_baseline_is_told_by_the_metrics_own_direction(answer_of, make_spec) -> None:
    higher = make_spec(score__metric="coverage", penalty__strength=[1e-3, 1e-2])
    trial = {"strength": 1e-2}, [0.9, 0.9]
    assert answer_of(higher, [0.5, 0.5], trial).beats_baseline is True
    assert answer_of(higher, [0.9, 0.9], trial).beats_baseline is False
    assert answer_of(higher, None, trial).beats_baseline is None


def test_an_empty_study_has_an_empty_answer(answer_of, searched) -> None:
    found = answer_of(searched, None)
    assert (found.best, found.baseline, found.difference) == (None, None, None)
    assert (found.ranking, found.warnings, found.failures) == ((), (), {})
    assert found.counts == dict.fromkeys(found.counts, 0) | {"waiting": 7}


def test_a_study_of_someone_elses_is_refused_by_name() -> None:
    study = optuna.create_study(study_name="theirs")
    with pytest.raises(UserError, match="'theirs' was not made by sweep"):
        answer(study)


def test_the_answer_of_a_real_study_agrees_with_its_database(example) -> None:
    found, trials = answer(example.study), example.study.get_trials()
    assert found.counts == {state.name.lower(): 0 for state in TrialState} | {
        "complete": 7,
        "collapsed": 0,
    }
    assert found.baseline is not None
    assert found.baseline.score == trials[0].value
    values = sorted(trial.value for trial in trials[1:])
    assert [entry.score for entry in found.ranking] == values
    for entry in found.ranking:
        params = trials[entry.number].params
        assert entry.penalty() == {
            "form": "power",
            "target": params["penalty.target"],
            "strength": params["penalty.strength"],
            "order": 2.0,
        }
    for target, group in itertools.groupby(
        sorted(trials[1:], key=lambda trial: trial.params["penalty.target"]),
        key=lambda trial: trial.params["penalty.target"],
    ):
        assert found.best_per_target[target].score == min(trial.value for trial in group)


def test_the_overview_counts_ours_and_reads_other_peoples_studies(
    copied_example, databases, storage_url
) -> None:
    storage = databases.open(storage_url)
    theirs = optuna.create_study(storage=storage, study_name="theirs", direction="maximize")
    for value in (1.0, 3.0, 2.0):
        theirs.tell(theirs.ask(), value)
    theirs.ask()
    optuna.create_study(storage=storage, study_name="two", directions=["minimize", "maximize"])
    small, found, two = overview(storage)
    assert (small.study, small.complete, small.open, small.failed) == ("small", 7, 0, 0)
    values = [
        trial.value for trial in optuna.load_study(study_name="small", storage=storage).trials
    ]
    assert (small.baseline, small.best) == (values[0], min(values[1:]))
    assert (found.study, found.complete, found.open) == ("theirs", 3, 1)
    assert (found.best, found.baseline) == (3.0, None)
    assert (two.study, two.complete, two.best) == ("two", 0, None)
