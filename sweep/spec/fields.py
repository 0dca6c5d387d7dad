"""The table of fields: an entry says all that is known of a field, and everything else reads it.

An entry is a field's type, its `Rule`, its `Facts` and its default. What must fit together within a
section is in `sections.py`, between sections in `combinations.py`.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer

from normsweep.objectives.limits import MAXIMUM_DIMENSION
from normsweep.spec.bounds import check_metrics, check_require
from normsweep.spec.facts import (
    KEPT,
    MOST,
    Facts,
    Section,
    With,
    facts_of,
    families,
    for_each_network,
)
from normsweep.spec.family import (
    ALL,
    AUTOENCODER,
    BOTH,
    CYCLEGAN,
    DECODER,
    DISCRIMINATOR,
    GAN,
    GENERATOR,
    PLAYERS,
    RAE,
    VAE,
    WITH_LATENTS,
    families_with,
)
from normsweep.spec.ranges import Amount, Interval, PixelRange, Rule, each, highest
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
    SCHEDULES,
    SCOPES,
    SCORED_AT,
    SPLITS,
    STRENGTH_SCHEDULES,
    TARGETS,
    Names,
)

SCORE = "score"
"""In place of a fingerprint: scores of another metric, or after other steps, are other numbers."""

_SEED = Rule(int, minimum=0, maximum=2**31 - 1, searchable=False)
_WIDTH = Rule(int, minimum=1, maximum=65536)
_COUNT = Rule(int, minimum=1, maximum=65536, optional=True)
_POSITIVE = Rule(float, minimum=0, exclusive_minimum=True)
_AMOUNT = Rule(float, minimum=0)
_BELOW_ONE = Rule(float, minimum=0, maximum=1, exclusive_maximum=True)
_RATE = Rule(float, minimum=0, maximum=1, exclusive_maximum=True, optional=True)
_SHARE = Rule(float, minimum=0, maximum=1)
_STRENGTH = Rule(float, minimum=0, optional=True, words=("auto",))
_RADIUS = Rule(float, minimum=0, exclusive_minimum=True, optional=True, words=("auto",))


def _one(names: Collection[str]) -> Rule:
    """One of some names, which is not searched."""
    return Rule(str, names=names, searchable=False)


def _whole(minimum: int, maximum: int | None = None, *, optional: bool = False) -> Rule:
    """A whole number that is not searched."""
    return Rule(int, minimum=minimum, maximum=maximum, searchable=False, optional=optional)


class StudySection(Section):
    trains: ClassVar[bool] = False

    name: str = Field("study", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    trials: Annotated[int, _whole(1), Facts(free=True)] = 40
    seed: Annotated[int, _SEED] = 0
    sampler: Annotated[str, _one(Names(SAMPLERS, plugin="sampler")), Facts(table="samplers")] = (
        "tpe"
    )
    pruner: Annotated[str, _one(PRUNERS), Facts(table="pruners")] = "none"
    begin: Annotated[str, _one(BEGINNINGS), Facts(table="beginnings")] = "drawn"
    startup_trials: Annotated[int, _whole(1), Facts(table="samplers")] = 10
    pruner_warmup: Annotated[int, _whole(0), Facts(table="pruners")] = 1
    pruner_percentile: Annotated[
        float, Rule(float, minimum=0, maximum=100, searchable=False), Facts(table="pruners")
    ] = 25.0
    slots: Annotated[Any, Rule(int, minimum=1, maximum=1024, searchable=False, words=("auto",))] = 4


class DataSection(Section):
    source: Annotated[
        str, _one(Names(DATASETS, plugin="images")), Facts(table="data", makes={"data": 1})
    ] = "digits"
    path: Annotated[
        str | None, Rule(str, searchable=False, optional=True), Facts(makes={"data": 2})
    ] = None
    split: Annotated[str, _one(SPLITS), Facts(table="splits", makes={"data": 3})] = "train"
    limit: Annotated[
        int | None, _whole(2, optional=True), Facts(table="data", makes={"data": 4, "folds": 5})
    ] = None
    range: Annotated[
        tuple[float, float] | None,
        PixelRange(float, searchable=False),
        Facts(table="data", makes={"data": 5}),
    ] = None
    size: Annotated[
        int | None, _whole(1, 4096, optional=True), Facts(table="data", makes={"data": 6})
    ] = None
    colour: Annotated[
        str | None,
        Rule(str, names=COLOURS, searchable=False, optional=True),
        Facts(table="colours", makes={"data": 7}),
    ] = None
    seed: Annotated[int, _SEED, Facts(makes={"folds": 4, "features": 4})] = 0


def _kinds_with(setting: str) -> tuple[With, ...]:
    taking = Names(ARCHITECTURES, only=lambda entry: setting in entry.__dataclass_fields__)
    return (With("model.network", taking),)


_OF_VAE = families((VAE,))
_OF_RAE = families((RAE,))
_OF_AUTOENCODER = families((AUTOENCODER,))
_OF_NOISE = families((GAN, "conditional", AUTOENCODER))


def _fewest_layers(model: Section, network: str) -> int:
    return min(map(len, each(getattr(model, f"{network}_hidden"))))


def _widest_layer(model: Section, network: str) -> int | None:
    widths = []
    for entry in (ARCHITECTURES[kind] for kind in each(model.network) if kind in ARCHITECTURES):
        for setting in ("hidden", "channels"):
            if setting in entry.__dataclass_fields__:
                asked = getattr(model, f"{network}_{setting}")
                options = (highest(asked),) if isinstance(asked, Interval) else each(asked)
                widths += [entry(**{setting: option}).widest for option in options]
    return max((width for width in widths if width is not None), default=None)


_FROM_LATENTS = families(WITH_LATENTS)


_CONDITIONAL = families(("conditional",))
_CONDITIONS = {
    GENERATOR: (Rule(str, names=GENERATOR_CONDITIONS), "embedding"),
    DISCRIMINATOR: (Rule(str, names=DISCRIMINATOR_CONDITIONS), "projection"),
}


_OURS = (With("model.network", ARCHITECTURES),)
"""Networks of the user's own have settings of their own."""


