"""What the code of every format calls: which functions of its parts, and with which arguments."""

from normsweep.export.snippets.header import arguments
from normsweep.export.snippets.recipe import Recipe, Term
from normsweep.export.snippets.source import Parts, exportable
from normsweep.objectives.penalties import PENALTIES


def check_terms(recipe: Recipe, parts: Parts, form: str) -> None:
    """Raises `UserError` for a penalty, a constraint or a schedule of which there is no part."""
    for term in recipe.terms.values():
        file = "constraints" if recipe.coupling == "constraint" else "penalties"
        known = parts.names(file)
        if recipe.coupling == "proximal":
            known = tuple(name for name in known if name in parts.names("proximal", "_step"))
        exportable("penalty.form", term.form, known, form)
    if recipe.terms and recipe.schedule is not None:
        known = ("constant", *parts.names("schedules", "_way"))
        exportable("penalty.schedule", recipe.schedule[0], known, form)


def ramp(recipe: Recipe, step: str) -> str:
    """The factor on a strength at a step."""
    assert recipe.schedule is not None
    name, settings = recipe.schedule
    return f"ramp({step}, {recipe.steps}, {name}_way, {settings!r})"


def value_of(recipe: Recipe, term: Term) -> str:
    """The penalty of `weights`, of all at once or of each by itself."""
    each = arguments(term.coefficients)
    if not recipe.layered:
        return f"{term.form}(weights, {each})"
    counting = " if w.ndim > 1" if PENALTIES[term.form].matrices else ""
    added = f"added({term.form}([w], {each}) for w in weights{counting})"
    return f"{added} / {count_of(term, 'weights')}" if recipe.averaged else added


def count_of(term: Term, weights: str) -> str:
    """How many of the weights count: of a penalty of matrices, those."""
    if not PENALTIES[term.form].matrices:
        return f"len({weights})"
    return f"sum(w.ndim > 1 for w in {weights})"


def moved(recipe: Recipe, function: str, weights: str, rate: str, term: Term) -> str:
    """The weights after a projection or a proximal step, of all at once or of each by itself."""
    each = f"{rate}{arguments(term.coefficients)}"
    if recipe.layered:
        return f"[{function}([w], {each})[0] for w in {weights}]"
    return f"{function}({weights}, {each})"
