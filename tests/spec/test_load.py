"""Where a spec comes from: a file, a built-in name, or neither."""

from pathlib import Path

import pytest

from normsweep.errors import UserError
from normsweep.spec import built_in_names, load_spec

SPEC = """
[study]
name = "mine"

[penalty]
strength = { low = 1e-6, high = 1e-1, log = true }
order = 2
"""


def refusal(path: str | Path) -> str:
    with pytest.raises(UserError) as caught:
        load_spec(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_file_is_read_by_its_path_as_text_or_as_a_path(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC, encoding="utf-8")
    spec = load_spec(path)
    assert spec.study.name == "mine"
    assert spec.penalty.strength.high == 0.1
    assert spec.penalty.order == 2.0
    assert load_spec(str(path)) == spec


def test_the_provenance_of_an_exported_config_is_no_part_of_the_spec(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC, encoding="utf-8")
    exported = tmp_path / "exported.toml"
    exported.write_text(SPEC + '\n[provenance]\nstudy = "mine"\ntrial = 3\n', encoding="utf-8")
    assert load_spec(exported) == load_spec(path)


def test_digits_is_built_in() -> None:
    assert "digits" in built_in_names()
    assert load_spec("digits").data.source == "digits"


@pytest.mark.parametrize("name", ["digit", "no/such/file.toml", ""])
def test_a_missing_file_is_refused_with_the_built_in_names(name: str) -> None:
    message = refusal(name)
    assert message.startswith(f"{name}: no such file, and no built-in study of that name")
    assert "digits" in message.split("built in: ")[1]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith(f"{tmp_path}: no such file")


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_bytes(SPEC.encode("utf-8") + "# λ: é".encode("latin-1", "replace"))
    assert refusal(path).startswith(f"{path}: cannot be read as text: ")


@pytest.mark.parametrize(
    "text",
    ["[penalty", "strength", "a = 1\na = 2", "x = {low = }", "n = 1" + "0" * 5000, "[" * 9000],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(text, encoding="utf-8")
    assert refusal(path).startswith(f"{path}: is not valid TOML: ")


def test_a_mistake_in_a_file_is_told_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.replace("log = true", "log = true, step = 0.1"), encoding="utf-8")
    assert refusal(path) == (
        f"{path}: penalty.strength: a range has log = true or a step, not both"
    )
