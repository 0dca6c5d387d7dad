"""The cycle-consistent GAN: two generators that translate between two sets of images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from normsweep.models.data import Data, dealt_rows_of, drawn_rows_of, images_at
from normsweep.models.families.adversarial import (
    Batches,
    Images,
    augmented,
    batches,
    gradient_penalty,
    overfitting,
)
from normsweep.models.families.contract import (
    Family,
    Measured,
    Objective,
    Outcome,
    Params,
    Shapes,
    Stored,
    Turn,
)
from normsweep.models.image_pool import Pool, empty_pool, passed_through
from normsweep.models.networks.contract import Shape, Variables
from normsweep.objectives.adversarial import adversarial_loss
from normsweep.objectives.aliases import PyTree

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
GENERATOR_AB, GENERATOR_BA = "generator_ab", "generator_ba"
DISCRIMINATOR_A, DISCRIMINATOR_B = "discriminator_a", "discriminator_b"


class Set(NamedTuple):
    """One of the two sets of images: those with this label.

    `out` is the network that translates its images into the other set, `into` the one that
    translates those of the other into it, `judge` tells its images from such.
    """

    label: int
    name: str
    out: str
    into: str
    judge: str


A = Set(0, "a", GENERATOR_AB, GENERATOR_BA, DISCRIMINATOR_A)
B = Set(1, "b", GENERATOR_BA, GENERATOR_AB, DISCRIMINATOR_B)
SETS = (A, B)


@dataclass(frozen=True)
class CycleGAN(Family):
    """Two sets of images, labelled 0 and 1, and translation both ways (arXiv:1703.10593, 2017).

    The generators G: A → B and F: B → A descend, with the discriminators D_A and D_B of the sets,

        L(D_B(G(a))) + L(D_A(F(b))) + cycle_a·|F(G(a)) − a| + cycle_b·|G(F(b)) − b|
        + identity_a·|F(a) − a| + identity_b·|G(b) − b|,

    |·| the mean over pixels and L the generator's half of `loss`, a name in `ADVERSARIAL_LOSSES`.
    The discriminators descend the sum of theirs, on generated images that pass through a pool of
    `image_pool` for each set, 0: none. Least squares have a factor ½ here that the paper's program
    has not: its cycle weight of 10 is 5 beside them. Its identity weights, where it has any, are
    half of the cycle weights.

    The discriminators have `discriminator_steps` turns in each step, then the generators one, each
    on a fresh batch of both sets. Statistics of the generators are those of real images.
    """

    loss: str = "non_saturating"
    discriminator_steps: int = 1
    image_pool: int = 50

    players: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {GENERATOR: (GENERATOR_AB, GENERATOR_BA), DISCRIMINATOR: (DISCRIMINATOR_A, DISCRIMINATOR_B)}
    )
    sampled: ClassVar[tuple[str, ...]] = (GENERATOR_AB, GENERATOR_BA)
    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType(
        {"cycle_a": 10.0, "cycle_b": 10.0, "identity_a": 0.0, "identity_b": 0.0}
        | {"label_smoothing": 0.0}
    )
    roles: ClassVar[Mapping[str, str]] = MappingProxyType(
        {network: player for player, networks in players.items() for network in networks}
    )
    figures: ClassVar[tuple[str, ...]] = ("cycle_error", "pair_error")
    needs_labels: ClassVar[bool] = True
    sets: ClassVar[int] = 2
    translates: ClassVar[bool] = True

    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """Images to images, and images to logits, larger for those taken to be of the set."""
        generators = dict.fromkeys((GENERATOR_AB, GENERATOR_BA), Shapes(image_shape, image_shape))
        return generators | dict.fromkeys(
            (DISCRIMINATOR_A, DISCRIMINATOR_B), Shapes(image_shape, ())
        )

    def turns(self) -> tuple[str, ...]:
        """The discriminators', then the generators'."""
        return (*(DISCRIMINATOR for _ in range(self.discriminator_steps)), GENERATOR)

    def carried(self, image_shape: Shape, batch: int) -> PyTree:
        """The pools of images generated for each discriminator."""
        del batch
        if not self.image_pool:
            return {}
        return {own.judge: empty_pool(self.image_pool, image_shape) for own in SETS}

    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        """The loss of both generators, or of both discriminators."""
        if player == GENERATOR:
            return self._of_generators(turn, data, key)
        return self._of_discriminators(turn, data, key)

    def sample(
        self,
        apply: Stored,
        key: jax.Array,
        count: int,
        data: Data | None,
    ) -> jax.Array:
        """Translations of training images into B and into A, in turns, beginning with B.

        None is translated again before all of its set are.
        """
        if data is None:
            raise ValueError("a translation needs images of the data")
        sizes, keys = (count - count // 2, count // 2), jax.random.split(key)
        into_b, into_a = (
            apply(own.out, _images(dealt_rows_of, own, own_key, size, data))
            for own, own_key, size in zip(SETS, keys, sizes, strict=True)
        )
        images = jnp.zeros((count, *into_b.shape[1:]), into_b.dtype)
        return images.at[0::2].set(into_b).at[1::2].set(into_a)

    def sampled_labels(self, key: jax.Array, count: int, data: Data | None) -> jax.Array | None:
        """The sets that the images of `sample` are translated into."""
        del key, data
        return (jnp.arange(count, dtype=np.int32) + B.label) % 2

    def measured(
        self,
        apply: Stored,
        coefficients: Mapping[str, ArrayLike],
        key: jax.Array,
        data: Data,
    ) -> dict[str, Measured]:
        """The mean error of there and back; that of pairs, over all images that have one."""
        del coefficients, key
        assert data.labels is not None
        images = images_at(data.train, data.images)
        in_a = data.labels[data.train] == A.label

        def mapped(network_a: str, network_b: str, images: Images) -> Images:
            # How many are of each set depends on the fold: each network maps all.
            chosen = jnp.expand_dims(in_a, range(1, images.ndim))
            return jnp.where(chosen, apply(network_a, images), apply(network_b, images))

        there = mapped(A.out, B.out, images)
        again = mapped(A.into, B.into, there)
        figures = {"cycle_error": Measured.mean_of(jnp.abs(again - images))}
        if data.pairs is not None:
            pairs = data.pairs[data.train]
            known = pairs >= 0
            wanted = images_at(jnp.where(known, pairs, 0), data.images)
            errors = jnp.mean(jnp.abs(there - wanted), axis=range(1, there.ndim))
            mean = jnp.mean(errors, where=known)
            figures["pair_error"] = Measured(mean, jnp.where(known, errors, jnp.nan))
        return figures

    def _of_generators(self, turn: Turn, data: Data, key: jax.Array) -> Objective:
        adversarial, weights = adversarial_loss(self.loss), turn.hyperparameters.coefficients
        keys = _by_set(key, 6)
        real = {own: _drawn(own, keys[own][0], turn, data) for own in SETS}

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            def translated(network: str, images: Images, key: jax.Array) -> tuple[Images, PyTree]:
                variables = Variables(params[network], turn.networks[network].stats)
                return turn.apply(network, variables, images, key)

            def identity(own: Set) -> jax.Array:
                return _distance(translated(own.into, real[own], keys[own][5])[0], real[own])

            total, stats = jnp.zeros((), np.float32), {}
            for own, other in ((A, B), (B, A)):
                _, out_key, seen_key, judge_key, back_key, _ = keys[own]
                fake, stats[own.out] = translated(own.out, real[own], out_key)
                seen = augmented(turn, seen_key, fake, fake=True)
                logits, _ = turn.apply(other.judge, turn.networks[other.judge], seen, judge_key)
                again, _ = translated(own.into, fake, back_key)
                total += adversarial.generator(logits)
                total += weights[f"cycle_{own.name}"] * _distance(again, real[own])
                total += _if_weighted(weights[f"identity_{own.name}"], partial(identity, own))
            return total, Outcome(stats)

        return Objective(loss)

    def _of_discriminators(self, turn: Turn, data: Data, key: jax.Array) -> Objective:
        adversarial = adversarial_loss(self.loss)
        smoothing = turn.hyperparameters.coefficients["label_smoothing"]
        settings = (smoothing,) if adversarial.labels else ()
        keys = _by_set(key, 8)
        images, pools = self._to_be_judged(turn, data, keys)
        slopes = [gradient_penalty(turn, own.judge, images[own], keys[own][4]) for own in SETS]
        signals = {own.judge: _overfitting(turn, own, data, keys[own][5]) for own in SETS}

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            total, stats, seen = jnp.zeros((), np.float32), {}, {}
            for own in SETS:
                *_, real_key, fake_key = keys[own]
                judge, real, fake = own.judge, images[own].seen_real, images[own].seen_fake
                variables = Variables(params[judge], turn.networks[judge].stats)
                real_logits, after = turn.apply(judge, variables, real, real_key)
                variables = Variables(params[judge], after)
                fake_logits, stats[judge] = turn.apply(judge, variables, fake, fake_key)
                total += adversarial.discriminator(real_logits, fake_logits, *settings)
                seen[judge] = (real_logits, fake_logits)
            return total, Outcome(stats, carried=pools, seen=seen)

        def gradient(params: Params) -> Params:
            found: Params = jax.tree.map(jnp.add, *(each(params) for each in slopes if each))
            return found

        def signal(seen: dict[str, tuple[jax.Array, jax.Array]]) -> jax.Array:
            return jnp.mean(jnp.stack([signals[judge](seen[judge]) for judge in signals]))

        return Objective(loss, None if None in slopes else gradient, signal)

    def _to_be_judged(
        self, turn: Turn, data: Data, keys: dict[Set, jax.Array]
    ) -> tuple[dict[Set, Batches], dict[str, Pool]]:
        """Real and generated images of both sets, and the pools that the latter passed through."""
        real = {own: _drawn(own, keys[own][0], turn, data) for own in SETS}
        pools, images = {}, {}
        for own, other in ((A, B), (B, A)):
            network = turn.networks[own.into]
            fake, _ = turn.apply(own.into, network, real[other], keys[own][1])
            if self.image_pool:
                pool = turn.carried[own.judge]
                fake, pools[own.judge] = passed_through(pool, keys[own][2], fake)
            images[own] = batches(turn, keys[own][3], real[own], fake)
        return images, pools


def _by_set(key: jax.Array, count: int) -> dict[Set, jax.Array]:
    """So many keys for each set."""
    return {
        own: jax.random.split(each, count)
        for own, each in zip(SETS, jax.random.split(key), strict=True)
    }


def _overfitting(
    turn: Turn, own: Set, data: Data, key: jax.Array
) -> Callable[[tuple[jax.Array, jax.Array]], jax.Array]:
    """The signal of the discriminator of a set, by held-out images of that set."""
    assert data.labels is not None
    rows_key, key = jax.random.split(key)
    count = data.validation.shape[0]
    rows = drawn_rows_of(own.label, rows_key, count, data.validation, data.labels)
    return overfitting(turn, own.judge, data._replace(validation=rows), key)


def _drawn(own: Set, key: jax.Array, turn: Turn, data: Data) -> Images:
    """A batch of training images of one set."""
    return _images(drawn_rows_of, own, key, turn.batch, data)


def _images(
    rows: Callable[..., jax.Array], own: Set, key: jax.Array, count: int, data: Data
) -> Images:
    assert data.labels is not None
    return images_at(rows(own.label, key, count, data.train, data.labels), data.images)


def _distance(found: Images, wanted: Images) -> jax.Array:
    """The mean of |found − wanted| over images and pixels."""
    return jnp.mean(jnp.abs(found - wanted))


def _if_weighted(weight: ArrayLike, value: Callable[[], jax.Array]) -> jax.Array:
    """weight·value, which costs nothing where the weight is 0."""
    weighted: jax.Array = lax.cond(
        jnp.asarray(weight) > 0, lambda: weight * value(), lambda: jnp.zeros((), np.float32)
    )
    return weighted
