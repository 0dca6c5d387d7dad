"""The first lines of a snippet: where it is from, and what is not in it."""

import textwrap

from normsweep.export.snippets.recipe import Recipe, Term, found_with, left_out
from normsweep.spec.config import Config

NOTES = {
    "largest_singular_value": "the power iteration of the study: σ is exact here, by an SVD in "
    "each step",
}
"""What is not in a snippet that holds a function of this name."""


def header(config: Config, recipe: Recipe, summary: str, more_left_out: list[str]) -> str:
    """Comments: what the snippet is, where its numbers are from, what a user must add."""
    told = config.provenance
    name, number = told.get("study"), told.get("trial")
    lines = [
        summary,
        f"From sweep study {name}, trial {number}: {config.spec.score.metric} "
        f"{told.get('score')!r} at step {told.get('step')}. Found with: "
        f"{found_with(config.spec, recipe)}.",
    ]
    missing = left_out(config.spec, recipe) + more_left_out
    lines += [f"NOT in this snippet: {each}." for each in missing]
    return "\n".join(_comment(line) for line in lines)


def _comment(text: str) -> str:
    return "\n".join(
        textwrap.wrap(
            text, 98, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False
        )
    )


def shown(term: Term) -> str:
    """A form with its coefficients, for a docstring."""
    given = ", ".join(f"{name} = {value!r}" for name, value in term.coefficients.items())
    return f"{term.form}: {given}"


def arguments(values: dict[str, float]) -> str:
    """Coefficients as the arguments of a call."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def weights_constant(recipe: Recipe, example: str) -> str:
    """The line that says which weights are meant."""
    return (
        f"WEIGHTS = {recipe.weights!r}\n"
        f'"""Found in the paths of the weights that are meant, such as {example}."""'
    )
