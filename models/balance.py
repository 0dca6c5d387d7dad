"""How strong a term has to be to pull on the weights of a member as hard as its losses do."""

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from normsweep.models.data import Data
from normsweep.models.families.contract import Params
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.member import BALANCE, MemberState
from normsweep.models.method import Method, NetworkPenalty
from normsweep.models.program import Program
from normsweep.models.regulariser import selected
from normsweep.models.step import train_step
from normsweep.models.turn import Setting, objective_of
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.transform import add_norm_penalty, advanced

_ITERATIONS = 30
"""Of the power iteration of a term that has one, from its beginning: in training it has all steps
before to converge."""

PENALTY, RADIUS, GRADIENT_PENALTY, DECAY = "penalty", "radius", "gradient_penalty", "weight_decay"

NOTHING = NetworkPenalty()


@dataclass(frozen=True)
class Term:
    """What a method does to weights, with one of its numbers at 1. Static.

    `what` it is: the penalty of the method with these `coefficients`, the set of its constraint,
    its gradient penalty, or the decay of the optimiser.
    """

    what: str
    method: Method
    coefficients: NetworkPenalty = NOTHING


def balances(
    program: Program,
    index: int,
    terms: tuple[Term, ...],
    state: MemberState,
    hyperparameters: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> list[dict[str, jax.Array]]:
    """For each term, by network, the strength at which it is in balance; float32 scalars.

    That is ‖∇loss‖₂ / ‖∇term‖₂ at this state, both over the weights that the term acts on, the
    losses' on a batch of their own, with the gradient penalty of the method of this `index`. A term
    past the optimiser (decoupled, proximal, decay) is held against the step instead, over the
    learning rate. Of a constraint it is the size of the weights: the largest radius that binds.

    inf where the term has no slope; a gradient penalty has the networks alone whose player has it.
    """
    losses = _loss_gradients(program, index, state, hyperparameters, data, key)
    steps: Params = {}
    if any(_is_past(term) for term in terms):
        steps = _steps(program, index, state, hyperparameters, data, key)
    found = []
    for term in terms:
        if term.what == GRADIENT_PENALTY:
            slopes = _gradient_penalties(program, term, state, hyperparameters, data, key)
            pulls = {name: optax.tree.norm(losses[name]) for name in slopes}
        else:
            params = {name: each.params for name, each in state.networks.items()}
            chosen = {name: selected(term.method, tree) for name, tree in params.items()}
            if term.what == RADIUS:
                found.append({name: _size(term.method, tree) for name, tree in chosen.items()})
                continue
            against = steps if _is_past(term) else losses
            pulls = {name: optax.tree.norm(selected(term.method, against[name])) for name in params}
            slopes = {name: _slope(term, tree) for name, tree in chosen.items()}
        found.append({name: pulls[name] / optax.tree.norm(slope) for name, slope in slopes.items()})
    return found


def _is_past(term: Term) -> bool:
    return term.what == DECAY or (term.what == PENALTY and term.method.coupling != "loss")


def _keys(program: Program, state: MemberState, key: jax.Array) -> dict[str, jax.Array]:
    """A key for each player."""
    own = jax.random.fold_in(jax.random.fold_in(key, BALANCE), state.step)
    players = tuple(program.family.players)
    return dict(zip(players, jax.random.split(own, len(players)), strict=True))


def _loss_gradients(
    program: Program,
    index: int,
    state: MemberState,
    h: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> Params:
    # What is added in some steps alone is added in this one, at the strength of its mean.
    setting = Setting(program, index, h._replace(gradient_penalty_every=np.int32(1)), 1.0, 1.0)
    found: Params = {}
    for player, player_key in _keys(program, state, key).items():
        params = {name: state.networks[name].params for name in program.family.players[player]}
        objective = objective_of(setting, player, state, data, player_key)
        gradient = jax.grad(objective.loss, has_aux=True)(params)[0]
        if objective.gradient is not None:
            gradient = jax.tree.map(jnp.add, gradient, objective.gradient(params))
        found |= gradient
    return found


def _gradient_penalties(
    program: Program,
    term: Term,
    state: MemberState,
    h: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> Params:
    """The gradient of the gradient penalty at strength 1, of the players that have it."""
    setting = Setting(
        replace(program, methods=(term.method,)),
        0,
        h._replace(gradient_penalty_strength=np.float32(1), gradient_penalty_every=np.int32(1)),
        1.0,
        1.0,
    )
    found: Params = {}
    for player, player_key in _keys(program, state, key).items():
        objective = objective_of(setting, player, state, data, player_key)
        if objective.gradient is not None:
            names = program.family.players[player]
            found |= objective.gradient({name: state.networks[name].params for name in names})
    return found


def _steps(
    program: Program,
    index: int,
    state: MemberState,
    h: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> Params:
    """The steps that the optimisers take, each over its learning rate."""
    # Beyond the last step the rate may be 0.
    state = state._replace(step=jnp.minimum(state.step, program.steps - 1))
    after, _ = train_step(program, index, state, h, data, jax.random.fold_in(key, BALANCE))
    factor = program.learning_rate_schedule.factor(state.step, program.steps)
    turns = program.family.turns()
    found = {}
    for player, names in program.family.players.items():
        rate = h.learning_rates[player] * factor * turns.count(player)
        for name in names:
            before = state.networks[name].params
            found[name] = jax.tree.map(
                lambda new, old, rate=rate: (new - old) / rate, after.networks[name].params, before
            )
    return found


def _slope(term: Term, weights: PyTree) -> PyTree:
    """The gradient of a term of the weights, with its number at 1."""
    if term.what == DECAY:
        return weights
    entry = term.method.penalty
    coefficients = {name: getattr(term.coefficients, name) for name in entry.coefficients}
    added = add_norm_penalty(entry, **coefficients)
    state = added.init(weights)
    if entry.advance is not None:
        state = lax.fori_loop(
            0, _ITERATIONS, lambda _, state: advanced(entry, weights, state)[0], state
        )
    return added.update(jax.tree.map(jnp.zeros_like, weights), state, weights)[0]


def _size(method: Method, weights: PyTree) -> jax.Array:
    entry = method.constraint
    assert entry is not None
    if entry.initial_state is None:
        return entry.size(weights)
    assert entry.advance is not None
    step = partial(advanced, entry, weights)
    state = lax.fori_loop(
        0, _ITERATIONS, lambda _, state: step(state)[0], entry.initial_state(weights)
    )
    return entry.size(weights, state=state)
