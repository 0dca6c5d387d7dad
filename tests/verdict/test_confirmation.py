"""What a confirmation says, from scores written by hand."""

import math
from collections.abc import Callable
from contextlib import suppress
from itertools import product

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from scipy import stats

from normsweep.cli.as_json import confirmation_as_json
from normsweep.objectives.distances import DISTANCES
from normsweep.spec.space import no_penalty
from normsweep.storage.influences import add_influences
from normsweep.study.attributes import CONFIRM, FINAL
from normsweep.study.confirmation import Arm, confirmation_name, plan_confirmation
from normsweep.verdict.reading import Confirmation, read_confirmation
from normsweep.verdict.statistics.looks import Stretch, look_at
from normsweep.verdict.table import rows
from normsweep.verdict.wording import details, verdict_sentence

SEEDS, CHUNKS, FOLDS, CHUNK_STEPS = 6, 3, 2, 10
Write = Callable[..., Confirmation | None]


@pytest.fixture
def confirmed(make_spec, databases, storage_url) -> Write:
    """The confirmation of curves [seeds, chunks, folds] by arm; None is a seed that diverged.

    All are compared with the first, whose name is `against`. `asked` is for how many candidates and
    seeds it was asked, with a look after each, or by what `plan`; `final` are the curves [seeds,
    chunks, 1] of the last look, at baseline and first candidate; `images` the influences [seeds,
    chunks, images] by arm.
    """

    def confirmed(
        baseline: np.ndarray | list[np.ndarray | None],
        *others: list[np.ndarray | None],
        against: str = "baseline",
        asked: tuple[int, int] | None = None,
        plan: tuple[Stretch, ...] | None = None,
        final: list[list[np.ndarray | None]] | None = None,
        images: dict[str, np.ndarray] | None = None,
        **changes: object,
    ) -> Confirmation | None:
        spec = make_spec(score__folds=FOLDS, **changes)
        storage = databases.open(storage_url)
        for name in ("small", confirmation_name("small")):
            with suppress(KeyError):
                optuna.delete_study(study_name=name, storage=storage)
        study = optuna.create_study(storage=storage, study_name="small")
        held = optuna.create_study(storage=storage, study_name=confirmation_name("small"))
        study.set_user_attr("spec", spec.plain())
        none = spec.with_values(no_penalty())
        some = spec.with_values(
            {"penalty.strength": 1e-3, "penalty.order": 2.0, "penalty.target": "both"}
        )
        for number, curves in enumerate([baseline, *others]):
            config = none if number == 0 else some
            result = {"fold_scores": [1.0, 1.5 - number], "standard_error": 0.1, "step": 40}
            role = "search" if number else "baseline"
            said = {"role": role, "config": config.plain(), "result": result}
            study.add_trial(create_trial(value=1.0, user_attrs=said))
            # The search's baseline is trained whatever the others are compared with.
            names = [f"trial {number}"] if number else dict.fromkeys(["baseline", against])
            for name, (seed, curve) in product(names, enumerate(curves, 1)):
                about = {
                    "role": CONFIRM,
                    "arm": name,
                    "against": against if number else name,
                    "trial": None if name.startswith("baseline of") else number,
                    "seed": seed,
                    "config": config.plain(),
                }
                if curve is None:
                    failed = about | {"reason": "not finite by step 10"}
                    held.add_trial(create_trial(state=TrialState.FAIL, user_attrs=failed))
                else:
                    attributes = about | {"curve": curve.tolist(), "result": result}
                    held.add_trial(create_trial(value=1.0, user_attrs=attributes))
        for name, curves in zip(("baseline", "trial 1"), final or [], strict=False):
            for seed, curve in enumerate(curves, 1):
                about = {"role": FINAL, "arm": name, "against": "baseline", "trial": None}
                said = about | {"seed": seed, "config": {}}
                if curve is None:
                    held.add_trial(create_trial(state=TrialState.FAIL, user_attrs=said))
                else:
                    curve = {"curve": curve.tolist()}
                    held.add_trial(create_trial(value=1.0, user_attrs=said | curve))
        for trial in held.get_trials() if images else []:
            rows = (images or {}).get(trial.user_attrs["arm"], np.empty((0, 0, 0)))
            if trial.user_attrs["seed"] <= len(rows):
                by_step = enumerate(rows[trial.user_attrs["seed"] - 1], 1)
                with storage.engine.begin() as connection:
                    steps = {CHUNK_STEPS * chunk: row for chunk, row in by_step}
                    add_influences(connection, trial._trial_id, steps)
        if asked is not None:
            arms = [Arm("baseline", "baseline", none, 0)]
            arms += [Arm(f"trial {n}", "baseline", some, n) for n in range(1, asked[0] + 1)]
            plan_confirmation(held, *asked, arms, plan or [Stretch(0, asked[1], True)])
        return read_confirmation(study, storage)

    return confirmed


def noise(seed: int, scale: float = 0.1) -> np.ndarray:
    return 2 + scale * np.random.default_rng(seed).normal(size=(SEEDS, CHUNKS, FOLDS))


