"""Looks at a t-test: published boundaries, exact t-tests by simulation, and plans made longer."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.looks import (
    FIRST,
    MOST,
    ONLY,
    Plan,
    Stretch,
    boundaries,
    look_at,
    looks,
    planned_further,
)
from normsweep.verdict.statistics.over_seeds import of_seeds
from normsweep.verdict.statistics.seeds_and_images import of_seeds_and_images

DEFAULT = (Stretch(0, 8, True),)
LONGER = (Stretch(0, 8, True), Stretch(5, 12, True))


def test_by_many_seeds_the_boundaries_are_those_of_lan_and_demets() -> None:
    """The published five for equal looks and two-sided 5 %, spent as by O'Brien and Fleming."""
    times = np.arange(1, 6) / 5
    spent = 4 * stats.norm.sf(stats.norm.isf(0.0125) / np.sqrt(times))
    (found,) = boundaries(tuple(int(1000 * time) for time in times), spent[None])
    assert found == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.003)


@pytest.mark.parametrize(
    ("first", "second"),
    # Jennison and Turnbull, 2000, tables 2.1 and 2.3: Pocock's, and O'Brien and Fleming's.
    [(2.178, 2.178), (1.977 * 2**0.5, 1.977)],
)
def test_two_looks_have_the_boundaries_of_jennison_and_turnbull(first, second) -> None:
    (found,) = boundaries((500, 1000), np.array([[2 * stats.norm.sf(first), 0.05]]))
    assert found == pytest.approx([first, second], abs=0.003)


def test_three_looks_of_o_brien_and_fleming_spend_five_per_cent() -> None:
    """Their C = 2.004 for three looks, by what each spends: found by simulation of sums."""
    random = np.random.default_rng(0)
    sums = np.cumsum(random.normal(size=(1_000_000, 3)), axis=1) / np.sqrt([1, 2, 3])
    beyond = np.abs(sums) > 2.004 * np.sqrt(3 / np.arange(1, 4))
    spent = np.maximum.accumulate(beyond, axis=1).mean(axis=0)
    assert spent[-1] == pytest.approx(0.05, abs=7e-4)
    (found,) = boundaries((400, 800, 1200), np.array([[*spent[:-1], 0.05]]))
    assert found[1:] == pytest.approx([2.004 * 1.5**0.5, 2.004], abs=0.02)


def levels(plan: Plan, alpha: float = 0.05) -> dict[int, float]:
    return {look: look_at(plan, look).nominal(alpha) for look in looks(plan)}


def t_of(draws: np.ndarray, seeds: int) -> np.ndarray:
    """The t-statistics of the first so many of draws [studies, seeds]."""
    first = draws[:, :seeds]
    found: np.ndarray = first.mean(axis=1) / first.std(axis=1, ddof=1) * seeds**0.5
    return found


def called(plan: Plan, draws: np.ndarray, alpha: float = 0.05) -> np.ndarray:
    """After how many seeds each study is called something; 0 where it never is."""
    at = np.zeros(len(draws), int)
    for look, level in levels(plan, alpha).items():
        sure = np.abs(t_of(draws, look)) >= stats.t.isf(level / 2, look - 1)
        at = np.where((at == 0) & sure, look, at)
    return at


@pytest.mark.parametrize("plan", [DEFAULT, (Stretch(0, 16, True),), LONGER])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 3])
def test_looks_after_every_seed_call_five_per_cent_of_nulls(plan: Plan, alpha: float) -> None:
    studies = 60_000
    draws = np.random.default_rng(1).normal(size=(studies, plan[-1].seeds))
    share = (called(plan, draws, alpha) > 0).mean()
    assert share == pytest.approx(alpha, abs=3.5 * (alpha / studies) ** 0.5)


def test_the_levels_of_a_normal_test_would_call_more() -> None:
    times = np.array(looks(DEFAULT)) / 8
    spent = 4 * stats.norm.sf(stats.norm.isf(0.0125) / np.sqrt(times))
    (normal,) = boundaries(tuple(int(1000 * time) for time in times), spent[None])
    draws = np.random.default_rng(2).normal(size=(60_000, 8))
    sure = [
        np.abs(t_of(draws, look)) >= stats.t.isf(stats.norm.sf(z), look - 1)
        for look, z in zip(looks(DEFAULT), normal, strict=True)
    ]
    assert np.any(sure, axis=0).mean() > 0.055


