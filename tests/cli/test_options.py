"""`sweep options`: nothing that a spec accepts is missing from it."""

import json
from collections.abc import Iterator

import pytest
from rich.console import Console

from objectives.distances import DISTANCES
from objectives.penalties import PENALTIES
from sweep.cli import options as command
from sweep.errors import UserError
from sweep.options import OPTION_TABLES, Option, OptionTable, option_table, rule_of
from sweep.spec import Spec
from sweep.spec.ranges import Names

WIDTH = 80

every_table = pytest.mark.parametrize("table", OPTION_TABLES, ids=lambda table: table.name)


def named_fields() -> Iterator[str]:
    """Every field of the spec that accepts names and nothing else."""
    for section, entry in Spec.model_fields.items():
        for field in getattr(entry.annotation, "model_fields", {}):
            rule = rule_of(f"{section}.{field}")
            if rule is not None and rule.names:
                yield f"{section}.{field}"


def tables_of(field: str) -> list[OptionTable]:
    return [table for table in OPTION_TABLES if field in table.fields]


@pytest.mark.parametrize("field", sorted(named_fields()))
def test_every_name_that_a_field_accepts_is_listed_once(field: str) -> None:
    listed = [option.name for table in tables_of(field) for option in table.options]
    rule = rule_of(field)
    assert rule is not None
    assert sorted(listed) == sorted(rule.names)


@pytest.mark.parametrize("field", sorted(named_fields()))
def test_a_field_is_said_to_take_files_where_its_rule_does(field: str) -> None:
    rule = rule_of(field)
    assert rule is not None
    assert any(table.takes_plugins for table in tables_of(field)) == isinstance(rule.names, Names)


def test_the_metrics_that_may_be_recorded_are_listed() -> None:
    assert {option.name for option in option_table("score.record").options} == set(DISTANCES)


@every_table
def test_every_option_says_what_it_is(table: OptionTable) -> None:
    for option in table.options:
        assert option.summary.strip(), option.name
        assert "\n" not in option.summary + option.notes + option.source
    described = [option for option in table.options if option.name != "none"]
    sourced = [option for option in described if option.source]
    from_papers = {"penalties", "constraints", "losses", "distances", "gradient_penalties"}
    assert table.name not in from_papers or sourced == described


@every_table
def test_numbers_are_told_with_what_they_may_be(table: OptionTable) -> None:
    assert list(table.accepted()) == list(table.numbers)


def test_what_goes_with_a_name_is_told() -> None:
    notes = {o.name: o.notes for name in ("penalties", "distances") for o in _options(name)}
    assert notes["power"] == "with strength, order; proximal step"
    assert notes["spectral"] == "with strength"
    assert notes["recall"] == "higher is better; 0 … 1; from 6 samples"
    assert notes["copying"].endswith("needs training")
    assert option_table("penalties").accepted()["penalty.order"] == "a number > 0 and ≤ 64"


def _options(name: str) -> tuple[Option, ...]:
    return option_table(name).options


@every_table
def test_nothing_is_cut_off_at_80_columns(
    table: OptionTable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "console", Console(width=WIDTH))
    command.options_command(table.name)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= WIDTH
    assert "…" not in printed.replace("0 … 1", "").replace("1 … number", "")
    flat = "".join(printed.split())
    for option in table.options:
        assert f"\n{option.name} " in f"\n{printed}"
        for text in (option.summary, option.notes, option.source):
            assert "".join(text.split()) in flat
    for path, accepted in table.accepted().items():
        assert "".join(f"{path}:{accepted}".split()) in flat


def test_all_tables_are_printed_without_a_name(sweep) -> None:
    called = sweep("options")
    assert called.code == 0
    lines = called.out.splitlines()
    for table in OPTION_TABLES:
        assert f"{table.name}: {table.title}" in lines


def test_one_table_is_found_by_its_name_or_a_field(sweep) -> None:
    by_name = sweep("options", "penalties").out
    assert by_name == sweep("options", "penalty.form").out
    assert all(name in by_name for name in PENALTIES)
    assert "latents" not in by_name


def test_json_is_the_same_as_data(sweep) -> None:
    told = json.loads(sweep("options", "--json").out)
    assert list(told) == [table.name for table in OPTION_TABLES]
    power = next(o for o in told["penalties"]["options"] if o["name"] == "power")
    assert power["summary"] == PENALTIES["power"].summary
    assert told["penalties"]["path_to_file"] is True
    assert list(json.loads(sweep("options", "pruners", "--json").out)) == ["pruners"]


def test_an_unknown_table_is_answered_with_the_names(sweep) -> None:
    called = sweep("options", "penalty")
    assert called.code == 2
    assert "penalty: no such table" in called.err
    assert all(table.name in " ".join(called.err.split()) for table in OPTION_TABLES)
    with pytest.raises(UserError, match="accepted: penalties"):
        option_table("")
