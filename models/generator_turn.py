"""The generator's turn."""

import jax
import optax

from normsweep.models.families.gan import Variables
from normsweep.models.member import MemberState
from normsweep.models.players import player_optimizers
from normsweep.models.regulariser import regularised_update
from normsweep.models.turn import Turn, replaced
from normsweep.objectives.adversarial import adversarial_loss
from normsweep.objectives.aliases import PyTree


def generator_turn(turn: Turn, state: MemberState, key: jax.Array) -> tuple[MemberState, jax.Array]:
    """One step of the generator; the state, and the loss before it."""
    program, method, h = turn.program, turn.method, turn.hyperparameters
    loss = adversarial_loss(program.loss)
    keys = jax.random.split(key, 4)

    def adversarial(params: PyTree) -> tuple[jax.Array, PyTree]:
        fake, stats = turn.generate(Variables(params, state.generator.stats), keys[0], keys[1])
        fake = turn.augmented(keys[2], fake, fake=True)
        logits, _ = turn.judge(state.discriminator, fake, keys[3])
        return loss.generator(logits), stats

    params = state.generator.params
    (value, stats), gradient = jax.value_and_grad(adversarial, has_aux=True)(params)
    (rate, optimizer), _ = player_optimizers(program, method, h, turn.rate_factor)
    params, optimizer_state, regulariser = regularised_update(
        method,
        optimizer,
        rate,
        h.generator_penalty.scaled(turn.strength_factor),
        gradient,
        state.generator_optimizer,
        state.generator_regularisers[turn.place],
        params,
    )
    average = state.generator_average
    if average is not None:
        average = optax.incremental_update(params, average, 1 - h.ema_decay)
    state = state._replace(
        generator=Variables(params, stats),
        generator_optimizer=optimizer_state,
        generator_regularisers=replaced(state.generator_regularisers, turn.place, regulariser),
        generator_average=average,
    )
    return state, value