def _check_settings(value: Any) -> dict[str, Any] | None:
    def fits(each: Any) -> bool:
        return isinstance(each, bool | int | float | str)

    if value is None:
        return None
    if not isinstance(value, dict) or not all(
        fits(each) or (isinstance(each, list) and all(map(fits, each))) for each in value.values()
    ):
        raise ValueError(
            f"got {value!r}; accepted: a table of numbers, texts, true, false and lists of these"
        )
    return value


@for_each_network
class ModelSection(Section):
    of_methods: ClassVar[bool] = True

    family: Annotated[str, _one(FAMILIES), Facts(asked=11, table="families")] = GAN
    network: Annotated[
        Any,
        Rule(str, names=Names(ARCHITECTURES, plugin="network")),
        Facts(asked=12, table="networks"),
    ] = "mlp"
    initial: Annotated[
        str | None,
        Rule(str, searchable=False, optional=True),
        Facts(common=True, makes={"initial": 1}),
    ] = None
    settings: Annotated[
        dict[str, Any] | None, BeforeValidator(_check_settings), Facts(table="networks")
    ] = None
    latent: Annotated[Any, _WIDTH, Facts(counts=_FROM_LATENTS, table="latents")] = 64
    latent_distribution: Annotated[
        Any, Rule(str, names=LATENTS), Facts(counts=_OF_NOISE, table="latents")
    ] = "normal"
    code_law: Annotated[str, _one(CODE_LAWS), Facts(counts=_OF_RAE, table="code_laws")] = "mixture"
    network_condition: Annotated[
        Any,
        Facts(
            networks=tuple(_CONDITIONS),
            own=_CONDITIONS,
            counts=_CONDITIONAL,
            table="{network}_conditions",
        ),
    ] = None
    network_hidden: Annotated[
        Any,
        Rule(tuple),
        Facts(
            counts=_kinds_with("hidden"),
            table="structure",
            label="widths of the {network}'s hidden layers",
        ),
    ] = (128, 128)
    network_layers: Annotated[
        Any,
        _COUNT,
        Facts(
            counts=_kinds_with("layers"),
            off=None,
            most=_fewest_layers,
            table="structure",
            label="only the first so many of these widths",
        ),
    ] = None
    network_channels: Annotated[
        Any,
        _COUNT,
        Facts(
            counts=_kinds_with("channels"),
            table="structure",
            label="channels of the {network}'s convolutions; not set: as published",
        ),
    ] = None
    network_units: Annotated[
        Any,
        _COUNT,
        Facts(
            traced=True,
            counts=_OURS,
            off=MOST,
            most=_widest_layer,
            table="structure",
            label="at most so many units of each hidden layer",
        ),
    ] = None
    network_activation: Annotated[
        Any, Rule(str, names=ACTIVATIONS), Facts(counts=_OURS, table="activations")
    ] = "leaky_relu"
    network_output: Annotated[
        Any,
        Rule(str, names=IMAGE_OUTPUTS),
        Facts(networks=(GENERATOR, DECODER), counts=_OURS, table="outputs"),
    ] = "tanh"
    network_normalisation: Annotated[
        Any,
        Rule(str, names=NORMALISATIONS),
        Facts(counts=_OURS, off="none", kind=True, table="normalisations"),
    ] = "none"
    network_dropout: Annotated[
        Any,
        _RATE,
        Facts(
            traced=True,
            counts=_OURS,
            off=None,
            table="structure",
            label="rate behind each hidden activation, in training only",
        ),
    ] = None