def stepped_down(p_values: list[float]) -> list[float]:
    """Holm's adjustment: each times how many are no smaller, and none below a smaller one's."""
    times = {p: p * sum(other >= p for other in p_values) for p in p_values}
    return [min(1.0, max(times[q] for q in p_values if q <= p)) for p in p_values]


def influences(seed: int) -> np.ndarray:
    """Those of 30 images on every score of an arm, of which each judges by every seed."""
    return np.random.default_rng(seed).normal(size=(SEEDS, CHUNKS, 30)).astype(np.float32)


def test_the_effect_allows_for_other_seeds_and_other_images_at_the_last_chunk(confirmed) -> None:
    baseline, other = noise(0), noise(1) - 0.2
    images = {"baseline": influences(2), "trial 1": influences(3)}
    found = confirmed(baseline, list(other), images=images)
    assert found is not None and found.best.effect is not None
    means = (other - baseline)[:, -1].mean(axis=1)
    of_seeds = means.var(ddof=1) / SEEDS
    psi = (images["trial 1"] - images["baseline"])[:, -1].astype(np.float64)
    psi = (psi - psi.mean(axis=1, keepdims=True)).mean(axis=0)
    of_images = (psi**2).sum() / (30 * 29)
    error = np.sqrt(of_seeds + of_images)
    degrees = error**4 / (of_seeds**2 / (SEEDS - 1) + of_images**2 / 29)
    p = 2 * stats.t.sf(abs(means.mean() / error), degrees)
    effect = found.best.effect
    assert effect.test == "seeds_and_images"
    assert effect.estimate.mean == pytest.approx(means.mean())
    assert effect.estimate.standard_error == pytest.approx(error)
    assert effect.estimate.degrees == pytest.approx(degrees)
    assert effect.adjusted_p == pytest.approx(p)
    assert effect.of_images == pytest.approx(of_images / error**2)
    assert effect.wins == np.mean(means < 0)
    spread = baseline[:, -1].mean(axis=1).std(ddof=1)
    assert effect.relative == pytest.approx(means.mean() / spread)
    said = " ".join(details(found))
    assert f"are a sample: that makes {100 * of_images / error**2:.0f} % of its variance" in said
    (told,) = confirmation_as_json(found, done=True)["confirmation"]["candidates"]
    assert told["effect"]["of_images"] == effect.of_images


def test_stopped_early_each_side_has_the_influences_of_its_own_chunk(confirmed) -> None:
    baseline, other = noise(0, 0.01), noise(1, 0.01)
    baseline[:, 1:] += 1.0
    other[:, :2] += 1.0
    images = {"baseline": influences(2), "trial 1": influences(3)}
    # One that is stored and asked for by nobody.
    images["baseline"][:, 1] = np.nan
    found = confirmed(baseline, list(other), images=images, score__at="best")
    assert found is not None and found.best.influences is not None
    expected = images["trial 1"][:, -1] - images["baseline"][:, 0]
    np.testing.assert_array_equal(found.best.influences[:, :30], expected)
    assert found.best.effect == found.best.stopped


def test_without_the_influences_of_all_seeds_the_images_are_taken_as_given(confirmed) -> None:
    """As of a confirmation that 0.4 made, or Optuna copied, to which seeds were added."""
    baseline, other = noise(0), noise(1) - 0.2
    images = {"baseline": influences(2), "trial 1": influences(3)[:-1]}
    for stored in (images, None):
        found = confirmed(baseline, list(other), images=stored)
        assert found is not None and found.best.effect is not None
        effect = found.best.effect
        assert (effect.test, effect.of_images) == ("over_seeds", None)
        assert effect.estimate == effect.over_seeds
        expected = stats.ttest_1samp((other - baseline)[:, -1].mean(axis=1), 0.0)
        assert effect.estimate.p == pytest.approx(expected.pvalue)
        said = [sentence for sentence in details(found) if "images that judge" in sentence]
        assert said == [
            "The images that judge are taken as given: what each of them adds was not stored with "
            "the scores."
        ]


def test_of_a_metric_whose_images_have_no_known_part_it_says_so(confirmed, monkeypatch) -> None:
    found = confirmed(noise(0), list(noise(1)), score__metric="kid")
    assert found is not None
    assert "what each of them adds was not stored" in " ".join(details(found))
    # All that there are have one; one's own need not.
    without = dict(DISTANCES) | {"kid": DISTANCES["kid"]._replace(influence=None)}
    monkeypatch.setattr("normsweep.verdict.wording.DISTANCES", without)
    assert "what each of them adds is not known of KID." in " ".join(details(found))


def test_beside_it_stands_the_t_test_over_the_means_of_the_seeds(confirmed) -> None:
    baseline, others = noise(0), [noise(1) - 0.2, noise(2) - 0.1]
    images = {"baseline": influences(2), "trial 1": influences(3), "trial 2": influences(4)}
    found = confirmed(baseline, *map(list, others), images=images)
    assert found is not None
    effects = [entry.effect for entry in found.candidates]
    plain = [
        stats.ttest_1samp((other - baseline)[:, -1].mean(axis=1), 0.0)
        for other in sorted(others, key=lambda other: other[:, -1].mean())
    ]
    for effect, p, test in zip(
        effects, stepped_down([t.pvalue for t in plain]), plain, strict=True
    ):
        assert effect is not None
        bounds = test.confidence_interval(0.95)
        assert (effect.over_seeds.low, effect.over_seeds.high) == pytest.approx(tuple(bounds))
        assert effect.over_seeds.mean == pytest.approx(effect.estimate.mean)
        assert effect.adjusted_p_over_seeds == pytest.approx(p)
        assert effect.estimate.standard_error > effect.over_seeds.standard_error
    said = " ".join(details(found))
    assert "the means of the 6 seeds alone say -" in said
    assert f"{plain[0].confidence_interval(0.95).low:+.3g}" in said


