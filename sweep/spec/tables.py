"""The tables out of which a spec takes names, each imported when a name is first looked up in it.

A spec that was checked before it was stored is read without them, and so without JAX.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Any

from normsweep.spec.family import ALL, BOTH, DISCRIMINATOR, GENERATOR, NETWORKS
from normsweep.spec.plugins.load import is_plugin


class Table(Mapping[str, Any]):
    """A table of another package by the module that it stands in and its name there.

    Where that is a list of names, the entries are None.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    @cached_property
    def _entries(self) -> Mapping[str, Any]:
        found = getattr(import_module(f"normsweep.{self._module}"), self._name)
        return found if isinstance(found, Mapping) else dict.fromkeys(found)

    def __getitem__(self, name: str) -> Any:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class Names(Collection[str]):
    """The names of some tables, one after the other: those of entries for which `only` holds.

    `plugin` is a word for what a user may have of his own beside them, as `path/file.py:name`;
    empty where nothing.
    """

    def __init__(
        self,
        *tables: Collection[str],
        only: Callable[[Any], bool] | None = None,
        without: Collection[str] = (),
        plugin: str = "",
    ) -> None:
        self._tables = tables
        self._only = only
        self._without = without
        self.plugin = plugin

    def __iter__(self) -> Iterator[str]:
        for table in self._tables:
            for name in table:
                entry = table[name] if isinstance(table, Mapping) else None
                if name not in self._without and (self._only is None or self._only(entry)):
                    yield name

    def __contains__(self, name: object) -> bool:
        own = bool(self.plugin) and isinstance(name, str) and is_plugin(name)
        return own or any(name == known for known in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


ACTIVATIONS = Table("models.layers.activations", "ACTIVATIONS")
ADVERSARIAL_LOSSES = Table("objectives.adversarial", "ADVERSARIAL_LOSSES")
COLOURS = Table("data.treatment", "COLOURS")
CONSTRAINTS = Table("objectives.constraints", "CONSTRAINTS")
COUPLINGS = Table("models.method", "COUPLINGS")
DATASETS = Table("data", "DATASETS")
DISCRIMINATOR_CONDITIONS = Table("models.families.conditional", "DISCRIMINATOR_CONDITIONS")
DISTANCES = Table("objectives.distances", "DISTANCES")
FAMILIES = Table("models.families", "FAMILIES")
FIGURES = Table("objectives.figures", "FIGURES")
FEATURE_MAPS = Table("objectives.features", "FEATURE_MAPS")
ARCHITECTURES = Table("models.networks", "NETWORKS")
GENERATOR_CONDITIONS = Table("models.families.conditional", "GENERATOR_CONDITIONS")
GRADIENT_PENALTIES = Table("objectives.gradient_penalties", "GRADIENT_PENALTIES")
IMAGE_OUTPUTS = Table("models.layers.activations", "IMAGE_OUTPUTS")
LATENTS = Table("models.latents", "LATENTS")
CODE_LAWS = Table("models.families.rae", "CODE_LAWS")
LIKELIHOODS = Table("objectives.likelihoods", "LIKELIHOODS")
LEARNING_RATE_SCHEDULES = Table("models.optimizers", "LEARNING_RATE_SCHEDULES")
NORMALISATIONS = Table("models.layers.normalisation", "NORMALISATIONS")
OPTIMIZERS = Table("models.optimizers", "OPTIMIZERS")
OVERFITTING_SIGNALS = Table("objectives.adaptive", "OVERFITTING_SIGNALS")
PENALTIES = Table("objectives.penalties", "PENALTIES")
POLICIES = Table("objectives.augmentation", "POLICIES")
PRECISIONS = Table("models.layers.precision", "PRECISIONS")
PRUNERS = Table("search.pruners", "PRUNERS")
REDUCTIONS = Table("objectives.penalties", "REDUCTIONS")
SAMPLERS = Table("search.samplers", "SAMPLERS")
SCHEDULES = Table("models.method", "SCHEDULES")
STRENGTH_SCHEDULES = Table("objectives.schedules", "STRENGTH_SCHEDULES")

FOLLOWING = Names(SCHEDULES, without=STRENGTH_SCHEDULES)
"""The schedules of a strength that follow a signal instead of the time."""

TARGETS = {network: f"the weights of the {network}" for network in NETWORKS} | {
    BOTH: "the weights of both, each network by itself",
    ALL: "the weights of all networks of the family, each by itself",
}
SCOPES = {
    "network": "over all selected weights of a network at once",
    "layer": "of each selected array by itself, then reduced",
}
SPLITS = {"train": "the training images", "test": "the test images, of IDX folders and of pictures"}
AUGMENTED = {
    "both": "real and generated images",
    "real": f"real images alone, so that the {GENERATOR} may learn the augmentation",
}
PENALISED_AT = {
    "raw": "images as they are: the slope goes through their augmentation "
    "(Karras et al. 2020, arXiv:2006.06676, in its program's training/loss.py)",
    "augmented": f"images as the {DISCRIMINATOR} sees them: the slope stops at their augmentation",
}
IMAGES_OF_SEEDS = {
    "these": "all of them by each seed: what training on these images does",
    "shards": "a part of its own for each seed: what training on so many of any images does",
    "halves": "the other half by every second seed: the same of half as many, by a wider interval",
}
LOOKS = {
    "each": "after each seed from the third on; what is certain early ends it",
    "end": "once, when all seeds are there",
}
DRAWN, SUGGESTED = "drawn", "suggested"
BEGINNINGS = {
    DRAWN: "with what the sampler draws",
    SUGGESTED: "with what `sweep suggest` says that fits: rules of thumb, and what earlier studies "
    "of the storage found",
}
SCORED_AT = {
    "final": "the last chunk",
    "best": "the chunk with the best mean over folds",
}
