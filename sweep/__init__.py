"""Sweeps of regularisation strength in GANs: a spec goes in, a ranked and repeatable answer out.

    from normsweep import best_config, launch, load_spec

    launched = launch(load_spec("digits"), "sqlite:///studies.db")
    print(best_config(launched.study).spec.penalty)

The names are imported when they are first used, so that `sweep --help` need not wait for JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from normsweep.engine.collection import uncollected

if TYPE_CHECKING:
    from normsweep.errors import UserError
    from normsweep.export.again import Rescored, Trained, score_config, train_config
    from normsweep.export.configs import best_config, best_configs, trial_config
    from normsweep.export.trackers import log_study
    from normsweep.export.trained import load_generator, load_network, save_trained
    from normsweep.spec import Spec, load_spec
    from normsweep.spec.config import Config, read_config
    from normsweep.storage import open_storage
    from normsweep.study.progress import Progress
    from normsweep.study.records import load_study
    from normsweep.verdict.answers import Answer, answer
    from normsweep.worker.launch import Launched, launch

_HOMES = {
    "normsweep.errors": ("UserError",),
    "normsweep.spec": ("Spec", "load_spec"),
    "normsweep.spec.config": ("Config", "read_config"),
    "normsweep.storage": ("open_storage",),
    "normsweep.verdict.answers": ("Answer", "answer"),
    "normsweep.export.configs": ("best_config", "best_configs", "trial_config"),
    "normsweep.worker.launch": ("Launched", "launch"),
    "normsweep.study.progress": ("Progress",),
    "normsweep.study.records": ("load_study",),
    "normsweep.export.again": ("Rescored", "Trained", "score_config", "train_config"),
    "normsweep.export.trackers": ("log_study",),
    "normsweep.export.trained": ("load_generator", "load_network", "save_trained"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Config",
    "Launched",
    "Progress",
    "Rescored",
    "Spec",
    "Trained",
    "UserError",
    "answer",
    "best_config",
    "best_configs",
    "launch",
    "load_generator",
    "load_network",
    "load_spec",
    "load_study",
    "log_study",
    "open_storage",
    "read_config",
    "save_trained",
    "score_config",
    "train_config",
    "trial_config",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with uncollected():
        value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
