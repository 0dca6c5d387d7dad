"""What a study is exported as: configs, code for a user's own training, or a table of all of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from normsweep.errors import UserError
from normsweep.export.configs import best_configs, trial_config
from normsweep.export.tables import TABLES
from normsweep.export.tables.rows import table_of
from normsweep.objectives.distances import cost
from normsweep.spec.config import FORMATS as CONFIG_FORMATS
from normsweep.spec.config import Config, render
from normsweep.storage.files import format_by_ending
from normsweep.verdict.answers import Answer, Ranked, answer

_ENDINGS = {f".{name}": name for name in (*CONFIG_FORMATS, *TABLES)} | {".yml": "yaml"}


def format_of(form: str | None, output: Path | None) -> str:
    """The format that was asked for, by name or by the ending of the file; TOML by default.

    Raises `UserError` for another name or ending, and for a format that is no text without a file.
    """
    if form is None:
        form = format_by_ending(output, _ENDINGS, "toml")
    if form not in (*CONFIG_FORMATS, *TABLES) and form not in (snippets := _snippets()):
        accepted = (*CONFIG_FORMATS, *snippets, *TABLES)
        raise UserError(f"--format {form}: accepted: {', '.join(accepted)}")
    if form in TABLES and not TABLES[form].text and output is None:
        raise UserError(f"--format {form}: is no text; accepted with -o FILE")
    return form


def worse_than_baseline(study: optuna.Study, trial: int | None = None) -> str | None:
    """A sentence where the best config, or that of a trial, scores worse than the baseline."""
    found = answer(study)
    chosen = found.best if trial is None else _ranked(found, trial)
    if chosen is None or found.baseline is None or chosen is found.baseline:
        return None
    if trial is None and found.beats_baseline:
        return None
    score, without = chosen.score, found.baseline.score
    metric = found.spec.score.metric
    worse = cost(metric, score) - cost(metric, without)
    if worse <= 0:
        return None
    return (
        f"trial {chosen.number} scores worse than the baseline, without a penalty: {metric} "
        f"{score:.4g}, and {without:.4g} of the baseline, trial {found.baseline.number}: "
        f"worse by {worse:.2g}"
    )


def _ranked(found: Answer, number: int) -> Ranked | None:
    return next((entry for entry in found.ranking if entry.number == number), None)


def exported(
    study: optuna.Study,
    storage: RDBStorage,
    form: str,
    *,
    trial: int | None = None,
    top: int = 1,
) -> str | bytes:
    """A study in a format: the best so many configs, that of a trial, or a table of all trials.

    Raises `UserError` where there is none, and for what the format cannot hold.
    """
    if trial is not None and top != 1:
        raise UserError("--trial and --top exclude each other; give one of them")
    if form in TABLES:
        if trial is not None or top != 1:
            given = "--top" if trial is None else "--trial"
            raise UserError(f"{given}: names configs; --format {form} holds all trials, without it")
        return TABLES[form].write(table_of(study, storage))
    snippet = None if form in CONFIG_FORMATS else _snippets().get(form)
    if snippet is not None and top != 1:
        raise UserError(f"--top {top}: --format {form} holds one config; accepted: 1, or --trial")
    configs = best_configs(study, top) if trial is None else [trial_config(study, trial)]
    return render(configs, form) if snippet is None else snippet(configs[0])


def _snippets() -> Mapping[str, Callable[[Config], str]]:
    # A config and a table need none of the networks that these tell of, nor JAX.
    from normsweep.export.snippets import SNIPPETS

    return SNIPPETS
