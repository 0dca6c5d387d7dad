"""What is measured of every trial beside its scores: of λ and of the weights of each network."""

STRENGTH_FACTOR = "strength_factor"
"""What a schedule multiplies λ with, at the end of a chunk."""
ZEROS, NORM = "_zeros", "_norm"
"""What follows a network's name: the share of its penalised weights that are 0, and their √Σw²."""


def at_rest(name: str) -> float | None:
    """The value with which a number says nothing; None of one that always says something."""
    if name == STRENGTH_FACTOR:
        return 1.0
    return 0.0 if name.endswith(ZEROS) else None


def worth_telling(recorded: dict[str, float]) -> dict[str, float]:
    """What was recorded of a trial, without what says nothing in a line of text.

    Norms are for figures and tables alone.
    """
    return {
        name: value
        for name, value in recorded.items()
        if not name.endswith(NORM) and at_rest(name) != value
    }