def test_one_seed_says_nothing_of_others(confirmed) -> None:
    images = {name: influences(seed)[:1] for seed, name in enumerate(("baseline", "trial 1"))}
    found = confirmed(noise(0)[:1], list(noise(1)[:1] - 1), images=images)
    assert found is not None
    assert (found.best.effect, found.best.stopped, found.verdict) == (None, None, "unclear")
    assert "has one confirmed seed, which says nothing of others" in verdict_sentence(found)
    said = " ".join(details(found))
    assert "seeds alone" not in said and "Confirmed on 1 seed and folds" in said


@pytest.mark.parametrize(
    ("shift", "verdict", "start"),
    [(-1.0, "helps", "helps: trial 1"), (1.0, "hurts", "hurts: every candidate is worse")],
)
def test_a_large_effect_is_called_by_its_name(confirmed, shift, verdict, start) -> None:
    found = confirmed(noise(0), list(noise(1) + shift))
    assert found is not None
    assert found.verdict == verdict
    assert verdict_sentence(found).startswith(start)


def test_higher_is_better_where_the_metric_says_so(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1) + 1), score__metric="coverage")
    assert found is not None
    assert found.verdict == "helps"
    assert "raises coverage by" in verdict_sentence(found)
    assert "better is higher" in next(iter(details(found)))


def test_no_effect_is_said_with_the_smallest_that_would_have_been_found(confirmed) -> None:
    found = confirmed(noise(0), list(noise(2)))
    assert found is not None and found.best.effect is not None
    assert found.verdict == "unclear"
    sentence = verdict_sentence(found)
    assert sentence.startswith("not decided: trial 1")
    assert f"an effect of {found.best.effect.detectable:.3g}" in sentence


def test_several_candidates_are_adjusted_for(confirmed) -> None:
    baseline = noise(0)
    curves = [noise(1) - 0.3, noise(2) - 0.25, noise(3)]
    found = confirmed(baseline, *map(list, curves))
    assert found is not None
    plain = [c.effect.estimate.p for c in found.candidates if c.effect is not None]
    adjusted = [c.effect.adjusted_p for c in found.candidates if c.effect is not None]
    assert adjusted == pytest.approx(stepped_down(plain), rel=1e-12)
    assert adjusted != plain
    assert [c.name for c in found.candidates] == sorted(
        ("trial 1", "trial 2", "trial 3"), key=lambda name: curves[int(name[-1]) - 1][:, -1].mean()
    )


def test_one_candidate_that_helps_is_the_verdict_s_even_beside_one_that_hurts(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1) + 1), list(noise(2) - 1))
    assert found is not None
    assert (found.verdict, found.best.name) == ("helps", "trial 2")


def test_before_all_that_was_asked_for_is_trained_there_is_no_verdict(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1)[:4] - 0.1), asked=(1, SEEDS))
    assert found is not None and found.best.effect is not None
    assert not found.best.effect.is_certain
    assert (found.verdict, found.missing, found.look) == ("unfinished", 2, None)
    said = verdict_sentence(found)
    assert said.startswith(
        "unfinished: at most 2 of 12 trainings are still to be made, by sweep confirm small --top "
        "1 --seeds 6, and there is no verdict before. So far trial 1"
    )
    told = confirmation_as_json(found, done=False)["confirmation"]
    assert (told["verdict"], told["missing"], told["look"]) == ("unfinished", 2, None)


def means_of(baseline: np.ndarray, other: np.ndarray, seeds: int) -> np.ndarray:
    """The differences of the first seeds at the last chunk, means over folds."""
    difference: np.ndarray = (other - baseline)[:seeds, -1].mean(axis=1)
    return difference


def test_a_large_effect_is_a_verdict_after_few_seeds_and_those_after_it_change_nothing(
    confirmed,
) -> None:
    baseline, other = noise(0), noise(1) - 0.25
    found = confirmed(baseline, list(other), asked=(1, SEEDS))
    assert found is not None and found.best.effect is not None
    assert (found.verdict, found.missing, found.look, found.seeds) == ("helps", 0, 4, 4)
    means = means_of(baseline, other, 4)
    # The repeated interval: by the level of this look, not by 5 %.
    level = look_at((Stretch(0, SEEDS, True),), 4).nominal(0.05)
    assert 0.001 < level < 0.02
    bounds = stats.ttest_1samp(means, 0.0).confidence_interval(1 - level)
    estimate = found.best.effect.estimate
    assert (estimate.low, estimate.high) == pytest.approx(tuple(bounds))
    assert stats.ttest_1samp(means, 0.0).pvalue < estimate.p < 0.05
    said = " ".join(details(found))
    assert "Looked at after each of 3 to 6 seeds at most" in said
    assert "This is the look after 4, which ended it." in said
    for seeds in (4, 5):
        # As it is after a `kill -9` in the middle of a later seed, too.
        again = confirmed(baseline, list(other[:seeds]), asked=(1, SEEDS))
        assert again is not None
        assert verdict_sentence(again) == verdict_sentence(found)
        assert list(details(again)) == said_of(found)
    told = confirmation_as_json(found, done=True)["confirmation"]
    assert (told["look"], told["looks"], told["smallest"]) == (4, [3, 4, 5, 6], None)


