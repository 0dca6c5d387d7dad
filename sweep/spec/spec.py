"""The spec: what a study is. A spec without a range is a config."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.activations import ACTIVATIONS, IMAGE_OUTPUTS
from models.gan import GAN_KINDS
from models.penalty import FORMS
from models.random import LATENTS
from objectives.adversarial import ADVERSARIAL_LOSSES
from objectives.features import FEATURE_MAPS, MAXIMUM_DIMENSION
from sweep.data import DATASETS
from sweep.search.methods import PRUNERS, SAMPLERS
from sweep.spec.ranges import Choices, Interval, Range, Rule

TARGETS = ("generator", "discriminator", "both")
METRICS = ("fid", "kid")
COEFFICIENTS = ("strength", "l1", "l2")
"""Coefficients that scale with how much a penalty weighs: 0 is no penalty."""


_POSITIVE = Rule(float, minimum=0, exclusive_minimum=True)
_ORDER = Rule(float, minimum=0, exclusive_minimum=True, maximum=64, optional=True)
_DECAY = Rule(float, minimum=0, maximum=1, exclusive_maximum=True)
_SEED = Rule(int, minimum=0, maximum=2**31 - 1, searchable=False)
_PERCENTILE = Rule(float, minimum=0, maximum=100, searchable=False)
_DIMENSION = Rule(int, minimum=1, maximum=MAXIMUM_DIMENSION, searchable=False)
_OPEN_SHARE = Rule(
    float, minimum=0, maximum=1, exclusive_minimum=True, exclusive_maximum=True, searchable=False
)
Coefficient = Annotated[Any, Rule(float, minimum=0, optional=True)]


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
    split: Annotated[str, Rule(str, names=("train", "test"), searchable=False)] = "train"
    limit: Annotated[int | None, Rule(int, minimum=2, searchable=False, optional=True)] = None
    seed: Annotated[int, _SEED] = 0


class ModelSection(Section):
    kind: Annotated[Any, Rule(str, names=tuple(GAN_KINDS))] = "mlp"
    latent: Annotated[Any, Rule(int, minimum=1, maximum=65536)] = 64
    latent_distribution: Annotated[Any, Rule(str, names=tuple(LATENTS))] = "normal"
    generator_hidden: Annotated[Any, Rule(tuple)] = (128, 128)
    generator_activation: Annotated[Any, Rule(str, names=tuple(ACTIVATIONS))] = "leaky_relu"
    generator_output: Annotated[Any, Rule(str, names=tuple(IMAGE_OUTPUTS))] = "tanh"
    discriminator_hidden: Annotated[Any, Rule(tuple)] = (128, 128)
    discriminator_activation: Annotated[Any, Rule(str, names=tuple(ACTIVATIONS))] = "leaky_relu"


class TrainSection(Section):
    steps: Annotated[int, Rule(int, minimum=1, searchable=False)] = 4000
    chunks: Annotated[int, Rule(int, minimum=1, searchable=False)] = 8
    batch: Annotated[Any, Rule(int, minimum=1, maximum=65536)] = 64
    discriminator_steps: Annotated[Any, Rule(int, minimum=1, maximum=100)] = 1
    loss: Annotated[Any, Rule(str, names=tuple(ADVERSARIAL_LOSSES))] = "non_saturating"
    generator_learning_rate: Annotated[Any, _POSITIVE] = 2e-4
    discriminator_learning_rate: Annotated[Any, _POSITIVE] = 2e-4
    beta1: Annotated[Any, _DECAY] = 0.5
    beta2: Annotated[Any, _DECAY] = 0.999
    ema: Annotated[Any, _DECAY] = 0.0

    @model_validator(mode="after")
    def _chunks_divide_steps(self) -> Self:
        if self.steps % self.chunks:
            raise ValueError(
                f"steps must be a multiple of chunks, got steps = {self.steps}, "
                f"chunks = {self.chunks}"
            )
        return self


class PenaltySection(Section):
    form: Annotated[Any, Rule(str, names=FORMS)] = "power"
    target: Annotated[Any, Rule(str, names=TARGETS)] = "both"
    order: Annotated[Any, _ORDER] = None
    strength: Coefficient = None
    l1: Coefficient = None
    l2: Coefficient = None
    separate_strengths: Annotated[bool, Rule(bool, searchable=False)] = False
    generator_strength: Coefficient = None
    generator_l1: Coefficient = None
    generator_l2: Coefficient = None
    discriminator_strength: Coefficient = None
    discriminator_l1: Coefficient = None
    discriminator_l2: Coefficient = None
    weights: str = r"kernel$"

    @model_validator(mode="after")
    def _has_what_its_form_needs(self) -> Self:
        from sweep.spec.penalty_fields import check

        check(self)
        return self


class ScoreSection(Section):
    metric: Annotated[str, Rule(str, names=METRICS, searchable=False)] = "fid"
    at: Annotated[str, Rule(str, names=("final", "best"), searchable=False)] = "final"
    folds: Annotated[int, Rule(int, minimum=2, maximum=100, searchable=False)] = 3
    samples: Annotated[int | None, Rule(int, minimum=2, searchable=False, optional=True)] = None
    features: Annotated[str, Rule(str, names=tuple(FEATURE_MAPS), searchable=False)] = "classifier"
    dimension: Annotated[int, _DIMENSION] = 32
    feature_share: Annotated[float, _OPEN_SHARE] = 0.3


class Spec(Section):
    """A study, section by section; the fields and their meaning are in docs/spec.md."""

    study: StudySection = StudySection()
    data: DataSection = DataSection()
    model: ModelSection = ModelSection()
    train: TrainSection = TrainSection()
    penalty: PenaltySection
    score: ScoreSection = ScoreSection()

    def plain(self) -> dict[str, Any]:
        """Nested tables of what was set or defaulted, without the fields that are not set."""
        return self.model_dump(exclude_none=True)

    def ranges(self) -> dict[str, Range]:
        """Every range in the spec by its dotted path, such as `penalty.strength`."""
        return {
            f"{section}.{field}": value
            for section, table in self
            for field, value in table
            if isinstance(value, Interval | Choices)
        }

    def with_values(self, values: dict[str, Any]) -> "Spec":
        """This spec with the fields at these dotted paths set (to None: unset), checked again."""
        tables = self.plain()
        for path, value in values.items():
            section, field = path.split(".")
            tables[section].pop(field, None)
            if value is not None:
                tables[section][field] = value
        return Spec.model_validate(tables)
