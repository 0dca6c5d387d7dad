"""The sweep a good user writes with Optuna and Flax NNX.

The step is compiled once a trial and serves all its folds: the penalty's settings are Python
numbers that the loss closes over, as they come out of ``trial.suggest_*``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optuna
from flax import nnx

from bench.peers import FeatureMap, Fold, Images, PeerResult
from bench.peers.frechet import frechet_distance

BATCH = 64
LATENT = 64
HIDDEN = 128

linear = partial(nnx.Linear, kernel_init=nnx.initializers.he_normal())


class Generator(nnx.Module):
    """Latent [n, 64] to pixels [n, pixels] in (-1, 1)."""

    def __init__(self, pixels: int, rngs: nnx.Rngs) -> None:
        self.first = linear(LATENT, HIDDEN, rngs=rngs)
        self.second = linear(HIDDEN, HIDDEN, rngs=rngs)
        self.last = linear(HIDDEN, pixels, rngs=rngs)

    def __call__(self, latent: jax.Array) -> jax.Array:
        x = nnx.leaky_relu(self.first(latent), 0.2)
        x = nnx.leaky_relu(self.second(x), 0.2)
        return jnp.tanh(self.last(x))


class Discriminator(nnx.Module):
    """Pixels [n, pixels] to logits [n, 1]."""

    def __init__(self, pixels: int, rngs: nnx.Rngs) -> None:
        self.first = linear(pixels, HIDDEN, rngs=rngs)
        self.second = linear(HIDDEN, HIDDEN, rngs=rngs)
        self.last = linear(HIDDEN, 1, rngs=rngs)

    def __call__(self, pixels: jax.Array) -> jax.Array:
        x = nnx.leaky_relu(self.first(pixels), 0.2)
        x = nnx.leaky_relu(self.second(x), 0.2)
        return self.last(x)


Network = Callable[[int, nnx.Rngs], nnx.Module]


def penalty(model: nnx.Module, strength: float, order: float) -> jax.Array:
    """``strength · Σ|w|^order`` over the kernels of a model, biases left out."""
    kernels = [w for w in jax.tree.leaves(nnx.state(model, nnx.Param)) if w.ndim > 1]
    return strength * jnp.stack([jnp.sum(jnp.abs(w) ** order) for w in kernels]).sum()


def make_step(strength: float, order: float, target: str) -> Callable[..., None]:
    """A compiled update of the discriminator, then of the generator, in place."""

    def discriminator_loss(
        discriminator: nnx.Module, real: jax.Array, fake: jax.Array
    ) -> jax.Array:
        loss = nnx.softplus(-discriminator(real)).mean() + nnx.softplus(discriminator(fake)).mean()
        if target in ("discriminator", "both"):
            loss += penalty(discriminator, strength, order)
        return loss

    def generator_loss(
        generator: nnx.Module, discriminator: nnx.Module, latent: jax.Array
    ) -> jax.Array:
        loss = nnx.softplus(-discriminator(generator(latent))).mean()
        if target in ("generator", "both"):
            loss += penalty(generator, strength, order)
        return loss

    @nnx.jit
    def step(
        generator: nnx.Module,
        discriminator: nnx.Module,
        generator_optimizer: nnx.Optimizer[nnx.Module],
        discriminator_optimizer: nnx.Optimizer[nnx.Module],
        real: jax.Array,
        discriminator_latent: jax.Array,
        generator_latent: jax.Array,
    ) -> None:
        fake = generator(discriminator_latent)
        gradients = nnx.grad(discriminator_loss)(discriminator, real, fake)
        discriminator_optimizer.update(discriminator, gradients)
        gradients = nnx.grad(generator_loss)(generator, discriminator, generator_latent)
        generator_optimizer.update(generator, gradients)

    return step


def train(
    step: Callable[..., None],
    adam: optax.GradientTransformation,
    pixels: np.ndarray,
    steps: int,
    seed: int,
    cached: bool,
    networks: tuple[Network, Network],
) -> nnx.Module:
    """Trains one pair on pixels [n, pixels]; `cached` walks the modules' graphs only once."""
    rngs = nnx.Rngs(seed)
    generator, discriminator = (network(pixels.shape[1], rngs) for network in networks)
    generator_optimizer = nnx.Optimizer(generator, adam, wrt=nnx.Param)
    discriminator_optimizer = nnx.Optimizer(discriminator, adam, wrt=nnx.Param)
    modules = (generator, discriminator, generator_optimizer, discriminator_optimizer)
    update = nnx.cached_partial(step, *modules) if cached else partial(step, *modules)
    random = np.random.default_rng(seed)
    for _ in range(steps):
        real = pixels[random.integers(len(pixels), size=BATCH)]
        latents = random.standard_normal((2, BATCH, LATENT), dtype=np.float32)
        update(real, latents[0], latents[1])
    return generator


def run(
    images: Images,
    folds: list[Fold],
    features: FeatureMap,
    steps: int,
    trials: int,
    storage: str,
    cached: bool = False,
    networks: tuple[Network, Network] = (Generator, Discriminator),
) -> PeerResult:
    """Runs a study of `trials` trials and stores it at the URL `storage`.

    Args:
        images: [n, height, width, 1] in [-1, 1].
        folds: Indices to train on and to judge with, one pair a fold.
        features: The feature map of the Fréchet distance.
        steps: Training steps of each fold.
        trials: Number of trials.
        storage: An Optuna storage URL.
        cached: Use `nnx.cached_partial`, as the guide on Flax's performance recommends.
        networks: Generator and discriminator, made of the number of pixels and of rngs.
    """
    start = time.perf_counter()
    pixels = images.reshape(len(images), -1)
    held_out_features = [features(images[held_out]) for _, held_out in folds]

    def objective(trial: optuna.Trial) -> float:
        strength = trial.suggest_float("strength", 1e-6, 1e-1, log=True)
        order = trial.suggest_float("order", 1.0, 2.0)
        target = trial.suggest_categorical("target", ["generator", "discriminator", "both"])
        step = make_step(strength, order, target)
        adam = optax.adam(2e-4, b1=0.5, b2=0.999)
        scores = []
        for seed, (train_indices, held_out) in enumerate(folds):
            generator = train(step, adam, pixels[train_indices], steps, seed, cached, networks)
            latent = jax.random.normal(jax.random.key(seed), (len(held_out), LATENT))
            samples = np.asarray(generator(latent)).reshape(-1, *images.shape[1:])
            scores.append(frechet_distance(held_out_features[seed], features(samples)))
        return float(np.mean(scores))

    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(storage=storage, sampler=sampler, direction="minimize")
    study.optimize(objective, n_trials=trials)
    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    return PeerResult(len(complete), time.perf_counter() - start, study.best_value)


if __name__ == "__main__":
    from bench.peers.digits import demonstrate

    demonstrate("Optuna + Flax NNX", run)
