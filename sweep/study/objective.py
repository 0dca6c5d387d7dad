"""How a metric becomes a score, and in which direction a study goes."""

from optuna.study import StudyDirection

from objectives.distances import distance


def scored(metric: str, value: float) -> float:
    """A metric's value as a score: its magnitude where the best value is 0, else the value."""
    return abs(value) if distance(metric).better == "zero" else value


def direction(metric: str) -> StudyDirection:
    """Optuna's direction of a score."""
    higher = distance(metric).better == "higher"
    return StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE
