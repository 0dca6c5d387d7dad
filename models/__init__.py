"""Flax GANs and the pure training step of one member. Knows no study, file or clock."""

from models.gan import GAN, GAN_KINDS, Networks, networks
from models.penalty import FORMS
from models.program import Hyperparameters, NetworkPenalty, Program
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
    "Hyperparameters",
    "MemberState",
    "NetworkPenalty",
    "Networks",
    "Program",
    "init",
    "member_key",
    "networks",
    "sample",
    "train_chunk",
    "train_step",
]