def said_of(found: Confirmation) -> list[str]:
    return list(details(found))


def test_a_seed_that_one_of_the_arms_lacks_is_not_looked_at(confirmed) -> None:
    others = noise(1) - 0.2, noise(2)
    found = confirmed(noise(0), list(others[0]), list(others[1][:3]), asked=(2, SEEDS))
    assert found is not None
    assert (found.verdict, found.missing) == ("unfinished", 3)


def test_before_the_third_seed_there_is_no_interval_to_stop_by(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1)[:2] - 1), asked=(1, SEEDS))
    assert found is not None
    assert (found.verdict, found.best.effect) == ("unfinished", None)
    assert "So far" not in verdict_sentence(found)
    assert found.best.score == pytest.approx(noise(1)[:2, -1].mean() - 1)


def test_a_plan_of_one_look_has_all_of_it_for_the_end(confirmed) -> None:
    plan = (Stretch(0, SEEDS, False),)
    early = confirmed(noise(0), list(noise(1)[:5] - 1), asked=(1, SEEDS), plan=plan)
    assert early is not None and early.verdict == "unfinished"
    found = confirmed(noise(0), list(noise(1) - 1), asked=(1, SEEDS), plan=plan)
    assert found is not None and found.best.effect is not None
    assert (found.verdict, found.look) == ("helps", SEEDS)
    expected = stats.ttest_1samp(means_of(noise(0), noise(1) - 1, SEEDS), 0.0)
    assert found.best.effect.estimate.p == pytest.approx(expected.pvalue)
    assert "Looked at" not in " ".join(details(found))


def test_seeds_beyond_the_plan_are_told_and_give_no_word(confirmed) -> None:
    baseline, other = noise(0), noise(1) - 0.05
    other[4:] -= 0.1
    plan = (Stretch(0, 4, True),)
    found = confirmed(baseline, list(other), asked=(1, SEEDS), plan=plan)
    assert found is not None and found.beyond
    assert (found.verdict, found.look, found.missing, found.seeds) == ("unclear", 4, 0, 4)
    said = " ".join(details(found))
    difference = means_of(baseline, other, SEEDS).mean()
    assert f"By all 6 the difference of trial 1 is {difference:+.3g}" in said
    assert "No word rests on what all of them say" in said


def test_all_seeds_are_told_of_each_candidate(confirmed) -> None:
    """The second is better than its baseline by the seeds beyond the plan, and worse before."""
    baseline, best, other = noise(0), noise(1) - 0.05, noise(2) + 0.1
    other[4:] -= 3
    lost = [*noise(3)[:5], None]
    plan = (Stretch(0, 4, True),)
    found = confirmed(baseline, list(best), list(other), lost, asked=(3, SEEDS), plan=plan)
    assert found is not None and found.verdict == "unclear"
    said = [each for each in details(found) if each.startswith("By ")]
    for number, scores in ((1, best), (2, other)):
        expected = stats.ttest_1samp(means_of(baseline, scores, SEEDS), 0.0)
        low, high = expected.confidence_interval()
        mean = means_of(baseline, scores, SEEDS).mean()
        assert (
            f"By all 6 the difference of trial {number} is {mean:+.3g} "
            f"(95 % interval {low:+.3g} to {high:+.3g}, as if so many had been planned)."
        ) in said
    assert means_of(baseline, other, 4).mean() > 0 > means_of(baseline, other, SEEDS).mean()
    assert [each for each in said if "By the 5 of all 6 that stayed finite" in each]
    assert len(said) == 3
    told = confirmation_as_json(found, done=True)["confirmation"]
    by_trial = {entry["trial"]: entry for entry in told["beyond"]}
    assert [entry["trial"] for entry in told["beyond"]] == [
        entry["trial"] for entry in told["candidates"]
    ]
    mean = means_of(baseline, other, SEEDS).mean()
    assert by_trial[2]["difference"]["mean"] == pytest.approx(mean)
    assert (by_trial[2]["seeds"], by_trial[3]["seeds"], by_trial[3]["diverged"]) == (6, 5, 1)


def test_of_a_candidate_that_lost_all_of_its_seeds_all_seeds_say_nothing(confirmed) -> None:
    plan = (Stretch(0, 4, True),)
    others = list(noise(1)), [None] * SEEDS
    found = confirmed(noise(0), *others, asked=(2, SEEDS), plan=plan)
    assert found is not None and len(found.beyond) == 2
    (said,) = (each for each in details(found) if "there is no difference of" in each)
    assert said == (
        "By all 6 there is no difference of trial 2: "
        "it and the baseline both stayed finite on none."
    )
    told = confirmation_as_json(found, done=True)["confirmation"]["beyond"][1]
    assert (told["seeds"], told["difference"], told["diverged"]) == (0, None, SEEDS)


