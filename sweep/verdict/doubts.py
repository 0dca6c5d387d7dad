"""What to doubt in an answer, by the numbers of its trials: a sentence each."""

from collections.abc import Mapping, Sequence


def of_a_collapsed_best(ranking: Sequence[int], collapses: Mapping[int, str]) -> list[str]:
    """That the best trial is of a model that was dead in the end."""
    if not ranking or ranking[0] not in collapses:
        return []
    return [f"the best config, trial {ranking[0]}, collapsed {collapses[ranking[0]]}"]


def of_others(numbers: list[int]) -> list[str]:
    """Trials without scores on folds."""
    if not numbers:
        return []
    named = f"trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
    return [f"{named}: added by other code than sweep, without scores on folds; not in the ranking"]


def of_twins(twins: Mapping[int, int]) -> list[str]:
    """Trials that took over the result of another."""
    if not twins:
        return []
    named = ", ".join(f"{number} of {twin}" for number, twin in twins.items())
    return [f"the same config was asked for again; results were taken over, by trial {named}"]