def _optimizers_with(setting: str) -> tuple[With, ...]:
    taking = Names(OPTIMIZERS, only=lambda entry: setting in entry.settings)
    return (With("train.optimizer", taking),)


_JUDGED = families(families_with(DISCRIMINATOR))
_TRANSLATES = families((CYCLEGAN,))
_CHANGING_RATE = Names(LEARNING_RATE_SCHEDULES, without=("constant",))
_LOSSES_OF_LABELS = Names(ADVERSARIAL_LOSSES, only=lambda loss: loss.labels)


def _weight_of_set(of: str, off: Any = KEPT) -> Facts:
    return Facts(
        traced=True, counts=_TRANSLATES, off=off, table="structure", label=f"weight of {of}"
    )


@for_each_network
class TrainSection(Section):
    of_methods: ClassVar[bool] = True

    steps: Annotated[
        int,
        _whole(1),
        Facts(common=True, makes={SCORE: 3}, table="structure", label=f"steps of the {GENERATOR}"),
    ] = 4000
    chunks: Annotated[
        int,
        _whole(1),
        Facts(common=True, table="structure", label="scores along the way; divides the steps"),
    ] = 8
    batch: Annotated[Any, _WIDTH, Facts(table="structure", label="images of a step")] = 64
    precision: Annotated[Any, Rule(str, names=PRECISIONS), Facts(table="precisions")] = "float32"
    network_steps: Annotated[
        Any,
        Rule(int, minimum=1, maximum=100),
        Facts(
            networks=(DISCRIMINATOR,),
            table="structure",
            label=f"steps of the {{network}} for each of the {GENERATOR}",
        ),
    ] = 1
    loss: Annotated[
        Any, Rule(str, names=ADVERSARIAL_LOSSES), Facts(counts=_JUDGED, asked=5, table="losses")
    ] = "non_saturating"
    label_smoothing: Annotated[
        Any,
        _BELOW_ONE,
        Facts(
            traced=True,
            counts=(*_JUDGED, With("train.loss", _LOSSES_OF_LABELS)),
            off=0.0,
            table="losses",
        ),
    ] = 0.0
    auxiliary_weight: Annotated[
        Any, _AMOUNT, Facts(traced=True, counts=_CONDITIONAL, table=f"{DISCRIMINATOR}_conditions")
    ] = 0.0
    likelihood: Annotated[
        str,
        _one(LIKELIHOODS),
        Facts(counts=_OF_VAE, asked=13, table="likelihoods"),
    ] = "bernoulli"
    likelihood_scale: Annotated[
        Any,
        _POSITIVE,
        Facts(
            traced=True,
            counts=(
                *_OF_VAE,
                With(
                    "train.likelihood",
                    Names(LIKELIHOODS, only=lambda entry: "likelihood_scale" in entry.settings),
                ),
            ),
            table="likelihoods",
        ),
    ] = 0.25
    beta: Annotated[
        Any,
        _AMOUNT,
        Facts(
            traced=True,
            counts=_OF_VAE,
            table="structure",
            label="weight of the divergence of codes from their prior",
        ),
    ] = 1.0
    kl_warmup: Annotated[
        Any,
        _SHARE,
        Facts(
            traced=True,
            counts=_OF_VAE,
            off=0.0,
            table="structure",
            label="share of the steps over which that weight rises from 0",
        ),
    ] = 0.0
    free_bits: Annotated[
        Any,
        _AMOUNT,
        Facts(
            traced=True,
            counts=_OF_VAE,
            off=0.0,
            table="structure",
            label="nats of each dimension of the code that its divergence costs anyhow",
        ),
    ] = 0.0
    cycle_a: Annotated[
        Any, _AMOUNT, _weight_of_set("the error of an image of set A translated there and back")
    ] = 10.0
    cycle_b: Annotated[
        Any, _AMOUNT, _weight_of_set("the error of an image of set B translated there and back")
    ] = 10.0
    identity_a: Annotated[
        Any, _AMOUNT, _weight_of_set("the change of an image of set A translated into A", off=0.0)
    ] = 0.0
    identity_b: Annotated[
        Any, _AMOUNT, _weight_of_set("the change of an image of set B translated into B", off=0.0)
    ] = 0.0
    image_pool: Annotated[
        Any,
        Rule(int, minimum=0, maximum=65536),
        Facts(
            counts=_TRANSLATES,
            table="structure",
            label=f"generated images kept for each {DISCRIMINATOR}; 0: it judges the last ones",
        ),
    ] = 50
    reconstruction_weight: Annotated[
        Any,
        _AMOUNT,
        Facts(
            traced=True,
            counts=_OF_AUTOENCODER,
            table="structure",
            label="weight of the mean squared error of a reconstructed pixel",
        ),
    ] = 1.0
    code_weight: Annotated[
        Any,
        _AMOUNT,
        Facts(
            traced=True,
            counts=families((RAE, AUTOENCODER)),
            table="structure",
            label="weight of half the squared length of an image's code",
        ),
    ] = 1e-4
    jacobian_weight: Annotated[
        Any,
        _AMOUNT,
        Facts(
            traced=True,
            counts=_OF_RAE,
            off=0.0,
            table="structure",
            label="weight of the squared slope of what is decoded in the code",
        ),
    ] = 0.0
    optimizer: Annotated[Any, Rule(str, names=OPTIMIZERS), Facts(asked=3, table="optimizers")] = (
        "adam"
    )
    network_learning_rate: Annotated[
        Any, _POSITIVE, Facts(networks=PLAYERS, traced=True, table="optimizers")
    ] = 2e-4
    learning_rate_schedule: Annotated[
        Any,
        Rule(str, names=LEARNING_RATE_SCHEDULES),
        Facts(asked=4, table="learning_rate_schedules"),
    ] = "constant"
    learning_rate_end: Annotated[
        Any,
        _SHARE,
        Facts(
            counts=(With("train.learning_rate_schedule", _CHANGING_RATE),),
            table="learning_rate_schedules",
        ),
    ] = 0.0
    learning_rate_warmup: Annotated[Any, _BELOW_ONE, Facts(table="learning_rate_schedules")] = 0.0
    beta1: Annotated[
        Any, _BELOW_ONE, Facts(traced=True, counts=_optimizers_with("beta1"), table="optimizers")
    ] = 0.5
    beta2: Annotated[
        Any, _BELOW_ONE, Facts(traced=True, counts=_optimizers_with("beta2"), table="optimizers")
    ] = 0.999
    decay: Annotated[
        Any, _BELOW_ONE, Facts(traced=True, counts=_optimizers_with("decay"), table="optimizers")
    ] = 0.9
    momentum: Annotated[
        Any, _RATE, Facts(traced=True, counts=_optimizers_with("momentum"), table="optimizers")
    ] = None
    weight_decay: Annotated[
        Any,
        _STRENGTH,
        Facts(traced=True, counts=_optimizers_with("weight_decay"), off=0.0, table="optimizers"),
    ] = None
    ema: Annotated[
        Any,
        _BELOW_ONE,
        Facts(
            traced=True,
            table="structure",
            label="decay of an average of the networks that sample; 0: no average",
        ),
    ] = 0.0