def test_an_interval_within_the_smallest_effect_that_counts_says_so(confirmed) -> None:
    found = confirmed(noise(0), list(noise(2)), asked=(1, SEEDS), confirm__smallest=0.5)
    assert found is not None and found.best.effect is not None
    assert (found.verdict, found.is_decided) == ("negligible", True)
    assert found.look is not None and found.look < SEEDS
    estimate = found.best.effect.estimate
    assert -0.5 < estimate.low < estimate.high < 0.5
    said = verdict_sentence(found)
    assert said.startswith("no effect larger than 0.5: trial 1 (power) differs in FID-proxy by ")
    assert said.endswith("all of which is within ±0.5 (confirm.smallest)")
    told = confirmation_as_json(found, done=True)["confirmation"]
    assert (told["verdict"], told["smallest"]) == ("negligible", 0.5)


@pytest.mark.parametrize(("count", "told"), [(1, "is 1 other"), (2, "are 2 others")])
def test_others_within_the_smallest_effect_may_differ_by_more_than_the_best(
    confirmed, count, told
) -> None:
    others = [list(noise(0) + 0.3 + noise(seed, 0.01) - 2) for seed in range(3, 3 + count)]
    found = confirmed(noise(0), list(noise(0) + noise(2, 0.01) - 2), *others, confirm__smallest=0.5)
    assert found is not None and found.verdict == "negligible"
    assert verdict_sentence(found).endswith(
        f"all of which is within ±0.5 (confirm.smallest), and so {told}"
    )


def test_the_smallest_effect_that_counts_may_be_in_spreads_of_the_baseline(confirmed) -> None:
    changes = {"confirm__smallest": "12 sd"}
    found = confirmed(noise(0), list(noise(2)), asked=(1, SEEDS), **changes)
    assert found is not None and found.verdict == "negligible" and found.look is not None
    spread = noise(0)[: found.look, -1].mean(axis=1).std(ddof=1)
    # As wide as it surely is, by chi-squared.
    level = look_at((Stretch(0, SEEDS, True),), found.look).nominal(0.05) / 2
    degrees = found.look - 1
    least = spread * (degrees / stats.chi2.isf(level, degrees)) ** 0.5
    assert found.smallest == pytest.approx(12 * least)


@pytest.mark.parametrize("other", [[*noise(3)[:-1], None], [*(noise(3) + 0.6)]])
def test_one_candidate_beyond_it_or_that_diverges_is_no_small_effect(confirmed, other) -> None:
    changes = {"confirm__smallest": 0.5}
    found = confirmed(noise(0), list(noise(2)), other, **changes)
    assert found is not None
    assert found.verdict == "unclear"


def test_it_ends_where_an_effect_that_counts_can_no_longer_be_found(confirmed) -> None:
    """Nor be ruled out: seeds differ by far more than what counts."""
    baseline = noise(0)
    other = baseline + np.array([3.0, -2.0, -1.0, 2.0, -3.0, 1.0])[:, None, None]
    asked = (1, SEEDS)
    found = confirmed(baseline[:3], list(other[:3]), asked=asked, confirm__smallest=0.1)
    assert found is not None
    assert (found.verdict, found.futile, found.is_over, found.missing) == ("unclear", True, True, 0)
    assert (found.look, found.is_decided) == (3, False)
    said = verdict_sentence(found)
    assert "after 3 of 6 seeds it ended, since the others had hardly a chance to find" in said
    assert "an effect of 0.1 (confirm.smallest), or to rule it out; more seeds may" in said
    assert "This is the look after 3, which ended it." in " ".join(details(found))
    assert confirmation_as_json(found, done=True)["confirmation"]["futile"] is True
    # Of what its looks were planned for, also where fewer are asked for since.
    plan = (Stretch(0, SEEDS, True),)
    fewer = confirmed(baseline[:4], list(other[:4]), asked=(1, 4), plan=plan, confirm__smallest=0.1)
    assert fewer is not None and fewer.futile
    assert "after 4 of 6 seeds it ended" in verdict_sentence(fewer)
    # It binds nobody: seeds that are there all the same count.
    whole = confirmed(baseline, list(other), asked=asked, confirm__smallest=0.1)
    assert whole is not None and (whole.look, whole.futile) == (SEEDS, False)
    # Nor does anything end so where nobody said what counts.
    unsaid = confirmed(baseline[:3], list(other[:3]), asked=asked)
    assert unsaid is not None and (unsaid.verdict, unsaid.futile) == ("unfinished", False)


def test_nothing_is_negligible_where_nobody_said_what_counts(confirmed) -> None:
    found = confirmed(noise(0), list(noise(0)), asked=(1, SEEDS))
    assert found is not None
    assert (found.verdict, found.look) == ("unclear", SEEDS)


def test_all_that_was_asked_for_is_there_for_a_verdict(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1) - 1), asked=(1, SEEDS))
    assert found is not None
    assert (found.verdict, found.missing) == ("helps", 0)


