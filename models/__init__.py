"""Flax GANs and the pure training step of one member. Knows no study, file or clock."""

from models.conditions import EVALUATION, Conditions
from models.gan import GAN, GAN_KINDS, Networks, Variables, networks
from models.latents import LATENTS
from models.member import MemberState, averaged, init, member_key
from models.method import (
    COUPLINGS,
    SCHEDULES,
    Method,
    NetworkPenalty,
    network_penalty,
    penalty_entry,
)
from models.normalisation import NORMALISATIONS
from models.optimizers import LEARNING_RATE_SCHEDULES, OPTIMIZERS, LearningRateSchedule
from models.program import Hyperparameters, Program
from models.step import Data, Losses, train_step
from models.training import ChunkMetrics, sample, train_chunk

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
