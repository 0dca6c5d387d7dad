"""Flax GANs and the pure training step of one member. Knows no study, file or clock."""

from normsweep.models.families.gan import GAN, GAN_KINDS, Networks, Variables, networks
from normsweep.models.latents import LATENTS
from normsweep.models.layers.conditions import EVALUATION, Conditions
from normsweep.models.layers.normalisation import NORMALISATIONS
from normsweep.models.member import MemberState, averaged, init, member_key
from normsweep.models.method import (
    COUPLINGS,
    SCHEDULES,
    Method,
    NetworkPenalty,
    network_penalty,
    penalty_entry,
)
from normsweep.models.optimizers import LEARNING_RATE_SCHEDULES, OPTIMIZERS, LearningRateSchedule
from normsweep.models.program import Hyperparameters, Program
from normsweep.models.step import Data, Losses, train_step
from normsweep.models.training import ChunkMetrics, sample, train_chunk

__all__ = [
    "COUPLINGS",
    "EVALUATION",
    "GAN",
    "GAN_KINDS",
    "LATENTS",
    "LEARNING_RATE_SCHEDULES",
    "NORMALISATIONS",
    "OPTIMIZERS",
    "SCHEDULES",
    "ChunkMetrics",
    "Conditions",
    "Data",
    "Hyperparameters",
    "LearningRateSchedule",
    "Losses",
    "MemberState",
    "Method",
    "NetworkPenalty",
    "Networks",
    "Program",
    "Variables",
    "averaged",
    "init",
    "member_key",
    "network_penalty",
    "networks",
    "penalty_entry",
    "sample",
    "train_chunk",
    "train_step",
]
