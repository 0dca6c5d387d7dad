"""`sweep options`: nothing that a spec accepts is missing from it."""

import json
from collections.abc import Iterator

import pytest
from rich.console import Console

from normsweep.cli import options as command
from normsweep.errors import UserError
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.objectives.distances import DISTANCES
from normsweep.objectives.penalties import PENALTIES
from normsweep.spec import Spec
from normsweep.spec.fields import FACTS, rule_of
from normsweep.spec.options import OPTION_TABLES, Option, OptionTable, option_tables
from normsweep.spec.tables import Names

WIDTH = 80

BOOKKEEPING = {
    *("study.name", "study.trials", "study.seed", "study.slots"),
    *("data.path", "data.seed", "model.initial"),
    *("score.folds", "score.feature_share"),
    *("service.retries", "service.checkpoint_every"),
    *("service.keep_checkpoints", "service.storage_patience"),
    *("stop.patience", "stop.noise"),
    *("confirm.seeds", "confirm.smallest", "confirm.top", "confirm.holdout"),
    "confirm.replicates",
}
"""Fields that neither name a thing nor change what is trained: docs/spec.md is enough for them."""

every_table = pytest.mark.parametrize("table", OPTION_TABLES, ids=lambda table: table.name)


def all_fields() -> Iterator[str]:
    """The dotted path of every field of the spec."""
    for section, entry in Spec.model_fields.items():
        for field in getattr(entry.annotation, "model_fields", {}):
            yield f"{section}.{field}"


def named_fields() -> Iterator[str]:
    """Every field of the spec that accepts names and nothing else."""
    for field in all_fields():
        rule = rule_of(field)
        if rule is not None and rule.names:
            yield field


def tables_of(field: str) -> list[OptionTable]:
    return [table for table in OPTION_TABLES if field in table.fields]


def test_every_field_but_bookkeeping_is_in_one_place_and_bookkeeping_in_none() -> None:
    listed = [path for table in OPTION_TABLES for path in (*table.fields, *table.numbers)]
    # What penalties and constraints are named by is one field, and so is what scores are.
    for path in ("penalty.form", "score.metric", "score.second", "score.require"):
        listed.remove(path)
    assert sorted(listed) == sorted(set(all_fields()) - BOOKKEEPING)
    assert set(all_fields()) >= BOOKKEEPING


def test_the_structure_is_told_with_what_each_field_accepts() -> None:
    (table,) = option_tables("structure")
    told = {option.name: option.notes for option in table.options}
    labelled = {path: facts.label for path, facts in FACTS.items() if facts.label}
    assert tuple(told) == table.fields and set(told) == set(labelled)
    assert {option.name: option.summary for option in table.options} == labelled
    assert told["model.generator_units"] == "a whole number ≥ 1 and ≤ 65536"
    assert told["penalty.biases"] == "true or false"
    assert told["penalty.weights"].startswith("a regular expression over paths")
    assert not any(rule.names for field in labelled if (rule := rule_of(field)))


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
    assert any(table.takes_plugins for table in tables_of(field)) == (
        isinstance(rule.names, Names) and bool(rule.names.plugin)
    )


def test_the_metrics_that_may_be_recorded_are_listed() -> None:
    (table,) = option_tables("score.record")
    assert {option.name for option in table.options} == set(DISTANCES)


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
    assert notes["spectral"] == "with strength; of matrices alone"
    assert notes["recall"] == "higher is better; 0 … 1; from 6 samples"
    fewest = "from 10 samples for each feature"
    assert notes["fid_infinity"] == f"lower is better; any real number; {fewest}"
    assert notes["copying"].endswith("needs training")
    (penalties,) = option_tables("penalties")
    assert penalties.accepted()["penalty.order"] == "a number > 0 and ≤ 64"
    assert penalties.accepted()["penalty.generator_l1"] == 'a number ≥ 0 or "auto"'


def _options(name: str) -> tuple[Option, ...]:
    (table,) = option_tables(name)
    return table.options


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


def test_one_table_is_found_by_its_name_a_field_or_a_number(sweep) -> None:
    by_name = sweep("options", "penalties").out
    assert by_name == sweep("options", "penalty.strength").out
    assert by_name == sweep("options", "penalty.discriminator_l2").out
    assert all(name in by_name for name in PENALTIES)
    assert "latents" not in by_name
    assert sweep("options", "latents").out == sweep("options", "model.latent_distribution").out
    assert sweep("options", "structure").out == sweep("options", "model.generator_hidden").out


def test_a_field_of_two_tables_has_both(sweep) -> None:
    told = json.loads(sweep("options", "penalty.form", "--json").out)
    assert list(told) == ["penalties", "constraints"]
    printed = sweep("options", "penalty.form").out
    assert all(name in printed for name in (*PENALTIES, *CONSTRAINTS))


@pytest.mark.parametrize(
    ("field", "table"),
    [
        ("penalty.strength", "penalties"),
        ("penalty.discriminator_l2", "penalties"),
        ("penalty.radius", "constraints"),
        ("penalty.target", "targets"),
        ("penalty.schedule_begin", "schedules"),
        ("penalty.adaptive_speed", "signals"),
        ("penalty.biases", "structure"),
        ("gradient_penalty.every", "gradient_penalties"),
        ("augment.strength", "augmentations"),
        ("model.latent", "latents"),
        ("model.discriminator_normalisation", "normalisations"),
        ("model.generator_hidden", "structure"),
        ("train.label_smoothing", "losses"),
        ("train.beta1", "optimizers"),
        ("train.learning_rate_warmup", "learning_rate_schedules"),
        ("train.batch", "structure"),
        ("score.record", "distances"),
        ("score.dimension", "features"),
        ("study.startup_trials", "samplers"),
        ("study.pruner_percentile", "pruners"),
        ("data.limit", "data"),
    ],
)
def test_a_field_is_answered_with_the_table_that_it_belongs_to(sweep, field: str, table: str):
    assert list(json.loads(sweep("options", field, "--json").out)) == [table]


@pytest.mark.parametrize("field", sorted(set(all_fields()) - BOOKKEEPING))
def test_every_field_but_bookkeeping_is_found_by_its_path(field: str) -> None:
    # Else it raises that there is no such table.
    assert option_tables(field)


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
    for unknown in ("", "study.seed", "penalty.strenght"):
        with pytest.raises(UserError, match=f"^{unknown}: .* accepted: penalties.* such as"):
            option_tables(unknown)
