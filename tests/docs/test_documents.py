"""The documents say what the program does."""

import importlib.util
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from normsweep.export.again import train_config
from normsweep.export.trained import save_trained
from normsweep.spec import Spec, load_spec, spec_from_tables
from normsweep.spec.config import Config
from normsweep.spec.family import NETWORKS
from normsweep.spec.options import option_tables
from normsweep.spec.ranges import plain
from normsweep.spec.space import check_ranges

ROOT = Path(__file__).parents[2]


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


def script(name: str) -> Any:
    """A script in docs/ as a module."""
    source = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert source is not None and source.loader is not None
    module = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)
    return module


def test_the_command_reference_is_the_help_of_the_commands() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert page == script("cli_reference").reference()


def test_the_schemas_are_those_of_what_is_printed() -> None:
    there = {path.name: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.schema.json")}
    assert there == script("json_schema").schemas()


def test_every_field_that_is_printed_is_documented() -> None:
    fields = 0
    for file in (ROOT / "docs").glob("*.schema.json"):
        schema = json.loads(file.read_text("utf-8"))
        for table in (schema, *schema.get("$defs", {}).values()):
            assert table["description"], file
            for name, field in table["properties"].items():
                assert field.get("description"), f"{file.name}: {name}"
                fields += 1
    assert fields > 100


def test_every_field_of_the_spec_is_documented_with_its_default() -> None:
    text = (ROOT / "docs" / "spec.md").read_text("utf-8")
    for section, field in Spec.model_fields.items():
        if section == "methods":
            continue
        body = text.split(f"## [{section}]")[1].split("\n## ")[0]
        model = field.annotation
        assert model is not None
        rows = [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:4]]
            for line in body.splitlines()
            if line.startswith("| ")
        ]
        documented = {
            name.strip(): default for names, default, _ in rows for name in names.split(",")
        }
        for name, entry in model.model_fields.items():
            if name.split("_", 1)[0] in NETWORKS and section == "penalty":
                assert f"`{name}`" in body
                continue
            assert name in documented, f"{section}.{name}"
            default = plain(entry.default)
            if default is None:
                assert documented[name] == "not set", name
            elif isinstance(default, str):
                assert documented[name] == f'"{default}"'
            elif isinstance(default, bool):
                assert documented[name] == str(default).lower()
            elif isinstance(default, list):
                assert documented[name] == str(default)
            else:
                assert default in [float(part) for part in documented[name].split(",")], name


def test_the_methods_of_the_spec_page_are_a_study() -> None:
    text = (ROOT / "docs" / "spec.md").read_text("utf-8")
    body = text.split("## [methods.NAME.SECTION]")[1]
    lines = [line[4:] for line in body.splitlines() if line.startswith("    ")]
    spec = spec_from_tables(tomllib.loads("\n".join(lines)), "docs/spec.md")
    check_ranges(spec)
    assert list(spec.methods) == ["lasso", "r1", "dropout"]
    assert "lasso.penalty.strength" in body
    assert "methods.lasso.penalty.strength" in spec.ranges()


def test_what_is_commented_out_in_the_template_is_a_spec_too() -> None:
    text = (ROOT / "sweep" / "studies" / "template" / "spec.toml").read_text("utf-8")
    whole = re.sub(r"(?m)^# (?=(\[[a-z_.0-9]+\]$|[a-z_]+ = ))", "", text)
    fewer, more = (spec_from_tables(tomllib.loads(shown), "template") for shown in (text, whole))
    assert not fewer.methods
    assert list(more.methods) == ["r1", "dropout"]
    assert len(more.ranges()) > len(fewer.ranges()) + 5
    check_ranges(more)


def test_the_spec_page_names_tables_of_options_that_exist() -> None:
    text = (ROOT / "docs" / "spec.md").read_text("utf-8")
    named = re.findall(r"`sweep options (\w+)`", text)
    assert len(named) > 5
    for name in named:
        assert [table.name for table in option_tables(name)] == [name]


def test_every_dependency_has_its_line() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"\ndependencies = \[(.*?)\]", project, re.DOTALL)
    assert listed is not None
    for name in re.findall(r'"([a-z-]+)', listed.group(1)):
        assert re.search(rf"^\| .*\b{name}\b.* \|", text, re.MULTILINE), name


SHORTER = {"data.limit": 400, "train.steps": 16, "score.folds": 2, "score.features": "pca"}
"""Changes by which the README's study trains for seconds; all else of it stays."""


def test_the_first_python_session_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load_shorter(name: str, changes: dict[str, Any]) -> Spec:
        assert load_spec(name, changes).train.steps == 200
        return load_spec(name, changes | SHORTER)

    monkeypatch.setattr("normsweep.load_spec", load_shorter)
    monkeypatch.chdir(tmp_path)
    exec(compile(python_blocks()[0], "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "Difference(" in printed
    assert "form='power'" in printed
    assert os.path.exists("studies.db")


def test_the_readme_loads_a_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = load_spec("digits", {"train.steps": 8, "score.features": "pca", "model.latent": 8})
    spec = spec.with_values(
        {"penalty.strength": 1e-4, "penalty.order": 1.0, "penalty.target": "both"}
    )
    save_trained(train_config(spec), Config(spec, {}), tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(python_blocks()[1], "README.md", "exec"), names)
    assert names["images"].shape == (16, 8, 8, 1)  # type: ignore[attr-defined]


def test_the_readme_adds_the_penalty_both_ways() -> None:
    names: dict[str, object] = {}
    exec(compile(python_blocks()[2], "README.md", "exec"), names)
    exec(
        "from objectives import lp_power_gradient\n"
        "assert jnp.allclose(in_the_loss['kernel'], "
        "lp_power_gradient(weights, 1.5, 1e-3)['kernel'], rtol=1e-6)",
        names,
    )
