"""The sweep a good user writes with Optuna and PyTorch, eager.

PyTorch is imported when the study starts, so that the module can be imported without it. The
number of threads is PyTorch's own choice unless asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bench.peers import (
    Begin,
    Config,
    FeatureMap,
    Fold,
    Images,
    PeerResult,
    Settings,
    TrainFold,
)
from bench.peers.study import timed_search

if TYPE_CHECKING:
    import torch

BATCH = 64
LATENT = 64
HIDDEN = 128


def initialise(model: torch.nn.Module) -> torch.nn.Module:
    """He-normal kernels and zero biases, in place; PyTorch's default is slower to learn here."""
    from torch import nn

    for w in model.parameters():
        if w.ndim > 1:
            nn.init.kaiming_normal_(w)
        else:
            nn.init.zeros_(w)
    return model


def make_generator(pixels: int, latent: int = LATENT) -> torch.nn.Module:
    """Latent [n, latent] to pixels [n, pixels] in (-1, 1)."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(latent, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, pixels),
        nn.Tanh(),
    )


def make_discriminator(pixels: int) -> torch.nn.Module:
    """Pixels [n, pixels] to logits [n, 1]."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(pixels, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, 1),
    )


def penalty(model: torch.nn.Module, strength: float, order: float) -> torch.Tensor:
    """``strength · Σ|w|^order`` over the kernels of a model, biases left out."""
    import torch

    kernels = [w for w in model.parameters() if w.ndim > 1]
    return strength * torch.stack([w.abs().pow(order).sum() for w in kernels]).sum()


Make = Callable[[int], "torch.nn.Module"]


def train(
    pixels: torch.Tensor,
    config: Config,
    settings: Settings,
    seed: int,
    networks: tuple[Make, Make],
) -> Iterator[torch.nn.Module]:
    """Trains one pair on pixels [n, pixels]; its generator after each chunk."""
    import torch
    from torch.nn.functional import softplus

    # Of its own: folds take turns, chunk by chunk.
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    generator, discriminator = (initialise(make(pixels.shape[1])) for make in networks)
    generator_optimizer = torch.optim.Adam(
        generator.parameters(), lr=settings.learning_rate, betas=(0.5, 0.999), fused=True
    )
    discriminator_optimizer = torch.optim.Adam(
        discriminator.parameters(), lr=settings.learning_rate, betas=(0.5, 0.999), fused=True
    )
    for _ in range(settings.chunks):
        for _ in range(settings.steps // settings.chunks):
            discriminator.requires_grad_(True)
            real = pixels[torch.randint(len(pixels), (BATCH,), generator=random)]
            with torch.no_grad():
                fake = generator(torch.randn(BATCH, settings.latent, generator=random))
            loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()
            if config.target in ("discriminator", "both"):
                loss = loss + penalty(discriminator, config.strength, config.order)
            discriminator_optimizer.zero_grad()
            loss.backward()
            discriminator_optimizer.step()

            # Spares the generator's backward pass the gradients of the discriminator's weights.
            discriminator.requires_grad_(False)
            latent = torch.randn(BATCH, settings.latent, generator=random)
            loss = softplus(-discriminator(generator(latent))).mean()
            if config.target in ("generator", "both"):
                loss = loss + penalty(generator, config.strength, config.order)
            generator_optimizer.zero_grad()
            loss.backward()
            generator_optimizer.step()
        yield generator


def trainer(
    images: Images,
    settings: Settings,
    threads: int | None = None,
    networks: tuple[Make, Make] | None = None,
) -> Begin:
    """How a config is trained on images [n, height, width, 1] in [-1, 1].

    Args:
        images: All images; folds are indices into them.
        settings: What all trials share.
        threads: PyTorch's threads, set for the whole process; None leaves its default. On small
            models or a busy machine one thread can be faster than one a core.
        networks: What makes generator and discriminator, of the number of pixels; by default the
            fully connected ones.

    Raises:
        ImportError: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError("torch_script skipped: PyTorch is not installed") from error

    if threads is not None:
        torch.set_num_threads(threads)
    pixels = torch.tensor(images.reshape(len(images), -1))
    pair = networks or (partial(make_generator, latent=settings.latent), make_discriminator)

    def begin(config: Config) -> TrainFold:
        def fold(indices: np.ndarray, seed: int, count: int) -> Iterator[Images]:
            latent = torch.randn(
                count, settings.latent, generator=torch.Generator().manual_seed(seed)
            )
            for generator in train(pixels[indices], config, settings, seed, pair):
                with torch.no_grad():
                    samples = generator(latent).numpy()
                yield samples.reshape(-1, *images.shape[1:])

        return fold

    return begin


def run(
    images: Images,
    folds: list[Fold],
    features: FeatureMap,
    settings: Settings,
    trials: int,
    storage: str,
    threads: int | None = None,
    networks: tuple[Make, Make] | None = None,
) -> PeerResult:
    """Runs a study of `trials` trials and stores it at the URL `storage`; see `trainer`."""
    begin = trainer(images, settings, threads, networks)
    return timed_search(begin, images, folds, features, settings, trials, storage)


if __name__ == "__main__":
    import sys

    from bench.peers.digits import demonstrate

    try:
        demonstrate("Optuna + PyTorch", run)
    except ImportError as error:
        sys.exit(str(error))
