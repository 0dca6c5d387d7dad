"""Everything that a spec can name, table by table, as data.

Made from the tables that the program itself reads, so that a new entry is in the list at once.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from normsweep.data import DATASETS
from normsweep.errors import UserError
from normsweep.models.latents import LATENTS
from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.normalisation import NORMALISATIONS
from normsweep.models.method import ADAPTIVE, COUPLINGS
from normsweep.models.networks import NETWORKS as NETWORK_KINDS
from normsweep.models.optimizers import LEARNING_RATE_SCHEDULES, OPTIMIZERS
from normsweep.objectives.adaptive import OVERFITTING_SIGNALS
from normsweep.objectives.adversarial import ADVERSARIAL_LOSSES
from normsweep.objectives.augmentation import AUGMENTATIONS, POLICIES
from normsweep.objectives.constraints import CONSTRAINTS, Constraint
from normsweep.objectives.distances import DISTANCES, Distance
from normsweep.objectives.features import FEATURE_MAPS
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES, REDUCTIONS, Penalty
from normsweep.objectives.schedules import STRENGTH_SCHEDULES
from normsweep.search.samplers import PRUNERS, SAMPLERS
from normsweep.spec.penalty_fields import NETWORKS, schedule_fields
from normsweep.spec.ranges import Rule
from normsweep.spec.sections import AUGMENTED, SCOPES, SCORED_AT, SPLITS, TARGETS
from normsweep.spec.spec import Spec


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


def rule_of(path: str) -> Rule | None:
    """The rule of a field of the spec, by its dotted path; None where it has none."""
    section, field = path.split(".")
    model: Any = Spec.model_fields[section].annotation
    rules = [entry for entry in model.model_fields[field].metadata if isinstance(entry, Rule)]
    return rules[0] if rules else None


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
        best = "nearest to 0" if entry.better == "zero" else entry.better
        return f"{best} is better; {entry.range}; from {entry.fewest} samples{needs}"
    if getattr(entry, "needs_labels", False):
        return "needs labels"
    if getattr(entry, "needs_validation", False):
        return "on the images set aside for the feature map"
    settings = getattr(entry, "settings", ())
    return f"with {', '.join(settings)}" if settings else ""


def _of_matrices(entry: Penalty | Constraint) -> str:
    return "; of matrices alone" if entry.matrices else ""


def _documented(entries: Mapping[str, Callable[..., Any]]) -> Iterator[Option]:
    """Functions: the first line of the docstring, which may end with a source in brackets."""
    for name, function in entries.items():
        yield _from_line(name, (inspect.getdoc(function) or "").splitlines()[0])


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
    yield Option(
        ADAPTIVE,
        "a factor that follows how far the discriminator overfits",
        f"with {', '.join(schedule_fields(ADAPTIVE))}",
        "after Karras et al. 2020, arXiv:2006.06676",
    )


def _policies() -> Iterator[Option]:
    for policy in POLICIES:
        parts = [AUGMENTATIONS[name] for name in policy.split("+")]
        summary = parts[0].summary if len(parts) == 1 else "one after the other"
        yield Option(policy, summary, source=parts[0].source)


STRUCTURE = {
    "model.generator_hidden": "widths of the generator's hidden layers",
    "model.generator_layers": "only the first so many of these widths",
    "model.generator_units": "at most so many units of each hidden layer",
    "model.generator_dropout": "rate behind each hidden activation, in training only",
    "model.discriminator_hidden": "widths of the discriminator's hidden layers",
    "model.discriminator_layers": "only the first so many of these widths",
    "model.discriminator_units": "at most so many units of each hidden layer",
    "model.discriminator_dropout": "rate behind each hidden activation, in training only",
    "train.steps": "steps of the generator",
    "train.chunks": "scores along the way; divides the steps",
    "train.batch": "images of a step",
    "train.discriminator_steps": "steps of the discriminator for each of the generator",
    "train.ema": "decay of an average of the generator's weights, which samples; 0: no average",
    "penalty.weights": "which weights a penalty, a constraint or weight decay acts on",
    "penalty.biases": "whether a penalty or a constraint acts on biases too",
    "penalty.separate_strengths": "whether each network has coefficients of its own",
}
"""Fields that take no names, and go with no name of another table."""


def _structure() -> Iterator[Option]:
    pattern = "a regular expression over paths such as network/layers/0/kernel"
    for path, line in STRUCTURE.items():
        rule = rule_of(path)
        yield Option(path, line, pattern if rule is None else rule.describe())


def _per_network(*fields: str) -> tuple[str, ...]:
    """The paths of a penalty's coefficients, the shared ones first."""
    prefixes = ("", *(f"{network}_" for network in NETWORKS))
    return tuple(f"penalty.{prefix}{field}" for prefix in prefixes for field in fields)


def _none(what: str) -> tuple[Option, ...]:
    return (Option("none", what),)


