"""Samplers by name, built anew for each trial.

A sampler is built for every trial from (study seed, trial number), never carried along: the
proposal then depends on the seed, the number and the trials in the database alone, and a study
that was stopped goes on as if it had not been.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from normsweep.errors import UserError


@dataclass(frozen=True)
class SamplerSettings:
    """What a sampler is made from: a seed for this trial, one for the study, random start-up."""

    trial_seed: int
    study_seed: int
    startup_trials: int


def _tpe(settings: SamplerSettings) -> BaseSampler:
    """Tree-structured Parzen estimator, joint over all settings (Bergstra et al., NeurIPS 2011)."""
    return optuna.samplers.TPESampler(
        seed=settings.trial_seed, n_startup_trials=settings.startup_trials
    )


def _random(settings: SamplerSettings) -> BaseSampler:
    """Each setting uniform on its range (Bergstra and Bengio, JMLR 13, 2012)."""
    return optuna.samplers.RandomSampler(seed=settings.trial_seed)


def _grid(settings: SamplerSettings) -> BaseSampler:
    """Every point of choices and steps, in a drawn order; ranges need a step."""
    # Its points are enqueued when the study is created; the sampler is for no one then.
    return _random(settings)


def _qmc(settings: SamplerSettings) -> BaseSampler:
    """A scrambled Sobol sequence; choices at random (Bergstra and Bengio, JMLR 13, 2012)."""
    # One scrambled sequence for the whole study; Optuna keeps the place in it in the database.
    with warnings.catch_warnings():
        # Optuna has called this sampler experimental since 3.0.
        warnings.simplefilter("ignore", ExperimentalWarning)
        return optuna.samplers.QMCSampler(
            seed=settings.study_seed,
            scramble=True,
            independent_sampler=_random(settings),
            warn_independent_sampling=False,
        )


def _cmaes(settings: SamplerSettings) -> BaseSampler:
    """Covariance matrix adaptation; choices at random (Hansen 2016, arXiv:1604.00772)."""
    return optuna.samplers.CmaEsSampler(
        seed=settings.trial_seed,
        n_startup_trials=settings.startup_trials,
        independent_sampler=_random(settings),
        warn_independent_sampling=False,
    )


SAMPLERS: Mapping[str, Callable[[SamplerSettings], BaseSampler]] = MappingProxyType(
    {"tpe": _tpe, "random": _random, "grid": _grid, "qmc": _qmc, "cmaes": _cmaes}
)
"""Samplers by name."""

_NUMERIC_ONLY = ("qmc", "cmaes")


def check_sampler(name: str, space: dict[str, BaseDistribution]) -> None:
    """Raises `UserError` for a sampler that could propose nothing of the space itself.

    What is not in the space, since not every trial asks for it, such a sampler draws at random.
    """
    if name in _NUMERIC_ONLY and not _relative(name, space):
        others = ", ".join(other for other in SAMPLERS if other not in _NUMERIC_ONLY)
        raise UserError(
            f'study.sampler = "{name}": would draw all settings at random: no range of numbers is '
            f"searched in every trial, whatever its method and its choices; accepted: {others}"
        )


def sampler(
    name: str,
    settings: SamplerSettings,
    space: dict[str, BaseDistribution],
    own: Callable[[SamplerSettings], BaseSampler] | None = None,
) -> BaseSampler:
    """The sampler called `name`, or what a user's `own` function makes, told the search space
    instead of inferring it.

    Optuna takes the space from what finished trials have in common; the baseline has no penalty
    and therefore nothing in common with the others, and would leave TPE without its joint model
    and CMA-ES and QMC without any dimension at all.
    """
    space = _relative(name, space)
    made = (own or SAMPLERS[name])(settings)
    if name != "random":
        made.infer_relative_search_space = lambda study, trial: space  # type: ignore[method-assign]
    return made


def _relative(name: str, space: dict[str, BaseDistribution]) -> dict[str, BaseDistribution]:
    """What a sampler proposes jointly."""
    return {
        path: asked
        for path, asked in space.items()
        if not asked.single()
        and not (name in _NUMERIC_ONLY and isinstance(asked, CategoricalDistribution))
    }


def trial_seed(study_seed: int, number: int) -> int:
    """A seed for one trial's sampler: far apart for neighbouring studies and trials."""
    return int(np.random.SeedSequence([study_seed, number]).generate_state(1)[0])
