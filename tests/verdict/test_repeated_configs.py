"""A config that was asked for again counts once, wherever trials are counted or compared."""

import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial

from normsweep.cli.answers import print_answer
from normsweep.report.document import report_page
from normsweep.report.figures import Picture, drawn_figures, read_picture
from normsweep.report.figures.importance import FEWEST_TRIALS
from normsweep.report.source import read_source
from normsweep.study.follow_up import narrowed_spec
from normsweep.study.plan import Plan
from normsweep.study.ranking import is_scored
from normsweep.study.tally import tally
from normsweep.verdict.answers import answer

AGAIN = 2 * FEWEST_TRIALS


@pytest.fixture
def study(copied_example, storage_url, databases) -> optuna.Study:
    """The example, whose best config and whose worst were asked for again and again."""
    storage = databases.open(storage_url)
    found = optuna.load_study(study_name="small", storage=storage)
    best, *_, worst = answer(found).ranking
    trials = found.get_trials()
    for number in [best.number] * AGAIN + [worst.number] * AGAIN:
        found.add_trial(taken_over_from(trials[number]))
    return found


def taken_over_from(trial: FrozenTrial) -> FrozenTrial:
    return create_trial(
        values=trial.values,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs | {"same config as": trial.number},
        intermediate_values=trial.intermediate_values,
    )


def test_figures_and_ranking_are_those_of_the_study_without_them(
    study, example, databases, storage_url
) -> None:
    before = read_picture(example.study, databases.open(example.url))
    after = read_picture(study, databases.open(storage_url))
    assert [t.number for t in after.trials] == [t.number for t in before.trials]
    assert after.answer.ranking == before.answer.ranking
    assert after.answer.trials_per_kind == before.answer.trials_per_kind

    def told(picture: Picture) -> dict[str, str]:
        return {name: drawn.alternative for name, (_, drawn) in drawn_figures(picture).items()}

    # Six trials are too few for an importance; with what was repeated there would be enough.
    assert told(after) == told(before) and "importance" not in told(after)


def test_the_answer_and_the_report_say_how_many_configs_there_are(
    study, databases, storage_url, capsys
) -> None:
    found = answer(study)
    assert found.counts["complete"] == 7 + 2 * AGAIN and found.repeated == 2 * AGAIN
    print_answer(found, None)
    said = f"{7 + 2 * AGAIN} complete ({2 * AGAIN} of these configs again)"
    assert f"small: {said}\n" in capsys.readouterr().out
    page = report_page(read_source(study, databases.open(storage_url)))
    assert f"Trials: {said}. " in page.summary


def test_a_narrowed_range_follows_the_best_quarter_of_configs(study, example, make_spec) -> None:
    spec = make_spec(
        study__sampler="random", penalty__strength={"low": 1e-6, "high": 10.0, "log": True}
    )
    narrowed = [narrowed_spec(spec, each.get_trials()) for each in (study, example.study)]
    assert narrowed[0] == narrowed[1]


def test_the_trial_that_leads_is_the_one_of_the_ranking(study) -> None:
    """Also where its result was taken over by a trial with a lower number."""
    trials = study.get_trials()
    first, best = (trials[answer(study).ranking[place].number] for place in (1, 0))
    again = taken_over_from(best)
    again.number = first.number
    found = tally([again, best], Plan(2), StudyDirection.MINIMIZE)
    assert (found.best, found.complete) == (best, 2)
    assert is_scored(best) and not is_scored(again)
