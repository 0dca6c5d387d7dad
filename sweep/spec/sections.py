"""The sections of a spec: their fields, what each accepts, and what must fit together in one."""

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from normsweep.data import DATASETS
from normsweep.models.latents import LATENTS
from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.normalisation import NORMALISATIONS
from normsweep.models.method import COUPLINGS, SCHEDULES
from normsweep.models.networks import NETWORKS
from normsweep.models.optimizers import LEARNING_RATE_SCHEDULES, OPTIMIZERS
from normsweep.objectives.adaptive import OVERFITTING_SIGNALS
from normsweep.objectives.adversarial import ADVERSARIAL_LOSSES
from normsweep.objectives.augmentation import POLICIES
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.objectives.distances import DISTANCES
from normsweep.objectives.features import FEATURE_MAPS, MAXIMUM_DIMENSION
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES, REDUCTIONS
from normsweep.search.samplers import PRUNERS, SAMPLERS
from normsweep.spec.ranges import Choices, Interval, Names, Rule, each, highest, quoted

TARGETS = {
    "generator": "the weights of the generator",
    "discriminator": "the weights of the discriminator",
    "both": "the weights of both, each network by itself",
}
SCOPES = {
    "network": "over all selected weights of a network at once",
    "layer": "of each selected array by itself, then reduced",
}
SPLITS = {"train": "the training images", "test": "the test images, of IDX folders"}
AUGMENTED = {
    "both": "real and generated images",
    "real": "real images alone, so that the generator may learn the augmentation",
}
SCORED_AT = {
    "final": "the last chunk",
    "best": "the chunk with the best mean over folds",
}
FORMS = ("none", *PENALTIES, *CONSTRAINTS)
METRICS = tuple(DISTANCES)