class CoefficientsSection(Section):
    """Numbers of a model of the user's own, under the names that it gives them."""

    of_methods: ClassVar[bool] = True
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, Rule(float)]] = Field(init=False)


FORMS = Names(("none",), PENALTIES, CONSTRAINTS, plugin="penalty")
_WITH_A_FORM = With("penalty.form", Names(PENALTIES, CONSTRAINTS, plugin="penalty"))
_WITH_A_PENALTY = With("penalty.form", Names(PENALTIES, plugin="penalty"))
_COEFFICIENT = Facts(traced=True, coefficient="strength", table="penalties")
_OF_A_SET = Facts(traced=True, coefficient="radius", table="constraints")


def _schedules_with(setting: str) -> tuple[With, ...]:
    taking = Names(STRENGTH_SCHEDULES, only=lambda entry: setting in entry.settings)
    return (With("penalty.schedule", taking),)


_FOLLOWING = (With("penalty.schedule", FOLLOWING),)


@for_each_network
class PenaltySection(Section):
    of_methods: ClassVar[bool] = True
    switch: ClassVar[str] = "form"

    form: Annotated[
        Any,
        Rule(str, names=FORMS),
        Facts(shapes=True, asked=6, kind=True, table="penalties constraints"),
    ] = "power"
    target: Annotated[
        Any, Rule(str, names=TARGETS), Facts(counts=(_WITH_A_FORM,), asked=7, table="targets")
    ] = BOTH
    order: Annotated[
        Any,
        Rule(float, minimum=0, exclusive_minimum=True, maximum=64, optional=True),
        Facts(traced=True, shapes=True, coefficient="order", table="penalties", symbol="p"),
    ] = None
    strength: Annotated[
        Any,
        _STRENGTH,
        Facts(traced=True, coefficient="strength", table="penalties", symbol="λ"),
    ] = None
    l1: Annotated[Any, _STRENGTH, _COEFFICIENT] = None
    l2: Annotated[Any, _STRENGTH, _COEFFICIENT] = None
    radius: Annotated[Any, _RADIUS, _OF_A_SET] = None
    separate_strengths: Annotated[
        bool,
        Rule(bool, searchable=False),
        Facts(
            counts=(_WITH_A_FORM, With("penalty.target", (BOTH, ALL))),
            table="structure",
            label="whether each network has coefficients of its own",
        ),
    ] = False
    network_strength: Annotated[Any, _STRENGTH, _COEFFICIENT] = None
    network_l1: Annotated[Any, _STRENGTH, _COEFFICIENT] = None
    network_l2: Annotated[Any, _STRENGTH, _COEFFICIENT] = None
    network_radius: Annotated[Any, _RADIUS, _OF_A_SET] = None
    weights: Annotated[
        str,
        Facts(
            table="structure",
            label="which weights a penalty, a constraint or weight decay acts on",
        ),
    ] = r"kernel$"
    biases: Annotated[
        bool,
        Rule(bool, searchable=False),
        Facts(table="structure", label="whether a penalty or a constraint acts on biases too"),
    ] = False
    scope: Annotated[
        Any,
        Rule(str, names=SCOPES),
        Facts(shapes=True, counts=(_WITH_A_FORM,), asked=9, kind=True, table="scopes"),
    ] = "network"
    reduction: Annotated[
        Any,
        Rule(str, names=REDUCTIONS),
        Facts(
            shapes=True,
            counts=(_WITH_A_PENALTY, With("penalty.scope", ("layer",))),
            table="reductions",
        ),
    ] = "sum"
    coupling: Annotated[
        Any,
        Rule(str, names=COUPLINGS),
        Facts(shapes=True, counts=(_WITH_A_PENALTY,), asked=8, kind=True, table="couplings"),
    ] = "loss"
    schedule: Annotated[
        Any,
        Rule(str, names=SCHEDULES),
        Facts(shapes=True, counts=(_WITH_A_PENALTY,), asked=10, kind=True, table="schedules"),
    ] = "constant"
    schedule_start: Annotated[
        Any, _AMOUNT, Facts(traced=True, counts=_schedules_with("start"), table="schedules")
    ] = 0.0
    schedule_end: Annotated[
        Any, _AMOUNT, Facts(traced=True, counts=_schedules_with("end"), table="schedules")
    ] = 1.0
    schedule_begin: Annotated[
        Any, _SHARE, Facts(traced=True, counts=_schedules_with("begin"), table="schedules")
    ] = 0.0
    schedule_finish: Annotated[
        Any, _SHARE, Facts(traced=True, counts=_schedules_with("finish"), table="schedules")
    ] = 1.0
    adaptive_signal: Annotated[
        Any,
        Rule(str, names=OVERFITTING_SIGNALS),
        Facts(shapes=True, counts=_FOLLOWING, table="signals"),
    ] = "real_sign"
    adaptive_target: Annotated[
        Any,
        Rule(float, minimum=-1, maximum=1),
        Facts(traced=True, counts=_FOLLOWING, table="signals"),
    ] = 0.6
    adaptive_speed: Annotated[
        Any, _POSITIVE, Facts(traced=True, counts=_FOLLOWING, table="signals")
    ] = 2.0


