"""Pruners by name, built anew for each question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import optuna
from optuna.pruners import BasePruner

from normsweep.search.paired import Curves, PairedPruner, of_reports


@dataclass(frozen=True)
class PrunerSettings:
    """What a pruner is made from. `warmup` and `chunks` count chunks of `chunk_steps` steps.

    Trials report at their training step, which is what Optuna's pruners count in. `curves` are
    their costs fold by fold, for those that compare these.
    """

    startup_trials: int
    warmup: int
    percentile: float
    chunks: int
    chunk_steps: int
    curves: Curves = of_reports

    @property
    def warmup_steps(self) -> int:
        """Steps that a trial is trained before it may be pruned."""
        return self.warmup * self.chunk_steps

    @property
    def least_resource(self) -> int:
        """The steps of the first rung of successive halving."""
        return max(1, self.warmup) * self.chunk_steps


def _median(settings: PrunerSettings) -> BasePruner:
    """Prunes what is worse than the median of the trials so far (Golovin et al., KDD 2017)."""
    return optuna.pruners.MedianPruner(settings.startup_trials, settings.warmup_steps)


def _percentile(settings: PrunerSettings) -> BasePruner:
    """Keeps the best `pruner_percentile` percent at each chunk (Golovin et al., KDD 2017)."""
    return optuna.pruners.PercentilePruner(
        settings.percentile, settings.startup_trials, settings.warmup_steps
    )


def _successive_halving(settings: PrunerSettings) -> BasePruner:
    """Keeps the best quarter at each rung, four times as long (Li et al., arXiv:1810.05934)."""
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=settings.least_resource)


def _hyperband(settings: PrunerSettings) -> BasePruner:
    """Successive halving from several first rungs (Li et al. 2016, arXiv:1603.06560)."""
    return optuna.pruners.HyperbandPruner(
        min_resource=settings.least_resource,
        max_resource=settings.chunks * settings.chunk_steps,
    )


def _paired(settings: PrunerSettings) -> BasePruner:
    """Prunes what is further behind the best, in every fold, than trials still come from there."""
    return PairedPruner(settings.chunks, settings.warmup, settings.curves)


def _none(settings: PrunerSettings) -> BasePruner:
    """Every trial runs to its end."""
    del settings
    return optuna.pruners.NopPruner()


PRUNERS: Mapping[str, Callable[[PrunerSettings], BasePruner]] = MappingProxyType(
    {
        "none": _none,
        "median": _median,
        "percentile": _percentile,
        "successive_halving": _successive_halving,
        "hyperband": _hyperband,
        "paired": _paired,
    }
)
"""Pruners by name."""

BY_RANK = ("median", "percentile", "successive_halving", "hyperband")
"""Those that go by the mean score of a trial among the others' at the same step."""


def pruner(name: str, settings: PrunerSettings) -> BasePruner:
    """The pruner called `name`."""
    return PRUNERS[name](settings)
