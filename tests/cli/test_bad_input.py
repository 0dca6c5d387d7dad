"""Every mistake of the user's: one message that names it, status 2, and nothing written."""

import gzip
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

Snapshot = Callable[[], dict[str, bytes | None]]


@pytest.fixture
def snapshot(folder: Path) -> Snapshot:
    """Every file and folder here with its content."""
    return lambda: {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-wal", "-shm"))
    }


@pytest.fixture
def refused(sweep, snapshot) -> Callable[..., str]:
    """Calls `sweep`, checks that it refuses as it should, and returns the message."""

    def refused(*arguments: str | Path) -> str:
        before = snapshot()
        called = sweep(*arguments)
        assert called.code == 2, called.err
        assert called.out == ""
        assert called.err.count("error: ") == 1
        assert called.err.startswith("error: ")
        assert "Traceback" not in called.err
        assert snapshot() == before
        return called.err.removeprefix("error: ").strip()

    return refused


@pytest.fixture
def refused_usage(sweep, snapshot) -> Callable[..., str]:
    """The same for a call that is wrong in itself; the message as one line without its frame."""

    def refused_usage(*arguments: str | Path) -> str:
        before = snapshot()
        called = sweep(*arguments)
        assert called.code == 2, called.err
        assert called.out == ""
        assert called.err.count("Usage: ") == 1
        assert called.err.count("Error") == 1
        assert "Traceback" not in called.err
        assert snapshot() == before
        return " ".join(called.err.replace("│", " ").split())

    return refused_usage


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("train.step", 40, 'unknown key (did you mean "steps"?)'),
        ("trian.steps", 40, 'unknown key (did you mean "train"?)'),
        ("train.steps", "many", 'got "many"; accepted: a whole number ≥ 1'),
        ("train.steps", 41, "steps must be a multiple of chunks"),
        ("train.batch", 0, "got 0; accepted: a whole number ≥ 1"),
        ("train.beta1", 1.0, "got 1.0; accepted: a number ≥ 0 and < 1"),
        ("penalty.strength", {"low": 0.1, "high": 0.01}, "low must be below high"),
        ("penalty.strength", {"low": 0.0, "high": 1.0, "log": True}, "a log range needs low > 0"),
        ("penalty.strength", {"low": 0.1, "high": 1.0, "lgo": True}, 'unknown key "lgo"'),
        ("penalty.strength", {"low": 0.1, "high": 1.0}, "a grid needs a list of choices"),
        ("penalty.strength", [], "the list of choices is empty"),
        ("penalty.strength", None, 'form = "power" needs strength'),
        ("penalty.strength", -1.0, "got -1.0; accepted: a number ≥ 0"),
        ("penalty.strength", {"low": -0.5, "high": 1.0}, "got -0.5; accepted: a number ≥ 0"),
        ("penalty.radius", 0, "got 0.0; accepted: a number > 0"),
        ("penalty.radius", -2.0, "got -2.0; accepted: a number > 0"),
        ("penalty.radius", 1.0, 'radius has no effect with form = "power"'),
        ("penalty.scope", "unit", 'got "unit"; accepted: one of network, layer'),
        ("penalty.reduction", "mean", 'reduction has no effect with form = "power" and scope'),
        ("penalty.coupling", "adamw", 'got "adamw"; accepted: one of loss, decoupled, proximal'),
        ("penalty.schedule", "ramp", 'got "ramp"; accepted: one of constant, linear, cosine'),
        ("penalty.schedule_end", 2.0, 'schedule_end has no effect with schedule = "constant"'),
        ("penalty.adaptive_speed", 1.0, 'adaptive_speed has no effect with schedule = "constant"'),
        ("gradient_penalty.kind", "r1", 'kind = "r1" needs strength'),
        ("gradient_penalty.strength", 1.0, 'has no effect with gradient_penalty.kind = "none"'),
        ("gradient_penalty.every", 0, "got 0; accepted: a whole number ≥ 1"),
        ("gradient_penalty.every", [1, 4], "is searched, but has no effect on any trial"),
        ("augment.policy", "cutout", 'policy = "cutout" needs strength'),
        ("augment.policy", "flip", 'got "flip"; accepted: one of none, brightness, translation'),
        ("augment.strength", 0.5, 'has no effect with augment.policy = "none"'),
        ("model.generator_layers", 2, "got 2, but generator_hidden has 1 widths; accepted: at"),
        ("model.discriminator_dropout", 1.0, "got 1.0; accepted: a number ≥ 0 and < 1"),
        ("model.generator_normalisation", "group", 'got "group"; accepted: one of none, batch'),
        ("train.optimizer", "lion", 'got "lion"; accepted: one of adam, adamw, sgd'),
        ("train.momentum", 0.9, 'has no effect with train.optimizer = "adam"; it counts with sgd'),
        ("train.learning_rate_end", [0.1, 0.2], "is searched, but has no effect on any trial"),
        ("score.metric", "is", 'got "is"; accepted: one of fid, fid_infinity'),
        ("score.metric", "inception_score", "needs score.features = 'classifier', got 'pca'"),
        ("score.second", "fid", 'second = "fid" is the metric already'),
        ("score.second", "colour", 'got "colour"; accepted: one of fid'),
        ("score.record", ["recall", "colour"], "accepted: a list of names out of fid"),
        ("score.features", "mine.py:embed", "no such file: "),
        ("penalty.form", "mine.py:ridge", "no such file: "),
        (
            "methods.study",
            {"study": {"trials": 3}},
            "study.study: unknown section; accepted: model",
        ),
        ("penalty.weights", "(", "is not a regular expression"),
        ("penalty.form", "l3", 'got "l3"; accepted: one of none, power, norm, elastic'),
        ("study.sampler", "bayes", 'got "bayes"; accepted: one of tpe, random, grid, qmc, cmaes'),
        ("study.pruner", "best", 'got "best"; accepted: one of none, median'),
        ("study.name", "a b", "accepted: letters, digits"),
        ("study.trials", [1, 2], "takes one value and no range"),
        ("data.source", "cifar", 'got "cifar"; accepted: one of digits'),
        ("data.split", "test", "'digits' has only 'train'"),
        ("data.path", "x", "'digits' takes none"),
        ("model.generator_output", "softmax", 'got "softmax"; accepted: one of tanh'),
        ("score.features", "inception", 'got "inception"; accepted: one of classifier'),
        ("score.folds", 1, "got 1; accepted: a whole number ≥ 2"),
        ("score.folds", 100, "100 folds need at least 200"),
        ("score.dimension", 65, "got 65; accepted: a whole number ≥ 1 and ≤ 64"),
        ("score.samples", 71, "accepted are at most the 70 images of a fold"),
        ("score.samples", 8, "accepted are fewer features than the 8 images"),
    ],
)
def test_a_mistake_in_a_spec(refused, write_spec, field: str, value: Any, told: str) -> None:
    message = refused("launch", write_spec(**{field.replace(".", "__"): value}))
    assert told in message
    # The key alone where a whole section is unknown, and the other field where two contradict.
    named = {"trian.steps": "trian", "score.samples": "score."}.get(field, field.split(".")[1])
    assert named in message
    assert len(message.splitlines()) == 1


LASSO = {"form": "power", "order": 1, "strength": 1e-3}
SPARSE = {"form": "group", "strength": {"low": 1e-3, "high": 1e-1}}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"penalty__form": "norm", "penalty__order": 0.5},
            'order must be ≥ 1 for form = "norm" (below it is no norm), got 0.5',
        ),
        (
            {"penalty__coupling": "proximal", "penalty__order": 2.5},
            "at order 1 and 2 only, got order = 2.5; accepted: 1, 2 or [1, 2]",
        ),
        (
            {"penalty__coupling": "proximal", "penalty__order": {"low": 1.0, "high": 2.0}},
            "at order 1 and 2 only, got order = a range 1 … 2; accepted: 1, 2 or [1, 2]",
        ),
        (
            {
                "penalty__coupling": "proximal",
                "penalty__form": "orthogonal",
                "penalty__order": None,
            },
            'no closed form for form = "orthogonal"; accepted: power, norm, elastic, group',
        ),
        (
            {
                "penalty__schedule": "linear",
                "penalty__schedule_begin": 0.5,
                "penalty__schedule_finish": 0.25,
            },
            "schedule_begin must not be above schedule_finish, got 0.5 and 0.25",
        ),
        (
            {"train__loss": "hinge", "train__label_smoothing": 0.1},
            'label_smoothing = 0.1 has no effect with train.loss = "hinge"; it counts with ',
        ),
        (
            {"score__second": "recall", "study__pruner": "median"},
            'study.pruner = "median" needs one objective, and score.second is a second one; '
            'accepted: "none"',
        ),
        (
            {"score__second": "recall", "study__sampler": "cmaes"},
            'study.sampler = "cmaes" needs one objective, and score.second is a second one; '
            "accepted: tpe, random, grid, qmc",
        ),
        (
            {"penalty": None, "methods__lasso": {"penalty": LASSO | {"stength": 1}}},
            'methods.lasso.penalty.stength: unknown key (did you mean "strength"?)',
        ),
        (
            {"penalty": None, "methods__baseline": {"penalty": LASSO}},
            "method \"baseline\": accepted are names of letters, digits, '_' and '-', other than "
            '"baseline"',
        ),
        (
            {"penalty": None, "methods__lasso": {"train": {"steps": 80}}},
            "methods.lasso.train.steps: is the same for all methods",
        ),
        (
            {
                "penalty": None,
                "methods__lasso": {"penalty": LASSO},
                "methods__idle": {"gradient_penalty": {"every": [1, 4]}},
            },
            "methods.idle.gradient_penalty.every: is searched, but has no effect on any trial",
        ),
        (
            {"penalty": None, "methods__bias": {"penalty": LASSO | {"weights": "nothing"}}},
            "methods.bias.penalty.weights = 'nothing' matches no weight of the generator with 1 "
            "hidden layers; there are: ",
        ),
        (
            {"penalty": None, "study__sampler": "cmaes"}
            | {f"methods__{name}": {"penalty": SPARSE} for name in ("sparse", "too")},
            'study.sampler = "cmaes": would draw all settings at random',
        ),
        (
            {"gradient_penalty__every": 4},
            'gradient_penalty.every = 4 has no effect with gradient_penalty.kind = "none"; it '
            "counts with wgan_gp, r1, r2, dragan, zero_centred",
        ),
    ],
)
def test_settings_of_a_spec_that_do_not_go_together(
    refused, write_spec, changes: dict[str, Any], told: str
) -> None:
    message = refused("launch", write_spec(**changes))
    assert told in message
    assert len(message.splitlines()) == 1