_WITH_A_KIND = (With("gradient_penalty.kind", GRADIENT_PENALTIES),)
_WITH_A_POLICY = (With("augment.policy", POLICIES),)


class GradientPenaltySection(Section):
    of_methods: ClassVar[bool] = True
    switch: ClassVar[str] = "kind"

    kind: Annotated[
        Any,
        Rule(str, names=Names(("none",), GRADIENT_PENALTIES)),
        Facts(shapes=True, counts=_JUDGED, asked=1, kind=True, table="gradient_penalties"),
    ] = "none"
    strength: Annotated[
        Any, _STRENGTH, Facts(traced=True, counts=_WITH_A_KIND, table="gradient_penalties")
    ] = None
    every: Annotated[
        Any, _WIDTH, Facts(traced=True, counts=_WITH_A_KIND, table="gradient_penalties")
    ] = 1
    images: Annotated[
        Any,
        Rule(str, names=PENALISED_AT),
        Facts(shapes=True, counts=(*_WITH_A_KIND, *_WITH_A_POLICY), table="penalised_at"),
    ] = "raw"
    rescale_adam: Annotated[
        bool,
        Rule(bool, searchable=False),
        Facts(counts=(*_WITH_A_KIND, *_optimizers_with("beta1")), table="gradient_penalties"),
    ] = False


