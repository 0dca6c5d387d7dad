"""A config as code for PyTorch: a weight decay where that is the same, and explicit where not."""

from normsweep.export.snippets.header import NOTES, header, shown, weights_constant
from normsweep.export.snippets.recipe import Recipe, Term, recipe_of
from normsweep.export.snippets.source import assembled, exportable, parts
from normsweep.export.snippets.wiring import check_terms, count_of, moved, ramp, value_of
from normsweep.spec.config import Config

FORM = "pytorch"
_IMPORTS = {
    "math": "import math",
    "re": "import re",
    "Callable": "from collections.abc import Callable",
    "Iterable": "from collections.abc import Iterable",
    "Any": "from typing import Any\n",
    "torch": "import torch",
}

_OPTIMIZERS = {
    "adam": "torch.optim.Adam({parameters}, lr={rate!r}, betas=({beta1!r}, {beta2!r}))",
    "adamw": "torch.optim.AdamW({parameters}, lr={rate!r}, betas=({beta1!r}, {beta2!r}))",
    "sgd": "torch.optim.SGD({parameters}, lr={rate!r}, momentum={momentum!r})",
    "rmsprop": "rms_prop({parameters}, lr={rate!r}, decay={decay!r})",
}

_UNITS = "transposed convolutions: the output units of a weight are taken to be its first axis"
_NOTES = NOTES | {"unit_norms": _UNITS, "as_matrix": _UNITS}


def pytorch_snippet(config: Config) -> str:
    """The optimisers as functions of a network, and the penalties that they do not hold.

    Raises `UserError` for what there is no code for.
    """
    recipe, own = recipe_of(config.spec, FORM), parts("torch_parts")
    exportable("train.optimizer", recipe.optimizer, _OPTIMIZERS, FORM)
    rates = own.names("rates", "_rate")
    exportable("train.learning_rate_schedule", recipe.rate_schedule, rates, FORM)
    check_terms(recipe, own, FORM)
    pieces = [_rate_schedule(recipe), *(_network(recipe, network) for network in recipe.rates)]

    def head(functions: set[str]) -> str:
        title = f"Regularisation and optimisers {recipe.model}, for PyTorch."
        lost = dict.fromkeys(note for name, note in _NOTES.items() if name in functions)
        return header(config, recipe, title, [*lost])

    return assembled(
        head,
        _IMPORTS,
        weights_constant(recipe, "layers/0/kernel for the parameter layers.0.weight"),
        own,
        "\n\n\n".join(piece for piece in pieces if piece),
    )


def _rate_schedule(recipe: Recipe) -> str:
    if not recipe.scheduled_rates:
        return ""
    given = f"{recipe.steps}, {recipe.warm}, {recipe.rate_schedule}_rate, {recipe.rate_end!r}"
    return (
        "def learning_rate_schedule(\n"
        "    optimizer: torch.optim.Optimizer,\n"
        ") -> torch.optim.lr_scheduler.LambdaLR:\n"
        '    """One for each optimiser: call its `step()` after each step of the '
        f'{recipe.counted}."""\n'
        "    return torch.optim.lr_scheduler.LambdaLR(\n"
        f"        optimizer, lambda step: rate_factor(step, {given})\n"
        "    )"
    )


def _network(recipe: Recipe, network: str) -> str:
    term = recipe.terms.get(network)
    optimizer, decay, explicit = _decay(recipe, term)
    parameters = "network.parameters()"
    said = "No weight decay."
    if decay:
        parameters = f"groups(network, WEIGHTS, {decay!r})"
        said = "The decay of the optimiser."
        if term is not None and not explicit:
            said = f"The weight decay is {shown(term)} ({recipe.coupling})."
    made = _OPTIMIZERS[optimizer].format(
        parameters=parameters, rate=recipe.rates[network], **recipe.settings
    )
    if optimizer == "adamw" and not decay:
        made = made.removesuffix(")") + ", weight_decay=0.0)"
    parts = [
        f"def {network}_optimizer(network: torch.nn.Module) -> torch.optim.Optimizer:\n"
        f'    """{said}"""\n'
        f"    return {made}"
    ]
    if term is not None and explicit:
        if recipe.coupling in ("loss", "decoupled"):
            parts.append(_penalty(recipe, network, term))
        if recipe.coupling != "loss":
            parts.append(_step(recipe, network, term))
    return "\n\n\n".join(parts)


