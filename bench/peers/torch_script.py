"""The sweep a good user writes with Optuna and PyTorch, eager.

PyTorch is imported when the study starts, so that the module can be imported without it. The
number of threads is PyTorch's own choice unless asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import optuna

from bench.peers import FeatureMap, Fold, Images, PeerResult
from bench.peers.frechet import frechet_distance

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


def make_generator(pixels: int) -> torch.nn.Module:
    """Latent [n, 64] to pixels [n, pixels] in (-1, 1)."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(LATENT, HIDDEN),
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
    steps: int,
    seed: int,
    strength: float,
    order: float,
    target: str,
    networks: tuple[Make, Make],
) -> torch.nn.Module:
    """Trains one pair on pixels [n, pixels] and returns its generator."""
    import torch
    from torch.nn.functional import softplus

    torch.manual_seed(seed)
    generator, discriminator = (initialise(make(pixels.shape[1])) for make in networks)
    generator_optimizer = torch.optim.Adam(
        generator.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True
    )
    discriminator_optimizer = torch.optim.Adam(
        discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True
    )
    for _ in range(steps):
        discriminator.requires_grad_(True)
        real = pixels[torch.randint(len(pixels), (BATCH,))]
        with torch.no_grad():
            fake = generator(torch.randn(BATCH, LATENT))
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()
        if target in ("discriminator", "both"):
            loss = loss + penalty(discriminator, strength, order)
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()

        # Spares the generator's backward pass the gradients of the discriminator's weights.
        discriminator.requires_grad_(False)
        loss = softplus(-discriminator(generator(torch.randn(BATCH, LATENT)))).mean()
        if target in ("generator", "both"):
            loss = loss + penalty(generator, strength, order)
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()
    return generator


def run(
    images: Images,
    folds: list[Fold],
    features: FeatureMap,
    steps: int,
    trials: int,
    storage: str,
    threads: int | None = None,
    networks: tuple[Make, Make] = (make_generator, make_discriminator),
) -> PeerResult:
    """Runs a study of `trials` trials and stores it at the URL `storage`.

    Args:
        images: [n, height, width, 1] in [-1, 1].
        folds: Indices to train on and to judge with, one pair a fold.
        features: The feature map of the Fréchet distance.
        steps: Training steps of each fold.
        trials: Number of trials.
        storage: An Optuna storage URL.
        threads: PyTorch's threads, set for the whole process; None leaves its default. On small
            models or a busy machine one thread can be faster than one a core.
        networks: What makes generator and discriminator, of the number of pixels.

    Raises:
        ImportError: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError("torch_script skipped: PyTorch is not installed") from error

    if threads is not None:
        torch.set_num_threads(threads)
    start = time.perf_counter()
    pixels = torch.tensor(images.reshape(len(images), -1))
    held_out_features = [features(images[held_out]) for _, held_out in folds]

    def objective(trial: optuna.Trial) -> float:
        strength = trial.suggest_float("strength", 1e-6, 1e-1, log=True)
        order = trial.suggest_float("order", 1.0, 2.0)
        target = trial.suggest_categorical("target", ["generator", "discriminator", "both"])
        scores = []
        for seed, (train_indices, held_out) in enumerate(folds):
            generator = train(pixels[train_indices], steps, seed, strength, order, target, networks)
            with torch.no_grad():
                samples = generator(torch.randn(len(held_out), LATENT)).numpy()
            samples = samples.reshape(-1, *images.shape[1:])
            scores.append(frechet_distance(held_out_features[seed], features(samples)))
        return float(np.mean(scores))

    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(storage=storage, sampler=sampler, direction="minimize")
    study.optimize(objective, n_trials=trials)
    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    return PeerResult(len(complete), time.perf_counter() - start, study.best_value)


if __name__ == "__main__":
    import sys

    from bench.peers.digits import demonstrate

    try:
        demonstrate("Optuna + PyTorch", run)
    except ImportError as error:
        sys.exit(str(error))
