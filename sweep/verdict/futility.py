"""A confirmation that ends before its plan, since no word can be expected of it any more."""

from typing import TYPE_CHECKING

from normsweep.spec.ranges import in_spreads
from normsweep.verdict.effect import ALPHA
from normsweep.verdict.statistics.futility import Ahead, is_futile
from normsweep.verdict.statistics.looks import Plan, look_at, looks
from normsweep.verdict.words import number

if TYPE_CHECKING:
    from normsweep.verdict.effect import Effect
    from normsweep.verdict.reading import Confirmation


def ends_in_vain(found: "Confirmation", plan: Plan) -> bool:
    """Whether at the look that a confirmation is of all of its candidates are futile.

    Only where `confirm.smallest` says which effects count; not by paired halves, of whose error
    more pairs take nothing.
    """
    wanted, last = found.spec.confirm.smallest, looks(plan)[-1]
    if wanted is None or found.look in (None, last) or found.spec.confirm.images == "halves":
        return False
    assert found.look is not None
    # Of one candidate, which is the least strict: with several fewer effects are found.
    level = look_at(plan, last).nominal(ALPHA)
    effects = [(e.effect, len(e.scores)) for e in found.candidates if e.effect is not None]
    return bool(effects) and all(
        is_futile(
            Ahead(effect.estimate, effect.over_seeds, seeds, last, level),
            _smallest(wanted, effect),
        )
        for effect, seeds in effects
    )


def why_in_vain(found: "Confirmation", plan: Plan) -> str:
    """What to say of it beside that it is not decided.

    Of as many seeds as its looks were planned for: fewer may be asked for since.
    """
    what = f"an effect of {number(found.smallest)} (confirm.smallest)"
    return (
        f"after {found.look} of {looks(plan)[-1]} seeds it ended, since the others had hardly "
        f"a chance to find {what}, or to rule it out; more seeds may"
    )


def _smallest(wanted: float | str, effect: "Effect") -> float:
    # As it is likely, and not as it surely is at least: a larger one is the sooner found.
    return wanted if isinstance(wanted, float) else in_spreads(wanted) * effect.spread