def _decay(recipe: Recipe, term: Term | None) -> tuple[str, float, bool]:
    """The optimiser, the decay of its selected weights, and whether the term stands beside it.

    The gradient of λ·Σw² is 2λ·w. PyTorch's Adam, SGD and RMSprop add weight_decay·w to the
    gradient, which is that of a loss term; AdamW subtracts rate·weight_decay·w, which is that of a
    decoupled one.
    """
    own = recipe.settings["weight_decay"] if recipe.optimizer == "adamw" else 0.0
    strength = None if term is None else _square_strength(recipe, term)
    if strength is not None:
        if recipe.coupling == "loss" and recipe.optimizer in ("adam", "sgd", "rmsprop"):
            return recipe.optimizer, 2 * strength, False
        if recipe.coupling == "decoupled" and recipe.optimizer in ("adam", "adamw"):
            return "adamw", own + 2 * strength, False
    return recipe.optimizer, own, True


def _square_strength(recipe: Recipe, term: Term) -> float | None:
    """The λ of a term that is λ·Σw² at every step; None of any other."""
    if recipe.schedule is not None or recipe.averaged:
        return None
    given = term.coefficients
    if term.form == "power" and given["order"] == 2:
        return given["strength"]
    return given["l2"] if term.form == "elastic" and given["l1"] == 0 else None


def _penalty(recipe: Recipe, network: str, term: Term) -> str:
    use = f"Add it to the loss of the {network}."
    if recipe.coupling == "decoupled":
        use = f"Not for the loss: it acts past the optimiser, in `{network}_step`."
    lines = ["    weights = selected(network, WEIGHTS)"]
    value = value_of(recipe, term)
    step = ""
    if recipe.schedule is not None:
        step = ", step: int"
        use += f"\n    `step` counts those of the {recipe.counted}."
        value = f"{ramp(recipe, 'step')} * {value}"
    return "\n".join(
        [
            f"def {network}_penalty(network: torch.nn.Module{step}) -> torch.Tensor:",
            f'    """{shown(term)}.\n\n    {use}\n    """',
            *lines,
            f"    return {value}",
        ]
    )


def _step(recipe: Recipe, network: str, term: Term) -> str:
    step, at = (", step: int", ", step") if recipe.schedule is not None else ("", "")
    lines = [
        f"def {network}_step(",
        f"    network: torch.nn.Module, optimizer: torch.optim.Optimizer{step}",
        ") -> None:",
        f'    """Call it instead of `optimizer.step()`: {shown(term)} ({recipe.coupling})."""',
        "    weights = selected(network, WEIGHTS)",
    ]
    if recipe.coupling != "constraint":
        lines.append('    rate = optimizer.param_groups[0]["lr"]')
    if recipe.coupling == "decoupled":
        lines += [
            f"    slopes = torch.autograd.grad({network}_penalty(network{at}), weights)",
            "    optimizer.step()",
            "    replace(weights, lambda old: [w - rate * s for w, s in zip(old, slopes)])",
        ]
        return "\n".join(lines)
    lines.append("    optimizer.step()")
    name, rate = term.form, ""
    if recipe.coupling == "proximal":
        name, rate = f"{term.form}_step", "rate, "
        if recipe.schedule is not None:
            lines.append(f"    rate = rate * {ramp(recipe, 'step')}")
        if recipe.averaged:
            lines.append(f"    rate = rate / {count_of(term, 'weights')}")
    lines.append(f"    replace(weights, lambda old: {moved(recipe, name, 'old', rate, term)})")
    return "\n".join(lines)
