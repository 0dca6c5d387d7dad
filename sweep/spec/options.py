"""Everything that a spec can name, table by table, as data.

Made from the tables that the program itself reads, so that a new entry is in the list at once.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from normsweep.errors import UserError
from normsweep.objectives.augmentation import AUGMENTATIONS
from normsweep.objectives.constraints import Constraint
from normsweep.objectives.distances import Distance
from normsweep.objectives.figures import Figure
from normsweep.objectives.penalties import Penalty
from normsweep.spec.family import DISCRIMINATOR, GENERATOR
from normsweep.spec.fields import FACTS, paths, rule_of
from normsweep.spec.penalty_fields import schedule_fields
from normsweep.spec.tables import (
    ACTIVATIONS,
    ADVERSARIAL_LOSSES,
    ARCHITECTURES,
    AUGMENTED,
    BEGINNINGS,
    CODE_LAWS,
    COLOURS,
    CONSTRAINTS,
    COUPLINGS,
    DATASETS,
    DISCRIMINATOR_CONDITIONS,
    DISTANCES,
    FAMILIES,
    FEATURE_MAPS,
    FIGURES,
    FOLLOWING,
    GENERATOR_CONDITIONS,
    GRADIENT_PENALTIES,
    IMAGE_OUTPUTS,
    IMAGES_OF_SEEDS,
    LATENTS,
    LEARNING_RATE_SCHEDULES,
    LIKELIHOODS,
    LOOKS,
    NORMALISATIONS,
    OPTIMIZERS,
    OVERFITTING_SIGNALS,
    PENALISED_AT,
    PENALTIES,
    POLICIES,
    PRECISIONS,
    PRUNERS,
    REDUCTIONS,
    SAMPLERS,
    SCOPES,
    SCORED_AT,
    SPLITS,
    STRENGTH_SCHEDULES,
    TARGETS,
)


@dataclass(frozen=True)
class Option:
    """One name: what it is, as a formula where there is one, what goes with it, where it is from.

    `notes` and `source` may be empty.
    """

    name: str
    summary: str
    notes: str = ""
    source: str = ""


@dataclass(frozen=True)
class OptionTable:
    """The names that the `fields` of a spec accept, and the numbers that go with them.

    `fields` and `numbers` are dotted paths; `title` says what the names are. Where plug-ins are
    taken, `path/to/file.py:name` is accepted beside the names. In a table of fields that take no
    names the options are the fields themselves.
    """

    name: str
    title: str
    fields: tuple[str, ...]
    options: tuple[Option, ...]
    numbers: tuple[str, ...] = ()
    takes_plugins: bool = False

    def accepted(self) -> dict[str, str]:
        """What each of the numbers may be, in words."""
        return {path: rule.describe() for path in self.numbers if (rule := rule_of(path))}


def option_tables(name: str) -> tuple[OptionTable, ...]:
    """The table of this name, or all that tell what this field of a spec accepts.

    Raises `UserError` with the names of the tables.
    """
    found = tuple(
        table for table in OPTION_TABLES if name in (table.name, *table.fields, *table.numbers)
    )
    if found:
        return found
    accepted = ", ".join(table.name for table in OPTION_TABLES)
    raise UserError(f"{name}: no such table; accepted: {accepted}, or a field such as penalty.form")


def _described(entries: Mapping[str, Any]) -> Iterator[Option]:
    """Entries that have a summary and a source."""
    for name, entry in entries.items():
        yield Option(name, entry.summary, _notes(entry), entry.source)


def _notes(entry: Any) -> str:
    if isinstance(entry, Penalty):
        proximal = "; proximal step" if entry.proximal else ""
        return f"with {', '.join(entry.coefficients)}{_of_matrices(entry)}{proximal}"
    if isinstance(entry, Constraint):
        return f"with {', '.join(entry.coefficients)}{_of_matrices(entry)}"
    if isinstance(entry, Distance):
        needs = f"; needs {', '.join(entry.needs)}" if entry.needs else ""
        fewest = f"{entry.per_feature} samples for each feature"
        fewest = fewest if entry.per_feature else f"{entry.fewest} samples"
        fewest = f"{entry.per_class} samples for each class" if entry.per_class else fewest
        return f"{_best(entry)} is better; {entry.range}; from {fewest}{needs}"
    if isinstance(entry, Figure):
        needs = f"; needs {', '.join(entry.needs)}" if entry.needs else ""
        return f"{_best(entry)} is better; {entry.range}{needs}"
    if getattr(entry, "needs_labels", False):
        return "needs labels"
    if getattr(entry, "needs_validation", False):
        return "on the images set aside for the feature map"
    settings = getattr(entry, "settings", ())
    return f"with {', '.join(settings)}" if settings else ""


def _best(entry: Distance | Figure) -> str:
    return "nearest to 0" if entry.better == "zero" else entry.better


def _of_matrices(entry: Penalty | Constraint) -> str:
    return "; of matrices alone" if entry.matrices else ""


def _documented(entries: Mapping[str, Callable[..., Any]]) -> Iterator[Option]:
    """Functions: the first line of the docstring, which may end with a source in brackets."""
    for name, function in entries.items():
        yield _from_line(name, docstring(function).splitlines()[0])


def docstring(documented: Callable[..., Any]) -> str:
    """That of a function or class of ours, out of its source where `python -OO` has left it out."""
    if sys.flags.optimize < 2:
        return inspect.getdoc(documented) or ""
    source = ast.parse(textwrap.dedent(inspect.getsource(documented))).body[0]
    assert isinstance(source, ast.FunctionDef | ast.ClassDef)
    return ast.get_docstring(source) or ""


def _worded(entries: Mapping[str, str]) -> Iterator[Option]:
    for name, line in entries.items():
        yield _from_line(name, line)


def _from_line(name: str, line: str) -> Option:
    found = re.fullmatch(r"(.*?)(?: \(([^()]*\d{4}[^()]*|[a-z]+\.\w+)\))?\.?", line)
    assert found is not None
    return Option(name, found[1], source=found[2] or "")


def _schedules() -> Iterator[Option]:
    for option in _described(STRENGTH_SCHEDULES):
        fields = ", ".join(schedule_fields(option.name))
        yield Option(option.name, option.summary, fields and f"with {fields}", option.source)
    for name in FOLLOWING:
        yield Option(
            name,
            f"a factor that follows how far the {DISCRIMINATOR} overfits",
            f"with {', '.join(schedule_fields(name))}",
            "after Karras et al. 2020, arXiv:2006.06676",
        )


def _policies() -> Iterator[Option]:
    for policy in POLICIES:
        parts = [AUGMENTATIONS[name] for name in policy.split("+")]
        summary = parts[0].summary if len(parts) == 1 else "one after the other"
        yield Option(policy, summary, source=parts[0].source)


def _labelled() -> Iterator[Option]:
    """Fields that take no names and go with none; those that always count first."""
    pattern = "a regular expression over paths such as network/layers/0/kernel"
    labelled = paths(lambda facts: facts.label)
    for path in sorted(labelled, key=lambda path: bool(FACTS[path].counts)):
        rule = rule_of(path)
        yield Option(path, FACTS[path].label, pattern if rule is None else rule.describe())


def _none(what: str) -> tuple[Option, ...]:
    return (Option("none", what),)


def _table(
    name: str, title: str, options: Iterable[Option], *, takes_plugins: bool = False
) -> OptionTable:
    """A table with the fields that say that they are told in it."""
    options = tuple(options)
    listed = paths(lambda facts: name in facts.table.split())
    if any(FACTS[path].label for path in listed):
        return OptionTable(name, title, tuple(option.name for option in options), options)
    numbers = tuple(path for path in listed if (rule := rule_of(path)) and rule.names is None)
    named = tuple(path for path in listed if path not in numbers)
    return OptionTable(name, title, named, options, numbers, takes_plugins)


OPTION_TABLES: tuple[OptionTable, ...] = (
    _table(
        "penalties",
        "penalties on the weights",
        (*_none("no penalty"), *_described(PENALTIES)),
        takes_plugins=True,
    ),
    _table("constraints", "sets that the weights are kept in", _described(CONSTRAINTS)),
    _table("targets", "the networks that a penalty or constraint acts on", _worded(TARGETS)),
    _table("couplings", "how a penalty acts on the weights", _worded(COUPLINGS)),
    _table("scopes", "what a penalty runs over", _worded(SCOPES)),
    _table("reductions", "how the layers make one penalty", _worded(REDUCTIONS)),
    _table("schedules", "how the strength changes over the training", _schedules()),
    _table(
        "signals",
        "signals of overfitting that an adaptive strength follows",
        _described(OVERFITTING_SIGNALS),
    ),
    _table(
        "gradient_penalties",
        f"penalties on the {DISCRIMINATOR}'s gradient at images",
        (*_none("no gradient penalty"), *_described(GRADIENT_PENALTIES)),
    ),
    _table(
        "augmentations",
        f"differentiable augmentations of what the {DISCRIMINATOR} sees",
        (*_none("no augmentation"), *_policies()),
    ),
    _table("penalised_at", "the images whose slope is penalised", _worded(PENALISED_AT)),
    _table("augmented", "which images are augmented", _worded(AUGMENTED)),
    _table(
        "normalisations", "normalisations of activations or kernels", _described(NORMALISATIONS)
    ),
    _table("losses", "adversarial losses", _described(ADVERSARIAL_LOSSES)),
    _table("likelihoods", "likelihoods of images given what is decoded", _described(LIKELIHOODS)),
    _table("optimizers", "optimisers of the two networks", _described(OPTIMIZERS)),
    _table(
        "learning_rate_schedules",
        "factors on both learning rates",
        _documented(LEARNING_RATE_SCHEDULES),
    ),
    _table(
        "structure",
        "sizes of the networks and of the training, and the weights that a penalty acts on",
        _labelled(),
    ),
    _table("families", "families of models", _documented(FAMILIES)),
    _table(
        f"{GENERATOR}_conditions",
        f"how labels enter the {GENERATOR}",
        _worded(GENERATOR_CONDITIONS),
    ),
    _table(
        f"{DISCRIMINATOR}_conditions",
        f"how labels enter the {DISCRIMINATOR}; the auxiliary classifier's weight in both losses",
        _worded(DISCRIMINATOR_CONDITIONS),
    ),
    _table("networks", "kinds of network", _documented(ARCHITECTURES), takes_plugins=True),
    _table("precisions", "what the networks compute with", _described(PRECISIONS)),
    _table("activations", "activations of hidden layers", _documented(ACTIVATIONS)),
    _table(
        "outputs",
        "activations of the last layer of what gives images; pixels lie in [−1, 1]",
        _documented(IMAGE_OUTPUTS),
    ),
    _table("code_laws", "laws of codes that samples are decoded from", _worded(CODE_LAWS)),
    _table("latents", "distributions of the latent vector", _documented(LATENTS)),
    _table(
        "distances",
        "what generated and held-out images are compared by, in features",
        _described(DISTANCES),
    ),
    _table(
        "figures",
        "what the networks measure themselves on held-out images",
        _described(FIGURES),
    ),
    _table("features", "feature maps", _described(FEATURE_MAPS), takes_plugins=True),
    _table(
        "images_of_seeds",
        "which images a seed of a confirmation has",
        _worded(IMAGES_OF_SEEDS),
    ),
    _table("looks", "when a confirmation is looked at", _worded(LOOKS)),
    _table("scored_at", "when a trial is scored", _worded(SCORED_AT)),
    _table(
        "samplers", "how the next settings are chosen", _documented(SAMPLERS), takes_plugins=True
    ),
    _table("beginnings", "which trials a search begins with", _worded(BEGINNINGS)),
    _table("pruners", "when a trial is given up", _documented(PRUNERS)),
    _table("data", "data sets", _documented(DATASETS), takes_plugins=True),
    _table("splits", "parts of a data set", _worded(SPLITS)),
    _table("colours", "what the colours of pictures become", _worded(COLOURS)),
)
"""Every table, the regularisers first."""
