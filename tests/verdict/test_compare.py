"""Two studies are paired where their scores may be compared, and told apart where not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from scipy import stats

from normsweep.cli.compare import sentence
from normsweep.errors import UserError
from normsweep.spec.space import no_penalty
from normsweep.storage.influences import add_influences
from normsweep.study.attributes import CONFIRM
from normsweep.study.confirmation import Arm, confirmation_name, plan_confirmation
from normsweep.verdict.compare import Comparison, compare
from normsweep.verdict.reading import read_confirmation
from normsweep.verdict.statistics.seeds_and_images import of_seeds_and_images

PRINTS = {"data": "d", "folds": "f", "features": "m", "samples": 40, "training": 3}
SEEDS, FOLDS = 6, 2


@pytest.fixture
def written(make_spec, databases, storage_url) -> Callable[..., Any]:
    """A study of fold scores by trial, the baseline's first; confirmed by curves for each seed.

    So many seeds of these were `planned`, with one look at their end.
    """
    storage = databases.open(storage_url)

    def written(
        name: str,
        *trials: list[float] | None,
        confirmed: Any = (),
        baseline: Any = None,
        candidates: int = 1,
        planned: int | None = None,
        images: np.ndarray | None = None,
        prints: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Any:
        spec = make_spec(study__name=name, **changes)
        study = optuna.create_study(storage=storage, study_name=name)
        study.set_user_attr("spec", spec.plain())
        study.set_user_attr("fingerprints", PRINTS | (prints or {}))
        some = {"penalty.strength": 1e-3, "penalty.order": 2.0, "penalty.target": "both"}
        configs = [spec.with_values(values) for values in (no_penalty(), some)]
        for number, scores in enumerate(trials):
            said: dict[str, Any] = {
                "role": "search" if number else "baseline",
                "config": configs[min(number, 1)].plain(),
            }
            if scores is None:
                failed = said | {"reason": "not finite by step 10"}
                study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=failed))
                continue
            result = {"fold_scores": scores, "standard_error": 0.1, "step": 40}
            study.add_trial(
                create_trial(value=float(np.mean(scores)), user_attrs=said | {"result": result})
            )
        if len(confirmed):
            held = optuna.create_study(storage=storage, study_name=confirmation_name(name))
            for number in range(candidates + 1):
                arm = f"trial {number}" if number else "baseline"
                own = confirmed if number or baseline is None else baseline
                for seed, curve in enumerate(own, 1):
                    about = {
                        "role": CONFIRM,
                        "arm": arm,
                        "against": "baseline",
                        "trial": number,
                        "seed": seed,
                        "config": configs[min(number, 1)].plain(),
                    }
                    if curve is None and number:
                        failed = about | {"reason": "not finite by step 10"}
                        held.add_trial(create_trial(state=TrialState.FAIL, user_attrs=failed))
                        continue
                    told = (np.ones((2, FOLDS)) if curve is None else curve).tolist()
                    attributes = about | {"curve": told}
                    held.add_trial(create_trial(value=1.0, user_attrs=attributes))
                    trial = held.get_trials()[-1]._trial_id
                    if images is not None:
                        with storage.engine.begin() as connection:
                            add_influences(connection, trial, {20: images[seed - 1]})
            if planned is not None:
                names = ["baseline", *(f"trial {number}" for number in range(1, candidates + 1))]
                arms = [
                    Arm(name, "baseline", configs[min(number, 1)], number)
                    for number, name in enumerate(names)
                ]
                plan_confirmation(held, candidates, planned, arms, [(0, planned, False)])
        return study, storage

    return written


def curves(seed: int, shift: float = 0.0) -> list[np.ndarray]:
    return list(2 + shift + 0.1 * np.random.default_rng(seed).normal(size=(SEEDS, 2, FOLDS)))


def pair(written, first: dict[str, Any], second: dict[str, Any]) -> Comparison:
    return compare(
        written("a", [3.0, 3.0], [1.0, 2.0], **first),
        written("b", [3.0, 3.0], [1.5, 1.0], **second),
    )


def test_without_confirmations_the_searches_best_are_paired_by_fold(written) -> None:
    found = compare(
        written("a", [3.0, 3.0], [2.0, 2.0], [1.0, 2.0]), written("b", [3.0, 3.0], [1.25, 1.0])
    )
    assert not found.confirmed
    assert found.differences is not None and found.differences.tolist() == [[-0.25, 1.0]]
    # One seed says nothing of others.
    assert found.estimate is None
    assert sentence(found) == (
        "unclear",
        ": a minus b is +0.375 in FID-proxy, paired over the 2 folds of the searches; with another "
        "seed it may be another number",
    )
    assert found.verdict == "unclear"
    assert "sweep confirm a;  sweep confirm b" in found.notes[0]


@pytest.mark.parametrize(("shift", "verdict"), [(-2.0, "first"), (2.0, "second")])
def test_confirmed_studies_are_paired_by_seed_and_fold(written, shift, verdict) -> None:
    one, other = curves(0, shift), curves(1)
    found = pair(written, {"confirmed": one}, {"confirmed": other})
    assert found.confirmed and found.differences is not None and found.estimate is not None
    expected = np.subtract(one, other)[:, -1]
    np.testing.assert_array_equal(found.differences, expected)
    assert found.estimate.standard_error == pytest.approx(stats.sem(expected.mean(axis=1)))
    assert found.verdict == verdict
    assert found.notes == ()


def test_where_stopping_early_alone_does_as_well_it_says_so(written) -> None:
    """The baseline is better than the config at its first chunk, and falls behind at its last."""
    one, other = curves(0, -1.0), curves(1)
    falls = [np.stack([curve[0] - 0.5, curve[1] + 1]) for curve in one]
    found = pair(written, {"confirmed": one, "baseline": falls}, {"confirmed": other})
    (note,) = found.notes
    assert note.startswith(
        "Stopping the baseline of a at step 10 does as well as its best config: "
    )
    alone, best = (float(np.mean(each, axis=0)[at].mean()) for each, at in ((falls, 0), (one, 1)))
    assert note.endswith(f"{alone:.3g} against {best:.3g}.")


def test_where_it_is_known_what_images_add_it_is_allowed_for_others(written) -> None:
    one, other = curves(0), curves(1)
    images = np.random.default_rng(0).normal(size=(2, SEEDS, 40))
    given = [{"confirmed": own, "images": of} for own, of in zip((one, other), images, strict=True)]
    found = pair(written, *given)
    expected = np.subtract(one, other)[:, -1]
    allowed = of_seeds_and_images(expected, np.subtract(*images.astype(np.float32)))
    assert found.estimate is not None and allowed is not None
    assert found.estimate.standard_error == pytest.approx(allowed.standard_error, rel=1e-6)
    assert found.estimate.standard_error > 1.1 * stats.sem(expected.mean(axis=1))


def test_what_was_chosen_by_the_scores_that_are_compared_is_told(written) -> None:
    one = compare(
        written("a", [3.0, 3.0], [1.0, 2.0], confirmed=curves(0)),
        written("b", [3.0, 3.0], [1.5, 1.0], [2.0, 2.0], confirmed=curves(1), candidates=2),
    )
    assert [note for note in one.notes if "a's of 1 and b's of 2" in note]


def test_higher_is_better_where_the_metric_says_so(written) -> None:
    found = pair(
        written,
        {"confirmed": curves(0, 2.0), "score__metric": "coverage"},
        {"confirmed": curves(1), "score__metric": "coverage"},
    )
    assert found.verdict == "first"


@pytest.mark.parametrize(("shift", "verdict"), [(-1.5, "first"), (2.0, "second")])
def test_the_nearer_to_zero_is_better_where_zero_is_best(written, shift, verdict) -> None:
    found = pair(
        written,
        {"confirmed": curves(0, shift), "score__metric": "copying"},
        {"confirmed": curves(1), "score__metric": "copying"},
    )
    assert found.verdict == verdict


def test_one_confirmation_alone_is_left_aside(written) -> None:
    found = pair(written, {"confirmed": curves(0, 2.0)}, {})
    assert not found.confirmed
    assert found.differences is not None and found.differences.tolist() == [[-0.5, 1.0]]
    assert found.notes[0].endswith("Surer:  sweep confirm b")


def test_only_seeds_that_both_have_count(written) -> None:
    one, other = curves(0, -2), curves(1)
    one[1] = None  # type: ignore[call-overload]
    found = pair(written, {"confirmed": one}, {"confirmed": other[:4]})
    assert found.differences is not None and found.differences.shape == (3, FOLDS)
    assert found.first.diverged == (2,)
    # It is far better where it is finite.
    assert found.estimate is not None and found.estimate.p < 0.05
    assert found.verdict == "unclear"
    assert any("a did not stay finite on 1 of its seeds" in note for note in found.notes)
    assert "; but the one that scores better did not stay finite" in sentence(found)[1]


def test_seeds_beyond_the_plan_count_here_no_more_than_in_the_verdict(written) -> None:
    one = curves(0)
    one[3:] = [curve + 5 for curve in one[3:]]
    study = written("a", [3.0, 3.0], [1.0, 2.0], confirmed=one, baseline=curves(2), planned=3)
    found = compare(study, written("b", [3.0, 3.0], [1.5, 1.0], confirmed=curves(1)))
    verdict = read_confirmation(*study)
    assert verdict is not None and len(verdict.beyond) == 1
    assert found.first.score == pytest.approx(verdict.best.score)
    assert list(found.first.scores) == list(found.seeds) == [1, 2, 3]
    assert any(note.startswith("Of a 3 more seeds are there than") for note in found.notes)


def test_what_is_told_of_both_is_on_the_seeds_that_both_have(written) -> None:
    one, other = curves(0, -2), curves(1)
    one[3:] = [curve + 9 for curve in one[3:]]
    found = pair(written, {"confirmed": one}, {"confirmed": other[:3]})
    shared = [float(np.stack(side[:3])[:, -1].mean()) for side in (one, other)]
    assert found.scores == pytest.approx(shared)
    assert found.verdict == "first"
    assert f": FID-proxy {shared[0]:.3g} against {shared[1]:.3g}, " in "".join(sentence(found))
    assert found.notes == (
        "The difference is on the 3 seeds that both have, where FID-proxy is "
        f"{shared[0]:.3g} for a and {shared[1]:.3g} for b; in the table each has all that its "
        "verdict is of.",
    )


def test_scored_at_their_best_each_is_judged_where_other_seeds_are_best(written) -> None:
    one, other = np.array(curves(0)), np.array(curves(1))
    one[:, 1] += 5  # its first chunk is better on every seed
    changes = {"score__at": "best"}
    found = pair(
        written,
        {"confirmed": list(one), **changes},
        {"confirmed": list(other - [[[0], [5]]]), **changes},
    )
    assert found.differences is not None
    np.testing.assert_allclose(found.differences, one[:, 0] - (other[:, 1] - 5))


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"score__metric": "kid"}, "score.metric: fid and kid"),
        ({"train__steps": 80}, "train.steps: 40 and 80"),
        ({"score__at": "best"}, "score.at: final and best"),
        (
            {"prints": {"data": "e"}, "data__limit": None},
            "the data fingerprints differ (data.limit: 200 and not set)",
        ),
        (
            {"prints": {"folds": "g"}, "data__seed": 1},
            "the folds fingerprints differ (data.seed: 0 and 1)",
        ),
        (
            {"prints": {"features": "n"}, "score__dimension": 4},
            "the features fingerprints differ (score.dimension: 8 and 4)",
        ),
        (
            {"prints": {"samples": 20}, "score__samples": 20},
            "the samples fingerprints differ (score.samples: not set and 20)",
        ),
        (
            {"prints": {"training": 2}},
            "the training fingerprints differ "
            "(the same settings: other files, versions or machine)",
        ),
    ],
)
def test_what_may_not_be_compared_says_why(written, second, reason) -> None:
    found = pair(written, {}, second)
    assert found.verdict == "unpaired"
    assert found.estimate is None
    assert found.apart == (reason,)


def test_a_penalty_from_a_file_of_one_s_own_keeps_none_apart(written) -> None:
    assert not pair(written, {}, {"prints": {"mine.py": "x"}}).apart


def test_other_seeds_are_paired_by_fold_with_a_word(written) -> None:
    found = pair(written, {}, {"study__seed": 9})
    assert not found.apart
    assert any(note.startswith("study.seed: 3 and 9: the folds are shared") for note in found.notes)


@pytest.mark.parametrize(
    ("trials", "told"),
    [
        ([], "no config of the search of 'b' has a score yet (1 waiting)"),
        ([[3.0, 3.0]], "no config of the search of 'b' has a score yet (1 complete)"),
        ([[3.0, 3.0], None], "no config of the search of 'b' has a score yet (1 complete, 1 fail)"),
    ],
)
def test_a_study_without_a_score_has_nothing_to_pair(written, trials, told) -> None:
    found = compare(written("a", [3.0, 3.0], [1.0, 2.0]), written("b", *trials))
    assert found.apart == (told,)
    assert found.second.score is None


def test_equal_scores_differ_by_nothing(written) -> None:
    same = curves(0)
    found = pair(written, {"confirmed": same}, {"confirmed": same})
    assert found.verdict == "unclear"
    assert found.estimate is not None and (found.estimate.mean, found.estimate.p) == (0.0, 1.0)


def test_a_study_of_plain_optuna_is_told_by_name(written, databases, storage_url) -> None:
    storage = databases.open(storage_url)
    plain = optuna.create_study(storage=storage, study_name="plain")
    with pytest.raises(UserError, match="'plain' was not made by sweep"):
        compare(written("a", [3.0, 3.0], [1.0, 2.0]), (plain, storage))


def test_seeds_with_other_parts_of_the_images_are_not_paired(written) -> None:
    curves = [np.full((2, FOLDS), 1.0 + 0.1 * seed) for seed in range(SEEDS)]
    sides = [
        written(name, [1.0, 1.2], [0.9, 1.0], confirmed=curves, confirm__images=images)
        for name, images in (("a", "these"), ("b", "halves"))
    ]
    found = compare(*sides)
    assert (found.verdict, found.apart) == ("unpaired", ("confirm.images: these and halves",))


def test_of_halves_a_seed_that_lost_its_other_half_counts_no_more_than_in_the_verdict(
    written,
) -> None:
    one: list[Any] = curves(0)
    one[3] = None
    study = written("a", [3.0, 3.0], [1.0, 2.0], confirmed=one, confirm__images="halves")
    other = written("b", [3.0, 3.0], [1.5, 1.0], confirmed=curves(1), confirm__images="halves")
    found, verdict = compare(study, other), read_confirmation(*study)
    assert verdict is not None
    assert list(found.first.scores) == list(found.seeds) == [1, 2, 5, 6]
    expected = np.mean([one[seed][-1] for seed in (0, 1, 4, 5)])
    assert found.first.score == pytest.approx(expected) == verdict.best.score
    assert found.first.diverged == (4,)