def test_every_mistake_in_a_spec_is_told_at_once(refused, write_spec) -> None:
    message = refused("launch", write_spec(train__steps="many", score__folds=1))
    assert [line.split(": ")[1] for line in message.splitlines()] == ["train.steps", "score.folds"]


def idx(shape: tuple[int, ...], data: bytes) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + data


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no images in this folder"),
        (b"", "not an IDX file"),
        (b"\x00\x00\x08", "not an IDX file"),
        (b"PK\x03\x04 something else", "not an IDX file"),
        (idx((60, 4, 4), bytes(959)), "truncated: expected 960 bytes"),
        (idx((60, 4, 4), bytes(961)), "trailing bytes"),
        (idx((60, 4, 4), bytes(960)), "every value of the images is 0"),
        (gzip.compress(idx((60, 4, 4), bytes(range(240)) * 4))[:-9], "end too early"),
        (idx((5, 4, 4), bytes(range(80))), "folds need at least 4"),
    ],
)
def test_idx_files_that_are_missing_damaged_or_too_few(
    refused, write_spec, folder, content: bytes | None, told: str
) -> None:
    data = folder / "faces"
    data.mkdir()
    if content is not None:
        (data / "train-images-idx3-ubyte").write_bytes(content)
    spec = write_spec(data__source="idx", data__path="faces", data__limit=None)
    message = refused("launch", spec)
    assert told in message
    assert "faces" in message or "score.folds" in message


def archive(path: Path, **arrays: np.ndarray) -> None:
    np.savez(path, **arrays)


def images(count: int = 60) -> np.ndarray:
    return np.arange(count * 16, dtype=np.uint64).reshape(count, 4, 4).astype(np.uint8)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"not an archive"), "cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: archive(path, pictures=images()), "'images' is missing"),
        (lambda path: archive(path, images=np.full((60, 4, 4), 7, np.uint8)), "every value"),
        (lambda path: archive(path, images=images().astype(np.int64)), "images are int64"),
        (lambda path: archive(path, images=images().astype(float) * np.nan), "not finite"),
        (lambda path: archive(path, images=np.array([{}, {}])), "objects are never unpickled"),
        (lambda path: archive(path, images=images(), labels=np.zeros(59, int)), "labels have the"),
        (lambda path: archive(path, images=images(5)), "folds need at least 4"),
    ],
)
def test_npz_files_that_are_missing_damaged_or_too_few(
    refused, write_spec, folder, make: Callable[[Path], Any], told: str
) -> None:
    make(folder / "faces.npz")
    spec = write_spec(data__source="npz", data__path="faces.npz", data__limit=None)
    message = refused("launch", spec)
    assert told in message
    assert "faces.npz" in message or "score.folds" in message


