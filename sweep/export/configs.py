"""Configs as files: written with their provenance, and read back."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import tomlkit
import yaml
from optuna.trial import TrialState

from normsweep.errors import UserError
from normsweep.spec.load import PROVENANCE, parse_toml, spec_from_tables
from normsweep.spec.spec import Spec
from normsweep.study.records import is_foreign
from normsweep.verdict.answers import Ranked, answer, ranked

FORMATS = ("toml", "json", "yaml")
LIST = "configs"
"""The key under which a file holds more than one config."""


@dataclass(frozen=True)
class Config:
    """A spec without ranges, and where it came from."""

    spec: Spec
    provenance: dict[str, Any]

    def tables(self) -> dict[str, Any]:
        """Nested tables, as written to files."""
        return self.spec.plain() | {PROVENANCE: self.provenance}


def best_configs(study: optuna.Study, top: int = 1) -> list[Config]:
    """The `top` best configs of a study's search, best first.

    Raises `UserError` where the study has completed none.
    """
    found = answer(study).ranking
    if not found:
        raise UserError(f"study {study.study_name!r} has no completed trial yet")
    return [_config(study, entry) for entry in found[:top]]


def best_config(study: optuna.Study) -> Config:
    """The config with the best score in a study's search; a confirmation may favour another.

    That one is `trial_config(study, confirmation.best.trial.number)`.
    """
    return best_configs(study)[0]


def trial_config(study: optuna.Study, number: int) -> Config:
    """The config of one trial, the baseline's and a pruned one's included."""
    trials = {trial.number: trial for trial in study.get_trials(deepcopy=False)}
    if number not in trials:
        raise UserError(
            f"--trial {number}: study {study.study_name!r} has the trials 0 … {len(trials) - 1}"
            if trials
            else f"--trial {number}: study {study.study_name!r} has no trials yet"
        )
    if trials[number].state not in (TrialState.COMPLETE, TrialState.PRUNED):
        raise UserError(
            f"--trial {number}: is {trials[number].state.name} and has no score; "
            "accepted: a completed or pruned trial"
        )
    if is_foreign(trials[number]):
        raise UserError(
            f"--trial {number}: was added by other code than sweep and has no config; accepted: a "
            "trial that sweep has trained"
        )
    return _config(study, ranked(trials[number]))


def _config(study: optuna.Study, entry: Ranked) -> Config:
    attributes = study.user_attrs
    trial = study.get_trials(deepcopy=False)[entry.number]
    spec = entry.config
    return Config(
        spec,
        {
            "study": study.study_name,
            "trial": entry.number,
            "role": entry.role,
            "score": entry.score,
            "standard_error": entry.standard_error,
            "fold_scores": list(entry.fold_scores),
            "second_score": entry.second,
            "second_fold_scores": list(entry.second_fold_scores) or None,
            "step": entry.step,
            "seed": spec.study.seed,
            "folds": spec.score.folds,
            "chunks": spec.train.chunks,
            "fingerprints": attributes.get("fingerprints", {}),
            "feature_accuracy": attributes.get("feature_accuracy"),
            "versions": trial.user_attrs.get("versions", {}),
        },
    )


def render(configs: list[Config], form: str) -> str:
    """One config, or several under the key `configs`, as text in TOML, JSON or YAML."""
    tables = [_without_none(config.tables()) for config in configs]
    document = tables[0] if len(tables) == 1 else {LIST: tables}
    if form == "json":
        return json.dumps(document, indent=2) + "\n"
    if form == "yaml":
        return yaml.safe_dump(document, sort_keys=False)
    if form == "toml":
        return tomlkit.dumps(document)
    raise UserError(f"--format {form}: accepted: {', '.join(FORMATS)}")


def read_config(path: str | Path) -> Config:
    """Reads an exported config, its format told by its ending; a plain spec without ranges will do.

    Raises `UserError` that names the file and field.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; `sweep export STUDY -o {path}` writes one")
    tables = _parse(path)
    if isinstance(several := tables.get(LIST), list):
        raise UserError(
            f"{path}: holds {len(several)} configs; accepted is a file with one "
            "(`sweep export STUDY --trial N`)"
        )
    spec = spec_from_tables(tables, str(path))
    if ranges := list(spec.ranges()):
        raise UserError(
            f"{path}: {ranges[0]} is a search range; a config has a value for each field"
        )
    if spec.methods:
        raise UserError(
            f"{path}: methods.{next(iter(spec.methods))} is an alternative of a search; a config "
            "has its settings in its own sections"
        )
    provenance = tables.get(PROVENANCE, {})
    _check_table(provenance, f"{path}: {PROVENANCE}")
    for part in ("fingerprints", "versions"):
        _check_table(provenance.get(part, {}), f"{path}: {PROVENANCE}.{part}")
    return Config(spec, provenance)


def _check_table(value: Any, name: str) -> None:
    if not isinstance(value, dict):
        raise UserError(f"{name}: must be a table, got {value!r}")


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from error
    if path.suffix not in (".json", ".yaml", ".yml"):
        return parse_toml(text, str(path))
    try:
        tables = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: is not valid {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(tables, dict):
        raise UserError(f"{path}: must hold tables of settings, got {tables!r}")
    return tables


def _without_none(tables: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in tables.items()
        if value is not None
    }