def test_a_candidate_that_is_still_to_be_trained_is_adjusted_for(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1)), [], asked=(2, SEEDS))
    assert found is not None and found.best.effect is not None
    assert found.missing == SEEDS
    assert [entry.name for entry in found.candidates] == ["trial 1", "trial 2"]
    effect = found.best.effect
    assert effect.adjusted_p == pytest.approx(min(1, 2 * effect.estimate.p))


def test_more_candidates_make_the_least_detectable_effect_larger(confirmed) -> None:
    found = confirmed(noise(0), *(list(noise(n)) for n in (1, 2, 3)))
    assert found is not None
    for entry in found.candidates:
        assert entry.effect is not None
        estimate = entry.effect.estimate
        quantiles = stats.t.ppf([1 - 0.05 / 3 / 2, 0.8], SEEDS - 1).sum()
        assert entry.effect.detectable == pytest.approx(estimate.standard_error * quantiles)


def test_at_the_best_chunk_the_last_one_stands_beside_it(confirmed) -> None:
    baseline, other = noise(0), noise(1)
    baseline[:, 1] -= 1
    found = confirmed(baseline, list(other), score__at="best")
    assert found is not None and found.best.last is not None and found.best.effect is not None
    assert found.best.effect.estimate.mean > 0.5
    last = (other - baseline)[:, -1].mean()
    assert found.best.last.estimate.mean == pytest.approx(last)
    assert (
        f"Without stopping, both at their last chunk, FID-proxy is {other[:, -1].mean():.3g}"
        in (" ".join(details(found)))
    )


def test_the_last_look_is_at_the_chunk_that_the_folds_chose(confirmed) -> None:
    baseline, other = noise(0), noise(1)
    baseline[:, 0] -= 1
    other[:, 1] -= 1
    # By these images alone other chunks would be better.
    look = [[np.array([[5.0], [1.0], [1.0]])] * 2, [np.array([[1.0], [4.0], [1.0]])] * 2]
    found = confirmed(baseline, list(other), score__at="best", final=look)
    assert found is not None and found.final is not None
    assert found.final.scores.tolist() == [4.0, 4.0]
    assert found.final.baseline_scores.tolist() == [5.0, 5.0]


def test_the_last_look_is_a_t_test_over_seeds_that_share_nothing(confirmed) -> None:
    draw = np.random.default_rng(5).normal(size=(2, SEEDS, CHUNKS, 1))
    found = confirmed(noise(0), list(noise(1)), final=[list(each) for each in draw])
    assert found is not None and found.final is not None and found.final.estimate is not None
    expected = stats.ttest_rel(draw[1, :, -1, 0], draw[0, :, -1, 0])
    assert found.final.estimate.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert found.final.estimate.low == pytest.approx(interval.low)
    assert found.final.estimate.high == pytest.approx(interval.high)


def test_seeds_that_the_last_look_lost_are_told(confirmed) -> None:
    whole = np.ones((CHUNKS, 1))
    found = confirmed(noise(0), list(noise(1)), final=[[whole] * 3, [whole, None, None]])
    assert found is not None and found.final is not None
    assert (len(found.final.scores), found.final.diverged) == (1, 2)
    assert "On 2 of 3 seeds one of the two did not stay finite." in " ".join(details(found))


def test_a_last_look_that_lost_all_seeds_says_so(confirmed) -> None:
    whole = np.ones((CHUNKS, 1))
    found = confirmed(noise(0), list(noise(1)), final=[[whole] * 2, [None, None]])
    assert found is not None and found.final is not None
    assert "none, since trial 1 and its baseline did not both stay finite on any of 2 seeds" in (
        " ".join(details(found))
    )
    told = confirmation_as_json(found, done=True)["confirmation"]["final"]
    assert (told["scores"], told["difference"], told["diverged"]) == ([], None, 2)


def test_early_stopping_compares_each_at_the_chunk_that_other_seeds_chose(confirmed) -> None:
    baseline, other = noise(0, 0.01), noise(1, 0.01)
    # The baseline overfits after its first chunk; the other one gets better to the end.
    baseline[:, 1:] += 1.0
    other[:, :2] += 1.0
    found = confirmed(baseline, list(other))
    assert found is not None and found.best.stopped is not None
    assert found.verdict == "helps"
    assert found.best.stopped_steps == (40.0 / 4 * 3, 10.0)
    assert abs(found.best.stopped.estimate.mean) < 0.02


def test_where_trials_score_at_their_best_chunk_so_does_the_confirmation(confirmed) -> None:
    baseline, other = noise(0, 0.01), noise(1, 0.01)
    baseline[:, 1:] += 1.0
    found = confirmed(baseline, list(other - 0.5), score__at="best")
    assert found is not None and found.best.effect is not None
    assert found.best.effect.estimate.mean == pytest.approx(-0.5, abs=0.02)
    said = " ".join(details(found))
    # What an early stop adds cannot be said of scores that are stopped early all.
    assert "With both stopped early" not in said and "early stopping alone" not in said
    assert "All scores are stopped early, each at the chunk that is best on other seeds" in said


