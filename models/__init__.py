"""Families of models and the pure training step of one member. Knows no study, file or clock."""

from normsweep.models.adapters import from_equinox, from_haiku, from_linen, from_nnx
from normsweep.models.architecture import Architecture, Networks, networks
from normsweep.models.data import Data
from normsweep.models.families import FAMILIES
from normsweep.models.families.contract import Family
from normsweep.models.families.cyclegan import CycleGAN
from normsweep.models.families.gan import GAN
from normsweep.models.families.own import OwnModel, OwnTurn
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.latents import LATENTS
from normsweep.models.layers.fast import fast_convolution
from normsweep.models.layers.mode import EVALUATION, Mode
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
from normsweep.models.networks import NETWORKS
from normsweep.models.networks.contract import Network, Variables
from normsweep.models.networks.mlp import MLP
from normsweep.models.networks.own import OwnNetwork
from normsweep.models.optimizers import LEARNING_RATE_SCHEDULES, OPTIMIZERS, LearningRateSchedule
from normsweep.models.program import Program, hyperparameters
from normsweep.models.step import Losses, train_step
from normsweep.models.training import ChunkMetrics, sample, train_chunk

__all__ = [
    "COUPLINGS",
    "EVALUATION",
    "FAMILIES",
    "GAN",
    "LATENTS",
    "LEARNING_RATE_SCHEDULES",
    "MLP",
    "NETWORKS",
    "NORMALISATIONS",
    "OPTIMIZERS",
    "SCHEDULES",
    "Architecture",
    "ChunkMetrics",
    "CycleGAN",
    "Data",
    "Family",
    "Hyperparameters",
    "LearningRateSchedule",
    "Losses",
    "MemberState",
    "Method",
    "Mode",
    "Network",
    "NetworkPenalty",
    "Networks",
    "OwnModel",
    "OwnNetwork",
    "OwnTurn",
    "Program",
    "Variables",
    "averaged",
    "fast_convolution",
    "from_equinox",
    "from_haiku",
    "from_linen",
    "from_nnx",
    "hyperparameters",
    "init",
    "member_key",
    "network_penalty",
    "networks",
    "penalty_entry",
    "sample",
    "train_chunk",
    "train_step",
]