_POSITIVE = Rule(float, minimum=0, exclusive_minimum=True)
_ORDER = Rule(float, minimum=0, exclusive_minimum=True, maximum=64, optional=True)
_BELOW_ONE = Rule(float, minimum=0, maximum=1, exclusive_maximum=True)
_RATE = Rule(float, minimum=0, maximum=1, exclusive_maximum=True, optional=True)
_SHARE = Rule(float, minimum=0, maximum=1)
_STRENGTH = Rule(float, minimum=0, optional=True)
_COUNT = Rule(int, minimum=1, maximum=65536, optional=True)
_SEED = Rule(int, minimum=0, maximum=2**31 - 1, searchable=False)
_DIMENSION = Rule(int, minimum=1, maximum=MAXIMUM_DIMENSION, searchable=False)
_OPEN_SHARE = Rule(
    float, minimum=0, maximum=1, exclusive_minimum=True, exclusive_maximum=True, searchable=False
)
Coefficient = Annotated[Any, _STRENGTH]
Radius = Annotated[Any, Rule(float, minimum=0, exclusive_minimum=True, optional=True)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class StudySection(Section):
    name: str = Field("study", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    trials: Annotated[int, Rule(int, minimum=1, searchable=False)] = 40
    seed: Annotated[int, _SEED] = 0
    sampler: Annotated[str, Rule(str, names=tuple(SAMPLERS), searchable=False)] = "tpe"
    pruner: Annotated[str, Rule(str, names=tuple(PRUNERS), searchable=False)] = "none"
    startup_trials: Annotated[int, Rule(int, minimum=1, searchable=False)] = 10
    pruner_warmup: Annotated[int, Rule(int, minimum=0, searchable=False)] = 1
    pruner_percentile: Annotated[float, Rule(float, minimum=0, maximum=100, searchable=False)] = (
        25.0
    )
    slots: Annotated[int, Rule(int, minimum=1, maximum=1024, searchable=False)] = 4


class DataSection(Section):
    source: Annotated[str, Rule(str, names=tuple(DATASETS), searchable=False)] = "digits"
    path: Annotated[str | None, Rule(str, searchable=False, optional=True)] = None
    split: Annotated[str, Rule(str, names=tuple(SPLITS), searchable=False)] = "train"
    limit: Annotated[int | None, Rule(int, minimum=2, searchable=False, optional=True)] = None
    seed: Annotated[int, _SEED] = 0


class ModelSection(Section):
    kind: Annotated[Any, Rule(str, names=tuple(NETWORKS))] = "mlp"
    latent: Annotated[Any, Rule(int, minimum=1, maximum=65536)] = 64
    latent_distribution: Annotated[Any, Rule(str, names=tuple(LATENTS))] = "normal"
    generator_hidden: Annotated[Any, Rule(tuple)] = (128, 128)
    generator_layers: Annotated[Any, _COUNT] = None
    generator_units: Annotated[Any, _COUNT] = None
    generator_activation: Annotated[Any, Rule(str, names=tuple(ACTIVATIONS))] = "leaky_relu"
    generator_output: Annotated[Any, Rule(str, names=tuple(IMAGE_OUTPUTS))] = "tanh"
    generator_normalisation: Annotated[Any, Rule(str, names=tuple(NORMALISATIONS))] = "none"
    generator_dropout: Annotated[Any, _RATE] = None
    discriminator_hidden: Annotated[Any, Rule(tuple)] = (128, 128)
    discriminator_layers: Annotated[Any, _COUNT] = None
    discriminator_units: Annotated[Any, _COUNT] = None
    discriminator_activation: Annotated[Any, Rule(str, names=tuple(ACTIVATIONS))] = "leaky_relu"
    discriminator_normalisation: Annotated[Any, Rule(str, names=tuple(NORMALISATIONS))] = "none"
    discriminator_dropout: Annotated[Any, _RATE] = None

    @model_validator(mode="after")
    def _has_as_many_layers(self) -> Self:
        for network in ("generator", "discriminator"):
            layers, hidden = getattr(self, f"{network}_layers"), getattr(self, f"{network}_hidden")
            fewest = min(map(len, hidden.options if isinstance(hidden, Choices) else (hidden,)))
            if layers is not None and (most := highest(layers)) > fewest:
                raise ValueError(
                    f"{network}_layers: got {most:g}, but {network}_hidden has {fewest} widths; "
                    f"accepted: at most {fewest}"
                )
            units = getattr(self, f"{network}_units")
            widest = max(max(widths, default=1) for widths in each(hidden))
            # One number may well be above the widths of one of several networks searched.
            if isinstance(units, Interval | Choices) and highest(units) > widest:
                raise ValueError(
                    f"{network}_units: got {highest(units):g}, but the widest layer of "
                    f"{network}_hidden has {widest}; accepted: at most {widest}"
                )
        return self


class TrainSection(Section):
    steps: Annotated[int, Rule(int, minimum=1, searchable=False)] = 4000
    chunks: Annotated[int, Rule(int, minimum=1, searchable=False)] = 8
    batch: Annotated[Any, Rule(int, minimum=1, maximum=65536)] = 64
    discriminator_steps: Annotated[Any, Rule(int, minimum=1, maximum=100)] = 1
    loss: Annotated[Any, Rule(str, names=tuple(ADVERSARIAL_LOSSES))] = "non_saturating"
    label_smoothing: Annotated[Any, _BELOW_ONE] = 0.0
    optimizer: Annotated[Any, Rule(str, names=tuple(OPTIMIZERS))] = "adam"
    generator_learning_rate: Annotated[Any, _POSITIVE] = 2e-4
    discriminator_learning_rate: Annotated[Any, _POSITIVE] = 2e-4
    learning_rate_schedule: Annotated[Any, Rule(str, names=tuple(LEARNING_RATE_SCHEDULES))] = (
        "constant"
    )
    learning_rate_end: Annotated[Any, _SHARE] = 0.0
    learning_rate_warmup: Annotated[Any, _BELOW_ONE] = 0.0
    beta1: Annotated[Any, _BELOW_ONE] = 0.5
    beta2: Annotated[Any, _BELOW_ONE] = 0.999
    momentum: Annotated[Any, _RATE] = None
    weight_decay: Annotated[Any, _STRENGTH] = None
    ema: Annotated[Any, _BELOW_ONE] = 0.0

    @model_validator(mode="after")
    def _has_whole_chunks(self) -> Self:
        if self.steps % self.chunks:
            raise ValueError(
                f"steps must be a multiple of chunks, got steps = {self.steps}, "
                f"chunks = {self.chunks}"
            )
        return self


class PenaltySection(Section):
    form: Annotated[Any, Rule(str, names=Names(FORMS, plugin="penalty"))] = "power"
    target: Annotated[Any, Rule(str, names=tuple(TARGETS))] = "both"
    order: Annotated[Any, _ORDER] = None
    strength: Coefficient = None
    l1: Coefficient = None
    l2: Coefficient = None
    radius: Radius = None
    separate_strengths: Annotated[bool, Rule(bool, searchable=False)] = False
    generator_strength: Coefficient = None
    generator_l1: Coefficient = None
    generator_l2: Coefficient = None
    generator_radius: Radius = None
    discriminator_strength: Coefficient = None
    discriminator_l1: Coefficient = None
    discriminator_l2: Coefficient = None
    discriminator_radius: Radius = None
    weights: str = r"kernel$"
    biases: Annotated[bool, Rule(bool, searchable=False)] = False
    scope: Annotated[Any, Rule(str, names=tuple(SCOPES))] = "network"
    reduction: Annotated[Any, Rule(str, names=tuple(REDUCTIONS))] = "sum"
    coupling: Annotated[Any, Rule(str, names=tuple(COUPLINGS))] = "loss"
    schedule: Annotated[Any, Rule(str, names=SCHEDULES)] = "constant"
    schedule_start: Annotated[Any, Rule(float, minimum=0)] = 0.0
    schedule_end: Annotated[Any, Rule(float, minimum=0)] = 1.0
    schedule_begin: Annotated[Any, _SHARE] = 0.0
    schedule_finish: Annotated[Any, _SHARE] = 1.0
    adaptive_signal: Annotated[Any, Rule(str, names=tuple(OVERFITTING_SIGNALS))] = "real_sign"
    adaptive_target: Annotated[Any, Rule(float, minimum=-1, maximum=1)] = 0.6
    adaptive_speed: Annotated[Any, _POSITIVE] = 2.0

    @model_validator(mode="after")
    def _has_what_its_form_needs(self) -> Self:
        from normsweep.spec.penalty_fields import check

        check(self)
        return self


class GradientPenaltySection(Section):
    kind: Annotated[Any, Rule(str, names=("none", *GRADIENT_PENALTIES))] = "none"
    strength: Coefficient = None
    every: Annotated[Any, Rule(int, minimum=1, maximum=65536)] = 1

    @model_validator(mode="after")
    def _has_a_strength(self) -> Self:
        _check_strength(self, "kind", self.kind)
        return self


class AugmentSection(Section):
    policy: Annotated[Any, Rule(str, names=("none", *POLICIES))] = "none"
    strength: Annotated[Any, Rule(float, minimum=0, maximum=1, optional=True)] = None
    images: Annotated[Any, Rule(str, names=tuple(AUGMENTED))] = "both"

    @model_validator(mode="after")
    def _has_a_strength(self) -> Self:
        _check_strength(self, "policy", self.policy)
        return self


def _check_strength(
    section: GradientPenaltySection | AugmentSection, field: str, kind: Any
) -> None:
    if section.strength is None and set(each(kind)) != {"none"}:
        raise ValueError(f"{field} = {quoted(kind)} needs strength")


def _check_metrics(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or any(name not in METRICS for name in value):
        raise ValueError(f"got {value!r}; accepted: a list of names out of {', '.join(METRICS)}")
    return tuple(value)


class ServiceSection(Section):
    """How a study is run: no score depends on it, and a later launch may have it otherwise."""

    retries: Annotated[int, Rule(int, minimum=0, searchable=False)] = 3
    checkpoint_every: Annotated[int, Rule(int, minimum=1, searchable=False)] = 5
    keep_checkpoints: Annotated[int, Rule(int, minimum=0, searchable=False)] = 0
    storage_patience: Annotated[float, Rule(float, minimum=0, searchable=False)] = 600.0


class ConfirmSection(Section):
    """What is trained again after the search, to be sure of its answer."""

    seeds: Annotated[int, Rule(int, minimum=0, maximum=1000, searchable=False)] = 0
    top: Annotated[int, Rule(int, minimum=1, maximum=100, searchable=False)] = 3
    holdout: Annotated[
        float, Rule(float, minimum=0, maximum=1, exclusive_maximum=True, searchable=False)
    ] = 0.0


class StopSection(Section):
    """When the search stops by itself; a later launch may have it otherwise."""

    patience: Annotated[int | None, Rule(int, minimum=1, searchable=False, optional=True)] = None
    noise: Annotated[float, Rule(float, minimum=0, exclusive_minimum=True, searchable=False)] = 1.0

    @model_validator(mode="after")
    def _has_a_patience(self) -> Self:
        if self.patience is None and self.noise != type(self).model_fields["noise"].default:
            raise ValueError("noise has no effect without patience")
        return self


class ScoreSection(Section):
    metric: Annotated[str, Rule(str, names=METRICS, searchable=False)] = "fid"
    second: Annotated[str | None, Rule(str, names=METRICS, searchable=False, optional=True)] = None
    record: Annotated[tuple[str, ...], BeforeValidator(_check_metrics), PlainSerializer(list)] = ()
    at: Annotated[str, Rule(str, names=tuple(SCORED_AT), searchable=False)] = "final"
    folds: Annotated[int, Rule(int, minimum=2, maximum=100, searchable=False)] = 3
    samples: Annotated[int | None, Rule(int, minimum=2, searchable=False, optional=True)] = None
    features: Annotated[
        str, Rule(str, names=Names(tuple(FEATURE_MAPS), plugin="features"), searchable=False)
    ] = "classifier"
    dimension: Annotated[int, _DIMENSION] = 32
    feature_share: Annotated[float, _OPEN_SHARE] = 0.3

    @model_validator(mode="after")
    def _two_metrics_differ(self) -> Self:
        if self.second == self.metric:
            raise ValueError(f'second = "{self.second}" is the metric already')
        return self

    @property
    def objectives(self) -> tuple[str, ...]:
        """The metrics that the study optimises: one or two."""
        return (self.metric,) if self.second is None else (self.metric, self.second)