def test_who_makes_the_plan_longer_whenever_it_looks_well_is_wrong_as_rarely() -> None:
    """Before each last look he adds two seeds where p is small, but not small enough."""
    draws = np.random.default_rng(3).normal(size=(60_000, 12))
    wrong = np.zeros(len(draws), bool)
    going = {DEFAULT: np.ones(len(draws), bool)}
    for seeds in range(FIRST, 13):
        later: dict[Plan, np.ndarray] = {}
        for plan, those in going.items():
            if seeds not in looks(plan):
                continue
            t = np.abs(t_of(draws, seeds))
            sure = t >= stats.t.isf(look_at(plan, seeds).nominal(0.05) / 2, seeds - 1)
            wrong |= those & sure
            tempted = (stats.t.sf(t, seeds - 1) < 0.05) & (seeds + 1 == plan[-1].seeds)
            grown = planned_further(plan, seeds, plan[-1].seeds + 2, each=True)
            for chosen, of in ((plan, ~tempted), (grown, tempted)):
                mask = those & ~sure & of
                if mask.any():
                    later[chosen] = later.get(chosen, np.zeros_like(mask)) | mask
        going = later
    assert wrong.mean() < 0.053


@pytest.mark.parametrize(("effect", "most"), [(6.0, 4.3), (3.0, 5.1), (0.0, 8.0)])
def test_large_effects_end_after_a_few_seeds(effect: float, most: float) -> None:
    """Effects in standard deviations between seeds."""
    draws = np.random.default_rng(4).normal(effect, 1, size=(20_000, 8))
    at = called(DEFAULT, draws)
    assert np.where(at, at, 8).mean() < most
    assert effect == 0 or (at > 0).all()


def simulated(
    random: np.random.Generator, studies: int, images_scale: float, truth: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Differences [8 seeds, 1] and influences of 60 images that judge by every seed."""
    made = []
    for _ in range(studies):
        own = images_scale * random.normal(size=60)
        each = own + 0.3 * images_scale * random.normal(size=(8, 60))
        made.append((truth + random.normal(size=(8, 1)) + each.mean(axis=1, keepdims=True), each))
    return made


Test = Callable[[np.ndarray, np.ndarray | None], Estimate | None]


def at_stopping(test: Test, differences: np.ndarray, influences: np.ndarray) -> Estimate:
    """The repeated estimate of the first look that is certain, or of the last."""
    for look in looks(DEFAULT):
        found = test(differences[:look], influences[:look])
        assert found is not None
        found = look_at(DEFAULT, look).estimate(found)
        if found.p <= 0.05:
            break
    return found


@pytest.mark.parametrize("images_scale", [0.0, 4.0, 30.0])
@pytest.mark.parametrize("truth", [0.0, 1.5])
def test_the_interval_at_stopping_holds_the_truth_whatever_the_doubt_is_of(
    images_scale: float, truth: float
) -> None:
    studies = simulated(np.random.default_rng(5), 400, images_scale, truth)
    found = [at_stopping(of_seeds_and_images, *study) for study in studies]
    inside = np.mean([each.low <= truth <= each.high for each in found])
    assert inside > 0.925
    if not truth:
        assert np.mean([each.p <= 0.05 for each in found]) == pytest.approx(1 - inside)


@pytest.mark.parametrize("shared", [0.5, 0.99])
@pytest.mark.parametrize("in_spreads", [False, True])
def test_no_effect_larger_than_x_is_rarely_said_of_one_of_x(
    in_spreads: bool, shared: float
) -> None:
    """X = 2 of the baseline's spread, known, or to be estimated, of which so much is in both."""
    random = np.random.default_rng(6)
    baseline, own = random.normal(size=(2, 20_000, 8))
    noise = (shared - 1) * baseline + (1 - shared**2) ** 0.5 * own
    for truth, least, most in ((2.0, 0.0, 0.03), (0.0, 0.5, 1.0)):
        draws = noise + truth
        said = np.zeros(len(draws), bool)
        for look, level in levels(DEFAULT).items():
            first, bound = draws[:, :look], np.full(len(draws), 2.0)
            if in_spreads:
                least_of = ((look - 1) / stats.chi2.isf(level / 2, look - 1)) ** 0.5
                bound = 2 * least_of * baseline[:, :look].std(axis=1, ddof=1)
            error = first.std(axis=1, ddof=1) / look**0.5 * stats.t.isf(level / 2, look - 1)
            said |= np.abs(first.mean(axis=1)) + error <= bound
        assert least <= said.mean() <= most


def test_one_look_is_the_test_itself() -> None:
    for plan in ((Stretch(0, 8, False),), (Stretch(0, 2, True),), (Stretch(0, FIRST, True),)):
        (look,) = looks(plan)
        assert look_at(plan, look) == ONLY
    found = of_seeds(np.random.default_rng(7).normal(size=(8, 3)), None)
    assert found is not None and ONLY.estimate(found) == found
    assert looks((Stretch(0, 1, True),)) == ()


@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.017, 1e-3, 1e-7])
def test_a_p_value_at_a_look_s_level_is_the_overall_one(alpha: float) -> None:
    for look in looks(LONGER):
        at = look_at(LONGER, look)
        assert at.repeated(at.nominal(alpha)) == pytest.approx(alpha)
    assert look_at(LONGER, 4).repeated(0.0) == 0.0
    assert look_at(LONGER, 4).repeated(1.0) == 1.0


