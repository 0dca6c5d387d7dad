"""A config as code for JAX and Optax, which needs none of our packages."""

from normsweep.export.snippets.header import NOTES, header, shown, weights_constant
from normsweep.export.snippets.recipe import Recipe, Term, recipe_of
from normsweep.export.snippets.source import assembled, exportable, parts
from normsweep.export.snippets.wiring import check_terms, count_of, moved, ramp, value_of
from normsweep.spec.config import Config

FORM = "optax"
_IMPORTS = {
    "re": "import re",
    "Callable": "from collections.abc import Callable",
    "Iterable": "from collections.abc import Iterable",
    "Any": "from typing import Any\n",
    "jax": "import jax",
    "jnp": "import jax.numpy as jnp",
    "optax": "import optax",
}

_OPTIMIZERS = {
    "adam": "optax.adam({rate}, b1={beta1!r}, b2={beta2!r})",
    "adamw": (
        "optax.adamw(\n    {rate},\n    b1={beta1!r},\n    b2={beta2!r},\n"
        "    weight_decay={weight_decay!r},\n"
        "    mask=lambda params: is_selected(params, WEIGHTS),\n)"
    ),
    "sgd": "optax.sgd({rate}, momentum={momentum!r})",
    "rmsprop": "optax.rmsprop({rate}, decay={decay!r})",
    "optimistic_adam": (
        "optax.optimistic_adam_v2({rate}, b1={beta1!r}, b2={beta2!r}, nesterov=False)"
    ),
}

_RATES = {
    "constant": "optax.constant_schedule(1.0)",
    "linear": "optax.linear_schedule(1.0, {end!r}, {steps})",
    "cosine": "optax.cosine_decay_schedule(1.0, {steps}, alpha={end!r})",
    "exponential": "optax.exponential_decay(1.0, {steps}, {end!r}, end_value={end!r})",
}

_USE = """\
# Use, for each network: add its penalty (if it has one, unless the docstring says otherwise) to the
# loss that you differentiate, then
#   updates, state = {network}_optimizer.update(gradient, state, params)
#   params = optax.apply_updates(params, updates)"""


def optax_snippet(config: Config) -> str:
    """The penalties as functions of the parameters, and the optimisers, in Python.

    Raises `UserError` for what there is no code for.
    """
    recipe, own = recipe_of(config.spec, FORM), parts("jax_parts")
    exportable("train.optimizer", recipe.optimizer, _OPTIMIZERS, FORM)
    exportable("train.learning_rate_schedule", recipe.rate_schedule, _RATES, FORM)
    check_terms(recipe, own, FORM)
    pieces = [_rate_schedule(recipe), *(_network(recipe, network) for network in recipe.rates)]

    def head(functions: set[str]) -> str:
        title = f"Regularisation and optimisers {recipe.model}, for JAX and Optax."
        lost = [note for name, note in NOTES.items() if name in functions]
        return header(config, recipe, title, lost) + "\n" + _USE.format(network=recipe.counted)

    return assembled(
        head,
        _IMPORTS,
        weights_constant(recipe, "layers/0/kernel"),
        own,
        "\n\n\n".join(piece for piece in pieces if piece),
    )


def _rate_schedule(recipe: Recipe) -> str:
    if not recipe.scheduled_rates:
        return ""
    steps = max(1, recipe.steps - recipe.warm)
    schedule = _RATES[recipe.rate_schedule].format(end=recipe.rate_end, steps=steps)
    if recipe.warm:
        schedule = (
            "optax.join_schedules(\n"
            f"    [optax.linear_schedule(0.0, 1.0, {recipe.warm}), {schedule}], [{recipe.warm}]\n)"
        )
    return (
        f"learning_rate_factor = {schedule}\n"
        f'"""The factor on all learning rates, by the step of the {recipe.counted}."""'
    )


def _network(recipe: Recipe, network: str) -> str:
    rate, step = repr(recipe.rates[network]), "count"
    if recipe.updates[network] > 1:
        step = f"count // {recipe.updates[network]}"
    parts = []
    if recipe.scheduled_rates:
        parts.append(
            f"def {network}_rate(count: Any) -> Any:\n"
            f'    """The learning rate after so many updates of the {network}."""\n'
            f"    return {rate} * learning_rate_factor({step})"
        )
        rate = f"{network}_rate"
    term = recipe.terms.get(network)
    if term is not None and recipe.coupling != "constraint":
        parts.append(_penalty(recipe, network, term))
    made = _OPTIMIZERS[recipe.optimizer].format(rate=rate, **recipe.settings)
    if term is not None and recipe.coupling != "loss":
        parts.append(_move(recipe, network, term, rate, step))
        made = f"and_then(\n    {made.replace(chr(10), chr(10) + '    ')},\n    {network}_move,\n)"
    return "\n\n\n".join([*parts, f"{network}_optimizer = {made}"])


def _penalty(recipe: Recipe, network: str, term: Term) -> str:
    use = f"Add it to the loss of the {network}."
    if recipe.coupling != "loss":
        use = f"Not for the loss: it acts past the optimiser, in `{network}_move`."
    lines = ["    weights = selected(params, WEIGHTS)"]
    value = value_of(recipe, term)
    step = ""
    if recipe.schedule is not None:
        step = ", step: Any"
        use += f"\n    `step` counts those of the {recipe.counted}."
        lines.append(f"    factor = {ramp(recipe, 'step')}")
        value = f"factor * {value}"
    return "\n".join(
        [
            f"def {network}_penalty(params: Any{step}) -> jax.Array:",
            f'    """{shown(term)}.\n\n    {use}\n    """',
            *lines,
            f"    return {value}",
        ]
    )


def _move(recipe: Recipe, network: str, term: Term, rate: str, step: str) -> str:
    rate = f"{rate}(count)" if recipe.scheduled_rates else rate
    lines = [f"def {network}_move(old: Any, new: Any, count: jax.Array) -> Any:"]
    if recipe.coupling == "constraint":
        inner = moved(recipe, term.form, "weights", "", term)
        lines += [
            f'    """{shown(term)}, by projection after each step."""',
            f"    return replaced(new, WEIGHTS, lambda weights: {inner})",
        ]
        return "\n".join(lines)
    at = "" if recipe.schedule is None else f", {step}"
    if recipe.coupling == "decoupled":
        lines += [
            '    """A step along the penalty alone, past the optimiser (arXiv:1711.05101)."""',
            f"    slope = jax.grad({network}_penalty)(old{at})",
            f"    return jax.tree.map(lambda w, g: w - {rate} * g, new, slope)",
        ]
        return "\n".join(lines)
    lines.append('    """The proximal step of the penalty, after that of the optimiser."""')
    lines.append(f"    rate = {rate}")
    if recipe.schedule is not None:
        lines.append(f"    rate = rate * {ramp(recipe, step)}")
    if recipe.averaged:
        lines.append(f"    rate = rate / {count_of(term, 'selected(new, WEIGHTS)')}")
    inner = moved(recipe, f"{term.form}_step", "weights", "rate, ", term)
    lines.append(f"    return replaced(new, WEIGHTS, lambda weights: {inner})")
    return "\n".join(lines)
