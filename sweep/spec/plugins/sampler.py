"""A user's own sampler."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from optuna.samplers import BaseSampler

from normsweep.errors import UserError
from normsweep.search.samplers import SamplerSettings
from normsweep.spec.plugins.load import fault_of_plugin, in_one_line, load_plugin, plugin_path

FIELD = "study.sampler"
ACCEPTED = (
    "accepted is a function of a SamplerSettings (trial_seed, study_seed, startup_trials) that "
    "returns a sampler of Optuna"
)


def plugin_sampler(reference: str) -> Callable[[SamplerSettings], BaseSampler]:
    """The user's function, which makes a sampler anew for each trial.

    Raises `UserError` as `load_plugin` does, and for what is no function; so does the function
    where it fails, or returns no sampler.
    """
    where = f"{FIELD} = {reference!r}"
    found = load_plugin(reference, FIELD)
    if not callable(found):
        raise UserError(f"{where}: it is of type {type(found).__name__}; {ACCEPTED}")

    def make(settings: SamplerSettings) -> BaseSampler:
        try:
            made = found(settings)
        except (Exception, SystemExit) as error:
            told = in_one_line(error, plugin_path(reference))
            raise UserError(f"{where}: {told}; {ACCEPTED}") from error
        if not isinstance(made, BaseSampler):
            raise UserError(f"{where}: returns a {type(made).__name__}; {ACCEPTED}")
        return made

    return make


class SamplerError(UserError):
    """A user's sampler has failed: a matter of the study, whatever trial it was asked for."""


@contextmanager
def telling_sampler(reference: str) -> Iterator[None]:
    """Raises `SamplerError` in place of what a user's sampler raises when it is asked."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        fault = fault_of_plugin(error)
        if fault is None or not fault.startswith(f"{plugin_path(reference).name}, line"):
            raise
        raise SamplerError(f"{FIELD} = {reference!r}: {fault}") from error