def test_the_interval_leaves_0_out_where_p_is_at_most_5_per_cent() -> None:
    random = np.random.default_rng(8)
    for _ in range(200):
        differences = random.normal(0.8, 1, size=(6, 2))
        found = of_seeds(differences, None)
        assert found is not None
        repeated = look_at(DEFAULT, 6).estimate(found)
        assert (repeated.p <= 0.05) == (repeated.low > 0 or repeated.high < 0)
        assert repeated.mean == found.mean and repeated.low < found.low


def test_of_many_seeds_looks_are_so_many_apart() -> None:
    assert looks(DEFAULT) == (3, 4, 5, 6, 7, 8)
    many = looks((Stretch(0, 1000, True),))
    assert len(many) == MOST and many[-1] == 1000
    assert list(levels((Stretch(0, 100, True),)))[-1] == 100


def test_a_plan_is_made_longer_as_long_as_something_is_left() -> None:
    assert planned_further((), 0, 8, each=True) == DEFAULT
    # Before the first look nothing is spent: it is another plan.
    assert planned_further(DEFAULT, 2, 5, each=True) == (Stretch(0, 5, True),)
    assert planned_further(DEFAULT, 5, 12, each=True) == LONGER
    assert looks(LONGER) == tuple(range(3, 13))
    # Neither shorter nor again, nor once the last look is taken.
    for plan, complete, seeds in ((DEFAULT, 5, 6), (DEFAULT, 5, 8), (DEFAULT, 8, 12)):
        assert planned_further(plan, complete, seeds, each=True) == plan


def test_what_was_looked_at_stays_as_it_was_when_a_plan_is_made_longer() -> None:
    before, after = levels(DEFAULT), levels(LONGER)
    assert [after[look] for look in (3, 4, 5)] == [before[look] for look in (3, 4, 5)]
    assert after[6] < before[6]


def test_of_three_candidates_with_one_baseline_five_per_cent_are_called_anything() -> None:
    """The first step of Holm's, with a look after every seed."""
    random = np.random.default_rng(9)
    baseline = random.normal(size=(40_000, 8))
    called_one = np.zeros(len(baseline), bool)
    for _ in range(3):
        draws = random.normal(size=baseline.shape) - baseline
        called_one |= called(DEFAULT, draws, 0.05 / 3) > 0
    assert 0.03 < called_one.mean() < 0.05


def test_seeds_that_happen_to_agree_call_nothing_where_images_have_a_part_of_the_doubt() -> None:
    """Of 3 seeds the variance may be found far too small, and Satterthwaite's degrees too many."""
    random, called, plain = np.random.default_rng(7), 0, 0
    studies, images = 2000, 500
    each = {look: look_at(DEFAULT, look) for look in (3, 4, 5)}
    for _ in range(studies):
        influences = np.tile(random.normal(size=images), (8, 1)) * (images / 80) ** 0.5
        influences -= influences.mean(axis=1, keepdims=True)
        differences = random.normal(size=(8, 1)) + random.normal() / 80**0.5
        said = [
            (look, found)
            for seeds, look in each.items()
            if (found := of_seeds_and_images(differences[:seeds], influences[:seeds])) is not None
        ]
        assert len(said) == len(each)
        called += any(look.estimate(found).p <= 0.05 for look, found in said)
        plain += any(found.p <= look.nominal(0.05) for look, found in said)
    # Less than 1 % are spent after five seeds of eight.
    assert called < 0.015 * studies < plain


def test_the_careful_p_value_is_the_level_of_the_quantile() -> None:
    parts = ((0.3, 2.0), (0.7, 400.0))
    for distance in (0.5, 2.0, 7.0, 60.0):
        found = Estimate(-distance, 1.0, 0.0, 0.0, 0.2, 20.0, 0.95, parts)
        assert found.quantile(found.careful_p) == pytest.approx(distance, rel=1e-9)
        one = Estimate(-distance, 1.0, 0.0, 0.0, 0.2, 20.0, 0.95)
        assert one.careful_p == 0.2
    expected = 0.3 * stats.t.isf(0.01, 2) + 0.7 * stats.t.isf(0.01, 400)
    assert found.quantile(0.02) == pytest.approx(expected)
