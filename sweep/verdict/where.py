"""Whether anything found is worth taking away; and where to look where nothing is."""

from collections.abc import Iterator

from normsweep.spec.fields import FACTS
from normsweep.verdict.answers import Answer, Ranked, short
from normsweep.verdict.reading import Confirmation
from normsweep.verdict.words import number

_FADING = ("gradient_penalty.strength", "augment.strength")
"""Fields outside the penalty that at 0 do nothing, though it is their section's switch that the
baseline turns."""


def worth_taking(found: Answer, confirmed: Confirmation | None) -> bool:
    """Whether the best config beats the baseline, by the confirmation where that is certain."""
    if confirmed is not None and confirmed.verdict in ("helps", "hurts"):
        return confirmed.verdict == "helps"
    return found.beats_baseline is not False


def nothing_better(found: Answer) -> str:
    """That nothing beats the baseline, in a sentence; of a search that goes on, so far."""
    so_far = " so far" if found.counts["running"] or found.counts["waiting"] else ""
    return f"Nothing found{so_far} beats the baseline"


def where_to_look(found: Answer, option: str = "") -> Iterator[tuple[str, str]]:
    """What to try when nothing beats the baseline, and why; `option` names the storage.

    A config goes over into the baseline as its strengths go to 0, or its radius to infinity: where
    the best is the weakest that was tried, weaker ones are better, or no worse than the baseline.
    """
    assert found.best is not None
    for path in _paths(found.best):
        value = found.best.setting(path)
        alike = [entry.setting(path) for entry in found.ranking if entry.kind == found.best.kind]
        tried = [other for other in alike if isinstance(other, float)]
        grows = FACTS[path].coefficient == "radius"
        if isinstance(value, float) and value == (max(tried) if grows else min(tried)) and value:
            beyond = "above" if grows else "below"
            yield (
                f"{short(path)} {beyond} {number(value)}",
                "weaker than any tried; the weakest is the baseline",
            )
    yield "sweep options penalties", "other kinds of regularisation"
    yield f"sweep report {found.study}{option}", "how the score moves with each setting"


def _paths(best: Ranked) -> Iterator[str]:
    """The fields of a config that say how strongly it regularises."""
    for path, facts in FACTS.items():
        acts = path.startswith("penalty.") or path in best.parameters
        if acts and (
            facts.coefficient in ("strength", "radius") or facts.off == 0.0 or path in _FADING
        ):
            yield path