class AugmentSection(Section):
    of_methods: ClassVar[bool] = True
    switch: ClassVar[str] = "policy"

    policy: Annotated[
        Any,
        Rule(str, names=Names(("none",), POLICIES)),
        Facts(shapes=True, counts=_JUDGED, asked=2, kind=True, table="augmentations"),
    ] = "none"
    strength: Annotated[
        Any,
        Rule(float, minimum=0, maximum=1, optional=True),
        Facts(traced=True, counts=_WITH_A_POLICY, table="augmentations"),
    ] = None
    images: Annotated[
        Any,
        Rule(str, names=AUGMENTED),
        Facts(shapes=True, counts=_WITH_A_POLICY, table="augmented"),
    ] = "both"


_SCORES = Names(DISTANCES, FIGURES)


class ScoreSection(Section):
    metric: Annotated[str, _one(_SCORES), Facts(makes={SCORE: 1}, table="distances figures")] = (
        "fid"
    )
    second: Annotated[
        str | None,
        Rule(str, names=_SCORES, searchable=False, optional=True),
        Facts(table="distances figures"),
    ] = None
    record: Annotated[
        tuple[str, ...],
        BeforeValidator(check_metrics),
        PlainSerializer(list),
        Facts(table="distances"),
    ] = ()
    require: Annotated[
        dict[str, str] | None, BeforeValidator(check_require), Facts(table="distances figures")
    ] = None
    at: Annotated[str, _one(SCORED_AT), Facts(makes={SCORE: 2}, table="scored_at")] = "final"
    folds: Annotated[int, _whole(2, 100), Facts(makes={"folds": 1, "samples": 2})] = 3
    samples: Annotated[
        int | None, _whole(2, optional=True), Facts(makes={"samples": 1}, table="distances")
    ] = None
    features: Annotated[
        str,
        _one(Names(FEATURE_MAPS, plugin="features")),
        Facts(makes={"features": 1}, table="features"),
    ] = "classifier"
    dimension: Annotated[
        int, _whole(1, MAXIMUM_DIMENSION), Facts(makes={"features": 2}, table="features")
    ] = 32
    feature_share: Annotated[
        float,
        Rule(
            float,
            minimum=0,
            maximum=1,
            exclusive_minimum=True,
            exclusive_maximum=True,
            searchable=False,
        ),
        Facts(makes={"folds": 2, "features": 3}),
    ] = 0.3