OPTION_TABLES: tuple[OptionTable, ...] = (
    OptionTable(
        "penalties",
        "penalties on the weights",
        ("penalty.form",),
        (*_none("no penalty"), *_described(PENALTIES)),
        ("penalty.order", *_per_network("strength", "l1", "l2")),
        takes_plugins=True,
    ),
    OptionTable(
        "constraints",
        "sets that the weights are kept in",
        ("penalty.form",),
        tuple(_described(CONSTRAINTS)),
        _per_network("radius"),
    ),
    OptionTable(
        "targets",
        "the networks that a penalty or constraint acts on",
        ("penalty.target",),
        tuple(_worded(TARGETS)),
    ),
    OptionTable(
        "couplings",
        "how a penalty acts on the weights",
        ("penalty.coupling",),
        tuple(_worded(COUPLINGS)),
    ),
    OptionTable("scopes", "what a penalty runs over", ("penalty.scope",), tuple(_worded(SCOPES))),
    OptionTable(
        "reductions",
        "how the layers make one penalty",
        ("penalty.reduction",),
        tuple(_worded(REDUCTIONS)),
    ),
    OptionTable(
        "schedules",
        "how the strength changes over the training",
        ("penalty.schedule",),
        tuple(_schedules()),
        (
            "penalty.schedule_start",
            "penalty.schedule_end",
            "penalty.schedule_begin",
            "penalty.schedule_finish",
        ),
    ),
    OptionTable(
        "signals",
        "signals of overfitting that an adaptive strength follows",
        ("penalty.adaptive_signal",),
        tuple(_described(OVERFITTING_SIGNALS)),
        ("penalty.adaptive_target", "penalty.adaptive_speed"),
    ),
    OptionTable(
        "gradient_penalties",
        "penalties on the discriminator's gradient at images",
        ("gradient_penalty.kind",),
        (*_none("no gradient penalty"), *_described(GRADIENT_PENALTIES)),
        ("gradient_penalty.strength", "gradient_penalty.every"),
    ),
    OptionTable(
        "augmentations",
        "differentiable augmentations of what the discriminator sees",
        ("augment.policy",),
        (*_none("no augmentation"), *_policies()),
        ("augment.strength",),
    ),
    OptionTable(
        "augmented", "which images are augmented", ("augment.images",), tuple(_worded(AUGMENTED))
    ),
    OptionTable(
        "normalisations",
        "normalisations of activations or kernels",
        ("model.generator_normalisation", "model.discriminator_normalisation"),
        tuple(_described(NORMALISATIONS)),
    ),
    OptionTable(
        "losses",
        "adversarial losses",
        ("train.loss",),
        tuple(_described(ADVERSARIAL_LOSSES)),
        ("train.label_smoothing",),
    ),
    OptionTable(
        "optimizers",
        "optimisers of the two networks",
        ("train.optimizer",),
        tuple(_described(OPTIMIZERS)),
        (
            "train.generator_learning_rate",
            "train.discriminator_learning_rate",
            "train.beta1",
            "train.beta2",
            "train.momentum",
            "train.weight_decay",
        ),
    ),
    OptionTable(
        "learning_rate_schedules",
        "factors on both learning rates",
        ("train.learning_rate_schedule",),
        tuple(_documented(LEARNING_RATE_SCHEDULES)),
        ("train.learning_rate_end", "train.learning_rate_warmup"),
    ),
    OptionTable(
        "structure",
        "sizes of the networks and of the training, and the weights that a penalty acts on",
        tuple(STRUCTURE),
        tuple(_structure()),
    ),
    OptionTable("gans", "kinds of GAN", ("model.kind",), tuple(_documented(NETWORK_KINDS))),
    OptionTable(
        "activations",
        "activations of hidden layers",
        ("model.generator_activation", "model.discriminator_activation"),
        tuple(_documented(ACTIVATIONS)),
    ),
    OptionTable(
        "outputs",
        "activations of the generator's last layer; pixels lie in [−1, 1]",
        ("model.generator_output",),
        tuple(_documented(IMAGE_OUTPUTS)),
    ),
    OptionTable(
        "latents",
        "distributions of the latent vector",
        ("model.latent_distribution",),
        tuple(_documented(LATENTS)),
        ("model.latent",),
    ),
    OptionTable(
        "distances",
        "what generated and held-out images are compared by, in features",
        ("score.metric", "score.second", "score.record"),
        tuple(_described(DISTANCES)),
        ("score.samples",),
    ),
    OptionTable(
        "features",
        "feature maps",
        ("score.features",),
        tuple(_described(FEATURE_MAPS)),
        ("score.dimension",),
        takes_plugins=True,
    ),
    OptionTable("scored_at", "when a trial is scored", ("score.at",), tuple(_worded(SCORED_AT))),
    OptionTable(
        "samplers",
        "how the next settings are chosen",
        ("study.sampler",),
        tuple(_documented(SAMPLERS)),
        ("study.startup_trials",),
    ),
    OptionTable(
        "pruners",
        "when a trial is given up",
        ("study.pruner",),
        tuple(_documented(PRUNERS)),
        ("study.pruner_warmup", "study.pruner_percentile"),
    ),
    OptionTable(
        "data",
        "data sets",
        ("data.source",),
        tuple(_documented(DATASETS)),
        ("data.limit",),
    ),
    OptionTable("splits", "parts of a data set", ("data.split",), tuple(_worded(SPLITS))),
)
"""Every table, the regularisers first."""