def test_a_truncated_npz_file(refused, write_spec, folder) -> None:
    archive(folder / "faces.npz", images=images())
    whole = (folder / "faces.npz").read_bytes()
    (folder / "faces.npz").write_bytes(whole[: len(whole) // 2])
    spec = write_spec(data__source="npz", data__path="faces.npz", data__limit=None)
    assert "faces.npz: cannot be read" in refused("launch", spec)


def test_features_that_need_labels_without_any(refused, write_spec, folder) -> None:
    archive(folder / "faces.npz", images=images())
    spec = write_spec(
        data__source="npz", data__path="faces.npz", data__limit=None, score__features="classifier"
    )
    message = refused("launch", spec)
    assert "score.features" in message
    assert "accepted without labels: random, pca" in message


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("not a url", "is no database URL"),
        ("sqlite:///missing/studies.db", "missing does not exist"),
        ("sqlite:///notes.txt", "notes.txt is not an SQLite database"),
        ("sqlite:///short.txt", "short.txt is not an SQLite database"),
        ("sqlite:///notes.txt/studies.db", "does not exist"),
        ("sqlite:///taken", "taken is not a file"),
        ("sqlite:////proc/studies.db", "studies.db"),
        ("nosuchdb://host/studies", "no driver for this database"),
        ("postgresql+psycopg://host:port/studies", "postgresql+psycopg://"),
    ],
)
def test_a_storage_that_cannot_be_used(refused, write_spec, folder, url: str, told: str) -> None:
    (folder / "notes.txt").write_text("These are sixteen characters, and more.")
    (folder / "short.txt").write_text("short")
    (folder / "taken").mkdir()
    message = refused("launch", write_spec(), "--storage", url)
    assert message.startswith("storage ")
    assert told in message


@pytest.mark.parametrize("arguments", [("list",), ("show", "x"), ("export", "x"), ("dashboard",)])
def test_a_storage_that_is_not_there_is_not_created_by_looking_at_it(refused, arguments) -> None:
    assert "studies.db does not exist; `sweep launch` creates it" in refused(*arguments)


@pytest.mark.parametrize("command", ["show", "export"])
def test_an_unknown_study(refused, example, command: str) -> None:
    message = refused(command, "smal", "--storage", example.url)
    assert "study 'smal' is not in" in message
    assert message.endswith("there: small")


@pytest.mark.parametrize(
    "arguments", [("confirm",), ("confirm", "--json"), ("launch", "--narrow"), ("show",)]
)
@pytest.mark.parametrize("trials", [0, 3])
def test_a_study_that_optuna_alone_made(refused, tmp_path, arguments, trials: int) -> None:
    path = tmp_path / "own.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, study_name="theirs")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=trials)
    storage.engine.dispose()

    def dump() -> list[str]:
        with closing(sqlite3.connect(path)) as connection:
            return list(connection.iterdump())

    before = dump()
    message = refused(*arguments, "theirs", "--storage", f"sqlite:///{path}")
    assert message == "study 'theirs' was not made by sweep: it holds no spec"
    assert dump() == before


def test_an_unknown_trial(refused, example) -> None:
    message = refused("export", "small", "--trial", "99", "--storage", example.url)
    assert message == "--trial 99: study 'small' has the trials 0 … 6"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--format", "xml"), "--format xml: accepted: toml, json, yaml"),
        (("--format", "xml", "-o", "out.xml"), "--format xml: accepted: toml, json, yaml"),
        (("--trial", "1", "--top", "2"), "--trial and --top exclude each other"),
        (("-o", "missing/best.toml"), "missing/best.toml: cannot be written"),
    ],
)
def test_an_export_that_cannot_be(refused, example, options, told: str) -> None:
    assert told in refused("export", "small", "--storage", example.url, *options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--trials", "0"), "--trials: got 0; accepted: a whole number ≥ 1"),
        (("--trials", "-3"), "--trials: got -3"),
        (("--timeout", "-1"), "--timeout -1: accepted: a number of seconds above 0"),
        (("--timeout", "0"), "--timeout 0: accepted"),
        (("--timeout", "nan"), "--timeout nan: accepted"),
        (("--name", "no spaces"), "--name: got 'no spaces'; accepted: letters, digits"),
    ],
)
def test_a_launch_that_cannot_be(refused, write_spec, options, told: str) -> None:
    said = refused("launch", write_spec(), *options)
    assert told in said
    assert "spec.toml" not in said


