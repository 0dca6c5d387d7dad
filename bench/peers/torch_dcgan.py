"""The convolutional networks of the PyTorch peer; those of `bench.peers.flax_dcgan`."""

from __future__ import annotations

import torch
from torch import nn

from bench.peers.flax_dcgan import CHANNELS, DENSE, SIDE
from bench.peers.torch_script import LATENT


def make_generator(pixels: int) -> torch.nn.Module:
    """Latent [n, 64] to pixels [n, 784] in (-1, 1)."""
    del pixels
    side = SIDE // 4
    return nn.Sequential(
        nn.Linear(LATENT, DENSE),
        nn.LeakyReLU(0.2),
        nn.Linear(DENSE, side**2 * 2 * CHANNELS),
        nn.LeakyReLU(0.2),
        nn.Unflatten(1, (2 * CHANNELS, side, side)),
        nn.ConvTranspose2d(2 * CHANNELS, CHANNELS, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(CHANNELS, 1, 4, 2, 1),
        nn.Tanh(),
        nn.Flatten(),
    )


def make_discriminator(pixels: int) -> torch.nn.Module:
    """Pixels [n, 784] to logits [n, 1]."""
    del pixels
    return nn.Sequential(
        nn.Unflatten(1, (1, SIDE, SIDE)),
        nn.Conv2d(1, CHANNELS, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(CHANNELS, 2 * CHANNELS, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear((SIDE // 4) ** 2 * 2 * CHANNELS, DENSE),
        nn.LeakyReLU(0.2),
        nn.Linear(DENSE, 1),
    )
