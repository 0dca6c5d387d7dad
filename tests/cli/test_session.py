"""A whole session: launch, list, show, export, score, train; and what others read of it."""

import json
import os
import subprocess
import sys
import tomllib

import numpy as np
import optuna
import pytest
import yaml

from normsweep.spec import load_spec
from normsweep.spec.config import read_config
from normsweep.storage import open_storage


def test_a_session_from_a_spec_to_a_trained_gan(
    sweep, write_spec, folder, example, read_trials, outcome
) -> None:
    spec = write_spec()

    launched = sweep("launch", spec, "--json")
    assert launched.code == 0
    assert launched.err == ""
    answer = json.loads(launched.out)
    assert answer["done"] is True
    assert (folder / "studies.db").is_file()
    trials = read_trials("sqlite:///studies.db")
    assert outcome(trials) == outcome(example.trials)

    listed = json.loads(sweep("list", "--json").out)
    searched = sorted(trials[1:], key=lambda trial: trial.value)
    assert listed == [
        {
            "study": "small",
            "complete": 7,
            "collapsed": 0,
            "pruned": 0,
            "failed": 0,
            "running": 0,
            "waiting": 0,
            "open": 0,
            "best": searched[0].value,
            "baseline": trials[0].value,
            "metrics": ["fid"],
        }
    ]

    shown = json.loads(sweep("show", "small", "--json").out)
    assert shown == {key: value for key, value in answer.items() if key != "done"}
    assert [entry["trial"] for entry in shown["ranking"]] == [trial.number for trial in searched]
    assert [entry["score"] for entry in shown["ranking"]] == [trial.value for trial in searched]
    assert shown["best"] == shown["ranking"][0]
    assert shown["baseline"]["fold_scores"] == trials[0].user_attrs["result"]["fold_scores"]
    paired = np.subtract(shown["best"]["fold_scores"], shown["baseline"]["fold_scores"])
    assert shown["difference"]["mean"] == pytest.approx(paired.mean())

    exported = sweep("export", "small", "-o", "best.toml")
    assert (exported.code, exported.out) == (0, "")
    assert "Wrote best.toml." in exported.err
    best = tomllib.loads((folder / "best.toml").read_text(encoding="utf-8"))
    assert best["provenance"]["trial"] == searched[0].number
    assert best["provenance"]["fold_scores"] == shown["best"]["fold_scores"]
    assert best["penalty"]["strength"] == searched[0].params["penalty.strength"]

    scored = sweep("score", "best.toml", "--json")
    assert scored.code == 0
    again = json.loads(scored.out)
    assert again["identical"] is True
    assert again["fold_scores"] == shown["best"]["fold_scores"]
    assert again["differences"] == []
    assert len(again["measurements"]) == 2 * 4

    trained = sweep("train", "best.toml", "-o", "out", "--json")
    assert trained.code == 0
    told = json.loads(trained.out)
    metrics = json.loads((folder / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert told["fid"] == metrics["curve"][-1]["fid"]
    assert told["step"] == 40
    assert told["folder"] == str(folder / "out")


def test_the_same_session_in_words(sweep, write_spec, folder, example) -> None:
    launched = sweep("launch", write_spec())
    assert launched.code == 0
    lines = launched.err.strip().splitlines()
    assert lines[0].startswith("understood: source digits, images 200 of 8×8, grey, pixels 0 to 1")
    assert lines[1].startswith("small  0/7 trials done")
    assert lines[-1].startswith("small  7/7 trials done, 0 running  best ")
    best = min(example.trials[1:], key=lambda trial: trial.value)
    assert "7 complete" in launched.out
    assert "baseline" in launched.out
    assert f"Best config:  trial {best.number}" in launched.out
    assert f"{best.value:.3f}" in launched.out
    assert "Best per target:" in launched.out
    assert "Against the baseline:" in launched.out
    assert "sweep export small -o best.toml" in launched.out

    assert "small" in sweep("list").out
    assert f"Best config:  trial {best.number}" in sweep("show", "small").out
    sweep("export", "small", "-o", "best.toml")
    scored = sweep("score", "best.toml")
    assert "Identical to the exported scores, to the last bit." in scored.out
    for score in best.user_attrs["result"]["fold_scores"]:
        assert repr(score) in scored.out
    other = sweep("score", "best.toml", "--seed", "5")
    assert "seed: 5 here, 3 in the study" in other.out
    assert "dentical" not in other.out
    trained = sweep("train", "best.toml", "-o", "out")
    assert "Wrote out: checkpoint, config.toml, curves.png, metrics.json, samples.png" in (
        " ".join(trained.out.split())
    )


def test_scores_that_differ_from_the_file_are_shown(sweep, example, folder) -> None:
    text = sweep("export", "small", "--storage", example.url).out
    score = repr(tomllib.loads(text)["provenance"]["fold_scores"][0])
    (folder / "best.toml").write_text(text.replace(f"fold_scores = [{score}", "fold_scores = [1.5"))
    scored = sweep("score", "best.toml")
    assert scored.code == 0
    assert "Not identical to the exported scores" in scored.out
    assert "1.5" in scored.out


def test_more_trials_and_another_name_are_given_on_the_command_line(
    sweep, write_spec, read_trials
) -> None:
    spec = write_spec()
    assert sweep("launch", spec, "--trials", "1", "--name", "mine").code == 0
    assert len(read_trials("sqlite:///studies.db", "mine")) == 2
    assert sweep("launch", spec, "--trials", "3", "--name", "mine").code == 0
    assert len(read_trials("sqlite:///studies.db", "mine")) == 4


def test_a_timeout_stops_without_an_error_and_says_how_to_go_on(sweep, write_spec) -> None:
    spec = write_spec()
    called = sweep("launch", spec, "--timeout", "0.000001")
    assert called.code == 0
    assert called.out.rstrip().endswith(f"sweep launch {spec} --timeout 0.000001")
    assert "7 waiting" in called.out
    called = sweep("launch", spec, "--timeout", "600", "--json")
    assert json.loads(called.out)["done"] is True


@pytest.mark.parametrize("form", ["toml", "json", "yaml"])
def test_an_export_to_standard_output_is_the_file_alone(sweep, example, folder, form) -> None:
    called = sweep("export", "small", "--storage", example.url, "--format", form)
    assert (called.code, called.err) == (0, "")
    file = folder / f"best.{form}"
    file.write_text(called.out, encoding="utf-8")
    best = min(trial.value for trial in example.trials[1:])
    assert read_config(file).provenance["score"] == best


@pytest.mark.parametrize("form", ["optax", "pytorch"])
def test_an_export_as_code_is_python_of_one_config(sweep, example, folder, form) -> None:
    called = sweep("export", "small", "--storage", example.url, "--format", form, "-o", "found.py")
    assert called.code == 0
    text = (folder / "found.py").read_text("utf-8")
    compile(text, "found.py", "exec")
    assert "discriminator_optimizer" in text
    baseline = sweep("export", "small", "--storage", example.url, "--format", form, "--trial", "0")
    assert "_penalty" not in baseline.out
    several = sweep("export", "small", "--storage", example.url, "--format", form, "--top", "2")
    assert several.code == 2
    assert f"--top 2: --format {form} holds one config" in several.err


def test_an_export_without_a_format_is_told_by_the_ending_of_its_file(
    sweep, example, folder
) -> None:
    parsers = {"a.json": json.loads, "a.yaml": yaml.safe_load, "a.toml": tomllib.loads}
    parsers |= {"b.JSON": json.loads, "b.yml": yaml.safe_load, "b": tomllib.loads}
    for name, parse in parsers.items():
        assert sweep("export", "small", "--storage", example.url, "-o", name).code == 0
        assert parse((folder / name).read_text("utf-8"))["provenance"]["study"] == "small"


def test_an_export_into_a_file_of_another_kind_is_refused(sweep, example, folder) -> None:
    called = sweep("export", "small", "--storage", example.url, "-o", "x.xlsx")
    assert (called.code, called.out) == (2, "")
    accepted = "accepted: .toml, .json, .yaml, .csv, .parquet, .yml, or any with --format"
    assert f"-o x.xlsx: got the ending '.xlsx'; {accepted}" in " ".join(called.err.split())
    assert not (folder / "x.xlsx").exists()


def test_an_export_as_a_table_is_told_by_the_ending_of_its_file(sweep, example, folder) -> None:
    called = sweep("export", "small", "--storage", example.url, "-o", "trials.csv")
    assert (called.code, called.out) == (0, "")
    text = (folder / "trials.csv").read_text("utf-8")
    assert len(text.splitlines()) == 1 + 7 * 4 * 2
    printed = sweep("export", "small", "--storage", example.url, "--format", "csv")
    assert printed.out == text
    refused = sweep("export", "small", "--storage", example.url, "--format", "parquet")
    assert refused.code == 2
    assert "is no text; accepted with -o FILE" in refused.err


def test_an_export_takes_a_trial_by_number_or_the_best_so_many(sweep, example) -> None:
    storage = ("--storage", example.url, "--format", "json")
    one = json.loads(sweep("export", "small", *storage, "--trial", "0").out)
    assert one["provenance"]["role"] == "baseline"
    three = json.loads(sweep("export", "small", *storage, "--top", "3").out)["configs"]
    values = sorted(trial.value for trial in example.trials[1:])
    assert [config["provenance"]["score"] for config in three] == values[:3]


def test_a_file_named_with_brackets_is_named_as_it_is(sweep, example) -> None:
    called = sweep("export", "small", "--storage", example.url, "-o", "[bold]best[x].toml")
    assert called.err == "Wrote [bold]best[x].toml.\n"


def test_the_environment_names_the_storage(sweep, write_spec, folder, monkeypatch) -> None:
    monkeypatch.setenv("SWEEP_STORAGE", "sqlite:///named.db")
    assert sweep("launch", write_spec(), "--trials", "1").code == 0
    assert (folder / "named.db").is_file()
    assert not (folder / "studies.db").exists()
    assert [entry["study"] for entry in json.loads(sweep("list", "--json").out)] == ["small"]
    other = sweep("list", "--storage", "sqlite:///other.db")
    assert other.code == 2
    assert "other.db does not exist" in other.err


def test_a_study_of_others_is_listed_by_its_name_as_it_is(sweep, folder) -> None:
    storage = open_storage("sqlite:///studies.db", create=True)
    optuna.create_study(storage=storage, study_name="exp[/final][3]")
    storage.engine.dispose()
    assert "exp[/final][3]" in sweep("list").out


def test_a_command_to_copy_names_a_storage_with_a_space_in_quotes(sweep, write_spec) -> None:
    url = "sqlite:///my studies.db"
    called = sweep("launch", write_spec(), "--storage", url, "--timeout", "1e-9")
    assert f"sweep launch {write_spec()} --timeout 1e-9 --storage '{url}'" in called.out
    assert f"--storage '{url}'" in sweep("launch", write_spec(), "--storage", url).out


def test_a_storage_without_studies_says_so(sweep, folder) -> None:
    from normsweep.storage import open_storage

    open_storage("sqlite:///studies.db", create=True).engine.dispose()
    assert sweep("list").out == "sqlite:///studies.db holds no studies.\n"
    assert json.loads(sweep("list", "--json").out) == []


def test_optunas_own_command_reads_the_file(example) -> None:
    command = "import sys; from optuna.cli import main; sys.exit(main())"
    options = ["--storage", example.url, "--study-name", "small", "--format", "json"]
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", command, "best-trial", *options],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    found = json.loads(ended.stdout)
    best = min(example.trials, key=lambda trial: trial.value)
    assert found["number"] == best.number
    assert list(found["value"].values()) == [best.value]
    assert list(found["value"]) == ["fid (mean over folds)"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mine.toml", "mine"),
        ("a b.toml", "a-b"),
        ("größe.toml", "gr--e"),
        (".hidden.toml", "hidden"),
        ("---.toml", "mine"),
        ("x" * 120 + ".toml", "x" * 100),
    ],
)
def test_init_writes_a_spec_that_launch_accepts(sweep, folder, file: str, name: str) -> None:
    called = sweep("init", folder / file)
    assert called.code == 0
    spec = load_spec(folder / file)
    assert spec.study.name == name
    text = (folder / file).read_text(encoding="utf-8")
    assert text.startswith("#")
    # Every searchable thing that the built-in study searches.
    assert {"penalty.strength", "penalty.order", "penalty.target"} <= spec.ranges().keys()


def test_init_writes_a_spec_that_runs(sweep, folder) -> None:
    sweep("init", "mine.toml")
    called = sweep("launch", "mine.toml", "--timeout", "0.000001")
    assert called.code == 0
    assert "mine:" in called.out


def test_init_overwrites_nothing(sweep, folder) -> None:
    (folder / "mine.toml").write_text("precious")
    called = sweep("init", "mine.toml")
    assert called.code == 2
    assert "mine.toml: exists already" in called.err
    assert (folder / "mine.toml").read_text() == "precious"


def test_a_session_with_two_metrics_and_more_of_them_recorded(sweep, write_spec, folder) -> None:
    spec = write_spec(score__second="coverage", score__record=["recall"], study__trials=2)
    launched = sweep("launch", spec)
    assert launched.code == 0
    assert "Pareto front: no trial is better in both" in launched.out
    shown = json.loads(sweep("show", "small", "--json").out)
    assert (shown["metric"], shown["second_metric"]) == ("fid", "coverage")
    fronts = [(entry["score"], -entry["second_score"]) for entry in shown["front"]]
    assert fronts == sorted(fronts)
    assert fronts[0][0] == shown["best"]["score"]
    listed = json.loads(sweep("list", "--json").out)[0]
    assert (listed["complete"], listed["metrics"]) == (3, ["fid", "coverage"])
    assert (listed["best"], listed["baseline"]) == (fronts[0][0], shown["baseline"]["score"])
    assert "FID-proxy (beside coverage)" in sweep("list").out

    sweep("export", "small", "-o", "best.json", "--format", "json")
    exported = json.loads((folder / "best.json").read_text())
    assert exported["score"]["record"] == ["recall"]
    again = json.loads(sweep("score", "best.json", "--json").out)
    assert again["identical"] is True
    folds = exported["provenance"]["second_fold_scores"]
    assert again["second_fold_scores"] == shown["best"]["second_fold_scores"] == folds
    assert f"coverage   {folds[0]}, {folds[1]}, mean " in sweep("score", "best.json").out
    last = [row["others"] for row in again["measurements"] if row["step"] == 40]
    assert np.mean([others["recall"] for others in last]) == pytest.approx(
        shown["best"]["recorded"]["recall"]
    )
    assert np.mean([others["coverage"] for others in last]) == pytest.approx(
        shown["best"]["second_score"]
    )
    sweep("train", "best.json", "-o", "out")
    metrics = json.loads((folder / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert {"recall", "coverage"} <= metrics["curve"][-1]["others"].keys()


def test_a_study_is_narrowed_round_its_best_trials_by_a_new_one(
    sweep, write_spec, read_trials
) -> None:
    spec = write_spec(
        study__sampler="random",
        study__trials=8,
        penalty__strength={"low": 1e-6, "high": 1e-1, "log": True},
        penalty__target="both",
    )
    assert sweep("launch", spec, "--json").code == 0
    refused = sweep("launch", spec, "--narrow", "small")
    assert refused.code == 2
    assert "accepted: no SPEC" in refused.err
    for _ in range(2):
        called = sweep("launch", "--narrow", "small", "--trials", "1", "--json")
        assert called.code == 0, called.err
        found = json.loads(called.out)
        assert (found["study"], found["done"]) == ("small-2", True)
    trials = read_trials("sqlite:///studies.db", "small-2")
    assert sum("from" not in trial.user_attrs for trial in trials) == 2
    assert "study 'no-such' is not in" in sweep("launch", "--narrow", "no-such").err