class ConfirmSection(Section):
    """What is trained again after the search, to be sure of its answer."""

    trains: ClassVar[bool] = False

    seeds: Annotated[int, _whole(0, 1000), Facts(free=True)] = 0
    images: Annotated[str, _one(IMAGES_OF_SEEDS), Facts(table="images_of_seeds")] = "these"
    looks: Annotated[str, _one(LOOKS), Facts(free=True, table="looks")] = "each"
    smallest: Annotated[
        Any,
        Amount(float, minimum=0, exclusive_minimum=True, searchable=False, optional=True),
        Facts(free=True),
    ] = None
    top: Annotated[int, _whole(1, 100), Facts(free=True)] = 3
    replicates: Annotated[int, _whole(0, 10_000), Facts(free=True)] = 0
    holdout: Annotated[
        float,
        Rule(float, minimum=0, maximum=1, exclusive_maximum=True, searchable=False),
        Facts(makes={"folds": 3}),
    ] = 0.0


class ServiceSection(Section):
    """How a study is run: no score depends on it, and a later launch may have it otherwise."""

    trains: ClassVar[bool] = False

    retries: Annotated[int, _whole(0), Facts(free=True)] = 3
    checkpoint_every: Annotated[int, _whole(1), Facts(free=True)] = 5
    keep_checkpoints: Annotated[int, _whole(0), Facts(free=True)] = 0
    storage_patience: Annotated[
        float, Rule(float, minimum=0, searchable=False), Facts(free=True)
    ] = 600.0