def test_a_name_that_cannot_be_is_the_options_fault_and_not_the_files(
    refused, write_spec, example
) -> None:
    narrow = ("launch", "--narrow", "small", "--storage", example.url)
    wrong = {"ü": "got 'ü'", "": "got ''", "x" * 101: "string should have at most 100 characters"}
    for name, why in wrong.items():
        for call in (("submit", write_spec()), narrow):
            assert refused(*call, "--name", name).startswith(f"--name: {why}")
    assert refused(*narrow, "--trials", "0").startswith("--trials: got 0")
    both = refused("launch", write_spec(train__steps=0), "--name", "ü")
    assert "spec.toml: train.steps: got 0" in both


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("lanuch",), "'lanuch'"),
        (("launch", "--trials", "many"), "--trials"),
        (("launch", "--timeout", "soon"), "--timeout"),
        (("launch", "--colour"), "--colour"),
        (("show",), "STUDY"),
        (("show", "x", "--top", "0"), "--top"),
        (("export", "x", "--trial", "-1"), "--trial"),
        (("train", "x.toml"), "--output"),
        (("score", "x.toml", "--seed", "-1"), "--seed"),
        (("dashboard", "--port", "0"), "--port"),
    ],
)
def test_a_call_that_is_wrong_in_itself(refused_usage, arguments, named: str) -> None:
    # Past the usage, which names the command and its help.
    assert named in refused_usage(*arguments).split("Error", 1)[1]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.toml", None, "no such file, and no built-in study of that name; built in: dig"),
        ("folder", "", "no such file"),
        ("broken.toml", b"[study", "is not valid TOML"),
        ("binary.toml", bytes(range(256)), "cannot be read as text"),
        ("list.toml", b"study = 3\n[penalty]\nform = 'none'", "study: must be a table of settings"),
    ],
)
def test_a_spec_that_is_none(refused, folder, name: str, content: Any, told: str) -> None:
    if content == "":
        (folder / name).mkdir()
    elif content is not None:
        (folder / name).write_bytes(content)
    message = refused("launch", name)
    assert message.startswith(name) or f" {name}" in message
    assert told in message


@pytest.mark.parametrize("command", [("score",), ("train", "-o", "out")])
def test_a_config_that_is_none(refused, sweep, write_spec, example, folder, command) -> None:
    name, *options = command
    write_spec("ranges.toml")
    several = sweep("export", "small", "--top", "2", "--storage", example.url).out
    (folder / "several.toml").write_text(several, encoding="utf-8")
    (folder / "broken.json").write_text("{")
    assert "penalty.target is a search range" in (
        refused(name, "ranges.toml", *options).replace("penalty.strength", "penalty.target")
    )
    assert "several.toml: holds 2 configs" in refused(name, "several.toml", *options)
    assert "broken.json: is not valid JSON" in refused(name, "broken.json", *options)
    assert "missing.toml: no such file" in refused(name, "missing.toml", *options)


def test_a_training_whose_folder_is_taken(refused, sweep, example, folder) -> None:
    sweep("export", "small", "--storage", example.url, "-o", "best.toml")
    (folder / "taken").mkdir()
    (folder / "taken" / "precious").write_text("")
    assert "taken: exists and is not an empty folder" in refused(
        "train", "best.toml", "-o", "taken"
    )
    assert "is not a writable folder" in refused("train", "best.toml", "-o", "best.toml/out")


def test_an_init_into_a_folder_that_is_not_there(refused) -> None:
    assert "missing/mine.toml: " in refused("init", "missing/mine.toml")


def test_a_study_that_has_another_spec(sweep, refused, write_spec) -> None:
    assert sweep("launch", write_spec(study__trials=1)).code == 0
    message = refused("launch", write_spec("other.toml", train__batch=8))
    assert "  train.batch: in the study 16, now 8" in message.splitlines()


def test_a_config_that_does_not_train(refused, sweep, write_spec, example, folder) -> None:
    sweep("export", "small", "--storage", example.url, "-o", "best.toml")
    text = (folder / "best.toml").read_text()
    wild = text.replace(
        "discriminator_learning_rate = 0.0002", "discriminator_learning_rate = 1e30"
    )
    assert wild != text
    (folder / "wild.toml").write_text(wild)
    assert "not finite by step 10" in refused("score", "wild.toml")
    assert "not finite by step 10" in refused("train", "wild.toml", "-o", "out")
