"""A config as the engine wants it: the static program, and the traced hyperparameters."""

import numpy as np

from models.gan import GAN
from models.penalty import NetworkPenalty, formula_of, network_penalty
from models.program import Hyperparameters, Program
from sweep.spec.penalty_fields import NETWORKS, coefficient_fields, field_value
from sweep.spec.spec import Spec


def program_of(config: Spec, image_shape: tuple[int, int, int], samples: int) -> Program:
    """The static part of a config. Configs of equal programs share one compilation."""
    return Program(
        gan=GAN(image_shape=image_shape, **dict(config.model)),
        batch=config.train.batch,
        discriminator_steps=config.train.discriminator_steps,
        loss=config.train.loss,
        ema=config.train.ema > 0,
        penalised=config.penalty.weights,
        chunk_steps=config.train.steps // config.train.chunks,
        samples=samples,
    )


def hyperparameters_of(config: Spec) -> Hyperparameters:
    """The traced part of a config, as NumPy scalars."""
    train = config.train
    generator, discriminator = (penalty_on(config, network) for network in NETWORKS)
    return Hyperparameters(
        formula=np.int32(formula_of(config.penalty.form, config.penalty.order)),
        generator_penalty=generator,
        discriminator_penalty=discriminator,
        generator_learning_rate=np.float32(train.generator_learning_rate),
        discriminator_learning_rate=np.float32(train.discriminator_learning_rate),
        beta1=np.float32(train.beta1),
        beta2=np.float32(train.beta2),
        ema_decay=np.float32(train.ema),
    )


def penalty_on(config: Spec, network: str) -> NetworkPenalty:
    """The penalty of a config on one network; none where the network is not targeted."""
    penalty = config.penalty
    fields = coefficient_fields(penalty.form, penalty.target, penalty.separate_strengths)
    coefficients = {
        field.removeprefix(f"{network}_"): field_value(penalty, field)
        for field, networks in fields.items()
        if network in networks
    }
    return network_penalty(penalty.form if coefficients else "none", **coefficients)