def test_one_seed_scores_at_its_last_chunk_for_want_of_others_and_says_so(confirmed) -> None:
    found = confirmed(noise(0)[:1], list(noise(1)[:1]), score__at="best")
    assert found is not None
    assert found.best.score == noise(1)[0, -1].mean()
    assert "trial 1 and the baseline are scored at their last chunk" in " ".join(details(found))


def test_a_candidate_that_diverges_is_never_called_helpful(confirmed) -> None:
    curves: list[np.ndarray | None] = [*(noise(1) - 1)]
    curves[2] = None
    found = confirmed(noise(0), curves)
    assert found is not None
    assert found.verdict == "unclear"
    assert found.best.diverged == 1
    assert len(found.best.scores) == SEEDS - 1
    said = " ".join(details(found))
    assert "trial 1 did not stay finite on 1 of 6 seeds, which are left out; it is not" in said
    # Certain on the other seeds: why there is no better word stands beside the numbers.
    assert verdict_sentence(found).endswith("; but it did not stay finite on 1 of 6 seeds")


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("at", ["final", "best"])
def test_a_seed_with_a_score_that_is_not_finite_diverged(confirmed, at, broken) -> None:
    """Earlier versions stored such scores."""
    curves: list[np.ndarray | None] = [*(noise(1) - 1)]
    last: list[np.ndarray | None] = [np.full((CHUNKS, 1), 2.0) for _ in range(SEEDS)]
    for each in (curves, last):
        assert each[2] is not None
        each[2] = np.where(np.arange(CHUNKS)[:, None] == 1, broken, each[2])
    found = confirmed(noise(0), curves, final=[list(noise(0)[..., :1]), last], score__at=at)
    assert found is not None and found.final is not None and found.best.stopped is not None
    assert found.best.own_diverged == found.final.diverged == 1
    assert len(found.best.scores) == len(found.final.scores) == SEEDS - 1
    assert np.isfinite([found.best.score, found.best.stopped.estimate.mean]).all()


def test_where_the_baseline_diverged_a_worse_candidate_is_not_called_harmful(confirmed) -> None:
    baseline: list[np.ndarray | None] = [*noise(0)]
    baseline[2] = None
    found = confirmed(baseline, list(noise(1) + 1))
    assert found is not None
    assert found.verdict == "unclear"
    assert verdict_sentence(found).endswith(
        "; but the baseline did not stay finite on 1 of 6 seeds"
    )


def test_where_only_some_are_certainly_worse_no_effect_is_called(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1) + 1), list(noise(2, scale=3) + 1.5))
    assert found is not None
    assert found.verdict == "unclear"
    assert verdict_sentence(found).endswith("; but the other candidates do not for certain")


def test_a_baseline_that_diverges_is_nothing_against_the_candidate(confirmed) -> None:
    baseline: list[np.ndarray | None] = [*noise(0)]
    baseline[2] = None
    found = confirmed(baseline, list(noise(1) - 1))
    assert found is not None
    assert found.verdict == "helps"
    best = found.best
    assert (best.diverged, best.own_diverged, best.baseline_diverged) == (1, 0, 1)
    said = " ".join(details(found))
    assert "The baseline did not stay finite on 1 of 6 seeds, where trial 1 did" in said
    assert "not called helpful" not in said


def test_where_both_sides_diverge_each_is_told(confirmed) -> None:
    baseline: list[np.ndarray | None] = [*noise(0)]
    curves: list[np.ndarray | None] = [*(noise(1) - 1)]
    baseline[2] = curves[2] = curves[4] = None
    found = confirmed(baseline, curves)
    assert found is not None
    assert found.verdict == "unclear"
    assert found.best.diverged == 2
    told = "trial 1 did not stay finite on 2 of 6 seeds and its baseline on 1, which are left out"
    assert told in " ".join(details(found))


@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_a_candidate_that_always_diverges_stays_in_the_table_and_counts(confirmed, shift) -> None:
    found = confirmed(noise(0), [None] * SEEDS, list(noise(2) + shift))
    assert found is not None and found.best.effect is not None
    assert found.verdict == {-1.0: "helps", 0.0: "unclear", 1.0: "hurts"}[shift]
    assert [entry.name for entry in found.candidates] == ["trial 2", "trial 1"]
    effect = found.best.effect
    assert effect.adjusted_p == pytest.approx(min(1, 2 * effect.estimate.p))
    assert "adjusted for 2 candidates" in verdict_sentence(found)
    assert ("every candidate that can be compared is worse" in verdict_sentence(found)) == (
        shift == 1
    )
    assert "diverged on 6 of 6 seeds" in rows(found)[1]
    assert "trial 1 did not stay finite on 6 of 6 seeds" in " ".join(details(found))
    (lost,) = confirmation_as_json(found, done=True)["confirmation"]["candidates"][1:]
    assert (lost["scores"], lost["own_diverged"], lost["baseline_diverged"]) == ([], 6, 0)
    assert np.isnan([lost["score"], lost["lead"]]).all()


