"""Configs as files: nothing is lost on the way out and back."""

import json
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from normsweep.errors import UserError
from normsweep.export.configs import best_config, best_configs, trial_config
from normsweep.spec.config import Config, read_config, render
from normsweep.spec.ranges import LARGEST, SMALLEST

FORMATS = ("toml", "json", "yaml")
# Shortest decimals of 17 digits, an exponent that YAML's own grammar reads as a text, denormals.
HARD = (0.1 + 0.2, 1 / 3, 1e-6, 5e-324, 1.7976931348623157e308, 1e22, 2.0**-1074 * 3)


def write(path: Path, config: Config, form: str) -> Path:
    file = path / f"config.{form}"
    file.write_text(render([config], form), encoding="utf-8")
    return file


def bits(value: Any) -> Any:
    """The value with every float as its eight bytes."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, dict):
        return {key: bits(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [bits(entry) for entry in value]
    return value


@pytest.mark.parametrize("form", FORMATS)
def test_an_exported_config_reads_back_the_same_to_the_bit(example, tmp_path, form: str) -> None:
    for config in best_configs(example.study, 6):
        found = read_config(write(tmp_path, config, form))
        assert found.spec == config.spec
        assert bits(found.spec.plain()) == bits(config.spec.plain())
        given = {key: value for key, value in config.provenance.items() if value is not None}
        assert bits(found.provenance) == bits(given)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("number", HARD)
def test_every_float_keeps_its_bits(make_spec, tmp_path, form: str, number: float) -> None:
    strength = min(max(number, SMALLEST), LARGEST)
    spec = make_spec(penalty__strength=strength, penalty__target="both")
    config = Config(spec, {"score": number, "fold_scores": [number, -number]})
    found = read_config(write(tmp_path, config, form))
    assert bits(found.spec.penalty.strength) == bits(strength)
    assert bits(found.provenance) == bits(config.provenance)


def test_a_config_tells_where_it_came_from(example) -> None:
    config, study = best_config(example.study), example.study
    told = config.provenance
    trial = study.get_trials()[told["trial"]]
    assert told["study"] == "small"
    assert told["role"] == "search"
    assert told["score"] == trial.value == min(t.value for t in study.get_trials()[1:])
    assert told["fold_scores"] == trial.user_attrs["result"]["fold_scores"]
    assert told["second_score"] is told["second_fold_scores"] is None
    assert (told["seed"], told["folds"], told["chunks"], told["step"]) == (3, 2, 4, 40)
    assert told["fingerprints"].keys() == {"data", "folds", "features", "samples", "training"}
    assert {"python", "jax", "jaxlib", "numpy", "normsweep"} <= told["versions"].keys()


def test_the_best_so_many_are_exported_best_first(example) -> None:
    values = [trial.value for trial in example.study.get_trials()[1:]]
    for top in (1, 3, 6, 100):
        found = [config.provenance["score"] for config in best_configs(example.study, top)]
        assert found == sorted(values)[:top]


@pytest.mark.parametrize(
    ("form", "parse"),
    [("toml", tomllib.loads), ("json", json.loads), ("yaml", yaml.safe_load)],
)
def test_several_configs_are_a_list_in_one_file_which_is_not_a_config(
    example, tmp_path, form: str, parse: Any
) -> None:
    configs = best_configs(example.study, 2)
    file = tmp_path / f"several.{form}"
    file.write_text(render(configs, form), encoding="utf-8")
    tables = parse(file.read_text(encoding="utf-8"))
    assert [table["provenance"]["trial"] for table in tables["configs"]] == [
        config.provenance["trial"] for config in configs
    ]
    with pytest.raises(UserError, match="holds 2 configs"):
        read_config(file)


def test_any_trial_with_a_score_can_be_exported_the_baseline_included(example) -> None:
    for trial in example.study.get_trials():
        config = trial_config(example.study, trial.number)
        assert config.provenance["score"] == trial.value
        assert config.provenance["role"] == trial.user_attrs["role"]
        assert config.spec.plain() == trial.user_attrs["config"]
        assert config.spec.ranges() == {}


def test_an_unknown_trial_is_told_with_those_there_are(example) -> None:
    with pytest.raises(UserError, match=r"--trial 7: .* has the trials 0 … 6"):
        trial_config(example.study, 7)


def test_a_plain_spec_without_ranges_is_a_config(make_spec, tmp_path) -> None:
    file = tmp_path / "plain.toml"
    spec = make_spec(penalty__strength=1e-3, penalty__target="both")
    file.write_text(render([Config(spec, {})], "json"))
    json_file = file.rename(tmp_path / "plain.json")
    assert read_config(json_file) == Config(spec, {})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.toml", "configs = 3\n[penalty]\nform = 'none'", "configs: unknown key"),
        ("a.toml", "[penalty]\nform = 'none'\n[provenance]\nversions = 'x'", "versions: must be"),
        ("a.toml", "provenance = 1\n[penalty]\nform = 'none'", "provenance: must be a table"),
        ("a.toml", "[penalty\n", "not valid TOML"),
        ("a.json", '{"penalty": ', "not valid JSON"),
        ("a.json", "[1, 2]", "must hold tables"),
        ("a.yaml", "penalty: [", "not valid YAML"),
        ("a.yml", "just a text", "must hold tables"),
        (
            "a.toml",
            "[penalty]\nstrength = [1e-3, 1e-2]\norder = 2.0",
            "penalty.strength is a search",
        ),
    ],
)
def test_a_file_that_is_no_config_is_refused_by_name(tmp_path, name, text, told) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(file)
    assert str(file) in str(caught.value)
    assert told in str(caught.value)