class StopSection(Section):
    """When the search stops by itself; a later launch may have it otherwise."""

    trains: ClassVar[bool] = False

    patience: Annotated[int | None, _whole(1, optional=True), Facts(free=True)] = None
    noise: Annotated[
        float,
        Rule(float, minimum=0, exclusive_minimum=True, searchable=False),
        Facts(free=True),
    ] = 1.0


SECTIONS: Mapping[str, type[Section]] = MappingProxyType(
    {
        "study": StudySection,
        "data": DataSection,
        "model": ModelSection,
        "train": TrainSection,
        "coefficients": CoefficientsSection,
        "penalty": PenaltySection,
        "gradient_penalty": GradientPenaltySection,
        "augment": AugmentSection,
        "score": ScoreSection,
        "confirm": ConfirmSection,
        "service": ServiceSection,
        "stop": StopSection,
    }
)
"""The sections of a spec by name, in order."""

FACTS: Mapping[str, Facts] = MappingProxyType(
    {
        f"{name}.{field}": facts_of(section, field)
        for name, section in SECTIONS.items()
        for field in section.model_fields
    }
)
"""The facts of every field by its dotted path, in order."""

NOT_TRAINING = tuple(name for name, section in SECTIONS.items() if not section.trains)
"""The sections on which no score depends."""

METHOD_SECTIONS = tuple(name for name, section in SECTIONS.items() if section.of_methods)
"""The sections of which a method may set fields."""

SWITCHES = {name: section.switch for name, section in SECTIONS.items() if section.switch}
"""The sections that one of their fields switches off, and which."""


def paths(having: Callable[[Facts], object]) -> tuple[str, ...]:
    """The dotted paths of the fields with some facts, in order."""
    return tuple(path for path, facts in FACTS.items() if having(facts))


def fields(section: str, having: Callable[[Facts], object]) -> tuple[str, ...]:
    """The fields of a section with some facts, by name, in order."""
    known = SECTIONS[section].model_fields
    return tuple(name for name in known if having(FACTS[f"{section}.{name}"]))


def default(path: str) -> Any:
    """What a field is where nothing is said of it."""
    section, field = path.split(".")
    return SECTIONS[section].model_fields[field].default


def causes(of: str) -> tuple[str, ...]:
    """The fields that a fingerprint or `SCORE` follows from, in the order in which to name them."""
    made = paths(lambda facts: of in facts.makes)
    return tuple(sorted(made, key=lambda path: FACTS[path].makes[of]))


def most(model: Section, field: str) -> int | None:
    """What a network's field can be at most, given its widths; None where these say none."""
    found = FACTS[f"model.{field}"].most
    network = field.split("_", 1)[0]
    return None if found is None else found(model, network)


def counts(path: str, chosen: Callable[[str], Any]) -> bool:
    """Whether a field has an effect, given what is chosen for those that it depends on."""
    return all(chosen(needed.control) in needed.values for needed in FACTS[path].counts)


def family_fields(*, but: str) -> tuple[str, ...]:
    """The fields that count with some families, and not with this one."""
    return tuple(path for path, having in _OF_FAMILIES.items() if but not in having)


_OF_FAMILIES = {
    path: needed.values
    for path, facts in FACTS.items()
    for needed in facts.counts
    if needed.control == "model.family"
}


def rule_of(path: str) -> Rule | None:
    """The rule of a field of the spec, by its dotted path; None where it has none."""
    section, field = path.split(".")
    known = SECTIONS[section].model_fields[field]
    rules = [entry for entry in known.metadata if isinstance(entry, Rule)]
    return rules[0] if rules else None


KIND_FIELDS = tuple(
    sorted(paths(lambda facts: facts.kind), key=lambda path: path.split(".")[0] not in SWITCHES)
)
"""Fields whose searched values tell the kinds of regularisation of one study apart: those of the
sections that do nothing else first."""

CONTROLS = tuple(sorted(paths(lambda facts: facts.asked), key=lambda path: FACTS[path].asked))
"""Fields on whose values it depends which others count, in the order in which they are asked."""
