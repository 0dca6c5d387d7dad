"""The sweep a good user writes with Optuna and Flax NNX.

The step is compiled once a trial and serves all its folds: the penalty's settings are Python
numbers that the loss closes over, as they come out of ``trial.suggest_*``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

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

BATCH = 64
LATENT = 64
HIDDEN = 128

linear = partial(nnx.Linear, kernel_init=nnx.initializers.he_normal())


class Generator(nnx.Module):
    """Latent [n, latent] to pixels [n, pixels] in (-1, 1)."""

    def __init__(self, pixels: int, rngs: nnx.Rngs, latent: int = LATENT) -> None:
        self.first = linear(latent, HIDDEN, rngs=rngs)
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
    pixels: np.ndarray,
    settings: Settings,
    seed: int,
    cached: bool,
    networks: tuple[Network, Network],
) -> Iterator[nnx.Module]:
    """Trains one pair on pixels [n, pixels]; its generator after each chunk.

    `cached` walks the modules' graphs only once.
    """
    rngs = nnx.Rngs(seed)
    adam = optax.adam(settings.learning_rate, b1=0.5, b2=0.999)
    generator, discriminator = (network(pixels.shape[1], rngs) for network in networks)
    generator_optimizer = nnx.Optimizer(generator, adam, wrt=nnx.Param)
    discriminator_optimizer = nnx.Optimizer(discriminator, adam, wrt=nnx.Param)
    modules = (generator, discriminator, generator_optimizer, discriminator_optimizer)
    update = nnx.cached_partial(step, *modules) if cached else partial(step, *modules)
    random = np.random.default_rng(seed)
    for _ in range(settings.chunks):
        for _ in range(settings.steps // settings.chunks):
            real = pixels[random.integers(len(pixels), size=BATCH)]
            latents = random.standard_normal((2, BATCH, settings.latent), dtype=np.float32)
            update(real, latents[0], latents[1])
        yield generator


def trainer(
    images: Images,
    settings: Settings,
    cached: bool = False,
    networks: tuple[Network, Network] | None = None,
) -> Begin:
    """How a config is trained on images [n, height, width, 1] in [-1, 1].

    Args:
        images: All images; folds are indices into them.
        settings: What all trials share.
        cached: Use `nnx.cached_partial`, as the guide on Flax's performance recommends.
        networks: Generator and discriminator, made of the number of pixels and of rngs; by default
            the fully connected ones.
    """
    pixels = images.reshape(len(images), -1)
    pair = networks or (partial(Generator, latent=settings.latent), Discriminator)

    def begin(config: Config) -> TrainFold:
        step = make_step(*config)

        def fold(indices: np.ndarray, seed: int, count: int) -> Iterator[Images]:
            latent = jax.random.normal(jax.random.key(seed), (count, settings.latent))
            for generator in train(step, pixels[indices], settings, seed, cached, pair):
                yield np.asarray(generator(latent)).reshape(-1, *images.shape[1:])

        return fold

    return begin


def run(
    images: Images,
    folds: list[Fold],
    features: FeatureMap,
    settings: Settings,
    trials: int,
    storage: str,
    cached: bool = False,
    networks: tuple[Network, Network] | None = None,
) -> PeerResult:
    """Runs a study of `trials` trials and stores it at the URL `storage`; see `trainer`."""
    begin = trainer(images, settings, cached, networks)
    return timed_search(begin, images, folds, features, settings, trials, storage)


if __name__ == "__main__":
    from bench.peers.digits import demonstrate

    demonstrate("Optuna + Flax NNX", run)
