"""Losses, penalties, distances and feature maps of GAN training, as pure functions of arrays.

Nothing here knows a model or a study, or touches a file, a clock or a global state. The names are
imported when they are first used, so that who compares scores need not wait for JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normsweep.objectives.adaptive import (
        OVERFITTING_SIGNALS,
        OverfittingSignal,
        adapt,
        overfitting_signal,
    )
    from normsweep.objectives.adversarial import (
        ADVERSARIAL_LOSSES,
        AdversarialLoss,
        adversarial_loss,
    )
    from normsweep.objectives.augmentation import (
        AUGMENTATIONS,
        POLICIES,
        Augmentation,
        augment,
        parse_policy,
    )
    from normsweep.objectives.constraints import (
        CONSTRAINTS,
        Constraint,
        constraint,
        constraint_per_layer,
    )
    from normsweep.objectives.distances import (
        DISTANCES,
        Distance,
        FrechetReference,
        GaussianMoments,
        KernelEstimate,
        PrecisionRecall,
        RealFeatures,
        authenticity,
        class_coverage,
        copying_statistic,
        cost,
        distance,
        frechet_distance,
        frechet_distance_from_moments,
        frechet_distance_to,
        frechet_infinity,
        frechet_reference,
        generalisation_gap,
        inception_score,
        kernel_distance,
        kernel_distance_blocks,
        kernel_distance_subsets,
        moments,
        precision_recall_density_coverage,
    )
    from normsweep.objectives.features import (
        FEATURE_MAPS,
        MAXIMUM_DIMENSION,
        FeatureMap,
        feature_map,
    )
    from normsweep.objectives.gradient_penalties import (
        GRADIENT_PENALTIES,
        GradientPenalty,
        gradient_penalty,
        gradient_penalty_value,
    )
    from normsweep.objectives.penalties import (
        PENALTIES,
        REDUCTIONS,
        Penalty,
        elastic_net,
        elastic_net_gradient,
        elastic_net_proximal,
        group_norm,
        group_norm_gradient,
        group_norm_proximal,
        lp_norm,
        lp_norm_gradient,
        lp_norm_proximal,
        lp_power,
        lp_power_gradient,
        lp_power_proximal,
        orthogonal,
        orthogonal_gradient,
        penalty,
        per_layer,
        spectral,
        spectral_gradient,
    )
    from normsweep.objectives.schedules import (
        STRENGTH_SCHEDULES,
        StrengthSchedule,
        strength_factor,
        strength_schedule,
    )
    from normsweep.objectives.selection import (
        KERNELS,
        count_selected,
        keep,
        kernels,
        parameter_paths,
        select,
    )
    from normsweep.objectives.transform import (
        add_norm_penalty,
        decoupled_decay,
        keep_within,
        proximal_step,
    )

_HOMES = {
    "adaptive": (
        "OVERFITTING_SIGNALS",
        "OverfittingSignal",
        "adapt",
        "overfitting_signal",
    ),
    "adversarial": (
        "ADVERSARIAL_LOSSES",
        "AdversarialLoss",
        "adversarial_loss",
    ),
    "augmentation": (
        "AUGMENTATIONS",
        "POLICIES",
        "Augmentation",
        "augment",
        "parse_policy",
    ),
    "constraints": (
        "CONSTRAINTS",
        "Constraint",
        "constraint",
        "constraint_per_layer",
    ),
    "distances": (
        "DISTANCES",
        "Distance",
        "FrechetReference",
        "GaussianMoments",
        "KernelEstimate",
        "PrecisionRecall",
        "RealFeatures",
        "authenticity",
        "class_coverage",
        "copying_statistic",
        "cost",
        "distance",
        "frechet_distance",
        "frechet_distance_from_moments",
        "frechet_distance_to",
        "frechet_infinity",
        "frechet_reference",
        "generalisation_gap",
        "inception_score",
        "kernel_distance",
        "kernel_distance_blocks",
        "kernel_distance_subsets",
        "moments",
        "precision_recall_density_coverage",
    ),
    "features": (
        "FEATURE_MAPS",
        "MAXIMUM_DIMENSION",
        "FeatureMap",
        "feature_map",
    ),
    "gradient_penalties": (
        "GRADIENT_PENALTIES",
        "GradientPenalty",
        "gradient_penalty",
        "gradient_penalty_value",
    ),
    "penalties": (
        "PENALTIES",
        "REDUCTIONS",
        "Penalty",
        "elastic_net",
        "elastic_net_gradient",
        "elastic_net_proximal",
        "group_norm",
        "group_norm_gradient",
        "group_norm_proximal",
        "lp_norm",
        "lp_norm_gradient",
        "lp_norm_proximal",
        "lp_power",
        "lp_power_gradient",
        "lp_power_proximal",
        "orthogonal",
        "orthogonal_gradient",
        "penalty",
        "per_layer",
        "spectral",
        "spectral_gradient",
    ),
    "schedules": (
        "STRENGTH_SCHEDULES",
        "StrengthSchedule",
        "strength_factor",
        "strength_schedule",
    ),
    "selection": (
        "KERNELS",
        "count_selected",
        "keep",
        "kernels",
        "parameter_paths",
        "select",
    ),
    "transform": (
        "add_norm_penalty",
        "decoupled_decay",
        "keep_within",
        "proximal_step",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AUGMENTATIONS",
    "CONSTRAINTS",
    "DISTANCES",
    "FEATURE_MAPS",
    "GRADIENT_PENALTIES",
    "KERNELS",
    "MAXIMUM_DIMENSION",
    "OVERFITTING_SIGNALS",
    "PENALTIES",
    "POLICIES",
    "REDUCTIONS",
    "STRENGTH_SCHEDULES",
    "AdversarialLoss",
    "Augmentation",
    "Constraint",
    "Distance",
    "FeatureMap",
    "FrechetReference",
    "GaussianMoments",
    "GradientPenalty",
    "KernelEstimate",
    "OverfittingSignal",
    "Penalty",
    "PrecisionRecall",
    "RealFeatures",
    "StrengthSchedule",
    "adapt",
    "add_norm_penalty",
    "adversarial_loss",
    "augment",
    "authenticity",
    "class_coverage",
    "constraint",
    "constraint_per_layer",
    "copying_statistic",
    "cost",
    "count_selected",
    "decoupled_decay",
    "distance",
    "elastic_net",
    "elastic_net_gradient",
    "elastic_net_proximal",
    "feature_map",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_distance_to",
    "frechet_infinity",
    "frechet_reference",
    "generalisation_gap",
    "gradient_penalty",
    "gradient_penalty_value",
    "group_norm",
    "group_norm_gradient",
    "group_norm_proximal",
    "inception_score",
    "keep",
    "keep_within",
    "kernel_distance",
    "kernel_distance_blocks",
    "kernel_distance_subsets",
    "kernels",
    "lp_norm",
    "lp_norm_gradient",
    "lp_norm_proximal",
    "lp_power",
    "lp_power_gradient",
    "lp_power_proximal",
    "moments",
    "orthogonal",
    "orthogonal_gradient",
    "overfitting_signal",
    "parameter_paths",
    "parse_policy",
    "penalty",
    "per_layer",
    "precision_recall_density_coverage",
    "proximal_step",
    "select",
    "spectral",
    "spectral_gradient",
    "strength_factor",
    "strength_schedule",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
