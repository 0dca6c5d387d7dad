"""What a study is exported as: configs, or code for a user's own training."""

from pathlib import Path

import optuna

from sweep.errors import UserError
from sweep.study.export import FORMATS as CONFIG_FORMATS
from sweep.study.export import best_configs, render, trial_config
from sweep.study.snippets import SNIPPETS

FORMATS = (*CONFIG_FORMATS, *SNIPPETS)
"""All that `sweep export --format` takes."""
_ENDINGS = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}


def format_of(form: str | None, output: Path | None) -> str:
    """The format that was asked for, by name or by the ending of the file; TOML by default.

    Raises `UserError` for another name.
    """
    if form is None:
        return _ENDINGS.get(output.suffix, "toml") if output is not None else "toml"
    if form not in FORMATS:
        raise UserError(f"--format {form}: accepted: {', '.join(FORMATS)}")
    return form


def exported(study: optuna.Study, form: str, *, trial: int | None = None, top: int = 1) -> str:
    """A study in a format: the best so many configs, or that of a trial.

    Raises `UserError` where there is none, and for what the format cannot hold.
    """
    if trial is not None and top != 1:
        raise UserError("--trial and --top exclude each other; give one of them")
    if form in SNIPPETS and top != 1:
        raise UserError(f"--top {top}: --format {form} holds one config; accepted: 1, or --trial")
    configs = best_configs(study, top) if trial is None else [trial_config(study, trial)]
    return SNIPPETS[form](configs[0]) if form in SNIPPETS else render(configs, form)
