"""The discriminator's turn: its loss, the gradient penalty, and what an adaptive strength hears."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from normsweep.models.families.gan import Variables
from normsweep.models.member import MemberState
from normsweep.models.method import ADAPTIVE
from normsweep.models.players import player_optimizers
from normsweep.models.regulariser import regularised_update
from normsweep.models.turn import Data, Images, Turn, replaced
from normsweep.objectives.adaptive import OVERFITTING_SIGNALS, adapt
from normsweep.objectives.adversarial import adversarial_loss
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.gradient_penalties import gradient_penalty_value


def discriminator_turn(
    turn: Turn, state: MemberState, data: Data, key: jax.Array
) -> tuple[MemberState, jax.Array]:
    """One step of the discriminator on a fresh batch; the state, and the loss before it."""
    program, method, h = turn.program, turn.method, turn.hyperparameters
    loss = adversarial_loss(program.loss)
    smoothing = (h.label_smoothing,) if loss.labels else ()
    keys = jax.random.split(key, 8)
    real = data.images[data.train[_indices(keys[0], program.batch, data.train)]]
    fake, _ = turn.generate(state.generator, keys[1], keys[2])
    real = turn.augmented(keys[3], real, fake=False)
    fake = turn.augmented(keys[3], fake, fake=True)

    def adversarial(params: PyTree) -> tuple[jax.Array, tuple[PyTree, jax.Array, jax.Array]]:
        before = Variables(params, state.discriminator.stats)
        real_logits, stats = turn.judge(before, real, keys[4])
        fake_logits, stats = turn.judge(Variables(params, stats), fake, keys[5])
        value = loss.discriminator(real_logits, fake_logits, *smoothing)
        return value, (stats, real_logits, fake_logits)

    params = state.discriminator.params
    (value, (stats, *logits)), gradient = jax.value_and_grad(adversarial, has_aux=True)(params)
    if method.gradient_penalty is not None:
        extra = _gradient_penalty(turn, state, real, fake, keys[6])
        gradient = jax.tree.map(jnp.add, gradient, extra)
    _, (rate, optimizer) = player_optimizers(program, method, h, turn.rate_factor)
    params, optimizer_state, regulariser = regularised_update(
        method,
        optimizer,
        rate,
        h.discriminator_penalty.scaled(turn.strength_factor),
        gradient,
        state.discriminator_optimizer,
        state.discriminator_regularisers[turn.place],
        params,
    )
    log_factor = state.log_factor
    if method.schedule == ADAPTIVE:
        log_factor = _adapted(turn, state, data, logits[0], logits[1], keys[7])
    state = state._replace(
        discriminator=Variables(params, stats),
        discriminator_optimizer=optimizer_state,
        discriminator_regularisers=replaced(
            state.discriminator_regularisers, turn.place, regulariser
        ),
        log_factor=log_factor,
    )
    return state, value


def _gradient_penalty(
    turn: Turn, state: MemberState, real: Images, fake: Images, key: jax.Array
) -> PyTree:
    """The gradient of strength · every · penalty, in every so many steps; else 0.

    Lazy regularisation: the rarer, the stronger (Karras et al. 2020, arXiv:1912.04958, sec. 3.1).
    """
    entry, h = turn.method.gradient_penalty, turn.hyperparameters
    assert entry is not None
    points_key, dropout_key = jax.random.split(key)

    def value(params: PyTree) -> jax.Array:
        def critic(images: Images) -> jax.Array:
            variables = Variables(params, state.discriminator.stats)
            return turn.judge(variables, images, dropout_key)[0]

        every = jnp.asarray(h.gradient_penalty_every, np.float32)
        weight = every * h.gradient_penalty_strength
        return weight * gradient_penalty_value(entry, critic, real, fake, points_key)

    params = state.discriminator.params
    due = state.step % h.gradient_penalty_every == 0
    gradient: PyTree = lax.cond(due, jax.grad(value), partial(jax.tree.map, jnp.zeros_like), params)
    return gradient


def _adapted(
    turn: Turn,
    state: MemberState,
    data: Data,
    real_logits: jax.Array,
    fake_logits: jax.Array,
    key: jax.Array,
) -> jax.Array:
    """The logarithm of the strength's factor after the discriminator has been asked."""
    h = turn.hyperparameters
    signal = OVERFITTING_SIGNALS[turn.method.signal]
    validation_logits = real_logits
    if signal.needs_validation:
        draw_key, augment_key, dropout_key = jax.random.split(key, 3)
        drawn = _indices(draw_key, turn.program.batch, data.validation)
        images = data.images[data.validation[drawn]]
        images = turn.augmented(augment_key, images, fake=False)
        validation_logits, _ = turn.judge(state.discriminator, images, dropout_key)
    value = signal.value(real_logits, fake_logits, validation_logits)
    return adapt(state.log_factor, value, h.adaptive_target, h.adaptive_speed)


def _indices(key: jax.Array, count: int, among: jax.Array) -> jax.Array:
    return jax.random.randint(key, (count,), 0, among.shape[0], np.int32)