def test_where_nothing_is_paired_no_effect_was_detected_and_the_reason_is_told(confirmed) -> None:
    found = confirmed(noise(0), [None] * SEEDS)
    assert found is not None
    assert found.verdict == "unclear"
    said = verdict_sentence(found)
    assert said.startswith("not decided: nothing to compare")
    assert said.endswith("both stayed finite on a seed (diverged: trial 1 on 6 of 6 seeds)")
    assert rows(found)[0][2:4] == ("diverged on 6 of 6 seeds", "–")
    assert list(details(found)) == [
        "trial 1 did not stay finite on 6 of 6 seeds, which are left out; it is not called helpful."
    ]
    told = confirmation_as_json(found, done=True)["confirmation"]
    assert (told["verdict"], told["seeds"], told["missing"]) == ("unclear", 0, 0)


def test_the_lead_of_the_search_stands_beside_the_confirmed_one(confirmed) -> None:
    found = confirmed(noise(0), list(noise(1)))
    assert found is not None
    # Written above: folds 1.0 and 1.5 for the baseline, 1.0 and 0.5 for the candidate.
    assert found.best.search_lead == pytest.approx(0.5)
    assert found.best.lead == pytest.approx((noise(0) - noise(1))[:, -1].mean())


def test_a_study_that_was_never_confirmed_has_no_confirmation(example, databases) -> None:
    assert read_confirmation(example.study, databases.open(example.url)) is None


@pytest.mark.parametrize(("shift", "luck"), [(-0.2, True), (-1.0, False)])
def test_only_what_is_less_than_in_the_search_was_luck(confirmed, shift, luck) -> None:
    # The search saw a lead of 0.5.
    found = confirmed(noise(0, 0.01), list(noise(1, 0.01) + shift))
    assert found is not None
    assert ("the rest was luck" in " ".join(details(found))) == luck


def test_against_another_baseline_than_the_search_s_a_smaller_lead_is_not_called_luck(
    confirmed,
) -> None:
    found = confirmed(noise(0, 0.01), list(noise(1, 0.01) - 0.2), against="baseline of trial 1")
    assert found is not None and found.best.lead < found.best.search_lead
    said = " ".join(details(found))
    assert "luck" not in said
    assert "the search's baseline had other settings." in said


def test_a_verdict_by_seeds_alone_says_so_in_its_sentence(confirmed) -> None:
    """Where influences are not stored."""
    found = confirmed(noise(0), list(noise(1) - 1))
    assert found is not None and found.best.effect is not None
    assert found.best.effect.test == "over_seeds"
    assert ", by seeds alone), and is better on" in verdict_sentence(found)
    images = {"baseline": influences(2), "trial 1": influences(3)}
    found = confirmed(noise(0), list(noise(1) - 3), images=images)
    assert found is not None and "by seeds alone" not in verdict_sentence(found)


def test_of_halves_a_pair_that_lost_a_seed_is_left_out_whole(confirmed) -> None:
    curves: list[np.ndarray | None] = [*(noise(1) - 1)]
    curves[2] = None
    found = confirmed(noise(0), curves, confirm__images="halves")
    assert found is not None and found.best.effect is not None
    assert (len(found.best.scores), found.best.diverged, found.best.own_diverged) == (4, 1, 1)
    means = (noise(1) - 1 - noise(0))[[0, 1, 4, 5], -1].mean(axis=1)
    apart = means[::2] - means[1::2]
    estimate = found.best.effect.estimate
    assert estimate.standard_error == pytest.approx(((apart**2).sum() / 8) ** 0.5)
    assert (estimate.degrees, found.verdict) == (2, "unclear")
    assert verdict_sentence(found).endswith("did not stay finite on 1 of 6 seeds")
    said = " ".join(details(found))
    assert "trial 1 did not stay finite on 1 of 6 seeds, which are left out, each with the" in said


def test_of_halves_all_seeds_beyond_the_plan_are_counted_that_were_trained(confirmed) -> None:
    curves: list[np.ndarray | None] = [*(noise(1))]
    curves[5] = None
    plan = (Stretch(0, 4, False),)
    asked = (1, SEEDS)
    found = confirmed(noise(0), curves, asked=asked, plan=plan, confirm__images="halves")
    assert found is not None and found.beyond
    (said,) = (each for each in details(found) if each.startswith("By "))
    assert said.startswith("By the 4 of all 6 whose pair of halves stayed finite the difference")


def test_of_halves_no_whole_pair_beyond_the_plan_does_not_say_that_all_diverged(confirmed) -> None:
    curves = [None if seed % 2 else curve for seed, curve in enumerate(noise(1))]
    plan = (Stretch(0, 4, False),)
    found = confirmed(
        noise(0), [*noise(2)], curves, asked=(2, SEEDS), plan=plan, confirm__images="halves"
    )
    assert found is not None and len(found.beyond) == 2
    (said,) = (each for each in details(found) if each.startswith("By ") and "trial 2" in each)
    assert said.endswith("both stayed finite on both seeds of no pair of halves.")


def test_of_halves_without_a_whole_pair_all_seeds_are_counted_that_were_trained(confirmed) -> None:
    curves = [None if seed % 2 else curve for seed, curve in enumerate(noise(1))]
    found = confirmed(noise(0), curves, confirm__images="halves")
    assert found is not None and not found.best.is_paired
    said = verdict_sentence(found)
    assert said.endswith("of a pair of halves (diverged: trial 1 on 3 of 6 seeds)")
    assert rows(found)[0][2] == "diverged on 3 of 6 seeds"
