"""Flax GANs and the pure training step of one member. Knows no study, file or clock."""

from models.gan import GAN, GAN_KINDS, Networks, networks
from models.penalty import FORMS, Formula, NetworkPenalty, formula_of, network_penalty
from models.program import Hyperparameters, Program
from models.training import (
    ChunkMetrics,
    MemberState,
    init,
    member_key,
    sample,
    train_chunk,
    train_step,
)

__all__ = [
    "FORMS",
    "GAN",
    "GAN_KINDS",
    "ChunkMetrics",
    "Formula",
    "Hyperparameters",
    "MemberState",
    "NetworkPenalty",
    "Networks",
    "Program",
    "formula_of",
    "init",
    "member_key",
    "network_penalty",
    "networks",
    "sample",
    "train_chunk",
    "train_step",
]
