"""One more entry of every table, in a copy of the packages: one file, one import, one line."""

import ast
import filecmp
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.additions import ADDITIONS, Addition
from tests.docs.test_extending import ROOT, TABLES, blocks, import_name

PACKAGES = {"sweep": "normsweep", "models": "normsweep/models"} | {
    "objectives": "normsweep/objectives"
}
CODE, IMPORT, LINE, *PARTS = blocks("A penalty, to the project", "python")
PENALTY = Addition(
    table="PENALTIES",
    name="log",
    file="objectives/penalties/log.py",
    names=(IMPORT.split()[-1],),
    entry=LINE.strip().removeprefix('"log": ').removesuffix(","),
    text=CODE,
)
ALL = (PENALTY, *ADDITIONS)


def file_of(table: str) -> str:
    """The file of the tree in which a table stands."""
    place = "objectives/penalties/" if table == "PENALTIES" else TABLES[table]
    return place if place.endswith(".py") else f"{place}__init__.py"


def copied(file: str) -> str:
    """Where a file of the tree lies in the copy."""
    folder, rest = file.split("/", 1)
    return f"{PACKAGES[folder]}/{rest}"


def with_one_more(source: str, addition: Addition) -> str:
    """The source of a table with an import and an entry more."""
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    (found,) = (
        node
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == addition.table
    )
    assert found.value is not None
    entries = next(node for node in ast.walk(found.value) if isinstance(node, ast.Dict | ast.Tuple))
    last = (entries.values if isinstance(entries, ast.Dict) else entries.elts)[-1]
    assert last.end_lineno is not None
    lines = source.encode().splitlines(keepends=True)
    line, end = lines[last.end_lineno - 1], last.end_col_offset
    lines[last.end_lineno - 1] = line[:end] + f", {addition.line}".encode() + line[end:]
    names = ", ".join(addition.names)
    module = import_name(addition.file)
    lines.insert(imports[-1].end_lineno or 0, f"from {module} import {names}\n".encode())
    return b"".join(lines).decode()


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the packages with all additions; what runs in its folder imports it."""
    folder = tmp_path_factory.mktemp("extended")
    for package, place in PACKAGES.items():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / place, ignore=ignored)
    for addition in ALL:
        new, table = folder / copied(addition.file), folder / copied(file_of(addition.table))
        assert not new.exists()
        new.write_text(addition.text.lstrip(), encoding="utf-8")
        table.write_text(with_one_more(table.read_text("utf-8"), addition), encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


def ran(folder: Path, script: str, *arguments: object) -> dict[str, object]:
    """What a script prints as JSON that runs in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(json.dumps, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    assert Path(str(found.pop("package"))).is_relative_to(folder.resolve())
    return found


def test_every_row_of_the_page_has_an_addition() -> None:
    assert {addition.table for addition in ADDITIONS} == set(TABLES)


def test_an_addition_is_one_file_and_touches_no_other_but_its_tables(extended: Path) -> None:
    new, changed = set(), set()
    for package, place in PACKAGES.items():
        for file in (extended / place).rglob("*"):
            below = file.relative_to(extended / place)
            if file.is_dir() or below.parts[0] in PACKAGES or "__pycache__" in below.parts:
                continue
            if not (ROOT / package / below).exists():
                new.add(f"{package}/{below}")
            elif not filecmp.cmp(file, ROOT / package / below, shallow=False):
                changed.add(f"{package}/{below}")
    assert new == {addition.file for addition in ALL} and len(new) == len(ALL)
    assert changed == {file_of(addition.table) for addition in ALL}


TRAINED = """
import json, sys
import jax, numpy as np
import normsweep
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.models import Data, init, train_step
from normsweep.spec import spec_from_tables
from normsweep.spec.baseline import baseline
from normsweep.spec.options import OPTION_TABLES

BASE, ALONE, TOGETHER = map(json.loads, sys.argv[1:])
images = np.random.default_rng(0).uniform(-1, 1, (12, 2, 2, 1)).astype(np.float32)
data = Data(jax.numpy.asarray(images), jax.numpy.arange(8), jax.numpy.arange(8, 12))
key = jax.random.key(0)

def config(changes):
    tables = {section: dict(table) for section, table in BASE.items()}
    for path, value in changes.items():
        section, field = path.split(".")
        tables.setdefault(section, {})[field] = value
    if tables["model"].get("network") == "linear":
        # Which has no hidden layers.
        tables["model"] = {k: v for k, v in tables["model"].items() if not k.endswith("_hidden")}
    return spec_from_tables(tables, "changed")

def trained(program, hyperparameters):
    state = init(program, hyperparameters, key)
    for _ in range(2):
        state, losses = train_step(program, 0, state, hyperparameters, data, key)
    return state, losses

def traced(spec):
    program, hyperparameters = program_of(spec, (2, 2, 1), 4), hyperparameters_of(spec)
    return str(jax.make_jaxpr(trained, static_argnums=0)(program, hyperparameters))

def fields(name):
    return [
        field
        for table in OPTION_TABLES
        if name in [option.name for option in table.options]
        for field in table.fields
    ]

again = traced(config({})) == traced(config({}))
found, known = {"again": again, "listed": {}, "acts": {}, "finite": []}, {}
for name, changes in ALONE.items():
    found["listed"][name] = fields(name)
    without = {path: other for path, (value, other) in changes.items() if other is not None}
    specs = config({path: value for path, (value, _) in changes.items()}), config(without)
    program_of(baseline(specs[0]), (2, 2, 1), 4)
    other = json.dumps(without)
    known.setdefault(other, None)
    known[other] = known[other] or traced(specs[1])
    found["acts"][name] = traced(specs[0]) != known[other]
quick = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
for changes in TOGETHER:
    spec = config(changes)
    run = jax.jit(trained, static_argnums=0, compiler_options=quick)
    result = run(program_of(spec, (2, 2, 1), 4), hyperparameters_of(spec))
    leaves = [leaf for leaf in jax.tree.leaves(result) if leaf.dtype == np.float32]
    found["finite"].append(all(np.isfinite(leaf).all() for leaf in leaves))
print(json.dumps(found | {"package": normsweep.__file__}))
"""
BASE = {
    "model": {"latent": 2, "generator_hidden": [3], "discriminator_hidden": [3]},
    "train": {"steps": 2, "chunks": 1, "batch": 4},
    "penalty": {"form": "none"},
}
GROUP = {"penalty.form": ("group", "group"), "penalty.strength": (0.1, 0.1)}
ALONE: dict[str, dict[str, tuple[object, object]]] = {
    "log": {"penalty.form": ("log", None), "penalty.strength": (0.1, None)},
    "non_negative": {"penalty.form": ("non_negative", None), "penalty.radius": (0.5, None)},
    "root": GROUP | {"penalty.schedule": ("root", "linear")},
    "spread": GROUP
    | {"penalty.schedule": ("adaptive", "adaptive"), "penalty.adaptive_signal": ("spread", None)},
    "bounded": {"train.loss": ("bounded", None)},
    "midpoint": {
        "gradient_penalty.kind": ("midpoint", "wgan_gp"),
        "gradient_penalty.strength": (1.0, 1.0),
    },
    "mirror": {"augment.policy": ("mirror", "cutout"), "augment.strength": (1.0, 1.0)},
    "linear": {"model.network": ("linear", None)},
    "rms": {"model.generator_normalisation": ("rms", None)},
    "softplus": {"model.discriminator_activation": ("softplus", None)},
    "clipped": {"model.generator_output": ("clipped", None)},
    "laplace": {"model.latent_distribution": ("laplace", None)},
    "lion": {"train.optimizer": ("lion", None)},
    "quadratic": {"train.learning_rate_schedule": ("quadratic", "linear")},
}
"""For each entry the fields that name it, and what stands there in the training without it."""
APART = ("non_negative", "spread", "linear")
"""What takes the place of another penalty or schedule, or of the layers of others."""


def test_a_new_entry_is_listed_accepted_and_trained_with(extended: Path) -> None:
    values = {name: {path: value for path, (value, _) in ALONE[name].items()} for name in ALONE}
    first: dict[str, object] = {}
    for name in ALONE:
        if name not in APART:
            first |= values[name]
    # The schedule's own penalty would take the place of the new one.
    first |= values["log"]
    found = ran(extended, TRAINED, BASE, ALONE, [first, *(values[name] for name in APART)])
    # Two traces of one training are the same text: where they differ, what is computed does.
    assert found["again"] is True
    assert found["acts"] == dict.fromkeys(ALONE, True)
    assert found["finite"] == [True] * 4
    listed = found["listed"]
    assert isinstance(listed, dict) and all(listed.values())


STUDIED = """
import json, sys
from pathlib import Path
import numpy as np
import optuna
import normsweep
from normsweep.data import load_dataset
from normsweep.data.treatment import Treatment
from normsweep.errors import UserError
from normsweep.export.formats import exported, format_of
from normsweep.export.trackers import log_study, trackers
from normsweep.report.document import FORMATS, report_page
from normsweep.report.source import read_source
from normsweep.search.pruners import PrunerSettings, pruner
from normsweep.search.samplers import SamplerSettings, sampler
from normsweep.spec import spec_from_tables
from normsweep.spec.options import OPTION_TABLES
from normsweep.storage import open_storage, read_study_measurements
from normsweep.verdict.statistics import TESTS
from normsweep.worker.launch import launch

(spec,) = map(json.loads, sys.argv[1:])
storage = open_storage("sqlite:///studies.db", create=True)
study = launch(spec_from_tables(spec, "spec"), storage).study
found = read_study_measurements(storage.engine, study._study_id)
measured = [row for rows in found.values() for row in rows]
table = exported(study, storage, format_of("jsonl", None)).decode()
page = FORMATS["md"](report_page(read_source(study, storage)))
logged = log_study(study, storage, ["diary:diary.txt"])
try:
    trackers(["nowhere"])
except UserError as error:
    refused = str(error)
signs = TESTS["signs"].estimate(-np.ones((5, 3)), None)
names = {option.name for each in OPTION_TABLES for option in each.options}
print(json.dumps({
    "package": normsweep.__file__,
    "states": [trial.state.name for trial in study.get_trials()],
    "sampler": type(sampler("evolution", SamplerSettings(0, 0, 1), {})).__name__,
    "pruner": type(pruner("above_zero", PrunerSettings(1, 1, 25.0, 2, 1))).__name__,
    "means": [row.others["means"] for row in measured],
    "fid": [row.fid for row in measured],
    "p": signs.p,
    "logged": logged,
    "diary": Path("diary.txt").read_text("utf-8").splitlines(),
    "refused": refused,
    "words": exported(study, storage, "words", trial=0),
    "rows": [json.loads(line)["trial"] for line in table.splitlines()],
    "headings": [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")],
    "dots": load_dataset("dots", treatment=Treatment(size=2)).images.shape,
    "listed": sorted(names & {"evolution", "above_zero", "stripes", "dots", "means", "pixels"}),
}))
"""
STUDY = {
    "study": {"trials": 2, "sampler": "evolution", "pruner": "above_zero", "slots": 1},
    "data": {"source": "stripes"},
    "model": {"latent": 2, "generator_hidden": [3], "discriminator_hidden": [3]},
    "train": {"steps": 2, "chunks": 2, "batch": 4},
    "penalty": {"form": "group", "strength": {"low": 0.1, "high": 1.0}},
    "score": {"folds": 2, "features": "pixels", "dimension": 2, "record": ["means"]},
}


def test_a_study_is_searched_scored_exported_and_drawn_with_new_entries(extended: Path) -> None:
    found = ran(extended, STUDIED, STUDY)
    # The baseline is never pruned; the others are, after their first chunk.
    assert found["states"] == ["COMPLETE", "PRUNED", "PRUNED"]
    assert found["sampler"] == "NSGAIISampler" and found["pruner"] == "ThresholdPruner"
    means, fids = found["means"], found["fid"]
    assert isinstance(means, list) and isinstance(fids, list)
    # The Fréchet distance of the same features is the square of this one and more.
    assert len(means) == 2 * 2 + 2 * 2
    assert all(0 < mean**2 <= fid + 1e-9 for mean, fid in zip(means, fids, strict=True))
    # Five seeds, all on one side: 2 / 2⁵.
    assert found["p"] == 0.0625
    assert found["words"] == "The penalty is none.\n"
    assert found["logged"] == ["diary:diary.txt"]
    assert found["diary"] == [
        "study: baseline complete",
        "study: trial-0001 pruned",
        "study: trial-0002 pruned",
        "study: study told",
    ]
    assert "accepted: tensorboard:DIR" in str(found["refused"])
    assert str(found["refused"]).endswith(", diary:FILE")
    assert set(found["rows"]) == {0, 1, 2}  # type: ignore[call-overload]
    headings = found["headings"]
    assert isinstance(headings, list)
    assert {"Counts", "Scores in their order"} <= set(headings)
    assert found["dots"] == [9, 2, 2, 1]
    assert found["listed"] == ["above_zero", "dots", "evolution", "means", "pixels", "stripes"]


EXPORTED = """
import json, sys
from pathlib import Path
import jax, numpy as np
import normsweep
from normsweep.errors import UserError
from normsweep.spec.config import Config
from normsweep.export.snippets import SNIPPETS
from normsweep.export.snippets.source import parts
from normsweep.objectives.penalties import PENALTIES
from normsweep.spec import spec_from_tables

REFUSED, PARTS = map(json.loads, sys.argv[1:])

def text(tables, form):
    return SNIPPETS[form](Config(spec_from_tables(tables, "spec"), {}))

found = {"package": normsweep.__file__, "told": {}}
for form in ("optax", "pytorch"):
    for name, tables in REFUSED.items():
        try:
            text(tables, form)
        except UserError as error:
            found["told"][f"{form} {name}"] = str(error)
for folder, function in PARTS.items():
    file = Path(normsweep.__file__).parent / "export" / "snippets" / folder / "penalties.py"
    file.write_text(file.read_text("utf-8") + function, encoding="utf-8")
parts.cache_clear()
names, weights = {}, {"a": {"kernel": np.array([[0.5, -3.0]], np.float32)}}
exec(text(REFUSED["log"], "optax"), names)
value = jax.value_and_grad(names["generator_penalty"])(weights)
ours = PENALTIES["log"]
expected = ours.value(weights, strength=0.1), ours.gradient(weights, strength=0.1)
same = jax.tree.map(lambda a, b: bool(np.allclose(a, b, rtol=1e-6)), value, expected)
found["same"] = all(jax.tree.leaves(same))
found["pytorch"] = text(REFUSED["log"], "pytorch")
print(json.dumps(found))
"""
REFUSED: dict[str, dict[str, dict[str, object]]] = {
    "log": {"penalty": {"form": "log", "strength": 0.1}},
    "non_negative": {"penalty": {"form": "non_negative", "radius": 0.5}},
    "root": {"penalty": {"form": "group", "strength": 0.1, "schedule": "root"}},
    "lion": {"train": {"optimizer": "lion"}, "penalty": {"form": "none"}},
    "quadratic": {
        "train": {"learning_rate_schedule": "quadratic"},
        "penalty": {"form": "none"},
    },
}


def test_what_no_snippet_has_code_for_is_refused_and_with_its_part_it_is_exported(
    extended: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "extended"
    shutil.copytree(extended, copy, ignore=shutil.ignore_patterns("*.db", "__pycache__"))
    added = {"jax_parts": f"\n\n{PARTS[0]}", "torch_parts": f"\n\n{PARTS[1]}"}
    found = ran(copy, EXPORTED, REFUSED, added)
    told = found["told"]
    assert isinstance(told, dict)
    assert set(told) == {f"{form} {name}" for form in ("optax", "pytorch") for name in REFUSED}
    for key, message in told.items():
        form, name = key.split()
        assert f'= "{name}": --format {form} has no code for it; accepted: ' in message
        assert name not in message.split("accepted: ")[1]
    assert found["same"] is True
    code = str(found["pytorch"])
    assert "def log(weights" in code and "return log(weights, strength=0.1)" in code
